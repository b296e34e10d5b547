package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code ./plumb setup} installs what is missing; the build only says what that is. */
class SetupTest {
  private static final List<String> TOOLS =
      List.of(
          "cat",
          "chmod",
          "cut",
          "dirname",
          "grep",
          "head",
          "paste",
          "readlink",
          "sed",
          "sort",
          "uname");

  /** Has no package llvm-14; of the others, only clang-14 and iputils-ping bring their tool. */
  private static final String APT_GET =
      """
      #!/bin/sh
      echo "$*" >>"${0%/*}/../calls"
      for last; do :; done
      case $last in
        llvm-14) echo 'E: Unable to locate package llvm-14'; exit 100 ;;
        clang-14) cat "$0" >"${0%/*}/clang-14"; chmod 755 "${0%/*}/clang-14" ;;
        iputils-ping) cat "$0" >"${0%/*}/ping"; chmod 755 "${0%/*}/ping" ;;
      esac
      """;

  @TempDir private Path folder;

  @BeforeEach
  void aSystemWithoutTools() throws Exception {
    Files.createDirectory(folder.resolve("bin"));
    for (String tool : TOOLS) {
      String path = OwnNetwork.sh("command -v " + tool).strip();
      program(tool, "#!/bin/sh\nexec %s \"$@\"\n".formatted(path));
    }
    program("apt-get", APT_GET);
    program("id", "#!/bin/sh\necho 0\n");
  }

  private void program(String name, String text) throws Exception {
    Path file = Files.writeString(folder.resolve("bin").resolve(name), text);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  private Program.Result plumb(String... arguments) throws Exception {
    ProcessBuilder builder = new ProcessBuilder("/bin/sh", "../plumb");
    builder.command().addAll(List.of(arguments));
    builder.environment().put("PATH", folder.resolve("bin").toString());
    return Program.finish(builder.start(), "");
  }

  private List<String> calls() throws Exception {
    Path calls = folder.resolve("calls");
    return Files.exists(calls) ? Files.readAllLines(calls) : List.of();
  }

  @Test
  void theBuildOnlySaysWhatIsMissing() throws Exception {
    Program.Result result = plumb("prerequisites");
    assertThat(result.status()).isZero();
    assertThat(result.err().lines())
        .contains(
            "plumb: missing: clang-14: compile bpf/ (the committed objects in bpf/prebuilt serve"
                + " without it): to install it, run: ./plumb setup",
            "plumb: missing: ping: test the CNI plugin: to install it, run: ./plumb setup")
        .allMatch(line -> line.endsWith(": to install it, run: ./plumb setup"));
    assertThat(calls()).isEmpty();
  }

  @Test
  void whatIsMissingIsInstalledOnceAndAFailureNamesThePackage() throws Exception {
    Program.Result first = plumb("setup");
    assertThat(first.status()).isEqualTo(3);
    assertThat(first.err().lines())
        .contains(
            "plumb: setup: installing clang-14: clang-14: compile bpf/ (the committed objects in"
                + " bpf/prebuilt serve without it)",
            "plumb: setup: llvm-14: not installed: E: Unable to locate package llvm-14",
            "plumb: setup: procps: installed, but this is still missing: pgrep");
    assertThat(calls().get(0)).startsWith("update");
    assertThat(calls())
        .contains(install("clang-14"), install("llvm-14"), install("iputils-ping"))
        .doesNotContain(install("cpio"));
    Files.delete(folder.resolve("calls"));

    plumb("setup");
    assertThat(calls())
        .contains(install("llvm-14"))
        .doesNotContain(install("clang-14"), install("iputils-ping"));
  }

  private static String install(String name) {
    return "install -y -qq --no-install-recommends " + name;
  }

  @Test
  void withTheOptionItInstallsWhatFewTestsNeedToo() throws Exception {
    plumb("setup", "--all");
    assertThat(calls()).contains(install("clang-14"), install("cpio"), install("chromium"));
  }

  @Test
  void whereItCannotInstallItSaysHow() throws Exception {
    program("id", "#!/bin/sh\necho 1000\n");
    assertThat(plumb("setup"))
        .satisfies(
            result -> {
              assertThat(result.status()).isEqualTo(3);
              assertThat(result.err())
                  .startsWith("plumb: setup: user id 1000: expected root, to install ")
                  .contains(" clang-14 ")
                  .endsWith(": run: sudo ./plumb setup\n")
                  .hasLineCount(1);
            });
    Files.delete(folder.resolve("bin/apt-get"));
    assertThat(plumb("setup").err())
        .startsWith("plumb: setup: apt-get: not found: use your distribution's packages for: ")
        .hasLineCount(1);
    assertThat(calls()).isEmpty();
  }

  @Test
  void anotherWordIsRefused() throws Exception {
    assertThat(plumb("setup", "--al"))
        .isEqualTo(new Program.Result(2, "", "plumb: setup: --al: expected nothing or --all\n"));
  }
}
