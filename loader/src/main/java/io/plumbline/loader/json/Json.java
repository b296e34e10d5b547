package io.plumbline.loader.json;

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

  /** Reads the first value of a text as cJSON does; what follows it is not looked at. */
  static Json parse(String text) throws IOException {
    return new JsonReader(text).read();
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
