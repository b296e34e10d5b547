package io.plumbline.loader.attach;

import io.plumbline.loader.kernel.ProgramType;
import io.plumbline.model.hook.Hook;
import java.util.Locale;

/** How a program gets onto an interface. */
public enum Backend {
  /** A TCX link (Linux 6.6), held by a pin. */
  TCX,

  /** A direct-action filter on the clsact qdisc (Linux 4.5). */
  CLSACT,

  /** An XDP link in the driver, held by a pin. */
  XDP,

  /** An XDP link in the generic code, for drivers without XDP. */
  XDP_SKB;

  /** Returns the word on the command line. */
  public String word() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** Returns where programs run that it attaches. */
  public Hook hook() {
    return switch (this) {
      case TCX, CLSACT -> ProgramType.SCHED_CLS.hook();
      case XDP, XDP_SKB -> ProgramType.XDP.hook();
    };
  }

  /** Returns whether it is a link, which lives as long as its pin. */
  public boolean isLink() {
    return this != CLSACT;
  }
}
