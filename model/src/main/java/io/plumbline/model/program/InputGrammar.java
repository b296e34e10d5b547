package io.plumbline.model.program;

import io.plumbline.model.packet.EtherType;
import io.plumbline.model.packet.IpProtocol;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The inputs that programs take: how they are written, and the text of every refusal (traffico
 * specification, section b).
 */
public enum InputGrammar {
  /** No input. */
  NONE("", "no input") {
    @Override
    public Input parse(String text) throws InputException {
      throw new InputException("program does not accept input");
    }
  },

  /**
   * A strict dotted quad, as {@code inet_pton} takes it: four decimal parts of 0..255 without
   * leading zeros.
   */
  IPV4_ADDRESS("IP", "an IPv4 address such as 192.0.2.1") {
    @Override
    public Input parse(String text) throws InputException {
      Matcher quad = DOTTED_QUAD.matcher(text);
      if (!quad.matches()) {
        throw new InputException("invalid IP address");
      }
      int address = 0;
      for (int part = 1; part <= 4; part++) {
        int octet = Integer.parseInt(quad.group(part));
        if (octet > 255) {
          throw new InputException("invalid IP address");
        }
        address = address << 8 | octet;
      }
      return new Input.Ipv4Address(address);
    }
  },

  /**
   * A port, read as C's {@code strtoul} with base 10 reads a whole string: blanks in front, one
   * sign and leading zeros are taken, a negative number wraps at 64 bits.
   */
  PORT("PORT", "a port, 1..65535") {
    @Override
    public Input parse(String text) throws InputException {
      Matcher number = STRTOUL.matcher(text);
      if (!number.matches()) {
        throw new InputException("invalid port number");
      }
      BigInteger magnitude = new BigInteger(number.group(2));
      if (magnitude.bitLength() > 64) {
        throw new InputException("invalid port number");
      }
      BigInteger value =
          "-".equals(number.group(1)) ? magnitude.negate().mod(TWO_TO_64) : magnitude;
      if (value.signum() == 0 || value.bitLength() > 16) {
        throw new InputException("invalid port number");
      }
      return new Input.Port(value.intValueExact());
    }
  },

  /**
   * One to eight EtherTypes joined by {@code +}: names of any case, or hexadecimal numbers
   * 0x0600..0xFFFF.
   */
  ETHERTYPES("TYPE[+TYPE...]", "1..8 of ipv4, ipv6, arp, vlan, qinq, 0x0600..0xffff") {
    @Override
    public Input parse(String text) throws InputException {
      return new Input.EtherTypes(parseList(text, "EtherType", InputGrammar::etherType));
    }
  },

  /**
   * One to eight IP protocols joined by {@code +}: names of any case, or decimal numbers 0..255.
   */
  PROTOCOLS("PROTO[+PROTO...]", "1..8 of tcp, udp, icmp, sctp, 0..255") {
    @Override
    public Input parse(String text) throws InputException {
      return new Input.Protocols(parseList(text, "protocol", InputGrammar::protocol));
    }
  };

  /** The most values that a list may hold. */
  public static final int MAX_VALUES = 8;

  private static final int MAX_LIST_BYTES = 255;
  private static final BigInteger TWO_TO_64 = BigInteger.ONE.shiftLeft(64);
  private static final String OCTET = "(0|[1-9][0-9]{0,2})";
  private static final Pattern DOTTED_QUAD =
      Pattern.compile(OCTET + "\\." + OCTET + "\\." + OCTET + "\\." + OCTET);
  private static final Pattern STRTOUL = Pattern.compile("[ \\t\\n\\x0B\\f\\r]*([+-]?)([0-9]+)");
  private static final Pattern WHITESPACE = Pattern.compile("[ \\t\\n\\x0B\\f\\r]");
  private static final Map<String, Integer> ETHERTYPE_NAMES =
      Map.of(
          "ipv4", EtherType.IPV4,
          "ipv6", EtherType.IPV6,
          "arp", EtherType.ARP,
          "vlan", EtherType.VLAN,
          "qinq", EtherType.QINQ);
  private static final Map<String, Integer> PROTOCOL_NAMES =
      Map.of(
          "tcp", IpProtocol.TCP,
          "udp", IpProtocol.UDP,
          "icmp", IpProtocol.ICMP,
          "sctp", IpProtocol.SCTP);

  private final String placeholder;
  private final String allowed;

  InputGrammar(String placeholder, String allowed) {
    this.placeholder = placeholder;
    this.allowed = allowed;
  }

  /** Parses an input. */
  public abstract Input parse(String text) throws InputException;

  /** Returns how help texts write the input, empty if there is none. */
  public String placeholder() {
    return placeholder;
  }

  /** Returns in words what is accepted. */
  public String allowed() {
    return allowed;
  }

  /** Reads one token, which has no whitespace in it. */
  private interface TokenParser {
    int parse(String token) throws InputException;
  }

  private static List<Integer> parseList(String text, String what, TokenParser parser)
      throws InputException {
    if (text.isEmpty()) {
      throw new InputException("empty " + what + " list");
    }
    if (text.startsWith("+")) {
      throw new InputException("input must not start with '+'");
    }
    if (text.endsWith("+")) {
      throw new InputException("input must not end with '+'");
    }
    if (text.contains("++")) {
      throw new InputException("input contains empty value between '+' delimiters");
    }
    if (text.getBytes(StandardCharsets.UTF_8).length > MAX_LIST_BYTES) {
      throw new InputException(what + " list too long");
    }
    List<Integer> values = new ArrayList<>();
    for (String token : text.split("\\+", -1)) {
      if (WHITESPACE.matcher(token).find()) {
        throw new InputException("value must not contain whitespace");
      }
      if (values.size() == MAX_VALUES) {
        throw new InputException("too many " + what + " values");
      }
      int value = parser.parse(token);
      if (values.contains(value)) {
        throw new InputException("duplicate " + what + " value");
      }
      values.add(value);
    }
    return values;
  }

  private static int etherType(String token) throws InputException {
    Integer named = ETHERTYPE_NAMES.get(token.toLowerCase(Locale.ROOT));
    if (named != null) {
      return named;
    }
    if (!token.startsWith("0x") && !token.startsWith("0X")) {
      throw new InputException("unknown EtherType name");
    }
    return number(token.substring(2), 16, 0xFFFF)
        .filter(value -> value >= 0x0600)
        .orElseThrow(() -> new InputException("invalid EtherType hex value"));
  }

  private static int protocol(String token) throws InputException {
    Integer named = PROTOCOL_NAMES.get(token.toLowerCase(Locale.ROOT));
    if (named != null) {
      return named;
    }
    if (!token.matches("[0-9]+")) {
      throw new InputException("unknown protocol name (use a number 0-255)");
    }
    return number(token, 10, 255)
        .orElseThrow(() -> new InputException("protocol number out of range (0-255)"));
  }

  /**
   * Reads ASCII digits of a base; empty if there are none, another character stands there, or the
   * number is too large.
   */
  private static Optional<Integer> number(String digits, int base, int max) {
    if (!digits.matches(base == 16 ? "[0-9a-fA-F]+" : "[0-9]+")) {
      return Optional.empty();
    }
    BigInteger value = new BigInteger(digits, base);
    return value.compareTo(BigInteger.valueOf(max)) <= 0
        ? Optional.of(value.intValueExact())
        : Optional.empty();
  }
}
