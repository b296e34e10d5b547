package io.plumbline.conformance.live;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import io.plumbline.loader.libbpf.Errno;
import io.plumbline.loader.libbpf.LibC;
import io.plumbline.loader.netlink.Link;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.policy.Direction;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A tun device, whose packets begin with the IP header. A packet goes out by a packet socket, and
 * comes in from the device's file; in front of it there the file has its EtherType (kernel {@code
 * drivers/net/tun.c}, struct tun_pi).
 */
final class TunWire extends Wire {
  private static final int IFF_TUN = 1;
  private static final int TUNSETIFF = 0x400454CA;
  private static final int IFREQ_BYTES = 40;
  private static final int IFREQ_FLAGS = 16;
  private static final int O_RDWR_NONBLOCK = 0x802;
  private static final int INFORMATION_BYTES = 4;
  private static final int HIDDEN = Hook.TC_L3.hidden();
  private static final int ETHERTYPE_AT = 12;
  private static final String NAME = "t0";
  private static final Path DEVICE = Path.of("/dev/net/tun");

  private final Direction direction;
  private final int file;
  private final int socket;
  private final Link link;

  /** What the file has of a packet: flags, the EtherType, the packet. */
  private final Memory out = new Memory(INFORMATION_BYTES + MAX_FRAME);

  private final Memory back = new Memory(INFORMATION_BYTES + MAX_FRAME);
  private final Memory address = new Memory(SOCKADDR_LL_BYTES);

  /** Returns why there cannot be a device; empty if there can. */
  static Optional<String> missing() {
    return Files.exists(DEVICE)
        ? Optional.empty()
        : Optional.of("packets without an Ethernet header need " + DEVICE);
  }

  /** Makes the device. */
  TunWire(Direction direction) throws EngineException {
    this.direction = direction;
    file = LibC.open(DEVICE.toString(), O_RDWR_NONBLOCK, 0);
    if (file < 0) {
      throw failed(DEVICE.toString(), Native.getLastError());
    }
    // struct ifreq { char name[16]; short flags; ... }
    try (Memory request = new Memory(IFREQ_BYTES)) {
      request.clear();
      request.setString(0, NAME);
      request.setShort(IFREQ_FLAGS, (short) IFF_TUN);
      if (LibC.ioctl(file, TUNSETIFF, request) < 0) {
        throw failed("make a tun device", Native.getLastError());
      }
    }
    ip("link set %s mtu %d up".formatted(NAME, MAX_FRAME - HIDDEN));
    link = link(NAME);
    socket = LibC.socket(AF_PACKET, SOCK_RAW, 0);
    if (socket < 0) {
      throw failed("packet socket", Native.getLastError());
    }
    address.clear();
    address.setShort(0, (short) AF_PACKET);
    address.setInt(4, link.index());
    out.clear();
  }

  @Override
  Link link() {
    return link;
  }

  @Override
  int send(byte[] data, int offset, int captured, int length, int tag) throws EngineException {
    int known = Math.max(0, captured - HIDDEN);
    int size = length - HIDDEN;
    short type =
        Short.reverseBytes(
            (short) (data[offset + ETHERTYPE_AT] << 8 | data[offset + ETHERTYPE_AT + 1] & 0xFF));
    out.setShort(2, type);
    out.write(INFORMATION_BYTES, data, offset + HIDDEN, known);
    if (size > known) {
      out.setMemory(INFORMATION_BYTES + known, size - known, (byte) 0);
    }
    if (direction == Direction.INGRESS) {
      return LibC.write(file, out, INFORMATION_BYTES + size) < 0 ? Native.getLastError() : 0;
    }
    address.setShort(2, type);
    int error =
        LibC.sendto(socket, out.share(INFORMATION_BYTES), size, 0, address, SOCKADDR_LL_BYTES) < 0
            ? Native.getLastError()
            : 0;
    long arrived = LibC.read(file, back, back.size());
    if (error == 0 ? arrived != INFORMATION_BYTES + size : arrived >= 0) {
      throw new EngineException(
          "live: a packet of %d bytes was %s, and %d bytes came out of the tun device"
              .formatted(size, error == 0 ? "sent" : Errno.describe(error), arrived));
    }
    return error;
  }

  @Override
  public void close() {
    super.close();
    LibC.close(socket);
    LibC.close(file);
    out.close();
    back.close();
    address.close();
  }
}
