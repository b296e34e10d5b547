package io.plumbline.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.plumbline.model.catalog.ChainSyntax;
import io.plumbline.model.program.InputException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The chain grammar of the traffico specification, section c. */
class ChainSyntaxTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "allow_ethertype:0x0800+0x0806,allow_ipv4:192.0.2.10,allow_port:443",
        "allow_ethertype:0x8100",
        "allow_ethertype:0x86dd,allow_ethertype:0x0800,allow_dns:192.0.2.53"
      })
  void accepts(String chain) throws InputException {
    assertThat(ChainSyntax.parse(chain)).hasToString(chain);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          "" | --chain requires at least one program
          , | empty chain entry
          allow_ethertype:ipv4, | empty chain entry
          x:1 | unknown program in chain: 'x'
          nop: | program does not accept input: ''
          nop | program 'nop' does not support chaining
          ALLOW_PORT | program 'ALLOW_PORT' in chain requires an input value (use name:value)
          allow_port:0 | invalid port number: '0'
          allow_port:443 | L3/L4 chains must start with allow_ethertype
          block_port:443 | program 'block_port' does not support chaining
          allow_ethertype:ipv4,allow_port:1,allow_ipv4:192.0.2.1 | chain order must be L2 -> L3 -> L4
          allow_ethertype:vlan,allow_proto:tcp | VLAN EtherTypes in allow_ethertype chains require VLAN-aware L3/L4 parsing
          """)
  void refuses(String chain, String message) {
    assertThatThrownBy(() -> ChainSyntax.parse(chain))
        .isInstanceOf(InputException.class)
        .hasMessage(message);
  }

  @ParameterizedTest
  @ValueSource(ints = {9, 10})
  void refusesMoreThanEight(int stages) {
    String chain = String.join(",", java.util.Collections.nCopies(stages, "allow_ethertype:ipv4"));
    assertThatThrownBy(() -> ChainSyntax.parse(chain))
        .hasMessage("chain exceeds maximum of 8 programs");
  }
}
