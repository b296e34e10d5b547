package io.plumbline.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.plumbline.model.program.InputException;
import io.plumbline.model.program.InputGrammar;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every accepted and refused spelling of the traffico specification, section b. */
class InputGrammarTest {
  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '"',
      textBlock =
          """
          IPV4_ADDRESS, 0.0.0.0, 0.0.0.0
          IPV4_ADDRESS, 255.255.255.255, 255.255.255.255
          IPV4_ADDRESS, 192.0.2.10, 192.0.2.10
          PORT, 80, 80
          PORT, " 80", 80
          PORT, +80, 80
          PORT, 080, 80
          PORT, 65535, 65535
          PORT, -18446744073709551615, 1
          ETHERTYPES, ipv4, 0x0800
          ETHERTYPES, IPv4+ARP+0x86dd, 0x0800+0x0806+0x86dd
          ETHERTYPES, vlan+qinq+ipv6, 0x8100+0x88a8+0x86dd
          ETHERTYPES, 0X0600+0xFFFF, 0x0600+0xffff
          PROTOCOLS, tcp+UDP+icmp+sctp, 6+17+1+132
          PROTOCOLS, 0+255+007, 0+255+7
          PROTOCOLS, 1+2+3+4+5+6+7+8, 1+2+3+4+5+6+7+8
          """)
  void accepts(InputGrammar grammar, String text, String canonical) throws InputException {
    assertThat(grammar.parse(text)).hasToString(canonical);
    assertThat(grammar.parse(canonical)).isEqualTo(grammar.parse(text));
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '"',
      textBlock =
          """
          NONE, x, program does not accept input
          NONE, "", program does not accept input
          IPV4_ADDRESS, "", invalid IP address
          IPV4_ADDRESS, 1.2.3, invalid IP address
          IPV4_ADDRESS, 1.2.3.4.5, invalid IP address
          IPV4_ADDRESS, 1.2.3.256, invalid IP address
          IPV4_ADDRESS, 01.2.3.4, invalid IP address
          IPV4_ADDRESS, " 1.2.3.4", invalid IP address
          IPV4_ADDRESS, 1.2.3.4/32, invalid IP address
          IPV4_ADDRESS, ::1, invalid IP address
          PORT, "", invalid port number
          PORT, 0, invalid port number
          PORT, 65536, invalid port number
          PORT, 0x50, invalid port number
          PORT, "80 ", invalid port number
          PORT, -1, invalid port number
          PORT, 18446744073709551617, invalid port number
          ETHERTYPES, "", empty EtherType list
          ETHERTYPES, +ipv4, input must not start with '+'
          ETHERTYPES, ipv4+, input must not end with '+'
          ETHERTYPES, ipv4++arp, input contains empty value between '+' delimiters
          ETHERTYPES, ipv4+ arp, value must not contain whitespace
          ETHERTYPES, 0x0601+0x0602+0x0603+0x0604+0x0605+0x0606+0x0607+0x0608+0x0609, too many EtherType values
          ETHERTYPES, 0x05ff, invalid EtherType hex value
          ETHERTYPES, 0x, invalid EtherType hex value
          ETHERTYPES, 0x10000, invalid EtherType hex value
          ETHERTYPES, 0x08zz, invalid EtherType hex value
          ETHERTYPES, 2048, unknown EtherType name
          ETHERTYPES, ipx, unknown EtherType name
          ETHERTYPES, ipv4+0x0800, duplicate EtherType value
          PROTOCOLS, "", empty protocol list
          PROTOCOLS, +tcp, input must not start with '+'
          PROTOCOLS, tcp+, input must not end with '+'
          PROTOCOLS, tcp++udp, input contains empty value between '+' delimiters
          PROTOCOLS, tcp+ udp, value must not contain whitespace
          PROTOCOLS, 1+2+3+4+5+6+7+8+9, too many protocol values
          PROTOCOLS, gre, unknown protocol name (use a number 0-255)
          PROTOCOLS, 6x, unknown protocol name (use a number 0-255)
          PROTOCOLS, 256, protocol number out of range (0-255)
          PROTOCOLS, 99999999999999999999, protocol number out of range (0-255)
          PROTOCOLS, tcp+6, duplicate protocol value
          """)
  void refuses(InputGrammar grammar, String text, String message) {
    assertThatThrownBy(() -> grammar.parse(text))
        .isInstanceOf(InputException.class)
        .hasMessage(message);
  }

  @ParameterizedTest
  @CsvSource({"ETHERTYPES, EtherType list too long", "PROTOCOLS, protocol list too long"})
  void refusesLongLists(InputGrammar grammar, String message) {
    assertThatThrownBy(() -> grammar.parse("1".repeat(256))).hasMessage(message);
  }
}
