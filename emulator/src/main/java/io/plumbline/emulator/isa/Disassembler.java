package io.plumbline.emulator.isa;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Programs as text, in the syntax of LLVM. What it prints, {@link Assembler} reads. */
public final class Disassembler {
  private Disassembler() {}

  /** Returns one line for each instruction, without numbers. */
  public static List<String> lines(List<Insn> program) {
    List<String> lines = new ArrayList<>();
    for (Insn insn : program) {
      if (insn.opcode() != Opcode.LDDW_HIGH) {
        lines.add(text(insn));
      }
    }
    return lines;
  }

  /** Returns the text of one instruction. */
  public static String text(Insn insn) {
    Opcode op = insn.opcode();
    String r = op.width() == 32 && aluOrJump(op) ? "w" : "r";
    String dst = r + insn.dst();
    String src = r + insn.src();
    return switch (op.form()) {
      case ALU_K -> dst + " " + assign(op) + " " + insn.imm();
      case ALU_X ->
          op.operation().startsWith("movsx")
              ? String.format(Locale.ROOT, "%s = (s%d)%s", dst, op.selector(), src)
              : dst + " " + assign(op) + " " + src;
      case ALU_UNARY -> "%s = -%s".formatted(dst, dst);
      case ENDIAN ->
          String.format(
              Locale.ROOT,
              "%s = %s%d %s",
              "r" + insn.dst(),
              op.operation(),
              op.width(),
              "r" + insn.dst());
      case JUMP_K ->
          String.format(
              Locale.ROOT,
              "if %s %s %d goto %s",
              dst,
              comparison(op),
              insn.imm(),
              relative(insn.off()));
      case JUMP_X ->
          "if %s %s %s goto %s".formatted(dst, comparison(op), src, relative(insn.off()));
      case JA -> "goto " + relative(insn.off());
      case GOTOL -> "gotol " + relative((int) insn.imm());
      case MAY_GOTO -> "may_goto " + relative(insn.off());
      case CALL -> call(insn);
      case CALLX -> "callx r" + insn.callRegister();
      case EXIT -> "exit";
      case LOAD ->
          String.format(
              Locale.ROOT,
              "r%d = *(%s *)(%s)",
              insn.dst(),
              type(op),
              address(insn.src(), insn.off()));
      case STORE_K ->
          String.format(
              Locale.ROOT,
              "*(%s *)(%s) = %d",
              type(op),
              address(insn.dst(), insn.off()),
              insn.imm());
      case STORE_X ->
          String.format(
              Locale.ROOT,
              "*(%s *)(%s) = r%d",
              type(op),
              address(insn.dst(), insn.off()),
              insn.src());
      case ATOMIC ->
          String.format(
              Locale.ROOT,
              "lock *(%s *)(%s) %s= r%d",
              type(op),
              address(insn.dst(), insn.off()),
              symbol(op),
              insn.src());
      case ATOMIC_FETCH ->
          op.operation().equals("xchg")
              ? String.format(
                  Locale.ROOT,
                  "%s%d = %s(%s, %s%d)",
                  atomicRegister(op),
                  insn.src(),
                  op.width() == 64 ? "xchg_64" : "xchg32_32",
                  address(insn.dst(), insn.off()),
                  atomicRegister(op),
                  insn.src())
              : String.format(
                  Locale.ROOT,
                  "%s%d = atomic_fetch_%s((%s *)(%s), %s%d)",
                  atomicRegister(op),
                  insn.src(),
                  op.operation(),
                  type(op),
                  address(insn.dst(), insn.off()),
                  atomicRegister(op),
                  insn.src());
      case CMPXCHG ->
          String.format(
              Locale.ROOT,
              "%s0 = %s(%s, %s0, %s%d)",
              atomicRegister(op),
              op.width() == 64 ? "cmpxchg_64" : "cmpxchg32_32",
              address(insn.dst(), insn.off()),
              atomicRegister(op),
              atomicRegister(op),
              insn.src());
      case LOAD_ACQ ->
          String.format(
              Locale.ROOT,
              "r%d = load_acquire((%s *)(%s))",
              insn.dst(),
              type(op),
              address(insn.src(), insn.off()));
      case STORE_REL ->
          String.format(
              Locale.ROOT,
              "store_release((%s *)(%s), r%d)",
              type(op),
              address(insn.dst(), insn.off()),
              insn.src());
      case LDDW -> String.format(Locale.ROOT, "r%d = %s ll", insn.dst(), wide(insn));
      case LD_ABS -> String.format(Locale.ROOT, "r0 = *(%s *)skb[%d]", type(op), insn.imm());
      case LD_IND ->
          "r0 = *(%s *)skb[%s]".formatted(type(op), address(insn.src(), (int) insn.imm()));
      case HIGH -> "";
      case CAST ->
          "r%d = addr_space_cast(r%d, %d, %d)"
              .formatted(
                  insn.dst(), insn.src(), insn.immLow() >>> 16 & 0xFFFF, insn.immLow() & 0xFFFF);
    };
  }

  private static boolean aluOrJump(Opcode op) {
    return switch (op.form()) {
      case ALU_K, ALU_X, ALU_UNARY, JUMP_K, JUMP_X -> true;
      default -> false;
    };
  }

  private static String atomicRegister(Opcode op) {
    return op.width() == 64 ? "r" : "w";
  }

  private static String call(Insn insn) {
    return switch (insn.opcode()) {
      case CALL_LOCAL -> "call pc" + relative((int) insn.imm());
      case CALL_KFUNC -> "call kfunc " + insn.imm() + (insn.off() == 0 ? "" : " btf " + insn.off());
      default -> "call " + insn.imm();
    };
  }

  private static String wide(Insn insn) {
    return switch (insn.opcode()) {
      case LDDW_MAP_FD -> String.format(Locale.ROOT, "map_fd(%d)", insn.imm());
      case LDDW_MAP_VALUE ->
          String.format(Locale.ROOT, "map_value(%d, %d)", insn.immLow(), insn.immHigh());
      case LDDW_BTF_ID -> String.format(Locale.ROOT, "btf_id(%d)", insn.imm());
      case LDDW_FUNC -> "func(pc%s)".formatted(relative(insn.immLow()));
      case LDDW_MAP_INDEX -> String.format(Locale.ROOT, "map_index(%d)", insn.imm());
      case LDDW_MAP_INDEX_VALUE ->
          String.format(Locale.ROOT, "map_index_value(%d, %d)", insn.immLow(), insn.immHigh());
      default -> Long.toString(insn.imm());
    };
  }

  /** Returns the C operator of an operation. */
  static String symbol(Opcode op) {
    return switch (op.operation()) {
      case "add" -> "+";
      case "sub" -> "-";
      case "mul" -> "*";
      case "div" -> "/";
      case "sdiv" -> "s/";
      case "mod" -> "%";
      case "smod" -> "s%";
      case "or" -> "|";
      case "and" -> "&";
      case "xor" -> "^";
      case "lsh" -> "<<";
      case "rsh" -> ">>";
      case "arsh" -> "s>>";
      default -> "";
    };
  }

  private static String assign(Opcode op) {
    return symbol(op) + "=";
  }

  /** Returns the C operator of a condition. */
  static String comparison(Opcode op) {
    return switch (op.operation()) {
      case "eq" -> "==";
      case "ne" -> "!=";
      case "set" -> "&";
      case "gt" -> ">";
      case "ge" -> ">=";
      case "lt" -> "<";
      case "le" -> "<=";
      case "sgt" -> "s>";
      case "sge" -> "s>=";
      case "slt" -> "s<";
      default -> "s<=";
    };
  }

  private static String type(Opcode op) {
    return (op.signExtends() ? "s" : "u") + op.width();
  }

  private static String relative(int offset) {
    return offset < 0 ? Integer.toString(offset) : "+" + offset;
  }

  private static String address(int register, int offset) {
    return offset < 0
        ? String.format(Locale.ROOT, "r%d - %d", register, -(long) offset)
        : String.format(Locale.ROOT, "r%d + %d", register, offset);
  }
}
