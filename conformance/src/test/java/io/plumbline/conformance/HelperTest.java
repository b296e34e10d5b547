package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.plumbline.emulator.helper.Kfunc;
import io.plumbline.emulator.interp.Interpreter;
import io.plumbline.emulator.isa.Assembler;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.jit.Jit;
import io.plumbline.emulator.machine.ContextType;
import io.plumbline.emulator.machine.Fault;
import io.plumbline.emulator.machine.Frames;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.emulator.object.Btf;
import io.plumbline.emulator.object.ObjectException;
import io.plumbline.loader.libbpf.BpfSyscall;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.ToIntFunction;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Helpers and fields of the context: what a program returns and leaves of the packet is what the
 * kernel gives, which is the authority here; the data has no results of its own.
 */
class HelperTest {
  private static final Path DATA = Path.of("helpers");
  private static final Path VMLINUX = Path.of("/sys/kernel/btf/vmlinux");
  private static final Map<String, Integer> kernelTypes = new HashMap<>();

  private record Case(String title, String source) {}

  /** What a file's programs are, by the beginning of its name. */
  private enum Of {
    XDP("xdp", RawKernelProgram.XDP, ContextType.XDP, 0),
    NETFILTER("netfilter", BpfSyscall.PROG_TYPE_NETFILTER, ContextType.NETFILTER, 14),
    TC("", BpfSyscall.PROG_TYPE_SCHED_CLS, ContextType.SCHED_CLS, 0);

    private final String prefix;
    private final int type;

    @SuppressWarnings("ImmutableEnumChecker") // nobody changes it
    private final ContextType context;

    /** How many bytes a test run's input has less. */
    private final int skipped;

    Of(String prefix, int type, ContextType context, int skipped) {
      this.prefix = prefix;
      this.type = type;
      this.context = context;
      this.skipped = skipped;
    }
  }

  /** Returns the kernel's numbers of its functions. */
  private static Map<String, Integer> kernelTypes() {
    try {
      if (kernelTypes.isEmpty()) {
        List<Btf.Type> types = Btf.read(Files.readAllBytes(VMLINUX)).types();
        for (int id = 0; id < types.size(); id++) {
          if (types.get(id).kind() == Btf.Kind.FUNC) {
            kernelTypes.put(types.get(id).name(), id);
          }
        }
      }
      return kernelTypes;
    } catch (IOException | ObjectException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String withKfuncs(String source, ToIntFunction<Kfunc> number) {
    String text = source;
    for (Kfunc kfunc : Kfunc.values()) {
      Pattern call = Pattern.compile("call kfunc " + kfunc.symbol() + "$", Pattern.MULTILINE);
      if (call.matcher(text).find()) {
        text = call.matcher(text).replaceAll("call kfunc " + number.applyAsInt(kfunc));
      }
    }
    return text;
  }

  private static byte[] packet() {
    byte[] bytes = new byte[64];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) (i * 7 + 2);
    }
    bytes[12] = 8;
    bytes[13] = 0;
    bytes[14] = 0x45;
    return bytes;
  }

  private static List<Case> read(Path file) throws Exception {
    List<Case> cases = new ArrayList<>();
    for (String part : Files.readString(file).split("(?m)^# ", -1)) {
      if (!part.isBlank()) {
        String[] halves = part.split("\n-- asm\n", 2);
        cases.add(new Case(halves[0], halves[1]));
      }
    }
    return cases;
  }

  static Stream<Path> files() throws Exception {
    try (Stream<Path> files = Files.list(DATA)) {
      return files.sorted().toList().stream();
    }
  }

  private static String run(
      ContextType context, List<Insn> insns, Function<Machine, Program.Maker> maker) {
    Machine machine = new Machine();
    Frames frames = new Frames(machine, context);
    PacketBatch batch = new PacketBatch(1, 64);
    batch.add(Packet.of(packet()));
    frames.show(batch, 0);
    int result =
        (int) machine.run(new Program("case", insns, maker.apply(machine)), Machine.CONTEXT, 0);
    return result + " " + HexFormat.of().formatHex(frames.after().bytes());
  }

  @ParameterizedTest
  @MethodSource("files")
  @Tag("kernel")
  void helpersDoWhatTheKernelsDo(Path file) throws Exception {
    KernelNeeded.orSkip();
    List<String> wrong = new ArrayList<>();
    Of of =
        Stream.of(Of.values())
            .filter(one -> file.getFileName().toString().startsWith(one.prefix))
            .findFirst()
            .orElseThrow();
    ContextType context = of.context;
    for (Case one : read(file)) {
      List<Insn> insns = Assembler.assemble(withKfuncs(one.source, kfunc -> kfunc.number()));
      List<Insn> forKernel =
          Assembler.assemble(withKfuncs(one.source, kfunc -> kernelTypes().get(kfunc.symbol())));
      String name = file.getFileName() + ": " + one.title;
      try (RawKernelProgram kernel = new RawKernelProgram(of.type, forKernel)) {
        assertThat(kernel.refusal()).as(name).isEmpty();
        byte[] packet = packet();
        int result = kernel.run(Arrays.copyOfRange(packet, of.skipped, packet.length));
        String expected = result + " " + HexFormat.of().formatHex(kernel.after());
        String interpreted = run(context, insns, m -> Interpreter::of);
        String compiled = run(context, insns, m -> new Jit(m, true));
        if (of == Of.NETFILTER) {
          // Its test run does not give the packet back.
          expected = String.valueOf(result);
          interpreted = interpreted.split(" ", 2)[0];
          compiled = compiled.split(" ", 2)[0];
        }
        if (!interpreted.equals(expected) || !compiled.equals(expected)) {
          wrong.add(
              "%s%n  kernel      %s%n  interpreter %s%n  jit         %s"
                  .formatted(name, expected, interpreted, compiled));
        }
      }
    }
    assertThat(wrong).isEmpty();
  }

  /** What the kernel refuses when a program is loaded is a fault when it is run. */
  @ParameterizedTest
  @ValueSource(strings = {"r0 = *(s32 *)(r1 + 76)", "r0 = *(s32 *)(r1 + 80)"})
  @Tag("kernel")
  void addressesHaveNoSign(String load) throws Exception {
    KernelNeeded.orSkip();
    List<Insn> insns = Assembler.assemble(load + "\nr0 = 0\nexit\n");
    try (RawKernelProgram kernel = new RawKernelProgram(BpfSyscall.PROG_TYPE_SCHED_CLS, insns)) {
      assertThat(kernel.refusal()).isNotEmpty();
    }
    for (Function<Machine, Program.Maker> engine :
        List.<Function<Machine, Program.Maker>>of(m -> Interpreter::of, m -> new Jit(m, true))) {
      assertThatThrownBy(() -> run(ContextType.SCHED_CLS, insns, engine))
          .isInstanceOf(Fault.class)
          .hasMessageContaining("of the context: an address has no sign");
    }
  }
}
