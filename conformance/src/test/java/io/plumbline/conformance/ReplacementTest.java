package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.loader.kernel.TableProgram;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.image.Image;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.policy.Direction;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.PolicyBuilder;
import io.plumbline.model.policy.Position;
import io.plumbline.model.ruleset.Effect;
import io.plumbline.pcaps.PacketText;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Replacing a policy under live traffic on a veth pair: no packet is decided by a mixture of the
 * old policy and the new one.
 *
 * <p>Two packets are sent all the time. Either policy drops the first and passes the second, but
 * the prefixes of one with the endpoints of the other pass the first, or drop the second.
 */
@Tag("kernel")
class ReplacementTest {
  private static final int CLONE_NEWNET = 0x4000_0000;
  private static final int AF_PACKET = 17;
  private static final int SOCK_RAW = 3;
  private static final int ENOBUFS = 105;
  private static final int BPF_TC_EGRESS = 2;
  private static final int REPLACEMENTS = 60;
  private static final int MOST_REPLACEMENTS = 100_000;

  /** The system calls of this test alone. */
  static final class Sys {
    static {
      Native.register(Sys.class, "c");
    }

    static native int unshare(int flags);

    static native int socket(int family, int type, int protocol);

    static native int if_nametoindex(String name);

    static native long sendto(
        int fd, Pointer bytes, long length, int flags, Pointer address, int addressLength);

    static native int close(int fd);
  }

  /** libbpf's way to attach to tc. */
  static final class Tc {
    static {
      Native.register(Tc.class, "libbpf.so.1");
    }

    static native int bpf_tc_hook_create(Pointer hook);

    static native int bpf_tc_attach(Pointer hook, Pointer opts);
  }

  @BeforeEach
  void kernelIsThere() {
    KernelNeeded.orSkip();
  }

  private record Tally(long sent, long wronglyPassed, long wronglyDropped) {}

  /** How a policy is put in the place of another. */
  private interface Replacing {
    void replace(TableProgram program, Image image) throws Exception;
  }

  private static Image image(List<String> permits, List<String> forbids) throws Exception {
    PolicyBuilder builder = new PolicyBuilder("", Direction.EGRESS, Optional.empty());
    for (String permit : permits) {
      builder.rule(Effect.ACCEPT, permit, Position.option("test"));
    }
    for (String forbid : forbids) {
      builder.rule(Effect.DROP, forbid, Position.option("test"));
    }
    Policy policy = builder.build();
    return new Subject.Intent(policy).image();
  }

  /**
   * Replaces a policy by another and back while frames are sent.
   *
   * @param enough when it may end, after the least number of replacements
   */
  private static Tally replaceUnderTraffic(Replacing replacing, Predicate<Tally> enough)
      throws Exception {
    Image prefixes = image(List.of("tcp/10.0.0.0/8:1-65535"), List.of("tcp/10.0.0.1:80"));
    Image endpoints = image(List.of("tcp/10.0.0.2:81", "tcp/10.9.9.9:80"), List.of());
    AtomicBoolean done = new AtomicBoolean();
    AtomicReference<Tally> tally = new AtomicReference<>(new Tally(0, 0, 0));
    try (TableProgram program = TableProgram.load(ObjectSource.builtIn(), prefixes, 2)) {
      program.install(0, List.of(prefixes));
      program.activate(0);
      FutureTask<Tally> traffic = new FutureTask<>(() -> send(program, done, tally));
      // A network namespace belongs to a thread: this one has its own, and it ends with it.
      Thread sender = new Thread(traffic, "sender");
      sender.start();
      try {
        while (tally.get().sent == 0 && !traffic.isDone()) {
          Thread.onSpinWait();
        }
        int i = 0;
        while ((i < REPLACEMENTS || !enough.test(tally.get()))
            && i < MOST_REPLACEMENTS
            && !traffic.isDone()) {
          replacing.replace(program, i % 2 == 0 ? endpoints : prefixes);
          i++;
        }
      } finally {
        done.set(true);
      }
      return traffic.get();
    }
  }

  private static Tally send(TableProgram program, AtomicBoolean done, AtomicReference<Tally> tally)
      throws Exception {
    check(Sys.unshare(CLONE_NEWNET), "unshare");
    run("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1");
    run("ip", "link", "set", "v1", "up");
    run("ip", "link", "set", "v0", "up");
    int index = Sys.if_nametoindex("v0");
    attach(program.fd(), index);
    int socket = Sys.socket(AF_PACKET, SOCK_RAW, 0);
    check(socket, "packet socket");
    Callable<Boolean> mustDrop = sender(socket, index, "eth ipv4(10.0.0.1) tcp(1024,80)");
    Callable<Boolean> mustPass = sender(socket, index, "eth ipv4(10.0.0.2) tcp(1024,81)");
    Tally now = tally.get();
    while (!done.get()) {
      long passed = mustDrop.call() ? 1 : 0;
      long dropped = mustPass.call() ? 0 : 1;
      now = new Tally(now.sent + 2, now.wronglyPassed + passed, now.wronglyDropped + dropped);
      tally.set(now);
    }
    Sys.close(socket);
    return now;
  }

  /** Returns what sends a frame and says whether the filter let it pass. */
  private static Callable<Boolean> sender(int fd, int index, String text) {
    Packet packet = PacketText.parse(text);
    byte[] bytes = packet.bytes();
    Memory frame = new Memory(bytes.length);
    frame.write(0, bytes, 0, bytes.length);
    // struct sockaddr_ll { u16 family, protocol; int ifindex; u16 hatype; u8 pkttype, halen,
    // addr[8]; }
    Memory address = new Memory(20);
    address.clear();
    address.setShort(0, (short) AF_PACKET);
    address.setInt(4, index);
    address.setByte(11, (byte) 6);
    return () -> {
      if (Sys.sendto(fd, frame, bytes.length, 0, address, 20) >= 0) {
        return true;
      }
      assertThat(Native.getLastError()).as("errno of send").isEqualTo(ENOBUFS);
      return false;
    };
  }

  private static void attach(int programFd, int index) {
    // struct bpf_tc_hook { size_t sz; int ifindex; enum attach_point; u32 parent; }
    Memory hook = new Memory(24);
    hook.clear();
    hook.setLong(0, 24);
    hook.setInt(8, index);
    hook.setInt(12, BPF_TC_EGRESS);
    check(Tc.bpf_tc_hook_create(hook), "clsact");
    // struct bpf_tc_opts { size_t sz; int prog_fd; u32 flags, prog_id, handle, priority; }
    Memory opts = new Memory(32);
    opts.clear();
    opts.setLong(0, 32);
    opts.setInt(8, programFd);
    check(Tc.bpf_tc_attach(hook, opts), "attach");
  }

  private static void run(String... command) throws Exception {
    Process process = new ProcessBuilder(command).inheritIO().start();
    assertThat(process.waitFor()).as(String.join(" ", command)).isZero();
  }

  private static void check(int result, String what) {
    assertThat(result).as("%s: errno %d", what, Native.getLastError()).isNotNegative();
  }

  @Test
  void noPacketIsDecidedByAMixture() throws Exception {
    Tally tally = replaceUnderTraffic(TableProgram::replace, now -> now.sent > 10_000);
    assertThat(tally.sent).isGreaterThan(10_000);
    assertThat(tally.wronglyPassed).isZero();
    assertThat(tally.wronglyDropped).isZero();
  }

  /** The same traffic shows it when the policy in force is changed map by map. */
  @Test
  void aMixtureWouldBeSeen() throws Exception {
    Tally tally =
        replaceUnderTraffic(
            (program, image) -> program.install(0, List.of(image)),
            now -> now.wronglyPassed + now.wronglyDropped > 0);
    assertThat(tally.wronglyPassed + tally.wronglyDropped).isPositive();
  }
}
