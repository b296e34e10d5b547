package io.plumbline.loader.json;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reader of JSON that accepts what cJSON accepts beyond RFC 8259: a byte order mark, every control
 * character as a blank or within a string, and numbers as C's {@code strtod} reads them ({@code
 * 01}, {@code 1.}).
 */
final class JsonReader {
  /** The deepest nesting, as in cJSON (CJSON_NESTING_LIMIT). */
  private static final int MAX_DEPTH = 1000;

  private static final Pattern NUMBER =
      Pattern.compile("-?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([eE][+-]?[0-9]+)?");

  private final String text;
  private int at;

  JsonReader(String text) {
    this.text = text;
  }

  Json read() throws IOException {
    if (text.startsWith("\uFEFF")) {
      at = 1;
    }
    return value(0);
  }

  private Json value(int depth) throws IOException {
    skipBlanks();
    return switch (peek()) {
      case '{' -> object(depth + 1);
      case '[' -> array(depth + 1);
      case '"' -> new Json.Text(string());
      case 't' -> literal("true", new Json.Bool(true));
      case 'f' -> literal("false", new Json.Bool(false));
      case 'n' -> literal("null", new Json.Null());
      default -> number();
    };
  }

  private Json object(int depth) throws IOException {
    List<Map.Entry<String, Json>> entries = new ArrayList<>();
    if (opens(depth, '}')) {
      return new Json.Obj(entries);
    }
    do {
      skipBlanks();
      String key = string();
      skipBlanks();
      expect(':');
      entries.add(Map.entry(key, value(depth)));
    } while (another('}'));
    return new Json.Obj(entries);
  }

  private Json array(int depth) throws IOException {
    List<Json> items = new ArrayList<>();
    if (opens(depth, ']')) {
      return new Json.Arr(items);
    }
    do {
      items.add(value(depth));
    } while (another(']'));
    return new Json.Arr(items);
  }

  /** Skips the bracket that opens a value, and returns whether the value ends at once. */
  private boolean opens(int depth, char end) throws IOException {
    if (depth > MAX_DEPTH) {
      throw error("nested deeper than " + MAX_DEPTH);
    }
    at++;
    skipBlanks();
    boolean empty = peek() == end;
    at += empty ? 1 : 0;
    return empty;
  }

  /** Skips a comma, or the bracket that ends a value; returns whether it was a comma. */
  private boolean another(char end) throws IOException {
    skipBlanks();
    boolean comma = peek() == ',';
    expect(comma ? ',' : end);
    return comma;
  }

  private Json literal(String word, Json value) throws IOException {
    if (!text.startsWith(word, at)) {
      throw error("expected " + word);
    }
    at += word.length();
    return value;
  }

  private Json number() throws IOException {
    Matcher number = NUMBER.matcher(text).region(at, text.length());
    // A number may begin with a point only after its sign.
    if (peek() == '.' || !number.lookingAt()) {
      throw error("expected a value");
    }
    at = number.end();
    return new Json.Num(Double.parseDouble(number.group()));
  }

  private String string() throws IOException {
    expect('"');
    StringBuilder value = new StringBuilder();
    while (peek() != '"') {
      char c = next();
      value.append(c == '\\' ? escaped() : c);
    }
    at++;
    String whole = value.toString();
    if (!wellFormed(whole)) {
      throw error("half of a surrogate pair");
    }
    return whole;
  }

  private char escaped() throws IOException {
    char c = next();
    return switch (c) {
      case '"', '\\', '/' -> c;
      case 'b' -> '\b';
      case 'f' -> '\f';
      case 'n' -> '\n';
      case 'r' -> '\r';
      case 't' -> '\t';
      case 'u' -> {
        int code = 0;
        for (int i = 0; i < 4; i++) {
          int digit = Character.digit(next(), 16);
          if (digit < 0 || text.charAt(at - 1) > 'f') {
            throw error("expected four hexadecimal digits");
          }
          code = code << 4 | digit;
        }
        yield (char) code;
      }
      default -> throw error("unknown escape");
    };
  }

  private static boolean wellFormed(String text) {
    return text.codePoints()
        .noneMatch(c -> c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE);
  }

  private void skipBlanks() {
    while (at < text.length() && text.charAt(at) <= ' ') {
      at++;
    }
  }

  private void expect(char c) throws IOException {
    if (peek() != c) {
      throw error("expected " + c);
    }
    at++;
  }

  private char next() throws IOException {
    char c = peek();
    at++;
    return c;
  }

  private char peek() throws IOException {
    if (at >= text.length()) {
      throw error("ends too early");
    }
    return text.charAt(at);
  }

  private IOException error(String problem) {
    return new IOException("character %d: %s".formatted(at, problem));
  }
}
