package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.plumbline.loader.attach.AttachException;
import io.plumbline.loader.attach.Attacher;
import io.plumbline.loader.attach.Description;
import io.plumbline.loader.attach.LoadCheck;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.policy.Direction;
import io.plumbline.model.program.Input;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What differs between kernels, on this one. {@code conformance/kernels} runs the same on others.
 */
@Tag("kernel")
class KernelsTest {
  private static final String MAIN = "io.plumbline.conformance.cli.Plumb";
  private static final Path SOURCES = Path.of("kernels");

  @TempDir private Path folder;

  @BeforeEach
  void kernelIsThere() {
    KernelNeeded.orSkip();
  }

  @Test
  void everyShippedProgramLoadsWithinTheVerifierBound() {
    assertThat(LoadCheck.run())
        .allSatisfy(
            result -> {
              assertThat(result.refusal()).as(result.toString()).isEmpty();
              assertThat(result.verified())
                  .as(result.toString())
                  .isBetween(1, LoadCheck.MAX_VERIFIED);
            });
  }

  @Test
  void everyShippedObjectIsLoaded() throws IOException {
    List<String> checked = LoadCheck.run().stream().map(LoadCheck.Result::filter).toList();
    String manifest =
        new String(
            LoadCheck.class.getResourceAsStream("/io/plumbline/bpf/MANIFEST").readAllBytes(),
            StandardCharsets.UTF_8);
    List<String> shipped =
        manifest
            .lines()
            .map(line -> line.replaceFirst(".* ", ""))
            .filter(file -> file.endsWith(".bpf.o") && !file.startsWith("negative/"))
            .filter(file -> !file.endsWith(".xdp.bpf.o")) // build.sh load
            .map(file -> file.replace(".bpf.o", ""))
            .toList();

    assertThat(shipped).hasSizeGreaterThan(10).contains("gate");
    // The gate is around each of them.
    assertThat(checked)
        .containsAll(shipped.stream().filter(name -> !name.equals("gate")).toList())
        .contains("chain");
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " => ",
      value = {
        "none => 0 => intent yes",
        "bpf_loop => 0 => intent no 0 kernel: policies: unavailable: PLUMB_WITHOUT says so: needs"
            + " Linux 5.17",
        "ringbuf => 3 => nop no 0 kernel: unavailable: PLUMB_WITHOUT says so: needs Linux 5.8",
        "tcx => 0 => tcx no attach as a TCX link PLUMB_WITHOUT says so; Linux 6.6",
      })
  void doctorLoadsEveryFilter(String without, int status, String row) throws Exception {
    Program.Result result = Program.run(MAIN, "", Map.of("PLUMB_WITHOUT", without), "doctor");

    assertThat(result.status()).as(result.toString()).isEqualTo(status);
    assertThat(result.out().lines().map(line -> line.replaceAll(" +", " ")).toList())
        .anyMatch(line -> line.startsWith(row));
    assertThat(result.err()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"kernel", "kernel-batch", "live"})
  void anEngineThatCannotRunPoliciesNamesTheVersionThatCan(String engine) throws Exception {
    Program.Result result =
        Program.run(
            MAIN,
            "",
            Map.of("PLUMB_WITHOUT", "bpf_loop"),
            "verify",
            "--program",
            "intent",
            "--policies",
            "1",
            "--no-paths",
            "--engine",
            "model," + engine);

    assertThat(result.status()).as(result.toString()).isEqualTo(3);
    assertThat(result.err().lines()).hasSize(1);
    assertThat(result.err().strip())
        .endsWith("policies: unavailable: PLUMB_WITHOUT says so: needs Linux 5.17");
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " => ",
      value = {
        "tcx => tcx => plumb: backend tcx: unavailable: PLUMB_WITHOUT says so: needs Linux 6.6",
        "tcx => bpffs => plumb: backend tcx: unavailable: PLUMB_WITHOUT says so: needs a BPF file system"
            + " on /sys/fs/bpf",
        "clsact => clsact => plumb: backend clsact: unavailable: PLUMB_WITHOUT says so: needs Linux"
            + " 4.5",
      })
  void aBackendThatTheKernelLacksIsOneLineWithTheVersionItNeeds(
      String backend, String without, String message) throws Exception {
    OwnNetwork.in(
        () -> {
          Program.Result result =
              Program.run(
                  MAIN,
                  "",
                  Map.of("PLUMB_WITHOUT", without),
                  "attach",
                  "-i",
                  "v0",
                  "--backend",
                  backend,
                  "nop");
          assertThat(result.status()).as(result.toString()).isEqualTo(3);
          assertThat(result.err()).startsWith(message);
          assertThat(result.err().lines()).hasSize(1);
          return true;
        });
  }

  /** Compiles a program with the flags of those that ship. */
  private Path compiled(Path sources, String program) throws Exception {
    assumeTrue(Files.exists(Path.of("/usr/bin/clang-14")), "needs clang-14");
    Path object = folder.resolve(program + ".bpf.o");
    Process process =
        new ProcessBuilder(
                "../bpf/build.sh",
                "compile",
                sources.toAbsolutePath().toString(),
                program,
                object.toString())
            .inheritIO()
            .start();
    assertThat(process.waitFor()).isZero();
    return object;
  }

  @Test
  void anXdpObjectIsAttachedAtIngressByDefault() throws Exception {
    String object = compiled(SOURCES, "xdp_no_ping").toString();
    OwnNetwork.in(
        () -> {
          Program.Result attached =
              Program.run(MAIN, "", Map.of(), "attach", "-i", "v0", "--pin", "--object", object);
          assertThat(attached.status()).as(attached.toString()).isZero();
          assertThat(attached.out()).startsWith("v0 ingress xdp: attached object ");
          assertThat(Program.run(MAIN, "", Map.of(), "detach", "-i", "v0").status()).isZero();
          Program.Result dry =
              Program.run(MAIN, "", Map.of(), "attach", "--dry-run", "--object", object);
          assertThat(dry.out()).contains(" would be attached to an interface ingress: xdp");
          Program.Result egress =
              Program.run(
                  MAIN, "", Map.of(), "attach", "-i", "v0", "--at", "egress", "--object", object);
          assertThat(egress.status()).isEqualTo(2);
          assertThat(egress.err().strip())
              .isEqualTo(
                  "plumb: --at: egress: program xdp_no_ping of %s, section xdp: expected --at ingress"
                      .formatted(object));
          return true;
        });
  }

  @Test
  void aShippedProgramThatTheVerifierRefusesIsTheKernelsFaultAndAnObjectTheUsers()
      throws Exception {
    Files.writeString(
        folder.resolve("nop.bpf.c"),
        """
        #include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        SEC("tc") int nop(struct __sk_buff *skb) { return *(char *)(long)skb->data; }
        char LICENSE[] SEC("license") = "GPL";
        """);
    ObjectSource objects = ObjectSource.builtIn().with("nop", compiled(folder, "nop"));
    Subject nop =
        new Subject.Standalone(ProgramCatalog.find("nop").orElseThrow(), new Input.None());
    OwnNetwork.in(
        () -> {
          try (Attacher attacher = new Attacher()) {
            assertThatThrownBy(
                    () ->
                        attacher.rehearse(
                            new Attacher.What.OfSubject(nop, objects),
                            Optional.empty(),
                            Optional.empty(),
                            Direction.EGRESS,
                            new Description(
                                "plumb",
                                "nop",
                                "",
                                "root",
                                1,
                                Instant.EPOCH,
                                false,
                                false,
                                false,
                                List.of())))
                .isInstanceOfSatisfying(
                    AttachException.class,
                    e -> {
                      assertThat(e.kind()).isEqualTo(AttachException.Kind.KERNEL);
                      assertThat(e.detail()).contains("invalid access to packet");
                    });
          }
          Program.Result object =
              Program.run(
                  MAIN,
                  "",
                  Map.of(),
                  "attach",
                  "-i",
                  "v0",
                  "--object",
                  folder.resolve("nop.bpf.o").toString());
          assertThat(object.status()).as(object.toString()).isEqualTo(2);
          return true;
        });
  }
}
