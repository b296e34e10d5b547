package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.plumbline.emulator.isa.Assembler;
import io.plumbline.emulator.isa.Disassembler;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.InsnCodec;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.isa.StructuralVerifier;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.emulator.object.Btf;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Objects that others made, as installed or inside their programs, are read, and their types are
 * relocated as libbpf does it. Where: {@code -Dforeign.objects=PATH:PATH}, by default what Debian's
 * xdp-tools installs. docs/isa.md has a campaign over more than a thousand.
 */
class ForeignObjectTest {
  private static final String INSTALLED = "/usr/lib/x86_64-linux-gnu/bpf:/usr/sbin";
  private static final Path VMLINUX = Path.of("/sys/kernel/btf/vmlinux");
  private static final int EM_BPF = 247;
  private static final int HEADER = 64;
  private static final int SECTION_HEADER = 64;
  private static final int SHT_NOBITS = 8;
  private static final int POISON = 195_896_080;
  private static final Pattern RELOCATED =
      Pattern.compile("prog '([^']+)': relo #\\d+: (patched|substituting) insn #(\\d+) (.*)");
  private static final Pattern FIELD = Pattern.compile("\\b(off|imm|imm64|mem_sz) \\d+ -> (\\d+)");

  private record Found(String name, byte[] bytes) {}

  private static List<Found> objects() throws IOException {
    List<Found> all = new ArrayList<>();
    String given = System.getProperty("foreign.objects", "");
    for (String root : (given.isEmpty() ? INSTALLED : given).split(":", -1)) {
      if (!Files.exists(Path.of(root))) {
        continue;
      }
      try (Stream<Path> files = Files.walk(Path.of(root))) {
        for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
          boolean wanted = !root.equals("/usr/sbin") || file.toString().contains("/xdp");
          if (wanted && !Files.isSymbolicLink(file)) {
            byte[] bytes = Files.readAllBytes(file);
            for (int at = 0; at + HEADER <= bytes.length; at += 4) {
              image(bytes, at).ifPresent(image -> all.add(new Found(file.toString(), image)));
            }
          }
        }
      }
    }
    assumeTrue(!all.isEmpty(), "no objects: Debian's package xdp-tools has some");
    return all;
  }

  /** Returns the object at a place in a file, up to the last byte that its headers speak of. */
  private static Optional<byte[]> image(byte[] bytes, int at) {
    ByteBuffer in = ByteBuffer.wrap(bytes, at, bytes.length - at).slice();
    boolean little = in.get(5) == 1;
    in.order(little ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
    if (in.order(ByteOrder.BIG_ENDIAN).getInt(0) != 0x7F45_4C46 || in.get(4) != 2) {
      return Optional.empty();
    }
    in.order(little ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
    if (in.getShort(18) != EM_BPF) {
      return Optional.empty();
    }
    long end = in.getLong(40) + (long) in.getShort(58) * in.getShort(60);
    for (int i = 0; i < in.getShort(60); i++) {
      int header = (int) in.getLong(40) + i * SECTION_HEADER;
      if (in.getInt(header + 4) != SHT_NOBITS) {
        end = Math.max(end, in.getLong(header + 24) + in.getLong(header + 32));
      }
    }
    return Optional.of(Arrays.copyOfRange(bytes, at, at + (int) end));
  }

  @Test
  void programsAreReadAndWrittenAgain() throws Exception {
    int programs = 0;
    for (Found found : objects()) {
      for (BpfObject.Program program : BpfObject.read(found.bytes).programs()) {
        List<Insn> insns = program.insns();
        StructuralVerifier.check(insns);
        assertThat(InsnCodec.decode(InsnCodec.encode(insns))).isEqualTo(insns);
        assertThat(Assembler.assemble(String.join("\n", Disassembler.lines(insns))))
            .as(found.name + " " + program.name())
            .isEqualTo(insns);
        programs++;
      }
    }
    assertThat(programs).isGreaterThan(20);
  }

  /** libbpf says each instruction that it changes, whether or not the kernel takes the program. */
  @Test
  @Tag("kernel")
  void typesAreRelocatedAsLibbpfDoes(@TempDir Path folder) throws Exception {
    KernelNeeded.orSkip();
    assumeTrue(Files.exists(VMLINUX), "no " + VMLINUX);
    BpfObject.Options options =
        new BpfObject.Options(Map.of(), Optional.of(Btf.read(Files.readAllBytes(VMLINUX))));
    int compared = 0;
    for (Found found : objects()) {
      BpfObject object = BpfObject.read(found.bytes, options);
      Path file = Files.write(folder.resolve("object.o"), found.bytes);
      for (String line : libbpf(file)) {
        Matcher relocated = RELOCATED.matcher(line);
        if (!relocated.find()) {
          continue;
        }
        Optional<Insn> insn =
            insn(object, relocated.group(1), Integer.parseInt(relocated.group(3)));
        if (insn.isPresent()) {
          compare(found.name + ": " + line, relocated, insn.get());
          compared++;
        }
      }
    }
    assertThat(compared).isGreaterThan(10);
  }

  private static List<String> libbpf(Path file) throws Exception {
    Path pins = Path.of("/sys/fs/bpf/plumbline-test-" + ProcessHandle.current().pid());
    String said =
        SecondOpinionTest.bpftool("-d", "prog", "loadall", file.toString(), pins.toString());
    OwnNetwork.sh("rm -rf " + pins);
    return said.lines().filter(line -> line.contains(": relo #")).toList();
  }

  /** Finds an instruction of a function: libbpf counts from the function's start. */
  private static Optional<Insn> insn(BpfObject object, String function, int slot) {
    for (BpfObject.Program program : object.programs()) {
      for (Map.Entry<Integer, String> start : program.functions().entrySet()) {
        if (start.getValue().equals(function)) {
          return Optional.of(program.insns().get(start.getKey() + slot));
        }
      }
    }
    return Optional.empty();
  }

  private static void compare(String what, Matcher relocated, Insn insn) {
    if (relocated.group(2).equals("substituting")) {
      assertThat(insn).as(what).isEqualTo(Insn.of(Opcode.CALL_HELPER, 0, 0, 0, POISON));
      return;
    }
    Matcher field = FIELD.matcher(relocated.group(4));
    while (field.find()) {
      long value = Long.parseUnsignedLong(field.group(2));
      switch (field.group(1)) {
        case "off" -> assertThat(insn.off()).as(what).isEqualTo((short) value);
        case "imm" -> assertThat(insn.immLow()).as(what).isEqualTo((int) value);
        case "imm64" -> assertThat(insn.imm()).as(what).isEqualTo(value);
        default -> assertThat(insn.toString()).as(what).contains("u" + value * 8);
      }
    }
  }
}
