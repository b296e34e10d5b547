package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import io.plumbline.conformance.cli.Plumb;
import io.plumbline.loader.libbpf.Errno;
import io.plumbline.loader.libbpf.LibC;
import io.plumbline.loader.netlink.NetworkNamespace;
import io.plumbline.model.packet.Packet;
import io.plumbline.pcaps.PacketText;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine;

/**
 * Private network and mount namespaces of a test, with the veth pair v0 and v1, an empty BPF file
 * system and an empty /run. They belong to one thread, the processes and threads which that thread
 * starts are in them too, and they end with it. So a test neither sees nor changes what else is
 * attached and pinned on the machine.
 */
final class OwnNetwork {
  private static final int CLONE_NEWNS = 0x20000;
  private static final int MS_REC_PRIVATE = 0x4000 | 0x40000;
  private static final int AF_PACKET = 17;
  private static final int SOCK_RAW = 3;

  private OwnNetwork() {}

  /** Runs a test in one. */
  static <T> T in(Callable<T> test) throws Exception {
    FutureTask<T> task =
        new FutureTask<>(
            () -> {
              NetworkNamespace.enterNew();
              privateMounts();
              // The kernel would send frames of its own otherwise, which filters count too.
              sh(
                  "{ echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6; } 2>/dev/null;"
                      + " ip link set lo up && ip link add v0 type veth peer name v1"
                      + " && ip link set v0 up && ip link set v1 up");
              return test.call();
            });
    Thread thread = new Thread(task, "own network");
    thread.start();
    try {
      return task.get(5, TimeUnit.MINUTES);
    } catch (java.util.concurrent.ExecutionException e) {
      if (e.getCause() instanceof Error error) {
        throw error;
      }
      throw e;
    }
  }

  /** Gives the calling thread a mount namespace with a BPF file system and a /run of its own. */
  static void privateMounts() {
    assertThat(LibC.unshare(CLONE_NEWNS)).as("unshare: errno %d", Native.getLastError()).isZero();
    mount("none", "/", "none", MS_REC_PRIVATE);
    mount("tmpfs", "/run", "tmpfs", 0);
    mount("bpf", "/sys/fs/bpf", "bpf", 0);
  }

  private static void mount(String source, String target, String type, int flags) {
    assertThat(LibC.mount(source, target, type, flags, null))
        .as("mount %s: errno %d", target, Native.getLastError())
        .isZero();
  }

  /** Runs a command of plumb in this process; arguments are separated by blanks. */
  static Program.Result plumb(String arguments) {
    return plumb(arguments.split(" ", -1));
  }

  static Program.Result plumb(String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine line = Plumb.commandLine();
    line.setOut(new PrintWriter(out));
    line.setErr(new PrintWriter(err));
    int status = line.execute(arguments);
    return new Program.Result(status, out.toString(), err.toString());
  }

  /** Runs a shell command there; returns what it printed, and requires that it succeeds. */
  static String sh(String command) throws Exception {
    Process process = new ProcessBuilder("sh", "-c", command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(command + ": " + output).isZero();
    return output;
  }

  /** Returns the number of an interface. */
  static int index(String ifname) throws Exception {
    return Integer.parseInt(sh("ip -o link show " + ifname).split(":", -1)[0].strip());
  }

  /**
   * Opens a socket for whole frames.
   *
   * @param protocol which frames it receives, in network order; none if 0
   */
  static int packetSocket(int ifindex, int protocol) {
    int fd = LibC.socket(AF_PACKET, SOCK_RAW, 0);
    assertThat(fd).isNotNegative();
    // struct sockaddr_ll { u16 family, protocol; int ifindex; ... }
    try (Memory address = new Memory(20)) {
      address.clear();
      address.setShort(0, (short) AF_PACKET);
      address.setShort(2, (short) protocol);
      address.setInt(4, ifindex);
      assertThat(LibC.bind(fd, address, 20)).isZero();
    }
    return fd;
  }

  /** Sends a frame out of an interface; returns whether the filter there let it pass. */
  static boolean passes(String ifname, String packet) throws Exception {
    try (Sender sender = new Sender(ifname, packet)) {
      return sender.passes();
    }
  }

  /** One frame, sent again and again. */
  static final class Sender implements AutoCloseable {
    private final int fd;
    private final Memory frame;

    Sender(String ifname, String text) throws Exception {
      Packet packet = PacketText.parse(text);
      byte[] bytes = packet.bytes();
      frame = new Memory(bytes.length);
      frame.write(0, bytes, 0, bytes.length);
      fd = packetSocket(index(ifname), 0);
    }

    boolean passes() {
      if (LibC.send(fd, frame, frame.size(), 0) >= 0) {
        return true;
      }
      assertThat(Native.getLastError()).isEqualTo(Errno.ENOBUFS);
      return false;
    }

    @Override
    public void close() {
      LibC.close(fd);
      frame.close();
    }
  }
}
