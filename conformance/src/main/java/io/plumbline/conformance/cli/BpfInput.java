package io.plumbline.conformance.cli;

import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.InsnCodec;
import io.plumbline.emulator.isa.IsaException;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.emulator.object.Btf;
import io.plumbline.emulator.object.ObjectException;
import io.plumbline.loader.cli.CommandException;
import io.plumbline.loader.cli.ExitStatus;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Reads programs for the commands of {@code plumb bpf}. */
final class BpfInput {
  private static final int MAX_BYTES = 64 << 20;
  private static final byte[] ELF = {0x7F, 'E', 'L', 'F'};

  private BpfInput() {}

  static byte[] hex(String what, String text) throws CommandException {
    String digits = text.replaceAll("\\s|0x", "");
    try {
      return HexFormat.of().parseHex(digits);
    } catch (IllegalArgumentException e) {
      throw new CommandException(
          ExitStatus.USAGE,
          "%s: '%s': expected pairs of hexadecimal digits"
              .formatted(what, digits.length() > 40 ? digits.substring(0, 40) + "..." : digits));
    }
  }

  static byte[] standardInput() throws CommandException {
    try {
      byte[] bytes = System.in.readNBytes(MAX_BYTES + 1);
      if (bytes.length > MAX_BYTES) {
        throw new CommandException(
            ExitStatus.USAGE, "standard input: expected at most %d bytes".formatted(MAX_BYTES));
      }
      return bytes;
    } catch (IOException e) {
      throw new CommandException(ExitStatus.USAGE, "standard input: " + e.getMessage());
    }
  }

  static byte[] file(Path file) throws CommandException {
    try {
      if (Files.isDirectory(file)) {
        throw new CommandException(ExitStatus.USAGE, file + ": a folder: expected a file");
      }
      if (Files.size(file) > MAX_BYTES) {
        throw new CommandException(
            ExitStatus.USAGE, "%s: expected at most %d bytes".formatted(file, MAX_BYTES));
      }
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new CommandException(ExitStatus.USAGE, file + ": cannot be read");
    }
  }

  /** Returns the bytes of a file, or of standard input for none and for {@code -}. */
  static byte[] source(@Nullable Path file) throws CommandException {
    return file == null || file.toString().equals("-") ? standardInput() : file(file);
  }

  static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }

  static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  static boolean isElf(byte[] bytes) {
    return bytes.length >= ELF.length && java.util.Arrays.equals(bytes, 0, 4, ELF, 0, 4);
  }

  /** Returns an error's text with what it is about in front, once. */
  static String ofProgram(Exception e) {
    String message = String.valueOf(e.getMessage());
    return message.startsWith("program") ? message : "program: " + message;
  }

  static List<Insn> decode(byte[] program) throws CommandException {
    try {
      return InsnCodec.decode(program);
    } catch (IsaException e) {
      throw new CommandException(ExitStatus.USAGE, ofProgram(e));
    }
  }

  /**
   * Reads an object.
   *
   * @param where what errors begin with
   * @param types the file of the types to relocate fields for, or null
   */
  static BpfObject object(String where, byte[] bytes, @Nullable Path types)
      throws CommandException {
    try {
      Optional<Btf> target = types == null ? Optional.empty() : Optional.of(Btf.read(file(types)));
      return BpfObject.read(bytes, new BpfObject.Options(Map.of(), target));
    } catch (ObjectException e) {
      throw new CommandException(ExitStatus.USAGE, where + ": " + e.getMessage());
    }
  }

  /** Returns the program of a name, or the only one, or the first one. */
  static BpfObject.Program program(String where, BpfObject object, @Nullable String name)
      throws CommandException {
    Optional<BpfObject.Program> found =
        name == null ? object.programs().stream().findFirst() : object.program(name);
    return found.orElseThrow(
        () ->
            new CommandException(
                ExitStatus.USAGE,
                name == null
                    ? where + ": there is no program in it"
                    : "%s: program '%s': expected one of %s"
                        .formatted(
                            where,
                            name,
                            object.programs().stream().map(BpfObject.Program::name).toList())));
  }
}
