package io.plumbline.conformance.symbolic;

import io.plumbline.conformance.symbolic.Term.Op;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/** Writes terms for people: bytes that were joined are fields again, {@code eth.type == 0x0800}. */
public final class TermText {
  private static final Map<String, String> ETHERNET = Map.of("u16[12]", "eth.type");
  private static final Map<String, String> IPV4 =
      Map.of(
          "u8[14] >> 4", "ip.version",
          "u8[14] & 0xf0", "ip.version * 16",
          "u8[14] & 0xf", "ip.ihl",
          "(u8[14] & 0xf) * 4", "ip.header_length",
          "u16[16]", "ip.total_length",
          "u16[20] & 0x1fff", "ip.frag_offset",
          "u8[23]", "ip.protocol",
          "u32[26]", "ip.saddr",
          "u32[30]", "ip.daddr");
  private static final Map<String, String> IPV6 =
      Map.of(
          "u8[14] >> 4", "ip6.version",
          "u8[14] & 0xf0", "ip6.version * 16",
          "u16[18]", "ip6.payload_length",
          "u8[20]", "ip6.next_header");
  private static final Map<String, String> ARP = Map.of("u8[18]", "arp.hln", "u8[19]", "arp.pln");

  private final Map<String, String> names;

  private TermText(Map<String, String> names) {
    this.names = names;
  }

  /** Writes a term without knowing what the frame is. */
  public static String of(Term term) {
    return new TermText(Map.of()).text(term);
  }

  /** Writes conditions that hold together, fields by the names that they give them. */
  public static List<String> of(List<Term> conditions) {
    Map<String, String> names = Map.of();
    for (Term condition : conditions) {
      String text = of(condition);
      if (text.equals("eth.type == 0x800")) {
        names = IPV4;
      } else if (text.equals("eth.type == 0x86dd")) {
        names = IPV6;
      } else if (text.equals("eth.type == 0x806")) {
        names = ARP;
      }
    }
    TermText writer = new TermText(names);
    return conditions.stream().map(writer::text).toList();
  }

  private String text(Term term) {
    String plain = plain(term);
    String known = ETHERNET.getOrDefault(plain, plain);
    return names.getOrDefault(known, known);
  }

  private String plain(Term term) {
    return switch (term.op()) {
      case CONST -> number(term.value());
      case TRUTH -> term.isTrue() ? "true" : "false";
      case VAR -> term.name();
      case BYTE -> "u8[%s]".formatted(text(term.part(0)));
      case NOT -> negated(term.part(0));
      case CHOICE ->
          "(%s ? %s : %s)".formatted(text(term.part(0)), text(term.part(1)), text(term.part(2)));
      case BOTH -> "%s and %s".formatted(operand(term.part(0)), operand(term.part(1)));
      case EITHER -> "%s or %s".formatted(operand(term.part(0)), operand(term.part(1)));
      case EQ -> infix(term, "==");
      case ULT -> infix(term, "<");
      case SLT -> infix(term, "s<");
      case SHL ->
          term.part(1).isConst() && term.part(1).value() < 16
              ? "%s * %d".formatted(operand(term.part(0)), 1L << term.part(1).value())
              : infix(term, "<<");
      case OR -> {
        String field = field(term);
        yield field.isEmpty() ? infix(term, "|") : field;
      }
      case ADD ->
          term.part(1).isConst() && term.part(1).value() < 0
              ? "%s - %s".formatted(operand(term.part(0)), number(-term.part(1).value()))
              : infix(term, "+");
      case SUB -> infix(term, "-");
      case MUL -> infix(term, "*");
      case AND -> masked(term);
      case XOR -> infix(term, "^");
      case UDIV -> infix(term, "/");
      case UREM -> infix(term, "%");
      case SDIV -> infix(term, "s/");
      case SREM -> infix(term, "s%");
      case LSHR -> infix(term, ">>");
      case ASHR -> infix(term, "s>>");
    };
  }

  private String negated(Term term) {
    return switch (term.op()) {
      case EQ -> infix(term, "!=");
      case ULT -> infix(term, ">=");
      case SLT -> infix(term, "s>=");
      default -> "not (" + text(term) + ")";
    };
  }

  private String infix(Term term, String operator) {
    return "%s %s %s".formatted(operand(term.part(0)), operator, operand(term.part(1)));
  }

  private String operand(Term term) {
    String text = text(term);
    return text.contains(" ") && !text.startsWith("(") ? "(" + text + ")" : text;
  }

  private static String number(long value) {
    return Long.compareUnsigned(value, 256) < 0
        ? Long.toString(value)
        : "0x" + Long.toHexString(value);
  }

  /** Part of a field, as {@code u16[20] & 0x1fff}, which compilers read as two bytes. */
  private String masked(Term term) {
    if (term.part(1).isConst() && term.part(0).op() == Op.SHL && term.part(0).part(1).isConst()) {
      int by = (int) term.part(0).part(1).value();
      return "(%s & 0x%x) * %d"
          .formatted(operand(term.part(0).part(0)), term.part(1).value() >>> by, 1L << by);
    }
    return term.part(1).isConst()
        ? "%s & 0x%x".formatted(operand(term.part(0)), term.part(1).value())
        : infix(term, "&");
  }

  /** One byte, how far it is shifted up, and which of its bits count. */
  private record Piece(Term offset, int shift, long mask) {}

  /** Returns joined bytes as one field; empty if they are not one after the other. */
  private String field(Term term) {
    List<Piece> pieces = new ArrayList<>();
    if (!collect(term, 0, -1, pieces)) {
      return "";
    }
    pieces.sort(Comparator.comparingInt(Piece::shift));
    int count = pieces.size();
    Piece lowest = pieces.get(0);
    long mask = 0;
    for (int i = 0; i < count; i++) {
      Piece piece = pieces.get(i);
      if (piece.shift != lowest.shift + 8 * i) {
        return "";
      }
      mask |= piece.mask << piece.shift;
    }
    boolean big = follows(pieces.get(count - 1).offset, lowest.offset, count - 1);
    boolean little = follows(lowest.offset, pieces.get(count - 1).offset, count - 1);
    if (lowest.shift != 0 || !(big || little)) {
      return "";
    }
    Term first = big ? pieces.get(count - 1).offset : lowest.offset;
    String field = "%s%d[%s]".formatted(big ? "u" : "le", 8 * count, text(first));
    return mask == -1L >>> (64 - 8 * count) ? field : "%s & 0x%x".formatted(field, mask);
  }

  private static boolean follows(Term first, Term last, int by) {
    if (first.isConst() && last.isConst()) {
      return last.value() - first.value() == by;
    }
    long a = first.op() == Op.ADD && first.part(1).isConst() ? first.part(1).value() : 0;
    long b = last.op() == Op.ADD && last.part(1).isConst() ? last.part(1).value() : 0;
    Term baseA = first.op() == Op.ADD && first.part(1).isConst() ? first.part(0) : first;
    Term baseB = last.op() == Op.ADD && last.part(1).isConst() ? last.part(0) : last;
    return baseA == baseB && b - a == by;
  }

  private static boolean collect(Term term, int shift, long mask, List<Piece> pieces) {
    return switch (term.op()) {
      case BYTE -> pieces.add(new Piece(term.part(0), shift, mask & 0xFF));
      case OR ->
          collect(term.part(0), shift, mask, pieces) && collect(term.part(1), shift, mask, pieces);
      case SHL ->
          term.part(1).isConst()
              && collect(
                  term.part(0),
                  shift + (int) term.part(1).value(),
                  mask >>> term.part(1).value(),
                  pieces);
      case AND ->
          term.part(1).isConst()
              && collect(term.part(0), shift, mask & term.part(1).value(), pieces);
      default -> false;
    };
  }
}
