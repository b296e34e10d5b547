package io.plumbline.conformance;

import static io.plumbline.conformance.OwnNetwork.passes;
import static io.plumbline.conformance.OwnNetwork.plumb;
import static io.plumbline.conformance.OwnNetwork.sh;
import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.loader.cli.LoaderCommands;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Locations that cannot be written to, names of interfaces, and interfaces that disappear. */
@Tag("kernel")
class LocationTest {
  private static final String MAIN = LoaderCommands.class.getName();
  private static final String WEB = "eth ipv4(10.0.0.1) tcp(1024,80)";
  private static final String LONG = "an-alternative-name-that-is-longer-than-fifteen-bytes";

  @BeforeEach
  void kernelIsThere() {
    KernelNeeded.orSkip();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "mount -o remount,ro /run",
        "rm -rf /run/plumbline; mount -o remount,ro /run",
        "mkdir -p /run/plumbline; mount --bind /run/plumbline /run/plumbline; mount -o remount,bind,ro /run/plumbline",
        "umount /run; mount -t tmpfs -o nr_inodes=1 tmpfs /run",
        "rm -rf /run/plumbline; touch /run/plumbline",
        "rm -rf /run/plumbline; mkdir /run/elsewhere; ln -s /run/elsewhere /run/plumbline",
        "rm -rf /run/plumbline; mkdir /run/plumbline; chown 65534 /run/plumbline",
        "rm -rf /run/plumbline; mkdir -m 777 /run/plumbline",
        "mkdir -p /run/plumbline; chmod 0 /run/plumbline",
      })
  void aRunDirectoryThatCannotBeUsedDoesNotStopAnything(String command) throws Exception {
    OwnNetwork.in(
        () -> {
          assertThat(plumb("attach -i v0 --pin block_port 80").status()).isZero();
          sh(command);
          assertThat(plumb("attach -i v0 --pin --replace block_port 81").err()).isEmpty();
          assertThat(plumb("status -i v0").out()).contains("block_port 81");
          assertThat(plumb("detach -i v0").out()).contains("detached block_port 81");
          assertThat(passes("v0", WEB)).isTrue();
          return true;
        });
  }

  @Test
  void whereLinksCannotBePinnedTheFilterIsOnClsactWhichIsPrinted() throws Exception {
    OwnNetwork.in(
        () -> {
          sh("mount -o remount,ro /sys/fs/bpf");
          assertThat(plumb("attach -i v0 --pin --backend tcx block_port 80"))
              .isEqualTo(
                  new Program.Result(
                      3,
                      "",
                      "plumb: backend tcx: unavailable: /sys/fs/bpf/plumbline: EROFS (Read-only file system): needs a BPF file system on /sys/fs/bpf that can be written to%n"
                          .formatted()));
          Program.Result result = plumb("attach -i v0 --pin block_port 80");
          assertThat(result.err())
              .startsWith(
                  "plumb: note: /sys/fs/bpf/plumbline: EROFS (Read-only file system)"
                      + System.lineSeparator());
          assertThat(result.out()).startsWith("v0 egress clsact: attached");
          assertThat(plumb("detach -i v0").status()).isZero();
          return true;
        });
  }

  @Test
  void aPinnedLinkIsDetachedAlsoWhereItsPinCannotBeRemoved() throws Exception {
    OwnNetwork.in(
        () -> {
          assertThat(plumb("attach -i v0 --pin block_port 80").status()).isZero();
          sh("mount -o remount,ro /sys/fs/bpf");
          assertThat(plumb("attach -i v0 --pin --replace block_port 80").status()).isZero();
          assertThat(plumb("detach -i v0").out()).startsWith("v0 egress tcx: detached");
          assertThat(passes("v0", WEB)).isTrue();
          return true;
        });
  }

  @ParameterizedTest
  @CsvSource({"v0", LONG, "short-name", "INDEX", "käfig"})
  void everyNameOfAnInterfaceIsFound(String name) throws Exception {
    OwnNetwork.in(
        () -> {
          for (String alternative : List.of(LONG, "short-name", "käfig")) {
            sh("ip link property add dev v0 altname " + alternative);
          }
          String given = name.equals("INDEX") ? "" + OwnNetwork.index("v0") : name;
          assertThat(plumb("attach -i " + given + " --pin block_port 80").out())
              .startsWith("v0 egress tcx: attached");
          assertThat(plumb("status -i " + given).out()).contains("block_port 80");
          assertThat(plumb("detach -i " + given).out()).startsWith("v0 egress tcx: detached");
          return true;
        });
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "0", "4294967297", "9999999999", "v0@v1", "if2", "v 0", "../v0"})
  void whatNamesNoInterfaceIsOneLine(String name) throws Exception {
    OwnNetwork.in(
        () -> {
          assertThat(plumb("attach", "-i", name, "nop"))
              .isEqualTo(
                  new Program.Result(
                      2,
                      "",
                      "plumb: interface '%s': expected the name or number of one that exists%n"
                          .formatted(name)));
          return true;
        });
  }

  @Test
  void inTheForegroundALinkFollowsItsInterfaceIntoAnotherNamespaceAndIsDetachedThere()
      throws Exception {
    OwnNetwork.in(
        () -> {
          sh("ip netns add other");
          Process process =
              Program.builder(MAIN, "attach", "-i", "v0", "--backend", "tcx", "block_port", "80")
                  .start();
          assertThat(process.inputReader().readLine()).startsWith("v0 egress tcx: attached");
          sh("ip link set v0 netns other && ip -n other link set v0 up");
          String[] status = {"status", "--netns", "other", "-i", "v0"};
          assertThat(Program.run(MAIN, "", Map.of(), status).out()).contains("block_port 80");
          sh("kill -TERM " + process.pid());
          assertThat(Program.finish(process, "").status()).isZero();
          assertThat(Program.run(MAIN, "", Map.of(), status).out())
              .startsWith("nothing is attached");
          return true;
        });
  }

  @Test
  void aClsactFilterThatAMoveHasRemovedEndsTheCommandWithALine() throws Exception {
    OwnNetwork.in(
        () -> {
          sh("ip netns add other");
          Process process =
              Program.builder(MAIN, "attach", "-i", "v0", "--backend", "clsact", "block_port", "80")
                  .start();
          assertThat(process.inputReader().readLine()).startsWith("v0 egress clsact: attached");
          sh("ip link set v0 netns other");
          Program.Result result = Program.finish(process, "");
          assertThat(result.status()).isEqualTo(1);
          assertThat(result.err())
              .contains("note: v0 egress clsact: moving the interface to another network namespace")
              .contains("is not there any more: removed, replaced, or the interface is gone");
          return true;
        });
  }
}
