package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import io.plumbline.loader.libbpf.LibC;
import java.util.Arrays;
import java.util.Optional;

/** A tun or tap device, without packet information before each packet. */
final class Tun implements AutoCloseable {
  static final int TUN = 1;
  static final int TAP = 2;

  private static final int NO_PI = 0x1000;
  private static final int TUNSETIFF = 0x400454CA;
  private static final int TUNSETLINK = 0x400454CD;
  private static final int O_RDWR_NONBLOCK = 0x802;
  private static final int MAX_PACKET = 65536;

  private final int fd = LibC.open("/dev/net/tun", O_RDWR_NONBLOCK, 0);
  private final String name;

  Tun(String name, int mode) {
    this.name = name;
    // struct ifreq { char name[16]; short flags; ... }
    try (Memory request = new Memory(40)) {
      request.clear();
      request.setString(0, name);
      request.setShort(16, (short) (mode | NO_PI));
      assertThat(LibC.ioctl(fd, TUNSETIFF, request)).isZero();
    }
  }

  String name() {
    return name;
  }

  void setType(int type) {
    assertThat(LibC.ioctl(fd, TUNSETLINK, new Pointer(type))).isZero();
  }

  /** Lets a packet come in. */
  void write(byte[] packet) {
    try (Memory memory = new Memory(packet.length)) {
      memory.write(0, packet, 0, packet.length);
      assertThat(LibC.write(fd, memory, packet.length)).isEqualTo(packet.length);
    }
  }

  /** Returns the next packet that went out; empty if there is none. */
  Optional<byte[]> read() {
    try (Memory memory = new Memory(MAX_PACKET)) {
      int length = (int) LibC.read(fd, memory, MAX_PACKET);
      return length < 0
          ? Optional.empty()
          : Optional.of(Arrays.copyOf(memory.getByteArray(0, length), length));
    }
  }

  @Override
  public void close() {
    LibC.close(fd);
  }
}
