package io.plumbline.model.hook;

/** Return codes in their kernel spelling (kernel {@code include/uapi/linux/pkt_cls.h}). */
public final class Verdicts {
  /** Ends classification; the packet goes on. */
  public static final int TC_ACT_OK = 0;

  /** The packet is dropped. */
  public static final int TC_ACT_SHOT = 2;

  private Verdicts() {}
}
