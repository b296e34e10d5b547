package io.plumbline.pcaps;

import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.VlanTag;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Frames as text, one word per header in the order of the wire: {@code eth vlan(5) ipv4(192.0.2.1)
 * ihl(6) tcp(1024,443) cut(40)}.
 *
 * <p>The words are the methods of {@link PacketBuilder}; {@code outside(0x8100,5)} sets a tag
 * outside the bytes, and {@code hex(0102)} adds bytes as they are. Numbers are decimal or {@code
 * 0x} hexadecimal.
 */
public final class PacketText {
  private static final Pattern WORD = Pattern.compile("([a-z0-9]+)(?:\\(([^()]*)\\))?");

  private PacketText() {}

  /**
   * Reads a frame.
   *
   * @throws IllegalArgumentException if a word or its arguments are not known; the message names
   *     the word
   */
  public static Packet parse(String text) {
    PacketBuilder builder = PacketBuilder.eth();
    for (String word : text.strip().split("\\s+", -1)) {
      Matcher matcher = WORD.matcher(word);
      if (!matcher.matches()) {
        throw new IllegalArgumentException(
            "packet text: word '" + word + "': expected name or name(arguments)");
      }
      String arguments = matcher.group(2) == null ? "" : matcher.group(2);
      try {
        apply(builder, matcher.group(1), arguments);
      } catch (NumberFormatException | IndexOutOfBoundsException e) {
        throw new IllegalArgumentException("packet text: word '" + word + "': bad arguments", e);
      }
    }
    return builder.build();
  }

  /** Returns the largest argument of a word. */
  private static int most(String word) {
    return switch (word) {
      case "version", "ihl" -> 0xF;
      case "protocol", "ipv6" -> 0xFF;
      case "type", "vlan", "tag", "outside", "fragment", "tcp", "udp" -> 0xFFFF;
      default -> Integer.MAX_VALUE;
    };
  }

  private static void apply(PacketBuilder builder, String word, String arguments) {
    if (word.equals("ipv4")) {
      builder.ipv4(arguments);
      return;
    }
    if (word.equals("hex")) {
      for (byte b : HexFormat.of().parseHex(arguments)) {
        builder.append(b);
      }
      return;
    }
    List<Integer> n = new ArrayList<>();
    if (!arguments.isEmpty()) {
      for (String number : arguments.split(",", -1)) {
        n.add(Integer.decode(number));
      }
    }
    int most = most(word);
    for (int number : n) {
      if (number < 0 || number > most) {
        throw new IllegalArgumentException(
            "packet text: word '%s(%s)': %d: expected 0..%d"
                .formatted(word, arguments, number, most));
      }
    }
    switch (word) {
      case "eth" -> {}
      case "type" -> builder.type(n.get(0));
      case "vlan" -> builder.vlan(n.get(0));
      case "tag" -> builder.tag(n.get(0), n.get(1));
      case "outside" -> builder.outsideTag(new VlanTag(n.get(0), n.get(1)));
      case "version" -> builder.version(n.get(0));
      case "ihl" -> builder.ihl(n.get(0));
      case "fragment" -> builder.fragment(n.get(0));
      case "protocol" -> builder.protocol(n.get(0));
      case "tcp" -> builder.tcp(n.get(0), n.get(1));
      case "udp" -> builder.udp(n.get(0), n.get(1));
      case "icmp" -> builder.icmp();
      case "arp" -> builder.arp();
      case "ipv6" -> builder.ipv6(n.get(0));
      case "pad" -> builder.pad(n.get(0));
      case "cut" -> builder.cut(n.get(0));
      case "u8" -> builder.u8(n.get(0), n.get(1));
      case "u16" -> builder.u16(n.get(0), n.get(1));
      default -> throw new IllegalArgumentException("packet text: word '" + word + "': not known");
    }
  }
}
