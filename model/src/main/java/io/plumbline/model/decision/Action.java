package io.plumbline.model.decision;

import io.plumbline.model.hook.Hook;
import java.util.Locale;

/** What a clause decides. */
public enum Action {
  /** The packet is accepted, finally. */
  ACCEPT,
  /** The packet is dropped, finally. */
  DROP,
  /** This program accepts the packet; in a chain the next stage decides. */
  NEXT;

  /** Returns the word that people read, {@code accept}. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Returns the code that a program of this action returns when no other program follows it. */
  public int code(Hook hook) {
    return this == DROP ? hook.drop() : hook.accept();
  }
}
