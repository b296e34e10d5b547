package io.plumbline.conformance;

import static io.plumbline.conformance.OwnNetwork.passes;
import static io.plumbline.conformance.OwnNetwork.plumb;
import static io.plumbline.conformance.OwnNetwork.sh;
import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.loader.traffico.Traffico;
import java.io.BufferedReader;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Pins and directories of other users, programs and network namespaces are left alone. */
@Tag("kernel")
class PinOwnerTest {
  private static final String WEB = "eth ipv4(10.0.0.1) tcp(1024,80)";
  private static final String CHAIN = "allow_ethertype:ipv4,allow_port:22";
  private static final String PIN = "/sys/fs/bpf/traffico/v0/prog_array";
  private static final String USER = "setpriv --reuid=65534 --regid=65534 --clear-groups ";

  @BeforeEach
  void kernelIsThere() {
    KernelNeeded.orSkip();
  }

  /** A chain of traffico in the foreground. */
  private static final class Chain implements AutoCloseable {
    private final List<String> lines = new ArrayList<>();
    private final Process process;
    private final BufferedReader reader;

    Chain(String... prefix) throws Exception {
      ProcessBuilder builder =
          Program.builder(Traffico.class.getName(), "-v", "-i", "v0", "--chain", CHAIN);
      builder.command().addAll(0, List.of(prefix));
      process = builder.redirectErrorStream(true).start();
      reader = process.inputReader();
      String line;
      do {
        line = reader.readLine();
        lines.add(String.valueOf(line));
      } while (line != null && !line.contains("chain of 2 programs attached"));
      assertThat(lines.toString()).contains("chain of 2 programs attached");
    }

    @Override
    public void close() {
      process.destroy();
      assertThat(process.onExit().join().exitValue()).isZero();
    }
  }

  private static String mapId() throws Exception {
    return sh("bpftool map show pinned " + PIN).split(":", 2)[0];
  }

  private static String bpffsWithMode(String mode) throws Exception {
    return sh("umount /sys/fs/bpf && mount -t bpf -o mode=" + mode + " bpf /sys/fs/bpf");
  }

  @Test
  void aChainReplacesAndRemovesOnlyItsOwnPin() throws Exception {
    OwnNetwork.in(
        () -> {
          try (Chain chain = new Chain()) {
            assertThat(chain.lines.toString()).contains("done: pinned prog_array to " + PIN);
            String first = mapId();
            try (Chain again = new Chain()) {
              assertThat(again.lines.toString()).contains("done: pinned prog_array to " + PIN);
              assertThat(mapId()).isNotEqualTo(first);
            }
          }
          assertThat(sh("ls /sys/fs/bpf/traffico")).isEmpty();
          return true;
        });
  }

  @Test
  void aPinOfAnotherProgramStaysAndTheChainIsAttachedWithout() throws Exception {
    OwnNetwork.in(
        () -> {
          sh(
              "mkdir -p /sys/fs/bpf/traffico/v0 && bpftool map create "
                  + PIN
                  + " type prog_array key 4 value 4 entries 8 name prog_array");
          String other = mapId();
          try (Chain chain = new Chain()) {
            assertThat(chain.lines.toString())
                .contains(
                    "warn: pinning prog_array failed: %s: map %s of another program (continuing without pinning)"
                        .formatted(PIN, other));
            assertThat(passes("v0", WEB)).isFalse();
          }
          assertThat(mapId()).isEqualTo(other);
          return true;
        });
  }

  @Test
  void namespacesDoNotShareAPin() throws Exception {
    OwnNetwork.in(
        () -> {
          try (Chain chain = new Chain()) {
            assertThat(chain.lines.toString()).contains("done: pinned prog_array");
            String outer = mapId();
            // The same mounts, another network namespace, an interface of the same name.
            sh("ip netns add inner && ip -n inner link add v0 type veth peer name v1");
            for (String enter : List.of("nsenter --net=/run/netns/inner", "ip netns exec inner")) {
              try (Chain other = new Chain(enter.split(" ", -1))) {
                assertThat(other.lines.toString()).contains("continuing without pinning");
                assertThat(mapId()).isEqualTo(outer);
              }
              assertThat(mapId()).isEqualTo(outer);
            }
            sh("ip netns delete inner");
          }
          return true;
        });
  }

  @ParameterizedTest
  @ValueSource(strings = {"1777", "0777"})
  void aUsersTrafficoDirectoryIsNotFollowed(String mode) throws Exception {
    OwnNetwork.in(
        () -> {
          bpffsWithMode(mode);
          sh(
              "mkdir /sys/fs/bpf/target && bpftool map create /sys/fs/bpf/target/prog_array type array key 4 value 4 entries 1 name theirs");
          sh(USER + "mkdir /sys/fs/bpf/traffico");
          sh(USER + "ln -s /sys/fs/bpf/target /sys/fs/bpf/traffico/v0");
          try (Chain chain = new Chain()) {
            assertThat(chain.lines.toString())
                .contains(
                    "/sys/fs/bpf/traffico: not a directory of this user that only this user can write to (continuing without pinning)");
          }
          assertThat(sh("ls /sys/fs/bpf/target")).isEqualTo("prog_array\n");
          return true;
        });
  }

  @Test
  void aLinkInOurOwnTrafficoDirectoryIsNotFollowedEither() throws Exception {
    OwnNetwork.in(
        () -> {
          sh("mkdir /sys/fs/bpf/target /sys/fs/bpf/traffico");
          sh("ln -s /sys/fs/bpf/target /sys/fs/bpf/traffico/v0");
          try (Chain chain = new Chain()) {
            assertThat(chain.lines.toString()).contains("continuing without pinning");
          }
          assertThat(sh("ls /sys/fs/bpf/target")).isEmpty();
          return true;
        });
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        USER + "mkdir /sys/fs/bpf/plumbline",
        USER + "mkdir -m 777 /sys/fs/bpf/plumbline",
        USER + "ln -s /sys/fs/bpf/target /sys/fs/bpf/plumbline",
        "mkdir -m 777 /sys/fs/bpf/plumbline",
        "mkdir -m 770 /sys/fs/bpf/plumbline",
      })
  void aUsersPlumblineDirectoryNeitherForcesClsactNorBreaksTcx(String command) throws Exception {
    OwnNetwork.in(
        () -> {
          bpffsWithMode("1777");
          sh("mkdir /sys/fs/bpf/target");
          sh(command);
          String theirs = sh("stat -c '%A %U %F' /sys/fs/bpf/plumbline; ls -A /sys/fs/bpf/target");
          Program.Result result = plumb("attach -i v0 --pin --backend tcx block_port 80");
          assertThat(result.err()).isEmpty();
          assertThat(result.out()).startsWith("v0 egress tcx: attached block_port 80");
          assertThat(plumb("attach -i v0 --pin block_port 81").out()).startsWith("v0 egress tcx");
          assertThat(sh("ls -d /sys/fs/bpf/plumbline-*").lines()).hasSize(1);
          assertThat(sh("stat -c '%A %U' /sys/fs/bpf/plumbline-*")).isEqualTo("drwx------ root\n");
          assertThat(plumb("detach -i v0").out().lines()).hasSize(2);
          assertThat(passes("v0", WEB)).isTrue();
          assertThat(sh("stat -c '%A %U %F' /sys/fs/bpf/plumbline; ls -A /sys/fs/bpf/target"))
              .isEqualTo(theirs);
          return true;
        });
  }

  @Test
  void pinsStayInUseAfterTheUserRemovesItsDirectory() throws Exception {
    OwnNetwork.in(
        () -> {
          bpffsWithMode("1777");
          sh(USER + "mkdir /sys/fs/bpf/plumbline");
          plumb("attach -i v0 --pin block_port 80");
          sh("rmdir /sys/fs/bpf/plumbline");
          assertThat(plumb("attach -i v0 --pin --replace block_port 81").out())
              .startsWith("v0 egress tcx: replaced by block_port 81");
          plumb("attach -i v0 --at ingress --pin block_port 82");
          assertThat(sh("ls -d /sys/fs/bpf/plumbline*").lines()).hasSize(1);
          assertThat(plumb("detach -i v0").out().lines()).hasSize(2);
          assertThat(sh("ls /sys/fs/bpf")).doesNotContain("plumbline");
          return true;
        });
  }
}
