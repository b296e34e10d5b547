package io.plumbline.model.policy;

import java.util.Locale;

/** Which way the packets of a policy go, as seen from the host. */
public enum Direction {
  EGRESS,
  INGRESS;

  /** Returns the word of the language: {@code egress} or {@code ingress}. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
