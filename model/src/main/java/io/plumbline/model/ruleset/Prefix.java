package io.plumbline.model.ruleset;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * Addresses that share their first bits (RFC 4632, RFC 4291 section 2.3).
 *
 * @param hi an IPv4 address, 0..0xFFFFFFFF, or the first 64 bits of an IPv6 address
 * @param lo the last 64 bits of an IPv6 address; 0 for IPv4
 * @param length how many bits are shared; those after them are zero
 */
public record Prefix(Family family, long hi, long lo, int length) implements Values {
  /** By family and address; a prefix comes before those that lie in it. */
  public static final Comparator<Prefix> ORDER =
      Comparator.comparing(Prefix::family)
          .thenComparing((a, b) -> Long.compareUnsigned(a.hi(), b.hi()))
          .thenComparing((a, b) -> Long.compareUnsigned(a.lo(), b.lo()))
          .thenComparing(Prefix::length);

  /** Every IPv4 address. */
  public static final Prefix ANY_IPV4 = new Prefix(Family.IPV4, 0, 0, 0);

  /** Every IPv6 address. */
  public static final Prefix ANY_IPV6 = new Prefix(Family.IPV6, 0, 0, 0);

  public Prefix {
    if (length < 0 || length > family.bits()) {
      throw new IllegalArgumentException("prefix: length " + length);
    }
  }

  /** Returns every address of a family. */
  public static Prefix any(Family family) {
    return family == Family.IPV4 ? ANY_IPV4 : ANY_IPV6;
  }

  /** Returns one IPv4 address, in host order. */
  public static Prefix ipv4(int address) {
    return new Prefix(Family.IPV4, address & 0xFFFF_FFFFL, 0, 32);
  }

  /** Returns this prefix with the bits after its length set to zero. */
  public Prefix masked() {
    return new Prefix(family, hi & hiMask(), lo & loMask(), length);
  }

  /** Returns the prefix of another length that contains this one's first address. */
  public Prefix widened(int bits) {
    return new Prefix(family, hi, lo, bits).masked();
  }

  /** Returns the highest first half: of IPv4, the highest address. */
  public long lastHi() {
    return family == Family.IPV4 ? (hi | ~hiMask()) & 0xFFFF_FFFFL : hi | ~hiMask();
  }

  /** Returns the highest second half. */
  public long lastLo() {
    return family == Family.IPV4 ? 0 : lo | ~loMask();
  }

  @Override
  public long low(int part) {
    return part == 0 ? hi : lo;
  }

  @Override
  public long high(int part) {
    return part == 0 ? lastHi() : lastLo();
  }

  private long hiMask() {
    int width = family == Family.IPV4 ? 32 : 64;
    int bits = Math.min(length, width);
    long mask = bits == 0 ? 0 : -1L << (width - bits);
    return family == Family.IPV4 ? mask & 0xFFFF_FFFFL : mask;
  }

  private long loMask() {
    return length <= 64 ? 0 : -1L << (128 - length);
  }

  /** Returns whether it is one address. */
  public boolean single() {
    return length == family.bits();
  }

  /** Returns whether an address, given by its halves, is in it. */
  public boolean contains(long addressHi, long addressLo) {
    return ((addressHi ^ hi) & hiMask()) == 0 && ((addressLo ^ lo) & loMask()) == 0;
  }

  /** Returns whether every address of another prefix is in it. */
  public boolean contains(Prefix other) {
    return family == other.family && length <= other.length && contains(other.hi, other.lo);
  }

  /** Reads a prefix as {@link #toString} gives it: no bits after its length may be set. */
  public static Optional<Prefix> parse(String text) {
    boolean bracket = text.startsWith("[") && text.endsWith("]");
    String inner = bracket ? text.substring(1, text.length() - 1) : text;
    int slash = inner.indexOf('/');
    String address = slash < 0 ? inner : inner.substring(0, slash);
    Optional<Prefix> whole = bracket ? parseIpv6(address) : parseIpv4(address);
    if (slash < 0 || whole.isEmpty()) {
      return whole;
    }
    int bits = decimal(inner.substring(slash + 1), 3);
    return whole
        .filter(known -> bits >= 0 && bits <= known.family().bits())
        .map(known -> new Prefix(known.family(), known.hi(), known.lo(), bits))
        .filter(prefix -> prefix.equals(prefix.masked()));
  }

  /** Reads a strict dotted quad, as inet_pton(3) does: four decimal parts without leading zeros. */
  public static Optional<Prefix> parseIpv4(String text) {
    String[] parts = text.split("\\.", -1);
    if (parts.length != 4) {
      return Optional.empty();
    }
    long address = 0;
    for (String part : parts) {
      int value = decimal(part, 3);
      if (value < 0 || value > 255 || part.length() > 1 && part.charAt(0) == '0') {
        return Optional.empty();
      }
      address = address << 8 | value;
    }
    return Optional.of(new Prefix(Family.IPV4, address, 0, 32));
  }

  /** Reads an IPv6 address in the forms of RFC 4291 section 2.2, as inet_pton(3) does. */
  public static Optional<Prefix> parseIpv6(String text) {
    int gap = text.indexOf("::");
    List<Integer> head = groups(gap < 0 ? text : text.substring(0, gap), gap < 0);
    List<Integer> tail = gap < 0 ? List.of() : groups(text.substring(gap + 2), true);
    if (head.contains(-1) || tail.contains(-1)) {
      return Optional.empty();
    }
    int missing = 8 - head.size() - tail.size();
    if (gap < 0 ? missing != 0 : missing < 1) {
      return Optional.empty();
    }
    List<Integer> all = new ArrayList<>(head);
    for (int i = 0; i < missing; i++) {
      all.add(0);
    }
    all.addAll(tail);
    long hi = 0;
    long lo = 0;
    for (int i = 0; i < 4; i++) {
      hi = hi << 16 | all.get(i);
      lo = lo << 16 | all.get(4 + i);
    }
    return Optional.of(new Prefix(Family.IPV6, hi, lo, 128));
  }

  /** Returns the 16-bit groups of a piece; -1 stands for something that is none. */
  private static List<Integer> groups(String text, boolean quadAllowed) {
    List<Integer> groups = new ArrayList<>();
    if (text.isEmpty()) {
      return groups;
    }
    String[] parts = text.split(":", -1);
    for (int i = 0; i < parts.length; i++) {
      if (quadAllowed && i == parts.length - 1 && parts[i].indexOf('.') >= 0) {
        Optional<Prefix> quad = parseIpv4(parts[i]);
        groups.add(quad.map(q -> (int) (q.hi >>> 16)).orElse(-1));
        groups.add(quad.map(q -> (int) (q.hi & 0xFFFF)).orElse(-1));
      } else {
        boolean hex = parts[i].matches("[0-9a-fA-F]{1,4}");
        groups.add(hex ? Integer.parseInt(parts[i], 16) : -1);
      }
    }
    return groups;
  }

  /** Reads decimal digits; -1 if there is anything else, nothing, or more than {@code digits}. */
  public static int decimal(String text, int digits) {
    if (text.isEmpty() || text.length() > digits) {
      return -1;
    }
    int value = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c < '0' || c > '9') {
        return -1;
      }
      value = value * 10 + (c - '0');
    }
    return value;
  }

  /** Returns the first address as text, IPv6 as RFC 5952 wants it, without brackets. */
  public String address() {
    if (family == Family.IPV4) {
      return (hi >>> 24) + "." + (hi >>> 16 & 0xFF) + "." + (hi >>> 8 & 0xFF) + "." + (hi & 0xFF);
    }
    int[] groups = new int[8];
    for (int i = 0; i < 4; i++) {
      groups[i] = (int) (hi >>> (48 - 16 * i)) & 0xFFFF;
      groups[4 + i] = (int) (lo >>> (48 - 16 * i)) & 0xFFFF;
    }
    int start = -1;
    int longest = 1;
    for (int i = 0; i < 8; i++) {
      int run = 0;
      while (i + run < 8 && groups[i + run] == 0) {
        run++;
      }
      if (run > longest) {
        longest = run;
        start = i;
      }
    }
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 8; i++) {
      if (i == start) {
        text.append("::");
        i += longest - 1;
      } else {
        if (i > 0 && i != start + longest) {
          text.append(':');
        }
        text.append(Integer.toHexString(groups[i]));
      }
    }
    return text.toString();
  }

  /** Returns the prefix as selectors write it: IPv6 in brackets, no length for one address. */
  @Override
  public String toString() {
    String text = single() ? address() : address() + "/" + length;
    return family == Family.IPV4 ? text : "[" + text + "]";
  }
}
