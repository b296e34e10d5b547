package io.plumbline.model.ruleset;

import java.math.BigInteger;
import java.util.List;
import java.util.Optional;

/**
 * A row of a {@link FieldTable}: a property of a packet that rules can test. Two fields are the
 * same only if they are one object.
 */
public final class Field {
  /** Which sets of values a rule can name. */
  public enum Kind {
    /** One of a few named values. */
    ENUMERATION,
    /** Addresses that share their first bits. */
    PREFIX,
    /** Numbers from one to another. */
    RANGE
  }

  private final String name;
  private final Kind kind;
  private final List<String> words;
  private final List<Form> forms;

  private Field(String name, Kind kind, List<String> words, List<Form> forms) {
    this.name = name;
    this.kind = kind;
    this.words = List.copyOf(words);
    this.forms = List.copyOf(forms);
    for (Form form : forms) {
      int bits = form.bits();
      if (kind == Kind.PREFIX ? bits != 0 && bits != 32 && bits != 128 : bits > 64) {
        throw new IllegalArgumentException(
            "field %s: %d bits: expected %s"
                .formatted(name, bits, kind == Kind.PREFIX ? "32 or 128" : "at most 64"));
      }
    }
  }

  /** Returns a field of named values, numbered from 0. */
  public static Field enumeration(String name, List<String> words) {
    int bits = Math.max(1, 32 - Integer.numberOfLeadingZeros(words.size() - 1));
    return new Field(name, Kind.ENUMERATION, words, List.of(Form.of(name, bits)));
  }

  /** Returns a field of addresses, with its form for each class, or one form for all. */
  public static Field prefix(String name, List<Form> forms) {
    return new Field(name, Kind.PREFIX, List.of(), forms);
  }

  /** Returns a field of numbers, with its form for each class, or one form for all. */
  public static Field range(String name, List<Form> forms) {
    return new Field(name, Kind.RANGE, List.of(), forms);
  }

  /** Returns its name. */
  public String name() {
    return name;
  }

  /** Returns which sets of values a rule can name. */
  public Kind kind() {
    return kind;
  }

  /** Returns the names of an enumeration's values in the order of their numbers. */
  public List<String> words() {
    return words;
  }

  /** Returns the forms: one, or one for each class. */
  public List<Form> forms() {
    return forms;
  }

  /** Returns its form for packets of a class. */
  public Form form(int flowClass) {
    return forms.get(forms.size() == 1 ? 0 : flowClass);
  }

  /** Returns how many parts a value has, see {@link Values}. */
  int parts() {
    return forms.stream().anyMatch(form -> form.bits() > 64) ? 2 : 1;
  }

  /** Returns the highest value of a part in a class. */
  long max(int flowClass, int part) {
    return kind == Kind.ENUMERATION
        ? (part == 0 ? words.size() - 1 : 0)
        : form(flowClass).max(part);
  }

  /** Returns all values that it has in a class. */
  public Values any(int flowClass) {
    return kind == Kind.PREFIX
        ? form(flowClass).bits() == 128 ? Prefix.ANY_IPV6 : Prefix.ANY_IPV4
        : new ValueRange(0, max(flowClass, 0));
  }

  /** Returns whether a rule may demand these values of packets of a class. */
  public boolean admits(int flowClass, Values values) {
    return kind == Kind.PREFIX
        ? values instanceof Prefix prefix && prefix.family().bits() == form(flowClass).bits()
        : values instanceof ValueRange range
            && Long.compareUnsigned(range.high(), max(flowClass, 0)) <= 0;
  }

  /** Returns values as messages print them. */
  public String text(Values values) {
    if (kind != Kind.ENUMERATION) {
      return values.toString();
    }
    List<String> named = words.subList((int) values.low(0), (int) values.high(0) + 1);
    return String.join(",", named);
  }

  /**
   * Reads values in the form that {@link #text} gives them, of an enumeration one value.
   *
   * @return empty if packets of the class cannot have them
   */
  public Optional<Values> parse(int flowClass, String text) {
    Optional<Values> values =
        switch (kind) {
          case ENUMERATION ->
              words.contains(text)
                  ? Optional.of(ValueRange.of(words.indexOf(text)))
                  : Optional.empty();
          case PREFIX -> Prefix.parse(text).<Values>map(prefix -> prefix);
          case RANGE -> range(text);
        };
    return values.filter(known -> admits(flowClass, known));
  }

  private static Optional<Values> range(String text) {
    int dash = text.indexOf('-');
    Optional<Long> low = number(dash < 0 ? text : text.substring(0, dash));
    Optional<Long> high = dash < 0 ? low : number(text.substring(dash + 1));
    return low.isPresent() && high.isPresent() && Long.compareUnsigned(low.get(), high.get()) <= 0
        ? Optional.of(new ValueRange(low.get(), high.get()))
        : Optional.empty();
  }

  private static Optional<Long> number(String text) {
    return text.matches("[0-9]{1,20}") && new BigInteger(text).bitLength() <= 64
        ? Optional.of(Long.parseUnsignedLong(text))
        : Optional.empty();
  }

  @Override
  public String toString() {
    return name;
  }
}
