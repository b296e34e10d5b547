package io.plumbline.emulator.isa;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads programs as text: the syntax of LLVM ({@code r0 = *(u32 *)(r1 + 4)}), whole listings of
 * llvm-objdump and lines of the kernel's verifier included, and that of bpf_conformance ({@code
 * ldxw %r0, [%r1+4]}), line by line in any mixture. A label is a name and a colon, a comment begins
 * with {@code #}, {@code ;} or {@code //}, jumps go to a label or by {@code +N} and {@code -N}.
 *
 * <p>An immediate is a signed number of 32 bits. Where an operation has 32 bits or fewer, a
 * hexadecimal number may also be the pattern of the bits, {@code w0 = 0x80000000}.
 */
public final class Assembler {
  private static final Pattern COMMENT = Pattern.compile("(#|;|//).*");
  private static final Pattern LABEL = Pattern.compile("\\s*([A-Za-z_.<][\\w.<>]*)\\s*:(.*)");

  /** Address and bytes, or opcode, that a listing has in front of an instruction. */
  private static final Pattern LISTED =
      Pattern.compile(
          "\\s*[0-9a-fA-F]+:\\s+(?:(?:[0-9a-f]{2}\\s+){8}(?:(?:[0-9a-f]{2}\\s+){8})?|\\([0-9a-f]{2}\\)\\s+)");

  /** A function in a listing: its address and name. */
  private static final Pattern LISTED_FUNCTION = Pattern.compile("\\s*[0-9a-f]{8,}\\s+<(.*)>\\s*:");

  private static final Pattern LISTING_TITLE =
      Pattern.compile("Disassembly of section .*:|.*:\\s+file format .*");

  /** A helper's name that a listing has in front of its number. */
  private static final Pattern LISTED_HELPER = Pattern.compile("(call\\s+)\\w+#(?=\\d)");

  /** What a listing says of the target of a jump or call. */
  private static final Pattern LISTED_TARGET =
      Pattern.compile("((?:goto|gotol|call)\\s+\\S+)\\s+<[^<>]*>\\s*$");

  private static final String REGISTER = "([rw])(\\d+)";
  private static final String NUMBER = "([+-]?\\s*(?:0x[0-9a-f]+|\\d+))";
  private static final String MEMORY =
      "\\*\\s*\\(\\s*([us])(8|16|32|64)\\s*\\*\\s*\\)\\s*\\(\\s*r(\\d+)\\s*" + NUMBER + "?\\s*\\)";
  private static final String POINTER =
      "\\(\\s*u(8|16|32|64)\\s*\\*\\s*\\)\\s*\\(\\s*r(\\d+)\\s*" + NUMBER + "?\\s*\\)";
  private static final String ADDRESS = "r(\\d+)\\s*" + NUMBER + "?";
  private static final String TARGET = "(?:pc(?=[+-]))?([+-]?\\s*[\\w.<>]+)";

  private static final Map<String, String> ASSIGNMENTS =
      Map.ofEntries(
          Map.entry("+=", "add"),
          Map.entry("-=", "sub"),
          Map.entry("*=", "mul"),
          Map.entry("/=", "div"),
          Map.entry("s/=", "sdiv"),
          Map.entry("%=", "mod"),
          Map.entry("s%=", "smod"),
          Map.entry("|=", "or"),
          Map.entry("&=", "and"),
          Map.entry("^=", "xor"),
          Map.entry("<<=", "lsh"),
          Map.entry(">>=", "rsh"),
          Map.entry("s>>=", "arsh"),
          Map.entry("=", "mov"));
  private static final Map<String, String> COMPARISONS =
      Map.ofEntries(
          Map.entry("==", "eq"),
          Map.entry("!=", "ne"),
          Map.entry("&", "set"),
          Map.entry(">", "gt"),
          Map.entry(">=", "ge"),
          Map.entry("<", "lt"),
          Map.entry("<=", "le"),
          Map.entry("s>", "sgt"),
          Map.entry("s>=", "sge"),
          Map.entry("s<", "slt"),
          Map.entry("s<=", "sle"));
  private static final Map<String, Integer> SIZES = Map.of("b", 8, "h", 16, "w", 32, "dw", 64);

  /** One kind of line and what makes an instruction of it. */
  private record Rule(Pattern pattern, Maker maker) {}

  private interface Maker {
    Insn make(Assembler assembler, Matcher line) throws IsaException;
  }

  private static final List<Rule> RULES = new ArrayList<>();

  private static void rule(String pattern, Maker maker) {
    RULES.add(new Rule(Pattern.compile(pattern, Pattern.CASE_INSENSITIVE), maker));
  }

  static {
    // The syntax of LLVM.
    rule(
        REGISTER + "\\s*=\\s*(le|be|bswap)(16|32|64)\\s+r(\\d+)",
        (a, m) -> a.swap(m.group(3), m.group(4), m.group(2), m.group(5)));
    rule(
        REGISTER + "\\s*=\\s*\\(s(8|16|32)\\)\\s*" + REGISTER,
        (a, m) ->
            a.insn(
                a.row(
                    "movsx" + m.group(3) + "_", a.same(m.group(1), m.group(4)), Opcode.Form.ALU_X),
                m.group(2),
                m.group(5),
                0,
                0));
    rule(
        REGISTER + "\\s*=\\s*-\\s*" + REGISTER,
        (a, m) -> {
          if (a.register(m.group(2)) != a.register(m.group(4))) {
            throw a.error("%s: expected one register".formatted(m.group()));
          }
          return a.insn(
              a.row("neg", a.same(m.group(1), m.group(3)), Opcode.Form.ALU_UNARY),
              m.group(2),
              "0",
              0,
              0);
        });
    rule(
        REGISTER + "\\s*=\\s*" + MEMORY,
        (a, m) -> {
          boolean signed = m.group(3).equalsIgnoreCase("s");
          if (signed && width(m.group(1)) == 32) {
            throw a.error("load with its sign: expected a register r0..r10");
          }
          return a.insn(
              a.row(
                  signed ? "ldxs" : "ldx",
                  a.held(m.group(1), Integer.parseInt(m.group(4))),
                  Opcode.Form.LOAD),
              m.group(2),
              m.group(5),
              a.offset(m.group(6)),
              0);
        });
    rule(
        "lock\\s+" + MEMORY + "\\s*([+&|^])=\\s*" + REGISTER,
        (a, m) ->
            a.insn(
                a.row(
                    ASSIGNMENTS.getOrDefault(m.group(5) + "=", ""),
                    a.held(m.group(6), Integer.parseInt(m.group(2))),
                    Opcode.Form.ATOMIC),
                m.group(3),
                m.group(7),
                a.offset(m.group(4)),
                0));
    rule(
        MEMORY + "\\s*=\\s*" + REGISTER,
        (a, m) ->
            a.insn(
                a.row("stx", a.held(m.group(5), Integer.parseInt(m.group(2))), Opcode.Form.STORE_X),
                m.group(3),
                m.group(6),
                a.offset(m.group(4)),
                0));
    rule(
        MEMORY + "\\s*=\\s*" + NUMBER,
        (a, m) ->
            a.insn(
                a.row("st", Integer.parseInt(m.group(2)), Opcode.Form.STORE_K),
                m.group(3),
                "0",
                a.offset(m.group(4)),
                a.imm(m.group(5), Integer.parseInt(m.group(2)))));
    rule(
        REGISTER
            + "\\s*=\\s*atomic_fetch_(add|or|and|xor)\\(\\s*"
            + POINTER
            + "\\s*,\\s*"
            + REGISTER
            + "\\s*\\)",
        (a, m) ->
            a.insn(
                a.row(
                    m.group(3),
                    a.fetched(m, 2, 8, a.held(m.group(7), Integer.parseInt(m.group(4)))),
                    Opcode.Form.ATOMIC_FETCH),
                m.group(5),
                m.group(8),
                a.offset(m.group(6)),
                0));
    rule(
        REGISTER
            + "\\s*=\\s*xchg(?:32)?_(32|64)\\(\\s*"
            + ADDRESS
            + "\\s*,\\s*"
            + REGISTER
            + "\\s*\\)",
        (a, m) ->
            a.insn(
                a.row(
                    "xchg",
                    a.fetched(m, 2, 7, a.held(m.group(6), Integer.parseInt(m.group(3)))),
                    Opcode.Form.ATOMIC_FETCH),
                m.group(4),
                m.group(7),
                a.offset(m.group(5)),
                0));
    rule(
        "[rw]0\\s*=\\s*cmpxchg(?:32)?_(32|64)\\(\\s*"
            + ADDRESS
            + "\\s*,\\s*[rw]0\\s*,\\s*"
            + REGISTER
            + "\\s*\\)",
        (a, m) ->
            a.insn(
                a.row(
                    "cmpxchg",
                    a.held(m.group(4), Integer.parseInt(m.group(1))),
                    Opcode.Form.CMPXCHG),
                m.group(2),
                m.group(5),
                a.offset(m.group(3)),
                0));
    rule(
        REGISTER + "\\s*=\\s*load_acquire\\(\\s*" + POINTER + "\\s*\\)",
        (a, m) ->
            a.insn(
                a.row(
                    "load_acquire",
                    a.held(m.group(1), Integer.parseInt(m.group(3))),
                    Opcode.Form.LOAD_ACQ),
                m.group(2),
                m.group(4),
                a.offset(m.group(5)),
                0));
    rule(
        "store_release\\(\\s*" + POINTER + "\\s*,\\s*" + REGISTER + "\\s*\\)",
        (a, m) ->
            a.insn(
                a.row(
                    "store_release",
                    a.held(m.group(4), Integer.parseInt(m.group(1))),
                    Opcode.Form.STORE_REL),
                m.group(2),
                m.group(5),
                a.offset(m.group(3)),
                0));
    rule(
        "r(\\d+)\\s*=\\s*" + NUMBER + "\\s*ll",
        (a, m) -> Insn.of(Opcode.LDDW, a.register(m.group(1)), 0, 0, a.number(m.group(2))));
    rule(
        "r(\\d+)\\s*=\\s*(map_fd|map_value|map_index|map_index_value|btf_id)\\(\\s*"
            + NUMBER
            + "\\s*(?:,\\s*"
            + NUMBER
            + "\\s*)?\\)\\s*ll",
        (a, m) -> a.reference(m.group(1), m.group(2), m.group(3), m.group(4)));
    rule(
        "r(\\d+)\\s*=\\s*func\\(\\s*(?:pc)?" + TARGET + "\\s*\\)\\s*ll",
        (a, m) ->
            Insn.of(
                Opcode.LDDW_FUNC,
                a.register(m.group(1)),
                0,
                0,
                a.relative(m.group(2)) & 0xFFFF_FFFFL));
    rule(
        "r0\\s*=\\s*\\*\\s*\\(\\s*u(8|16|32)\\s*\\*\\s*\\)\\s*skb\\[\\s*" + NUMBER + "\\s*\\]",
        (a, m) ->
            Insn.of(
                a.row("ldabs", Integer.parseInt(m.group(1)), Opcode.Form.LD_ABS),
                0,
                0,
                0,
                a.imm(m.group(2), 32)));
    rule(
        "r0\\s*=\\s*\\*\\s*\\(\\s*u(8|16|32)\\s*\\*\\s*\\)\\s*skb\\[\\s*" + ADDRESS + "\\s*\\]",
        (a, m) ->
            Insn.of(
                a.row("ldind", Integer.parseInt(m.group(1)), Opcode.Form.LD_IND),
                0,
                a.register(m.group(2)),
                0,
                m.group(3) == null ? 0 : a.imm(m.group(3), 32)));
    rule(
        REGISTER + "\\s*(s?(?:[-+*/|&%^]|<<|>>)?=)\\s*" + REGISTER,
        (a, m) ->
            a.insn(
                a.row(
                    ASSIGNMENTS.getOrDefault(m.group(3), ""),
                    a.same(m.group(1), m.group(4)),
                    Opcode.Form.ALU_X),
                m.group(2),
                m.group(5),
                0,
                0));
    rule(
        REGISTER + "\\s*(s?(?:[-+*/|&%^]|<<|>>)?=)\\s*" + NUMBER,
        (a, m) ->
            a.insn(
                a.row(
                    ASSIGNMENTS.getOrDefault(m.group(3), ""), width(m.group(1)), Opcode.Form.ALU_K),
                m.group(2),
                "0",
                0,
                a.imm(m.group(4), width(m.group(1)))));
    rule(
        "r(\\d+)\\s*=\\s*addr_space_cast\\(\\s*r(\\d+)\\s*,\\s*"
            + NUMBER
            + "\\s*,\\s*"
            + NUMBER
            + "\\s*\\)",
        (a, m) ->
            a.insn(
                Opcode.ADDR_SPACE_CAST,
                m.group(1),
                m.group(2),
                0,
                a.offset(m.group(3)) << 16 | a.offset(m.group(4))));
    rule(
        "if\\s+" + REGISTER + "\\s*(s?[<>]=?|==|!=|&)\\s*" + REGISTER + "\\s+goto\\s+" + TARGET,
        (a, m) ->
            a.insn(
                a.row(
                    COMPARISONS.getOrDefault(m.group(3), ""),
                    a.same(m.group(1), m.group(4)),
                    Opcode.Form.JUMP_X),
                m.group(2),
                m.group(5),
                a.jump(m.group(6)),
                0));
    rule(
        "if\\s+" + REGISTER + "\\s*(s?[<>]=?|==|!=|&)\\s*" + NUMBER + "\\s+goto\\s+" + TARGET,
        (a, m) ->
            a.insn(
                a.row(
                    COMPARISONS.getOrDefault(m.group(3), ""),
                    width(m.group(1)),
                    Opcode.Form.JUMP_K),
                m.group(2),
                "0",
                a.jump(m.group(5)),
                a.imm(m.group(4), width(m.group(1)))));
    rule("(?:goto|ja)\\s+" + TARGET, (a, m) -> Insn.of(Opcode.JA, 0, 0, a.jump(m.group(1)), 0));
    rule(
        "(?:gotol|ja32)\\s+" + TARGET,
        (a, m) -> Insn.of(Opcode.GOTOL, 0, 0, 0, a.relative(m.group(1))));
    rule("may_goto\\s+" + TARGET, (a, m) -> Insn.of(Opcode.MAY_GOTO, 0, 0, a.jump(m.group(1)), 0));
    rule("exit", (a, m) -> Insn.of(Opcode.EXIT, 0, 0, 0, 0));
    rule("callx?\\s+r(\\d+)", (a, m) -> Insn.of(Opcode.CALLX, a.register(m.group(1)), 0, 0, 0));
    rule(
        "call\\s+kfunc\\s+" + NUMBER + "(?:\\s+btf\\s+" + NUMBER + ")?",
        (a, m) ->
            Insn.of(
                Opcode.CALL_KFUNC,
                0,
                0,
                m.group(2) == null ? 0 : a.offset(m.group(2)),
                a.imm(m.group(1), 32)));
    rule(
        "call\\s+local\\s+" + TARGET,
        (a, m) -> Insn.of(Opcode.CALL_LOCAL, 0, 0, 0, a.relative(m.group(1))));
    rule(
        "call\\s+pc\\s*([+-]\\s*(?:0x[0-9a-f]+|\\d+))",
        (a, m) -> Insn.of(Opcode.CALL_LOCAL, 0, 0, 0, a.relative(m.group(1))));
    rule(
        "call\\s+" + NUMBER, (a, m) -> Insn.of(Opcode.CALL_HELPER, 0, 0, 0, a.imm(m.group(1), 32)));
    rule(
        "call\\s+([A-Za-z_.<][\\w.<>]*)",
        (a, m) -> Insn.of(Opcode.CALL_LOCAL, 0, 0, 0, a.relative(m.group(1))));

    // The syntax of bpf_conformance; percent signs are gone by now.
    String cell = "\\[\\s*" + ADDRESS + "\\s*\\]";
    rule(
        "lddw\\s+r(\\d+)\\s*,\\s*" + NUMBER,
        (a, m) -> Insn.of(Opcode.LDDW, a.register(m.group(1)), 0, 0, a.number(m.group(2))));
    rule(
        "ldx(s?)(b|h|w|dw)(sx)?\\s+r(\\d+)\\s*,\\s*" + cell,
        (a, m) ->
            a.insn(
                a.row(
                    m.group(1).isEmpty() && m.group(3) == null ? "ldx" : "ldxs",
                    size(m.group(2)),
                    Opcode.Form.LOAD),
                m.group(4),
                m.group(5),
                a.offset(m.group(6)),
                0));
    rule(
        "stx(b|h|w|dw)\\s+" + cell + "\\s*,\\s*r(\\d+)",
        (a, m) ->
            a.insn(
                a.row("stx", size(m.group(1)), Opcode.Form.STORE_X),
                m.group(2),
                m.group(4),
                a.offset(m.group(3)),
                0));
    rule(
        "st(b|h|w|dw)\\s+" + cell + "\\s*,\\s*" + NUMBER,
        (a, m) ->
            a.insn(
                a.row("st", size(m.group(1)), Opcode.Form.STORE_K),
                m.group(2),
                "0",
                a.offset(m.group(3)),
                a.imm(m.group(4), size(m.group(1)))));
    rule(
        "lock\\s+(fetch_)?(add|or|and|xor|xchg|cmpxchg)(32)?\\s+" + cell + "\\s*,\\s*r(\\d+)",
        (a, m) ->
            a.insn(
                a.row(
                    m.group(2),
                    m.group(3) == null ? 64 : 32,
                    m.group(2).equalsIgnoreCase("cmpxchg")
                        ? Opcode.Form.CMPXCHG
                        : m.group(1) == null && !m.group(2).equalsIgnoreCase("xchg")
                            ? Opcode.Form.ATOMIC
                            : Opcode.Form.ATOMIC_FETCH),
                m.group(4),
                m.group(6),
                a.offset(m.group(5)),
                0));
    rule(
        "ldabs(b|h|w)\\s+" + NUMBER,
        (a, m) ->
            Insn.of(
                a.row("ldabs", size(m.group(1)), Opcode.Form.LD_ABS),
                0,
                0,
                0,
                a.imm(m.group(2), 32)));
    rule(
        "ldind(b|h|w)\\s+r(\\d+)\\s*,\\s*" + NUMBER,
        (a, m) ->
            Insn.of(
                a.row("ldind", size(m.group(1)), Opcode.Form.LD_IND),
                0,
                a.register(m.group(2)),
                0,
                a.imm(m.group(3), 32)));
    rule(
        "(le|be|bswap|swap)(16|32|64)\\s+r(\\d+)",
        (a, m) ->
            a.swap(
                m.group(1).equalsIgnoreCase("swap") ? "bswap" : m.group(1),
                m.group(2),
                m.group(3),
                m.group(3)));
    rule(
        "neg(32)?\\s+r(\\d+)",
        (a, m) ->
            a.insn(
                a.row("neg", m.group(1) == null ? 64 : 32, Opcode.Form.ALU_UNARY),
                m.group(2),
                "0",
                0,
                0));
    rule(
        "movsx(8|16|32)(32|64)\\s+r(\\d+)\\s*,\\s*r(\\d+)",
        (a, m) ->
            a.insn(
                a.row("movsx" + m.group(1) + "_", Integer.parseInt(m.group(2)), Opcode.Form.ALU_X),
                m.group(3),
                m.group(4),
                0,
                0));
    rule(
        "j(eq|ne|set|s?gt|s?ge|s?lt|s?le)(32)?\\s+r(\\d+)\\s*,\\s*r(\\d+)\\s*,\\s*" + TARGET,
        (a, m) ->
            a.insn(
                a.row(m.group(1), m.group(2) == null ? 64 : 32, Opcode.Form.JUMP_X),
                m.group(3),
                m.group(4),
                a.jump(m.group(5)),
                0));
    rule(
        "j(eq|ne|set|s?gt|s?ge|s?lt|s?le)(32)?\\s+r(\\d+)\\s*,\\s*" + NUMBER + "\\s*,\\s*" + TARGET,
        (a, m) ->
            a.insn(
                a.row(m.group(1), m.group(2) == null ? 64 : 32, Opcode.Form.JUMP_K),
                m.group(3),
                "0",
                a.jump(m.group(5)),
                a.imm(m.group(4), m.group(2) == null ? 64 : 32)));
    rule(
        "(add|sub|mul|s?div|or|and|lsh|rsh|s?mod|xor|mov|arsh)(32|64)?\\s+r(\\d+)\\s*,\\s*r(\\d+)",
        (a, m) ->
            a.insn(
                a.row(m.group(1), "32".equals(m.group(2)) ? 32 : 64, Opcode.Form.ALU_X),
                m.group(3),
                m.group(4),
                0,
                0));
    rule(
        "(add|sub|mul|s?div|or|and|lsh|rsh|s?mod|xor|mov|arsh)(32|64)?\\s+r(\\d+)\\s*,\\s*"
            + NUMBER,
        (a, m) ->
            a.insn(
                a.row(m.group(1), "32".equals(m.group(2)) ? 32 : 64, Opcode.Form.ALU_K),
                m.group(3),
                "0",
                0,
                a.imm(m.group(4), "32".equals(m.group(2)) ? 32 : 64)));
  }

  private final Map<String, Integer> labels = new HashMap<>();
  private int line;
  private int slot;

  private Assembler() {}

  /** One source line without its labels. */
  private record Line(int number, int slot, String text) {}

  /**
   * Assembles a program. The result is well-formed as bytes; whether it is a program is for {@link
   * StructuralVerifier} to say.
   *
   * @throws IsaException naming the line
   */
  public static List<Insn> assemble(String source) throws IsaException {
    Assembler assembler = new Assembler();
    List<Line> lines = new ArrayList<>();
    for (String raw : source.split("\\R", -1)) {
      assembler.line++;
      // bpf_conformance writes a percent sign before a register's name.
      String text = COMMENT.matcher(unlisted(raw)).replaceFirst("");
      text = text.replaceAll("%(?=[rw]\\d)", "");
      Matcher label = LABEL.matcher(text);
      while (label.matches()) {
        if (assembler.labels.putIfAbsent(label.group(1), assembler.slot) != null) {
          throw assembler.error("label '" + label.group(1) + "': it is there twice");
        }
        text = label.group(2);
        label = LABEL.matcher(text);
      }
      text = text.strip();
      if (!text.isEmpty()) {
        lines.add(new Line(assembler.line, assembler.slot, text));
        assembler.slot += slots(text);
      }
    }
    List<Insn> program = new ArrayList<>();
    for (Line at : lines) {
      assembler.line = at.number;
      assembler.slot = at.slot;
      Insn insn = assembler.parse(at.text);
      program.add(insn);
      if (insn.opcode().slots() == 2) {
        program.add(Insn.HIGH);
      }
    }
    return program;
  }

  /** Returns a line without what a listing says beside the instruction. */
  private static String unlisted(String line) {
    Matcher function = LISTED_FUNCTION.matcher(line);
    if (function.matches()) {
      return function.group(1) + ":";
    }
    if (LISTING_TITLE.matcher(line).matches()) {
      return "";
    }
    Matcher listed = LISTED.matcher(line);
    String text = listed.lookingAt() ? line.substring(listed.end()) : line;
    text = LISTED_HELPER.matcher(text).replaceFirst("$1");
    return LISTED_TARGET.matcher(text).replaceFirst("$1");
  }

  private static int slots(String text) {
    String lower = text.toLowerCase(Locale.ROOT);
    return lower.startsWith("lddw") || lower.matches(".*\\sll") ? 2 : 1;
  }

  private Insn parse(String text) throws IsaException {
    for (Rule rule : RULES) {
      Matcher matcher = rule.pattern.matcher(text);
      if (matcher.matches()) {
        return rule.maker.make(this, matcher);
      }
    }
    throw error("'" + text + "': no such instruction");
  }

  private Insn insn(Opcode opcode, String dst, String src, int off, long imm) throws IsaException {
    return Insn.of(opcode, register(dst), register(src), off, imm);
  }

  private Insn swap(String operation, String width, String dst, String src) throws IsaException {
    if (register(dst) != register(src)) {
      throw error("r%s = %s%s r%s: expected one register".formatted(dst, operation, width, src));
    }
    Opcode row =
        row(operation.toLowerCase(Locale.ROOT), Integer.parseInt(width), Opcode.Form.ENDIAN);
    return Insn.of(row, register(dst), 0, 0, 0);
  }

  private Insn reference(String dst, String kind, String low, String high) throws IsaException {
    Opcode opcode = Opcode.valueOf("LDDW_" + kind.toUpperCase(Locale.ROOT));
    long second = high == null ? 0 : imm(high, 32);
    return Insn.of(opcode, register(dst), 0, 0, second << 32 | imm(low, 32) & 0xFFFF_FFFFL);
  }

  /** Returns a width in memory that a register of this letter can hold. */
  private int held(String letter, int width) throws IsaException {
    if (width == 64 && width(letter) == 32) {
      throw error("64 bits in memory: expected a register r0..r10");
    }
    return width;
  }

  /** Returns the width of two registers, which must be the same. */
  private int same(String letter, String other) throws IsaException {
    if (width(letter) != width(other)) {
      throw error("registers of 32 and of 64 bits: expected one width");
    }
    return width(letter);
  }

  /** Checks that an operation leaves what it fetches in the register of its operand. */
  private int fetched(Matcher line, int result, int operand, int width) throws IsaException {
    if (register(line.group(result)) != register(line.group(operand))) {
      throw error("'%s': expected one register".formatted(line.group()));
    }
    return width;
  }

  private Opcode row(String operation, int width, Opcode.Form form) throws IsaException {
    String name = operation.toLowerCase(Locale.ROOT);
    Predicate<Opcode> same =
        row -> row.form() == form && row.width() == width && row.operation().equals(name);
    for (Opcode row : Opcode.values()) {
      if (same.test(row)) {
        return row;
      }
    }
    throw error("%s of %d bits: no such instruction".formatted(name, width));
  }

  private static int width(String registerLetter) {
    return registerLetter.equalsIgnoreCase("w") ? 32 : 64;
  }

  private static int size(String suffix) {
    return SIZES.getOrDefault(suffix.toLowerCase(Locale.ROOT), 64);
  }

  private int register(String digits) throws IsaException {
    if (digits.length() > 2 || Integer.parseInt(digits) > 10) {
      throw error("register r" + digits + ": expected r0..r10");
    }
    return Integer.parseInt(digits);
  }

  private long number(String text) throws IsaException {
    String compact = text.replaceAll("\\s", "").toLowerCase(Locale.ROOT);
    boolean negative = compact.startsWith("-");
    String digits = compact.startsWith("+") || negative ? compact.substring(1) : compact;
    try {
      long value =
          digits.startsWith("0x")
              ? Long.parseUnsignedLong(digits.substring(2), 16)
              : Long.parseUnsignedLong(digits);
      if (negative && Long.compareUnsigned(value, Long.MIN_VALUE) > 0) {
        throw error("number " + compact + ": expected at most 64 bits");
      }
      return negative ? -value : value;
    } catch (NumberFormatException e) {
      throw error("number " + compact + ": expected at most 64 bits");
    }
  }

  /**
   * Reads an immediate.
   *
   * @param width bits that the operation computes with; only up to 32 a pattern of bits is the same
   *     as the number
   */
  private long imm(String text, int width) throws IsaException {
    long value = number(text);
    boolean pattern = width <= 32 && text.toLowerCase(Locale.ROOT).contains("0x");
    if (value != (int) value && !(pattern && value > 0 && value <= 0xFFFF_FFFFL)) {
      throw error(
          "immediate %s: expected %d..%d"
              .formatted(text.strip(), Integer.MIN_VALUE, Integer.MAX_VALUE));
    }
    return (int) value;
  }

  private int offset(@org.jspecify.annotations.Nullable String text) throws IsaException {
    long value = text == null ? 0 : number(text);
    if (value != (short) value) {
      throw error("offset %d: expected -32768..32767".formatted(value));
    }
    return (int) value;
  }

  private int jump(String target) throws IsaException {
    int distance = relative(target);
    if (distance != (short) distance) {
      throw error("jump by %d: expected -32768..32767".formatted(distance));
    }
    return distance;
  }

  private int relative(String target) throws IsaException {
    Integer label = labels.get(target);
    if (label != null) {
      return label - slot - 1;
    }
    if (!target.matches("[+-]?\\s*(0x[0-9a-fA-F]+|\\d+)")) {
      throw error("label '" + target + "': it is nowhere");
    }
    long distance = number(target);
    if (distance != (int) distance) {
      throw error("jump by %d: expected 32 bits".formatted(distance));
    }
    return (int) distance;
  }

  private IsaException error(String what) {
    return new IsaException("line " + line + ": " + what);
  }
}
