package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.conformance.cli.Plumb;
import io.plumbline.conformance.junit.BpfAssertions;
import io.plumbline.conformance.junit.BpfProgram;
import io.plumbline.conformance.prove.Counterexample;
import io.plumbline.conformance.prove.Proof;
import io.plumbline.conformance.verify.Execution;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.decision.Action;
import io.plumbline.model.decision.DecisionList;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.program.Input;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

/** What {@code compare} and {@code prove --equivalent} say of two objects holds. */
class CompareTest {
  private static final String XDP_READS = "r2 = *(u32 *)(r1 + 0);r3 = *(u32 *)(r1 + 4);";

  @TempDir private Path folder;
  private StringWriter out = new StringWriter();
  private StringWriter err = new StringWriter();

  private int run(String... args) {
    out = new StringWriter();
    err = new StringWriter();
    CommandLine line = Plumb.commandLine();
    line.setOut(new PrintWriter(out));
    line.setErr(new PrintWriter(err));
    return line.execute(args);
  }

  private String object(String file, String section, String instructions) throws Exception {
    byte[] bytes = TestObject.of(section, "filter", instructions.split(";", -1));
    return Files.write(folder.resolve(file), bytes).toString();
  }

  /** Drops IPv4 frames of which a field is in a range that no ordinary frame has. */
  private static String rare(String load, String unless) {
    return "r2 = *(u32 *)(r1 + 76);r3 = *(u32 *)(r1 + 80);r0 = 0;r4 = r2;r4 += 42;"
        + "if r4 > r3 goto +5;r5 = *(u16 *)(r2 + 12);if r5 != 8 goto +3;"
        + load
        + ";if "
        + unless
        + " goto +1;r0 = 2;exit";
  }

  private static final String PASSES = "r0 = 0;exit";

  @ParameterizedTest
  @CsvSource({
    "r5 = *(u8 *)(r2 + 22), r5 > 1", // TTL
    "r5 = *(u16 *)(r2 + 18), r5 != 0x3412", // identification
    "r5 = *(u32 *)(r2 + 26), r5 != 0x04030201", // source
    "r5 = *(u16 *)(r2 + 34), r5 != 0x3930", // source port 12345
    "r5 = *(u8 *)(r2 + 15), r5 != 0xb8", // type of service
    "r5 = *(u16 *)(r2 + 24), r5 != 0xadde" // checksum
  })
  void aRareDifferenceIsFoundAndCounted(String load, String unless) throws Exception {
    String old = object("old.o", "tc", PASSES);
    String changed = object("new.o", "tc", rare(load, unless));
    assertThat(run("compare", old, changed, "--fuzz", "100")).isEqualTo(1);
    assertThat(out.toString()).contains("TC_ACT_OK, now TC_ACT_SHOT");
    assertThat(run("prove", "--equivalent", old, changed)).isEqualTo(1);
    assertThat(out.toString()).contains("REFUTED", "returns 0", "returns 2");
  }

  @Test
  void branchesThatNoFrameTookAreReported() throws Exception {
    String object = object("a.o", "tc", rare("r5 = *(u8 *)(r2 + 22)", "r5 > 1"));
    assertThat(run("compare", object, object, "--fuzz", "0", "--json", "-")).isZero();
    JsonNode measured = new ObjectMapper().readTree(out.toString()).path("objects").path(0);
    assertThat(measured.path("branches").path("covered").asInt()).isEqualTo(6);
    assertThat(measured.path("branches").path("reachable").asInt()).isEqualTo(6);
    // A way that no frame takes is not missing: r5 is one byte.
    String dead = object("b.o", "tc", rare("r5 = *(u8 *)(r2 + 22)", "r5 > 255"));
    assertThat(run("compare", dead, dead)).isZero();
    assertThat(out.toString()).contains("5 of 5 branches taken that frames can take");
  }

  @Test
  void aFaultIsADifference() throws Exception {
    String old = object("old.o", "tc", PASSES);
    String faulty = object("new.o", "tc", "r1 = 0;r0 = *(u8 *)(r1 + 0);r0 = 0;exit");
    assertThat(run("compare", old, faulty, "--fuzz", "10")).isEqualTo(1);
    assertThat(out.toString()).contains("TC_ACT_OK, now a fault", "first fault: insn 1 (");
    assertThat(run("compare", faulty, faulty, "--fuzz", "10")).isEqualTo(1);
    assertThat(out.toString()).contains("0 decided differently");
  }

  @Test
  void xdpVerdictsHaveTheirNames() throws Exception {
    String end = "r4 = r2;r4 += 14;r0 = 2;if r4 > r3 goto +2;r0 = *(u8 *)(r2 + 0);r0 = 1;exit";
    String drops = object("drop.o", "xdp", XDP_READS + end);
    String passes = object("pass.o", "xdp", "r0 = 2;exit");
    assertThat(run("compare", drops, passes, "--fuzz", "10")).isEqualTo(1);
    assertThat(out.toString())
        .contains("XDP_DROP, now XDP_PASS", "2 of 2 branches taken that frames can take");
    assertThat(run("compare", drops, object("tc.o", "tc", PASSES))).isEqualTo(2);
  }

  @Test
  void xdpObjectsAreProvedAndRefuted() throws Exception {
    String reads = XDP_READS + "r4 = r2;r4 += 14;r0 = 2;if r4 > r3 goto +2;r5 = *(u8 *)(r2 + 0);";
    String passes = object("a.o", "xdp", reads + "r0 = 2;exit");
    String drops = object("b.o", "xdp", reads + "r0 = 1;exit");
    assertThat(run("prove", "--equivalent", passes, passes)).as(err.toString()).isZero();
    assertThat(run("prove", "--equivalent", passes, drops)).isEqualTo(1);
    assertThat(out + "").contains("REFUTED");
    BpfProgram program = BpfProgram.read(Files.readAllBytes(Path.of(passes)), "");
    DecisionList accept = DecisionList.only("accept", Action.ACCEPT, "every packet is accepted");
    DecisionList drop = DecisionList.only("drop", Action.DROP, "every packet is dropped");
    BpfAssertions.assertThat(program).isProvedEqualTo(accept);
    Assertions.assertThatThrownBy(() -> BpfAssertions.assertThat(program).isProvedEqualTo(drop))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("the program returns 2");
  }

  /** What cannot be executed symbolically is not refuted. */
  @Test
  void anObjectThatIsNoFilterIsNotProvedAndNotRefuted() throws Exception {
    String object = object("a.o", "cgroup_skb/ingress", "r0 = 1;exit");
    for (String claim : List.of("--equivalent", "--implies")) {
      assertThat(run("prove", claim, object, object)).isEqualTo(1);
      assertThat(out + "" + err)
          .contains("not proved: ", "only tc and XDP programs")
          .doesNotContain("REFUTED");
    }
  }

  /** A counterexample that no run confirms is an error of the prover. */
  @Test
  void anUnconfirmedCounterexampleRefutesNothing() throws Exception {
    Subject nop =
        new Subject.Standalone(ProgramCatalog.find("nop").orElseThrow(), new Input.None());
    Counterexample madeUp =
        new Counterexample.Judged(nop, Packet.of(new byte[60]), 60, "the program returns 2");
    Proof refuted = new Proof("nop", "", 1, 1, 0, Optional.of(madeUp), "", List.of());
    Proof result = Execution.confirmed(refuted, ObjectSource.builtIn());
    assertThat(result.proved()).isFalse();
    assertThat(result.counterexample()).isEmpty();
    assertThat(result.unknown())
        .startsWith("internal error: no engine confirms")
        .contains("the program returns 2");
  }

  /** A limit on frames is kept, and each program has its share of it. */
  @ParameterizedTest
  @CsvSource({"150, 1", "3000, 2"})
  void fuzzedFramesAreSpreadOverAllPrograms(int packets, int workers) throws Exception {
    Path report = folder.resolve("fuzz.json");
    assertThat(
            run(
                "fuzz",
                "--packets",
                String.valueOf(packets),
                "--engine",
                "emulator",
                "--workers",
                String.valueOf(workers),
                "--json",
                report.toString()))
        .isZero();
    JsonNode json = new ObjectMapper().readTree(Files.readAllBytes(report));
    assertThat(json.path("packets").asInt()).isEqualTo(packets);
    JsonNode programs = json.path("programs");
    assertThat(programs.size()).isEqualTo(Hook.all().size() * (ProgramCatalog.all().size() + 2));
    int sum = 0;
    for (JsonNode count : programs) {
      assertThat(count.asInt()).isBetween(1, packets / 2);
      sum += count.asInt();
    }
    assertThat(sum).isEqualTo(packets);
    ProgramCatalog.all().forEach(program -> assertThat(out.toString()).contains(program.name()));
  }
}
