package io.plumbline.loader.netlink;

import io.plumbline.loader.libbpf.Errno;
import io.plumbline.loader.netlink.Message.Attributes;
import java.util.List;
import java.util.Optional;

/**
 * A network interface.
 *
 * @param index its number in its network namespace
 * @param kind {@code veth}, {@code bridge} ...; empty for hardware
 * @param xdpProgram the number of the XDP program on it, or 0
 * @param xdpMode 0 none, 1 driver, 2 generic, 3 hardware, 4 several (kernel {@code if_link.h},
 *     XDP_ATTACHED_*)
 */
public record Link(int index, String name, String kind, int xdpProgram, int xdpMode) {
  private static final int RTM_GETLINK = 18;
  private static final int IFINFO_BYTES = 16;
  private static final int IFLA_IFNAME = 3;
  private static final int IFLA_LINKINFO = 18;
  private static final int IFLA_XDP = 43;
  private static final int IFLA_INFO_KIND = 1;
  private static final int IFLA_XDP_ATTACHED = 2;
  private static final int IFLA_XDP_PROG_ID = 4;
  private static final int IFLA_XDP_SKB_PROG_ID = 6;

  /** Returns all interfaces of the socket's network namespace. */
  public static List<Link> all(Netlink netlink) throws NetlinkException {
    Message request = ifinfo(Message.F_REQUEST | Message.F_DUMP, 0);
    return netlink.dump("list interfaces", request).stream().map(Link::of).toList();
  }

  /** Returns an interface by its name. */
  public static Optional<Link> find(Netlink netlink, String name) throws NetlinkException {
    // A name of 16 bytes or more names nothing, and the kernel would refuse it as malformed.
    if (name.isEmpty() || name.length() > 15) {
      return Optional.empty();
    }
    return one(netlink, ifinfo(Message.F_REQUEST, 0).attribute(IFLA_IFNAME, name));
  }

  /** Returns an interface by its number. */
  public static Optional<Link> find(Netlink netlink, int index) throws NetlinkException {
    return index < 1 ? Optional.empty() : one(netlink, ifinfo(Message.F_REQUEST, index));
  }

  private static Optional<Link> one(Netlink netlink, Message request) throws NetlinkException {
    Netlink.Result result = netlink.send("look up interface", List.of(request)).get(0);
    if (result.errno() == Errno.ENODEV) {
      return Optional.empty();
    }
    result.check("look up interface");
    return result.replies().stream().findFirst().map(Link::of);
  }

  private static Message ifinfo(int flags, int index) {
    return new Message(RTM_GETLINK, flags).u8(0).u8(0).u16(0).u32(index).u32(0).u32(0);
  }

  private static Link of(Message message) {
    Attributes attributes = message.attributes(IFINFO_BYTES);
    Attributes xdp = attributes.nested(IFLA_XDP);
    int program = xdp.u32(IFLA_XDP_PROG_ID);
    return new Link(
        message.u32At(4),
        attributes.text(IFLA_IFNAME),
        attributes.nested(IFLA_LINKINFO).text(IFLA_INFO_KIND),
        program != 0 ? program : xdp.u32(IFLA_XDP_SKB_PROG_ID),
        xdp.u8(IFLA_XDP_ATTACHED));
  }
}
