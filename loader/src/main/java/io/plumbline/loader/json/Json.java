package io.plumbline.loader.json;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A JSON value; objects keep the order of their keys, and keys that occur twice. */
public sealed interface Json {
  /** An object. */
  record Obj(List<Map.Entry<String, Json>> entries) implements Json {
    public Obj {
      entries = List.copyOf(entries);
    }

    /** Makes one of keys and values in turn; values are turned into JSON. */
    public static Obj of(Object... keysAndValues) {
      List<Map.Entry<String, Json>> entries = new ArrayList<>();
      for (int i = 0; i < keysAndValues.length; i += 2) {
        entries.add(Map.entry((String) keysAndValues[i], Json.of(keysAndValues[i + 1])));
      }
      return new Obj(entries);
    }
  }

  /** An array. */
  record Arr(List<Json> items) implements Json {
    public Arr {
      items = List.copyOf(items);
    }
  }

  /** A string. */
  record Text(String value) implements Json {}

  /** A number, as a double holds it. */
  record Num(double value) implements Json {}

  /** A whole number, which is written as it is; what is read is a {@link Num}. */
  record Whole(long value) implements Json {}

  /** True or false. */
  record Bool(boolean value) implements Json {}

  /** Null. */
  record Null() implements Json {}

  /** The deepest nesting that is read, as in cJSON. */
  int MAX_DEPTH = 1000;

  /** Turns strings, numbers, booleans and lists into JSON. */
  static Json of(Object value) {
    if (value instanceof Json json) {
      return json;
    }
    if (value instanceof Long || value instanceof Integer) {
      return new Whole(((Number) value).longValue());
    }
    if (value instanceof Number number) {
      return new Num(number.doubleValue());
    }
    if (value instanceof Boolean bool) {
      return new Bool(bool);
    }
    if (value instanceof List<?> list) {
      return new Arr(list.stream().<Json>map(Json::of).toList());
    }
    return new Text(value.toString());
  }

  /** Reads the first value of a text; what follows it is not looked at. */
  static Json parse(String text) throws IOException {
    try (JsonParser parser = new JsonFactory().createParser(text)) {
      JsonToken token = parser.nextToken();
      if (token == null) {
        throw new IOException("no value");
      }
      return value(parser, token, 0);
    }
  }

  private static Json value(JsonParser parser, JsonToken token, int depth) throws IOException {
    if (depth > MAX_DEPTH) {
      throw new IOException("nested deeper than " + MAX_DEPTH);
    }
    return switch (token) {
      case START_OBJECT -> {
        List<Map.Entry<String, Json>> entries = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
          String key = parser.currentName();
          entries.add(Map.entry(key, value(parser, parser.nextToken(), depth + 1)));
        }
        yield new Obj(entries);
      }
      case START_ARRAY -> {
        List<Json> items = new ArrayList<>();
        for (JsonToken next = parser.nextToken();
            next != JsonToken.END_ARRAY;
            next = parser.nextToken()) {
          items.add(value(parser, next, depth + 1));
        }
        yield new Arr(items);
      }
      case VALUE_STRING -> new Text(parser.getText());
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> new Num(Double.parseDouble(parser.getText()));
      case VALUE_TRUE -> new Bool(true);
      case VALUE_FALSE -> new Bool(false);
      case VALUE_NULL -> new Null();
      default -> throw new IOException("unexpected " + token);
    };
  }

  /** Returns what an object has under a key, the first if it is there twice. */
  default Optional<Json> get(String key) {
    return this instanceof Obj object
        ? object.entries.stream()
            .filter(entry -> entry.getKey().equals(key))
            .map(Map.Entry::getValue)
            .findFirst()
        : Optional.empty();
  }

  /** Returns the string that an object has under a key. */
  default Optional<String> text(String key) {
    return get(key).filter(Text.class::isInstance).map(value -> ((Text) value).value);
  }

  /** Returns the strings of the array that an object has under a key; other items are left out. */
  default List<String> texts(String key) {
    return items(key).stream()
        .filter(Text.class::isInstance)
        .map(value -> ((Text) value).value)
        .toList();
  }

  /** Returns the items of the array that an object has under a key. */
  default List<Json> items(String key) {
    return get(key).map(value -> value instanceof Arr array ? array.items : null).orElse(List.of());
  }
}
