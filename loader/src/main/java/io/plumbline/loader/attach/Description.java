package io.plumbline.loader.attach;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What an attached program says about itself. It lies in a read-only map that the program holds, so
 * it is there exactly as long as the program is, whatever becomes of files and processes.
 *
 * @param tool what attached it: {@code plumb}, {@code traffico}, {@code traffico-cni}
 * @param subject the filter in words, as on the command line
 * @param source the policy file or object it came from; may be empty
 * @param by the user
 * @param pid the process that attached it
 * @param stays whether it is meant to outlive that process
 * @param observing whether it drops nothing
 * @param madeQdisc whether the clsact qdisc is there because of it
 * @param lines names of the counters that the filter keeps itself; empty if it keeps none
 */
public record Description(
    String tool,
    String subject,
    String source,
    String by,
    long pid,
    Instant since,
    boolean stays,
    boolean observing,
    boolean madeQdisc,
    List<String> lines) {
  private static final String MAGIC = "plumbline 1";

  public Description {
    lines = List.copyOf(lines);
  }

  /** Returns the same for a filter whose attaching also made the qdisc. */
  Description withMadeQdisc(boolean made) {
    return new Description(tool, subject, source, by, pid, since, stays, observing, made, lines);
  }

  /** Returns it as text: a line for each value, in this order. */
  byte[] encode() {
    List<String> values = new ArrayList<>();
    values.add(MAGIC);
    values.add(tool);
    values.add(subject);
    values.add(source);
    values.add(by);
    values.add(Long.toString(pid));
    values.add(since.toString());
    values.add(Boolean.toString(stays));
    values.add(Boolean.toString(observing));
    values.add(Boolean.toString(madeQdisc));
    values.addAll(lines);
    StringBuilder text = new StringBuilder();
    for (String value : values) {
      text.append(value.replace('\n', ' ')).append('\n');
    }
    return text.toString().getBytes(StandardCharsets.UTF_8);
  }

  /** Reads what {@link #encode} wrote; empty if it is something else. */
  static Optional<Description> decode(byte[] bytes) {
    String text = new String(bytes, StandardCharsets.UTF_8);
    int end = text.indexOf('\0');
    List<String> values = (end < 0 ? text : text.substring(0, end)).lines().toList();
    if (values.size() < 10 || !values.get(0).equals(MAGIC)) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          new Description(
              values.get(1),
              values.get(2),
              values.get(3),
              values.get(4),
              Long.parseLong(values.get(5)),
              Instant.parse(values.get(6)),
              Boolean.parseBoolean(values.get(7)),
              Boolean.parseBoolean(values.get(8)),
              Boolean.parseBoolean(values.get(9)),
              values.subList(10, values.size())));
    } catch (IllegalArgumentException | java.time.DateTimeException e) {
      return Optional.empty();
    }
  }
}
