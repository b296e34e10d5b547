package io.plumbline.loader.json;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Iterator;
import java.util.Locale;
import java.util.Map;

/**
 * Writes JSON as cJSON prints it: keys on lines of their own behind tabs, a tab behind each colon,
 * arrays on one line; or all on one line.
 */
public final class JsonText {
  private static final int SHORT_DIGITS = 15;
  private static final int ALL_DIGITS = 17;

  private final StringBuilder out = new StringBuilder();
  private final boolean lines;

  private JsonText(boolean lines) {
    this.lines = lines;
  }

  /** Returns a value over several lines, without a line end behind it. */
  public static String pretty(Json json) {
    JsonText text = new JsonText(true);
    text.value(json, 0);
    return text.out.toString();
  }

  /** Returns a value on one line, without a line end behind it. */
  public static String line(Json json) {
    JsonText text = new JsonText(false);
    text.value(json, 0);
    return text.out.toString();
  }

  private void value(Json json, int depth) {
    if (json instanceof Json.Obj object) {
      object(object, depth + 1);
    } else if (json instanceof Json.Arr array) {
      out.append('[');
      String separator = "";
      for (Json item : array.items()) {
        out.append(separator);
        separator = lines ? ", " : ",";
        value(item, depth + 1);
      }
      out.append(']');
    } else if (json instanceof Json.Text text) {
      string(text.value());
    } else if (json instanceof Json.Num number) {
      out.append(number(number.value()));
    } else if (json instanceof Json.Whole whole) {
      out.append(whole.value());
    } else if (json instanceof Json.Bool bool) {
      out.append(bool.value());
    } else {
      out.append("null");
    }
  }

  private void object(Json.Obj object, int depth) {
    out.append(lines ? "{\n" : "{");
    for (Iterator<Map.Entry<String, Json>> i = object.entries().iterator(); i.hasNext(); ) {
      Map.Entry<String, Json> entry = i.next();
      if (lines) {
        out.append("\t".repeat(depth));
      }
      string(entry.getKey());
      out.append(lines ? ":\t" : ":");
      value(entry.getValue(), depth);
      if (i.hasNext()) {
        out.append(',');
      }
      if (lines) {
        out.append('\n');
      }
    }
    if (lines) {
      out.append("\t".repeat(depth - 1));
    }
    out.append('}');
  }

  private void string(String text) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\b' -> out.append("\\b");
        case '\f' -> out.append("\\f");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        default -> out.append(c < ' ' ? "\\u%04x".formatted((int) c) : String.valueOf(c));
      }
    }
    out.append('"');
  }

  /** Returns a number as C prints it with {@code %d}, {@code %1.15g}, or {@code %1.17g}. */
  static String number(double value) {
    if (Double.isNaN(value) || Double.isInfinite(value)) {
      return "null";
    }
    if (value == (int) value) {
      return Integer.toString((int) value);
    }
    String brief = general(value, SHORT_DIGITS);
    return Double.parseDouble(brief) == value ? brief : general(value, ALL_DIGITS);
  }

  /** Formats as C's {@code %g} does (C11 7.21.6.1). */
  private static String general(double value, int digits) {
    BigDecimal rounded =
        new BigDecimal(value).round(new MathContext(digits, RoundingMode.HALF_EVEN));
    BigDecimal plain = rounded.stripTrailingZeros();
    int exponent = plain.precision() - plain.scale() - 1;
    if (exponent >= -4 && exponent < digits) {
      return plain.toPlainString();
    }
    String all = plain.unscaledValue().abs().toString();
    String mantissa = all.length() == 1 ? all : all.charAt(0) + "." + all.substring(1);
    return String.format(
        Locale.ROOT,
        "%s%se%s%02d",
        value < 0 ? "-" : "",
        mantissa,
        exponent < 0 ? "-" : "+",
        Math.abs(exponent));
  }
}
