package io.plumbline.loader.netlink;

import io.plumbline.loader.libbpf.Errno;
import io.plumbline.loader.netlink.Message.Attributes;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/**
 * A network interface.
 *
 * @param index its number in its network namespace
 * @param type what its frames begin with (kernel {@code if_arp.h}, ARPHRD_*)
 * @param kind {@code veth}, {@code bridge} ...; empty for hardware
 * @param layer3 whether it is a tun device without frames, whatever its type is
 * @param xdpProgram the number of the XDP program on it, or 0
 * @param xdpMode 0 none, 1 driver, 2 generic, 3 hardware, 4 several (kernel {@code if_link.h},
 *     XDP_ATTACHED_*)
 */
public record Link(
    int index, String name, int type, String kind, boolean layer3, int xdpProgram, int xdpMode) {
  private static final int RTM_GETLINK = 18;
  private static final int IFINFO_BYTES = 16;
  private static final int IFLA_IFNAME = 3;
  private static final int IFLA_LINKINFO = 18;
  private static final int IFLA_XDP = 43;
  private static final int IFLA_ALT_IFNAME = 53;
  private static final int IFLA_INFO_KIND = 1;
  private static final int IFLA_INFO_DATA = 2;
  private static final int IFLA_TUN_TYPE = 3;
  private static final int IFF_TUN = 1;

  /** {@code IFNAMSIZ} and {@code ALTIFNAMSIZ} without the closing zero. */
  private static final int NAME_BYTES = 15;

  private static final int ALTERNATIVE_NAME_BYTES = 127;
  private static final int IFLA_XDP_ATTACHED = 2;
  private static final int IFLA_XDP_PROG_ID = 4;
  private static final int IFLA_XDP_SKB_PROG_ID = 6;

  /** Returns all interfaces of the socket's network namespace. */
  public static List<Link> all(Netlink netlink) throws NetlinkException {
    Message request = ifinfo(Message.F_REQUEST | Message.F_DUMP, 0);
    return netlink.dump("list interfaces", request).stream().map(Link::of).toList();
  }

  /** Returns an interface by its name or one of its alternative names. */
  public static Optional<Link> find(Netlink netlink, String name) throws NetlinkException {
    int bytes = name.getBytes(StandardCharsets.UTF_8).length;
    // The kernel would refuse a longer name as malformed, or look for what is before a zero.
    if (bytes == 0 || bytes > ALTERNATIVE_NAME_BYTES || name.indexOf('\0') >= 0) {
      return Optional.empty();
    }
    int attribute = bytes <= NAME_BYTES ? IFLA_IFNAME : IFLA_ALT_IFNAME;
    return one(netlink, ifinfo(Message.F_REQUEST, 0).attribute(attribute, name));
  }

  /** Returns an interface by its number. */
  public static Optional<Link> find(Netlink netlink, int index) throws NetlinkException {
    return index < 1 ? Optional.empty() : one(netlink, ifinfo(Message.F_REQUEST, index));
  }

  private static Optional<Link> one(Netlink netlink, Message request) throws NetlinkException {
    Netlink.Result result = netlink.send("look up interface", List.of(request)).get(0);
    // Before alternative names (Linux 5.5) the kernel saw a request without a name: EINVAL.
    if (result.errno() == Errno.ENODEV || result.errno() == Errno.EINVAL) {
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
    Attributes info = attributes.nested(IFLA_LINKINFO);
    String kind = info.text(IFLA_INFO_KIND);
    return new Link(
        message.u32At(4),
        attributes.text(IFLA_IFNAME),
        message.u16At(2),
        kind,
        kind.equals("tun") && info.nested(IFLA_INFO_DATA).u8(IFLA_TUN_TYPE) == IFF_TUN,
        program != 0 ? program : xdp.u32(IFLA_XDP_SKB_PROG_ID),
        xdp.u8(IFLA_XDP_ATTACHED));
  }
}
