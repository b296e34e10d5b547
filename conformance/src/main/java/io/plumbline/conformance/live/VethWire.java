package io.plumbline.conformance.live;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import io.plumbline.loader.attach.Backend;
import io.plumbline.loader.kernel.TagPusher;
import io.plumbline.loader.libbpf.Bpf;
import io.plumbline.loader.libbpf.LibC;
import io.plumbline.loader.netlink.Link;
import io.plumbline.loader.netlink.Netlink;
import io.plumbline.loader.netlink.NetlinkException;
import io.plumbline.loader.netlink.TrafficControl;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.policy.Direction;

/**
 * A veth pair with a socket that sends frames past the filter on one end: out of that end, or into
 * it from the other.
 */
final class VethWire extends Wire {
  private static final int FIRST_PREFERENCE = 1;
  private static final String FILTERED = "v0";
  private static final String OTHER = "v1";

  private final Link link;
  private final int socket;
  private final Memory frame = new Memory(MAX_FRAME);
  private final TagPusher tags;
  private int tagLink = -1;

  /**
   * Makes the interfaces.
   *
   * @param backend how the filters will be attached; the tag pusher before them is attached so too
   */
  VethWire(Direction direction, Backend backend) throws EngineException {
    try {
      int mtu = MAX_FRAME - 14;
      ip("link add %s mtu %d type veth peer name %s mtu %d".formatted(FILTERED, mtu, OTHER, mtu));
      ip("link set " + FILTERED + " up");
      ip("link set " + OTHER + " up");
      link = link(FILTERED);
      Link sender = direction == Direction.EGRESS ? link : link(OTHER);
      socket = open(sender.index());
      tags = TagPusher.onHook();
      attachTags(sender.index(), backend);
    } catch (NetlinkException e) {
      throw new EngineException("live: " + e.getMessage());
    }
  }

  /** Attaches the tag pusher where it runs before every filter. */
  private void attachTags(int ifindex, Backend backend) throws EngineException, NetlinkException {
    if (backend == Backend.CLSACT) {
      // It is removed with the interface.
      try (Netlink netlink = new Netlink()) {
        TrafficControl.add(
            netlink, ifindex, Direction.EGRESS, FIRST_PREFERENCE, tags.programFd(), "tags");
      }
      return;
    }
    tagLink = Bpf.linkCreate(tags.programFd(), ifindex, Bpf.ATTACH_TCX_EGRESS, Bpf.F_BEFORE, 0);
    if (tagLink < 0) {
      throw failed("attach the tag pusher", -tagLink);
    }
  }

  private static int open(int ifindex) throws EngineException {
    // Protocol 0: the socket receives nothing.
    int fd = LibC.socket(AF_PACKET, SOCK_RAW, 0);
    // struct sockaddr_ll { u16 family, protocol; int ifindex; u16 hatype; u8 pkttype, halen,
    // addr[8]; }
    try (Memory address = new Memory(SOCKADDR_LL_BYTES)) {
      address.clear();
      address.setShort(0, (short) AF_PACKET);
      address.setInt(4, ifindex);
      if (fd < 0 || LibC.bind(fd, address, SOCKADDR_LL_BYTES) < 0) {
        throw failed("packet socket", Native.getLastError());
      }
      return fd;
    }
  }

  @Override
  Link link() {
    return link;
  }

  @Override
  int send(byte[] data, int offset, int captured, int length, int tag) {
    frame.write(0, data, offset, captured);
    if (length > captured) {
      frame.setMemory(captured, length - captured, (byte) 0);
    }
    tags.setTag(tag);
    return LibC.send(socket, frame, length, 0) < 0 ? Native.getLastError() : 0;
  }

  @Override
  public void close() {
    if (tagLink >= 0) {
      LibC.close(tagLink);
    }
    tags.close();
    LibC.close(socket);
    super.close();
    frame.close();
  }
}
