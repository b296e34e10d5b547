package io.plumbline.emulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.plumbline.emulator.interp.Interpreter;
import io.plumbline.emulator.isa.Assembler;
import io.plumbline.emulator.isa.Disassembler;
import io.plumbline.emulator.isa.InsnCodec;
import io.plumbline.emulator.isa.StructuralVerifier;
import io.plumbline.emulator.machine.ContextType;
import io.plumbline.emulator.machine.Frames;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.emulator.object.Btf;
import io.plumbline.emulator.object.ObjectException;
import io.plumbline.emulator.vm.Linker;
import io.plumbline.emulator.vm.VmException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class BpfObjectTest {
  private static final Path SHIPPED = Path.of("..", "bpf", "prebuilt");
  private static final Path VMLINUX = Path.of("/sys/kernel/btf/vmlinux");

  static Stream<Path> objects() throws Exception {
    try (Stream<Path> files = Files.list(SHIPPED)) {
      return files.filter(f -> f.toString().endsWith(".bpf.o")).sorted().toList().stream();
    }
  }

  @ParameterizedTest
  @MethodSource("objects")
  void shippedObjectsAreReadTheSameEachTime(Path file) throws Exception {
    byte[] bytes = Files.readAllBytes(file);
    BpfObject object = BpfObject.read(bytes);
    assertThat(object.programs()).hasSize(1);
    assertThat(object.programs()).isEqualTo(BpfObject.read(bytes).programs());
    assertThat(object.license()).isEqualTo("Dual BSD/GPL");
    BpfObject.Program program = object.programs().get(0);
    assertThat(program.lines()).isNotEmpty();
    StructuralVerifier.check(program.insns());
    assertThat(InsnCodec.decode(InsnCodec.encode(program.insns()))).isEqualTo(program.insns());
    assertThat(Assembler.assemble(String.join("\n", Disassembler.lines(program.insns()))))
        .isEqualTo(program.insns());
  }

  @Test
  void mapsAndVariablesAreWhatTheSourceSays() throws Exception {
    BpfObject intent = BpfObject.read(Files.readAllBytes(SHIPPED.resolve("intent.bpf.o")));
    assertThat(intent.maps().stream().map(m -> m.name()).toList())
        .containsExactly("active", "tables", "endpoints", "prefixes", "counters", ".rodata");
    assertThat(intent.maps().get(1).inner().orElseThrow().valueSize()).isEqualTo(16);
    assertThat(intent.programs().get(0).functions().values())
        .containsExactly("intent", "walk_step");
    BpfObject port = BpfObject.read(Files.readAllBytes(SHIPPED.resolve("block_port.bpf.o")));
    assertThat(port.variables().get("input").size()).isEqualTo(2);
  }

  /** Every byte that is wrong gives an object or one line, never anything else. */
  @ParameterizedTest
  @MethodSource("objects")
  void damagedObjectsAreRefusedInOneLine(Path file) throws Exception {
    byte[] good = Files.readAllBytes(file);
    SplittableRandom random = new SplittableRandom(file.hashCode());
    int refused = 0;
    for (int i = 0; i < 400; i++) {
      byte[] bytes = good.clone();
      if (i % 4 == 0) {
        bytes = java.util.Arrays.copyOf(good, random.nextInt(good.length));
      }
      for (int n = random.nextInt(1, 8); n > 0 && bytes.length > 0; n--) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
      }
      try {
        new Linker(new Machine(), Interpreter::of).link(BpfObject.read(bytes));
      } catch (ObjectException | VmException e) {
        assertThat(e.getMessage()).isNotBlank().doesNotContain("\n");
        refused++;
      }
    }
    assertThat(refused).isBetween(50, 400);
  }

  @Test
  void typesOfTheRunningKernelAreRead() throws Exception {
    org.junit.jupiter.api.Assumptions.assumeTrue(Files.exists(VMLINUX), "no " + VMLINUX);
    Btf kernel = Btf.read(Files.readAllBytes(VMLINUX));
    Btf.Type skb = kernel.find(Btf.Kind.STRUCT, "sk_buff").orElseThrow();
    assertThat(skb.members().stream().map(Btf.Member::name)).contains("data", "len");
    assertThat(kernel.size(skb.id())).isGreaterThan(200);
  }

  @Test
  void aHelperThatIsNotThereIsNamedWhenTheProgramIsLoaded() throws Exception {
    BpfObject object = BpfObject.read(Files.readAllBytes(SHIPPED.resolve("block_port.bpf.o")));
    BpfObject.Program program = object.programs().get(0);
    List<io.plumbline.emulator.isa.Insn> insns =
        program.insns().stream()
            .map(
                insn ->
                    insn.toString().equals("call 39")
                        ? io.plumbline.emulator.isa.Insn.of(insn.opcode(), 0, 0, 0, 92)
                        : insn)
            .toList();
    BpfObject changed =
        new BpfObject(
            object.order(),
            object.license(),
            List.of(
                new BpfObject.Program("p", "tc", insns, program.functions(), Map.of(), Map.of())),
            List.of(),
            object.maps(),
            object.variables(),
            object.btf());
    Machine machine = new Machine();
    new Frames(machine, ContextType.SCHED_CLS);
    assertThatThrownBy(() -> new Linker(machine, Interpreter::of).link(changed))
        .hasMessageContaining("call 92")
        .hasMessageContaining("rc_pointer_rel")
        .hasMessageStartingWith("program p: insn ");
  }

  @Test
  void anEmptyFileIsNoObject() {
    assertThatThrownBy(() -> BpfObject.read(new byte[0]))
        .hasMessage("elf: no ELF header: expected at least 64 bytes from 7f 45 4c 46");
    assertThatCode(() -> BpfObject.read(Files.readAllBytes(SHIPPED.resolve("nop.bpf.o"))))
        .doesNotThrowAnyException();
  }
}
