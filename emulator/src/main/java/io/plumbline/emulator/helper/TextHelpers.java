package io.plumbline.emulator.helper;

import io.plumbline.emulator.machine.Errno;
import io.plumbline.emulator.machine.Fault;
import io.plumbline.emulator.machine.Machine;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Text: formats as {@code bpf_trace_printk} and {@code bpf_snprintf} know them, numbers, copies.
 */
final class TextHelpers {
  private static final int MAX_TEXT = 512;
  private static final int MAX_NUMBER = 64;
  private static final Pattern FORMAT =
      Pattern.compile("%(?:%|([-+ #0]*)(\\d*)(l{0,2}|h{0,2})([diuxXpsc]))");

  private TextHelpers() {}

  /** Returns the text, or null if the format is not one. */
  private static @org.jspecify.annotations.Nullable String format(
      Machine m, String format, long[] arguments) {
    StringBuilder out = new StringBuilder();
    Matcher matcher = FORMAT.matcher(format);
    int used = 0;
    int from = 0;
    while (matcher.find()) {
      if (format.substring(from, matcher.start()).contains("%")) {
        return null;
      }
      out.append(format, from, matcher.start());
      from = matcher.end();
      if (matcher.group().equals("%%")) {
        out.append('%');
        continue;
      }
      if (used == arguments.length) {
        return null;
      }
      out.append(one(m, matcher, arguments[used++]));
    }
    if (format.substring(from).contains("%")) {
      return null;
    }
    return out.append(format.substring(from)).toString();
  }

  private static String one(Machine m, Matcher matcher, long argument) {
    boolean wide = matcher.group(3).startsWith("l");
    String flags = matcher.group(1);
    long number = wide ? argument : (int) argument;
    String text =
        switch (matcher.group(4)) {
          case "d", "i" -> Long.toString(number);
          case "u" -> wide ? Long.toUnsignedString(number) : Integer.toUnsignedString((int) number);
          case "x" -> (flags.contains("#") ? "0x" : "") + hex(argument, wide);
          case "X" -> hex(argument, wide).toUpperCase(Locale.ROOT);
          case "p" -> "%016x".formatted(argument);
          case "c" -> String.valueOf((char) (argument & 0xFF));
          default -> m.text(argument, MAX_TEXT);
        };
    int width = matcher.group(2).isEmpty() ? 0 : Math.min(MAX_TEXT, number(matcher.group(2)));
    String fill = flags.contains("0") && !flags.contains("-") ? "0" : " ";
    String padding = fill.repeat(Math.max(0, width - text.length()));
    if (flags.contains("-")) {
      return text + padding;
    }
    return fill.equals("0") && text.startsWith("-")
        ? "-" + padding + text.substring(1)
        : padding + text;
  }

  private static int number(String digits) {
    return digits.length() > 4 ? MAX_TEXT : Integer.parseInt(digits);
  }

  private static String hex(long argument, boolean wide) {
    return wide ? Long.toHexString(argument) : Integer.toHexString((int) argument);
  }

  static long printk(Machine m, long format, long size, long c, long d, long e) {
    return print(m, format, size, new long[] {c, d, e});
  }

  static long vprintk(Machine m, long format, long size, long data, long length, long e) {
    return print(m, format, size, numbers(m, data, length));
  }

  private static long print(Machine m, long format, long size, long[] arguments) {
    String pattern = new String(m.bytes(format, size(size)), StandardCharsets.ISO_8859_1);
    int end = pattern.indexOf('\0');
    if (end < 0) {
      return -Errno.EINVAL;
    }
    String text = format(m, pattern.substring(0, end), arguments);
    if (text == null) {
      return -Errno.EINVAL;
    }
    m.prints().add(text);
    return text.length();
  }

  private static int size(long size) {
    if (size < 0 || size > 1 << 20) {
      throw new Fault("size %d: expected 0..%d".formatted(size, 1 << 20));
    }
    return (int) size;
  }

  private static long[] numbers(Machine m, long data, long length) {
    long[] numbers = new long[size(length) / 8];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = m.load(data + 8L * i, 8);
    }
    return numbers;
  }

  static long snprintf(Machine m, long to, long size, long format, long data, long length) {
    if (length % 8 != 0 || length > 8 * 12 || (length != 0 && data == 0)) {
      return -Errno.EINVAL;
    }
    String text = format(m, m.text(format, MAX_TEXT), numbers(m, data, length));
    if (text == null) {
      return -Errno.EINVAL;
    }
    if (size > 0) {
      byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
      byte[] cut = Arrays.copyOf(bytes, (int) Math.min(bytes.length, size - 1) + 1);
      cut[cut.length - 1] = 0;
      m.put(to, cut, 0, cut.length);
    }
    return text.length() + 1L;
  }

  static long strncmp(Machine m, long a, long size, long b, long d, long e) {
    for (int i = 0; i < size(size); i++) {
      int left = (int) m.load(a + i, 1);
      int right = (int) m.load(b + i, 1);
      if (left != right) {
        return left < right ? -1 : 1;
      }
      if (left == 0) {
        break;
      }
    }
    return 0;
  }

  static long strtol(Machine m, long text, long size, long flags, long to, long e) {
    return parse(m, text, size, flags, to, true);
  }

  static long strtoul(Machine m, long text, long size, long flags, long to, long e) {
    return parse(m, text, size, flags, to, false);
  }

  /** Returns how many characters were read (kernel {@code __bpf_strtoull}). */
  private static long parse(Machine m, long text, long size, long flags, long to, boolean signed) {
    m.store(to, 8, 0);
    int base = (int) flags & 31;
    if (size <= 0 || (flags & ~31) != 0 || (base != 0 && base != 8 && base != 10 && base != 16)) {
      return -Errno.EINVAL;
    }
    String all = m.text(text, (int) Math.min(size, MAX_NUMBER + 32));
    int at = 0;
    while (at < all.length() && " \t\n\r\f\u000b".indexOf(all.charAt(at)) >= 0) {
      at++;
    }
    boolean negative = at < all.length() && all.charAt(at) == '-';
    if (negative && !signed) {
      return -Errno.EINVAL;
    }
    at += negative ? 1 : 0;
    boolean hex =
        (base == 0 || base == 16) && all.substring(at).toLowerCase(Locale.ROOT).startsWith("0x");
    int radix = base != 0 ? base : hex ? 16 : all.startsWith("0", at) ? 8 : 10;
    at += hex ? 2 : 0;
    int start = at;
    while (at < all.length()
        && Character.digit(all.charAt(at), radix) >= 0
        && all.charAt(at) < 128) {
      at++;
    }
    if (start == at) {
      return -Errno.EINVAL;
    }
    BigInteger value = new BigInteger(all.substring(start, at), radix);
    BigInteger most =
        signed
            ? BigInteger.valueOf(Long.MAX_VALUE).add(negative ? BigInteger.ONE : BigInteger.ZERO)
            : BigInteger.ONE.shiftLeft(64).subtract(BigInteger.ONE);
    if (value.compareTo(most) > 0) {
      return -Errno.ERANGE;
    }
    m.store(to, 8, negative ? -value.longValue() : value.longValue());
    return at;
  }

  static long probeRead(Machine m, long to, long size, long from, long d, long e) {
    int bytes = size(size);
    try {
      byte[] data = m.bytes(from, bytes);
      m.put(to, data, 0, bytes);
      return 0;
    } catch (Fault fault) {
      m.put(to, new byte[bytes], 0, bytes);
      return -Errno.EFAULT;
    }
  }

  static long probeReadText(Machine m, long to, long size, long from, long d, long e) {
    int bytes = size(size);
    if (bytes == 0) {
      return 0;
    }
    try {
      byte[] text = m.text(from, bytes - 1).getBytes(StandardCharsets.ISO_8859_1);
      m.put(to, Arrays.copyOf(text, text.length + 1), 0, text.length + 1);
      return text.length + 1L;
    } catch (Fault fault) {
      m.put(to, new byte[bytes], 0, bytes);
      return -Errno.EFAULT;
    }
  }
}
