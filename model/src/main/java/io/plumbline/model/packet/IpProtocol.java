package io.plumbline.model.packet;

/** IP protocol numbers (IANA "Assigned Internet Protocol Numbers"). */
public final class IpProtocol {
  public static final int ICMP = 1;
  public static final int TCP = 6;
  public static final int UDP = 17;
  public static final int GRE = 47;
  public static final int ICMPV6 = 58;
  public static final int SCTP = 132;

  private IpProtocol() {}
}
