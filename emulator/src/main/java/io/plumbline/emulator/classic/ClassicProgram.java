package io.plumbline.emulator.classic;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A classic program that the kernel would take (kernel {@code net/core/filter.c},
 * bpf_check_classic). Read from the forms it is found in: {@code tcpdump -ddd}, {@code iptables -m
 * bpf --bytecode}, and the text of the kernel's {@code bpf_asm}.
 */
public record ClassicProgram(List<ClassicInsn> insns) {
  private static final int LONGEST = 65535;
  private static final Pattern NUMBERS = Pattern.compile("\\s*\\d+\\s+\\d+\\s+\\d+\\s+\\d+\\s*");
  private static final Pattern LABEL = Pattern.compile("\\s*([A-Za-z_]\\w*)\\s*:(.*)");
  private static final Pattern LINE = Pattern.compile("(\\w+)\\s*(.*)");
  private static final Map<String, Integer> ALU =
      Map.ofEntries(
          Map.entry("add", 0x00),
          Map.entry("sub", 0x10),
          Map.entry("mul", 0x20),
          Map.entry("div", 0x30),
          Map.entry("or", 0x40),
          Map.entry("and", 0x50),
          Map.entry("lsh", 0x60),
          Map.entry("rsh", 0x70),
          Map.entry("mod", 0x90),
          Map.entry("xor", 0xA0));
  private static final Map<String, Integer> JUMPS =
      Map.of("jeq", 0x10, "jgt", 0x20, "jge", 0x30, "jset", 0x40);
  private static final Map<String, Integer> NEGATED =
      Map.of("jne", 0x10, "jneq", 0x10, "jle", 0x20, "jlt", 0x30);

  /**
   * Checks a program.
   *
   * @throws ClassicException naming the first instruction that cannot be
   */
  public static ClassicProgram of(List<ClassicInsn> insns) throws ClassicException {
    return of(insns, ClassicInsn.MAX);
  }

  private static ClassicProgram of(List<ClassicInsn> insns, int most) throws ClassicException {
    if (insns.isEmpty() || insns.size() > most) {
      throw new ClassicException(
          "program: %d instructions: expected 1..%d".formatted(insns.size(), most));
    }
    for (int i = 0; i < insns.size(); i++) {
      String wrong = wrong(insns.get(i), insns.size() - i - 1);
      if (!wrong.isEmpty()) {
        throw new ClassicException("insn %d (%s): %s".formatted(i, insns.get(i), wrong));
      }
    }
    if (insns.get(insns.size() - 1).operationClass() != ClassicInsn.RET) {
      throw new ClassicException("program: its last instruction: expected ret");
    }
    return new ClassicProgram(List.copyOf(insns));
  }

  private static String wrong(ClassicInsn insn, int behind) {
    int code = insn.code();
    switch (insn.operationClass()) {
      case ClassicInsn.LD -> {
        boolean fits =
            switch (insn.mode()) {
              case ClassicInsn.IMM, ClassicInsn.MEM, ClassicInsn.LEN -> (code & 0x18) == 0;
              case ClassicInsn.ABS, ClassicInsn.IND -> (code & 0x18) != 0x18;
              default -> false;
            };
        if (!fits) {
          return "no such load";
        }
        if (insn.mode() == ClassicInsn.ABS
            && insn.k() >= ClassicInsn.AD_OFF
            && insn.k() < 0
            && Ancillary.at(insn.k()).isEmpty()) {
          return "extension %d: it is not done here".formatted(insn.k() - ClassicInsn.AD_OFF);
        }
      }
      case ClassicInsn.LDX -> {
        boolean header = code == (ClassicInsn.LDX | ClassicInsn.MSH | 0x10);
        boolean word =
            (code & 0x18) == 0
                && (insn.mode() == ClassicInsn.IMM
                    || insn.mode() == ClassicInsn.MEM
                    || insn.mode() == ClassicInsn.LEN);
        if (!header && !word) {
          return "no such load";
        }
      }
      case ClassicInsn.ST, ClassicInsn.STX -> {
        if ((code & ~7) != 0) {
          return "no such store";
        }
      }
      case ClassicInsn.ALU -> {
        if (!ALU.containsValue(insn.operation()) && code != (ClassicInsn.ALU | 0x80)) {
          return "no such operation";
        }
        boolean divides = insn.operation() == 0x30 || insn.operation() == 0x90;
        if (divides && !insn.byX() && insn.k() == 0) {
          return "division by 0";
        }
        boolean shifts = insn.operation() == 0x60 || insn.operation() == 0x70;
        if (shifts && !insn.byX() && Integer.compareUnsigned(insn.k(), 32) >= 0) {
          return "shift by %d: expected 0..31".formatted(insn.k() & 0xFFFF_FFFFL);
        }
      }
      case ClassicInsn.JMP -> {
        if (insn.operation() > 0x40) {
          return "no such jump";
        }
        long far = insn.operation() == 0 ? insn.k() & 0xFFFF_FFFFL : Math.max(insn.jt(), insn.jf());
        if (far >= behind) {
          return "jump by %d: %d instructions are behind it".formatted(far, behind);
        }
      }
      case ClassicInsn.RET -> {
        if (code != ClassicInsn.RET && code != (ClassicInsn.RET | 0x10)) {
          return "no such return";
        }
      }
      default -> {
        if (code != ClassicInsn.MISC && code != (ClassicInsn.MISC | 0x80)) {
          return "no such instruction";
        }
      }
    }
    boolean cell =
        insn.operationClass() == ClassicInsn.ST
            || insn.operationClass() == ClassicInsn.STX
            || (insn.operationClass() <= ClassicInsn.LDX && insn.mode() == ClassicInsn.MEM);
    return cell && Integer.compareUnsigned(insn.k(), ClassicInsn.CELLS) >= 0
        ? "cell %d: expected 0..15".formatted(insn.k() & 0xFFFF_FFFFL)
        : "";
  }

  /** Reads a program in any of its forms. */
  public static ClassicProgram parse(String text) throws ClassicException {
    return parse(text, ClassicInsn.MAX);
  }

  /** Reads a program of at most {@code most} instructions, more than the kernel takes or fewer. */
  public static ClassicProgram parse(String text, int most) throws ClassicException {
    String stripped = text.strip();
    List<String> entries =
        stripped.contains(",") && stripped.matches("[\\d\\s,]+")
            ? List.of(stripped.split(",", -1))
            : stripped.lines().filter(line -> !line.isBlank()).toList();
    if (entries.size() > 1
        && entries.get(0).strip().matches("\\d+")
        && NUMBERS.matcher(entries.get(1)).matches()) {
      return numbers(entries, most);
    }
    return new Reader().read(text);
  }

  private static ClassicProgram numbers(List<String> entries, int longest) throws ClassicException {
    List<ClassicInsn> insns = new ArrayList<>();
    List<String> rest = entries.stream().skip(1).filter(entry -> !entry.isBlank()).toList();
    long count = number(entries.get(0).strip());
    if (count != rest.size()) {
      throw new ClassicException(
          "program: it says %d instructions: there are %d".formatted(count, rest.size()));
    }
    for (String entry : rest) {
      if (!NUMBERS.matcher(entry).matches()) {
        throw new ClassicException("'%s': expected four numbers".formatted(entry.strip()));
      }
      String[] fields = entry.strip().split("\\s+", -1);
      long[] values = new long[4];
      for (int i = 0; i < 4; i++) {
        values[i] = number(fields[i]);
        long most = i == 0 ? 0xFFFF : i == 3 ? 0xFFFF_FFFFL : 0xFF;
        if (values[i] > most) {
          throw new ClassicException("number %s: expected 0..%d".formatted(fields[i], most));
        }
      }
      insns.add(
          new ClassicInsn((int) values[0], (int) values[1], (int) values[2], (int) values[3]));
    }
    return of(insns, longest);
  }

  private static long number(String text) throws ClassicException {
    try {
      return Long.decode(text);
    } catch (NumberFormatException e) {
      throw new ClassicException("'%s': expected a number".formatted(text));
    }
  }

  /** Returns the length of frames that hold everything which the program loads at fixed offsets. */
  public int fixedBytes() {
    int most = 0;
    for (ClassicInsn insn : insns) {
      boolean load = insn.operationClass() == ClassicInsn.LD && insn.mode() == ClassicInsn.ABS;
      boolean header = insn.operationClass() == ClassicInsn.LDX && insn.mode() == ClassicInsn.MSH;
      int size = (insn.code() & 0x18) == 0 ? 4 : (insn.code() & 0x18) == 8 ? 2 : 1;
      // Negative offsets are extensions, which lie outside the frame.
      if ((load || header) && insn.k() >= 0) {
        most = Math.max(most, Math.min(insn.k(), LONGEST) + size);
      }
    }
    return most;
  }

  /** Returns the program as {@code tcpdump -ddd} writes it. */
  public String numbers() {
    StringBuilder text = new StringBuilder().append(insns.size()).append('\n');
    insns.forEach(insn -> text.append(insn).append('\n'));
    return text.toString();
  }

  /** Reads the text of the kernel's assembler. */
  private static final class Reader {
    private final Map<String, Integer> labels = new HashMap<>();
    private int line;
    private int at;

    ClassicProgram read(String source) throws ClassicException {
      List<String> lines = new ArrayList<>();
      List<Integer> numbers = new ArrayList<>();
      for (String raw : source.split("\\R", -1)) {
        line++;
        String text = raw.replaceAll(";.*|/\\*.*?\\*/", "");
        Matcher label = LABEL.matcher(text);
        if (label.matches()) {
          if (labels.putIfAbsent(label.group(1), lines.size()) != null) {
            throw error("label '" + label.group(1) + "': it is there twice");
          }
          text = label.group(2);
        }
        if (!text.isBlank()) {
          lines.add(text.strip());
          numbers.add(line);
        }
      }
      List<ClassicInsn> insns = new ArrayList<>();
      for (at = 0; at < lines.size(); at++) {
        line = numbers.get(at);
        insns.add(insn(lines.get(at)));
      }
      return of(insns);
    }

    private ClassicInsn insn(String text) throws ClassicException {
      Matcher matcher = LINE.matcher(text);
      if (!matcher.matches()) {
        throw error("'" + text + "': no such instruction");
      }
      String name = matcher.group(1).toLowerCase(Locale.ROOT);
      String rest = matcher.group(2).strip();
      Integer alu = ALU.get(name);
      if (alu != null) {
        return operand(ClassicInsn.ALU | alu, rest);
      }
      if (JUMPS.containsKey(name) || NEGATED.containsKey(name)) {
        return jump(name, rest);
      }
      return switch (name) {
        case "ld" -> load(0x00, rest);
        case "ldh" -> load(0x08, rest);
        case "ldb" -> load(0x10, rest);
        case "ldi" -> plain(ClassicInsn.LD, rest.replace("#", ""));
        case "ldxi" -> plain(ClassicInsn.LDX, rest.replace("#", ""));
        case "ldx", "ldxb" -> loadX(rest);
        case "st" -> plain(ClassicInsn.ST, cell(rest));
        case "stx" -> plain(ClassicInsn.STX, cell(rest));
        case "neg" -> new ClassicInsn(ClassicInsn.ALU | 0x80, 0, 0, 0);
        case "jmp", "ja" -> new ClassicInsn(ClassicInsn.JMP, 0, 0, target(rest));
        case "tax" -> new ClassicInsn(ClassicInsn.MISC, 0, 0, 0);
        case "txa" -> new ClassicInsn(ClassicInsn.MISC | 0x80, 0, 0, 0);
        case "ret" ->
            rest.equalsIgnoreCase("a")
                ? new ClassicInsn(ClassicInsn.RET | 0x10, 0, 0, 0)
                : plain(ClassicInsn.RET, rest.replace("#", ""));
        default -> throw error("'" + text + "': no such instruction");
      };
    }

    private ClassicInsn plain(int code, String number) throws ClassicException {
      return new ClassicInsn(code, 0, 0, constant(number));
    }

    private int constant(String text) throws ClassicException {
      try {
        long value = Long.decode(text.strip());
        if (value >= Integer.MIN_VALUE && value <= 0xFFFF_FFFFL) {
          return (int) value;
        }
      } catch (NumberFormatException e) {
        // Said below.
      }
      throw error("'" + text + "': expected a number of 32 bits");
    }

    private String cell(String text) throws ClassicException {
      Matcher matcher = Pattern.compile("[Mm]\\[\\s*(\\w+)\\s*\\]").matcher(text);
      if (!matcher.matches()) {
        throw error("'" + text + "': expected M[number]");
      }
      return matcher.group(1);
    }

    private ClassicInsn operand(int code, String text) throws ClassicException {
      return text.equalsIgnoreCase("x") || text.equalsIgnoreCase("%x")
          ? new ClassicInsn(code | 8, 0, 0, 0)
          : plain(code, text.replace("#", ""));
    }

    private ClassicInsn load(int size, String text) throws ClassicException {
      String word = text.toLowerCase(Locale.ROOT).replace("#", "").strip();
      for (Ancillary ancillary : Ancillary.values()) {
        if (!ancillary.word().isEmpty() && ancillary.word().equals(word)) {
          return new ClassicInsn(
              ClassicInsn.LD | ClassicInsn.ABS | size,
              0,
              0,
              ClassicInsn.AD_OFF + ancillary.offset());
        }
      }
      if (word.equals("len") || word.equals("pktlen")) {
        return new ClassicInsn(ClassicInsn.LD | ClassicInsn.LEN, 0, 0, 0);
      }
      if (text.startsWith("#")) {
        return plain(ClassicInsn.LD | ClassicInsn.IMM, word);
      }
      if (word.startsWith("m[")) {
        return plain(ClassicInsn.LD | ClassicInsn.MEM, cell(text));
      }
      Matcher indexed = Pattern.compile("\\[\\s*%?x\\s*(?:([+-])\\s*(\\w+)\\s*)?\\]").matcher(word);
      if (indexed.matches()) {
        int k = indexed.group(2) == null ? 0 : constant(indexed.group(2));
        return new ClassicInsn(
            ClassicInsn.LD | ClassicInsn.IND | size, 0, 0, "-".equals(indexed.group(1)) ? -k : k);
      }
      Matcher absolute = Pattern.compile("\\[\\s*(-?\\w+)\\s*\\]").matcher(word);
      if (absolute.matches()) {
        return plain(ClassicInsn.LD | ClassicInsn.ABS | size, absolute.group(1));
      }
      throw error(
          "'" + text + "': expected [number], [x + number], M[number], #number or an extension");
    }

    private ClassicInsn loadX(String text) throws ClassicException {
      String word = text.toLowerCase(Locale.ROOT).strip();
      Matcher header =
          Pattern.compile("4\\s*\\*\\s*\\(\\s*\\[\\s*(\\w+)\\s*\\]\\s*&\\s*(?:0xf|15)\\s*\\)")
              .matcher(word);
      if (header.matches()) {
        return plain(ClassicInsn.LDX | ClassicInsn.MSH | 0x10, header.group(1));
      }
      if (word.equals("len") || word.equals("#len") || word.equals("pktlen")) {
        return new ClassicInsn(ClassicInsn.LDX | ClassicInsn.LEN, 0, 0, 0);
      }
      return word.startsWith("m[")
          ? plain(ClassicInsn.LDX | ClassicInsn.MEM, cell(text))
          : plain(ClassicInsn.LDX | ClassicInsn.IMM, word.replace("#", ""));
    }

    private ClassicInsn jump(String name, String rest) throws ClassicException {
      String[] parts = rest.split(",", -1);
      boolean negated = !JUMPS.containsKey(name);
      int operation = (negated ? NEGATED : JUMPS).getOrDefault(name, 0);
      if (parts.length < 2 || parts.length > (negated ? 2 : 3)) {
        throw error("'%s %s': expected an operand and labels".formatted(name, rest));
      }
      int first = distance(parts[1]);
      int second = parts.length == 3 ? distance(parts[2]) : 0;
      ClassicInsn operand = operand(ClassicInsn.JMP | operation, parts[0].strip());
      return new ClassicInsn(
          operand.code(), negated ? 0 : first, negated ? first : second, operand.k());
    }

    private int distance(String label) throws ClassicException {
      int distance = target(label);
      if (distance > 255) {
        throw error("label '%s': %d away: expected at most 255".formatted(label.strip(), distance));
      }
      return distance;
    }

    private int target(String label) throws ClassicException {
      Integer place = labels.get(label.strip());
      if (place == null || place <= at) {
        throw error("label '%s': it is not further on".formatted(label.strip()));
      }
      return place - at - 1;
    }

    private ClassicException error(String what) {
      return new ClassicException("line " + line + ": " + what);
    }
  }
}
