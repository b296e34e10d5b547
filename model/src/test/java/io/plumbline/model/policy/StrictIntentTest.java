package io.plumbline.model.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.plumbline.model.ruleset.Effect;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every text, limit and row count of the strict language (traffico specification, section d). */
class StrictIntentTest {

  private static Policy policy(List<String> permits, List<String> forbids) throws PolicyException {
    StrictIntent intent = new StrictIntent();
    for (String permit : permits) {
      intent.add(Effect.ACCEPT, permit);
    }
    for (String forbid : forbids) {
      intent.add(Effect.DROP, forbid);
    }
    return intent.build();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "ACCEPT | arp | ARP",
        "ACCEPT | dns/10.0.0.53 | DNS to 10.0.0.53 over TCP or UDP destination port 53",
        "ACCEPT | tcp/10.0.0.1 | TCP to 10.0.0.1 any destination port",
        "ACCEPT | udp/10.0.0.1 | UDP to 10.0.0.1 any destination port",
        "ACCEPT | tcp/10.0.0.1:443 | TCP to 10.0.0.1 destination port 443",
        "ACCEPT | udp/10.0.0.1:65535 | UDP to 10.0.0.1 destination port 65535",
        "ACCEPT | tcp/10.0.0.1:00443 | TCP to 10.0.0.1 destination port 443",
        "ACCEPT | tcp/10.0.0.1:0000000000000000000000000000000000000001 | TCP to 10.0.0.1 destination port 1",
        "ACCEPT | tcp/0.0.0.0:1 | TCP to 0.0.0.0 destination port 1",
        "ACCEPT | tcp/255.255.255.255 | TCP to 255.255.255.255 any destination port",
        "DROP | arp | ARP",
        "DROP | dns/10.0.0.53 | DNS to 10.0.0.53 over TCP or UDP destination port 53",
        "DROP | tcp/10.0.0.1:22 | TCP to 10.0.0.1 destination port 22",
        "DROP | udp/10.0.0.1:22 | UDP to 10.0.0.1 destination port 22",
      })
  void selectorsThatAreAccepted(Effect effect, String text, String words) throws Exception {
    StrictIntent intent = new StrictIntent();
    intent.add(effect, text);
    Policy policy = intent.build();
    assertThat(policy.rules()).hasSize(1);
    assertThat(policy.rules().get(0).effect()).isEqualTo(effect);
    assertThat(Explanation.words(policy.rules().get(0).selector())).isEqualTo(words);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "ACCEPT | bogus | unsupported permit",
        "DROP | bogus | unsupported forbid",
        "ACCEPT | \"\" | unsupported permit",
        "ACCEPT | ARP | unsupported permit",
        "ACCEPT | arp/10.0.0.1 | unsupported permit",
        "ACCEPT | Tcp/10.0.0.1 | unsupported permit",
        "ACCEPT | icmp/10.0.0.1 | unsupported permit",
        "DROP | icmp/10.0.0.1 | unsupported forbid",
        "ACCEPT | dns/10.0.0.53:53 | dns permits do not accept a port",
        "DROP | dns/10.0.0.53:53 | dns forbids do not accept a port",
        "ACCEPT | dns/: | dns permits do not accept a port",
        "ACCEPT | dns/10.0.0 | invalid permit",
        "ACCEPT | dns/010.0.0.1 | invalid permit",
        "DROP | dns/x | invalid forbid",
        "ACCEPT | tcp/ | invalid permit",
        "ACCEPT | tcp/10.0.0.256 | invalid permit",
        "ACCEPT | tcp/10.0.0.1/32 | invalid permit",
        "ACCEPT | tcp/10.0.0.0/8:443 | invalid permit",
        "ACCEPT | tcp/[2001:db8::1]:443 | invalid permit",
        "ACCEPT | tcp/10.0.0.1: | invalid permit",
        "ACCEPT | tcp/10.0.0.1:0 | invalid permit",
        "ACCEPT | tcp/10.0.0.1:65536 | invalid permit",
        "ACCEPT | tcp/10.0.0.1:+80 | invalid permit",
        "ACCEPT | tcp/10.0.0.1:80-90 | invalid permit",
        "ACCEPT | tcp/10.0.0.1:80,90 | invalid permit",
        "ACCEPT | tcp/:80 | invalid permit",
        "ACCEPT | udp/example.com:80 | invalid permit",
        "DROP | udp/10.0.0.1:99999999999999999999 | invalid forbid",
        "DROP | tcp/10.0.0.1 | host-wide TCP/UDP forbids are not supported; use tcp/IP:PORT or udp/IP:PORT",
        "DROP | udp/10.0.0.1 | host-wide TCP/UDP forbids are not supported; use tcp/IP:PORT or udp/IP:PORT",
        "DROP | tcp/notanip | host-wide TCP/UDP forbids are not supported; use tcp/IP:PORT or udp/IP:PORT",
        "DROP | tcp/notanip:1 | invalid forbid",
      })
  void selectorsThatAreRefused(Effect effect, String text, String message) {
    assertThatThrownBy(() -> new StrictIntent().add(effect, text))
        .isInstanceOf(PolicyException.class)
        .hasMessage("traffico: %s: '%s'", message, text);
  }

  @Test
  void selectorsThatAreTooLong() throws Exception {
    String zeros = "tcp/10.0.0.1:" + "0".repeat(113) + "1";
    assertThat(zeros).hasSize(127);
    new StrictIntent().add(Effect.ACCEPT, zeros);
    String long1 = "x".repeat(128);
    assertThatThrownBy(() -> new StrictIntent().add(Effect.ACCEPT, long1))
        .hasMessage("traffico: permit too long: '%s'", long1);
    assertThatThrownBy(() -> new StrictIntent().add(Effect.DROP, "0" + zeros))
        .hasMessage("traffico: forbid too long: '%s'", "0" + zeros);
  }

  @Test
  void duplicatesAreOfTheSameSideAndCanonicalForm() throws Exception {
    StrictIntent intent = new StrictIntent();
    intent.add(Effect.ACCEPT, "tcp/10.0.0.1:53");
    intent.add(Effect.DROP, "tcp/10.0.0.1:53");
    intent.add(Effect.ACCEPT, "dns/10.0.0.1");
    intent.add(Effect.ACCEPT, "arp");
    assertThatThrownBy(() -> intent.add(Effect.ACCEPT, "tcp/10.0.0.1:0053"))
        .hasMessage("traffico: duplicate permit: 'tcp/10.0.0.1:0053'");
    assertThatThrownBy(() -> intent.add(Effect.DROP, "tcp/10.0.0.1:53"))
        .hasMessage("traffico: duplicate forbid: 'tcp/10.0.0.1:53'");
    assertThatThrownBy(() -> intent.add(Effect.ACCEPT, "arp"))
        .hasMessage("traffico: duplicate permit: 'arp'");
  }

  @Test
  void thirtyTwoRulesOfASideAndNoMore() throws Exception {
    StrictIntent intent = new StrictIntent();
    for (int i = 1; i <= 32; i++) {
      intent.add(Effect.ACCEPT, "tcp/10.0.0." + i);
      intent.add(Effect.DROP, "tcp/10.0.0." + i + ":22");
    }
    assertThatThrownBy(() -> intent.add(Effect.ACCEPT, "tcp/10.0.0.33"))
        .hasMessage("traffico: too many permits: 'tcp/10.0.0.33'");
    assertThatThrownBy(() -> intent.add(Effect.DROP, "udp/10.0.0.33:1"))
        .hasMessage("traffico: too many forbids: 'udp/10.0.0.33:1'");
    // The duplicate is told before the limit.
    assertThatThrownBy(() -> intent.add(Effect.ACCEPT, "tcp/10.0.0.1"))
        .hasMessage("traffico: duplicate permit: 'tcp/10.0.0.1'");
  }

  @Test
  void explanationOfPermitsAndForbids() throws Exception {
    Policy policy =
        policy(
            List.of(
                "tcp/10.0.0.2:443",
                "dns/10.0.0.53",
                "udp/10.0.0.2:443",
                "tcp/9.0.0.1:80",
                "tcp/10.0.0.2:22",
                "udp/10.0.0.9",
                "tcp/10.0.0.9",
                "arp"),
            List.of("tcp/10.0.0.2:22", "dns/10.0.0.54"));
    assertThat(Explanation.of("traffico", policy, Optional.of("eth0")))
        .isEqualTo(
            """
            traffico intent
            interface: eth0
            direction: egress
            default: drop

            permitted traffic:
              1. ARP
              2. TCP to 10.0.0.9 any destination port
              3. UDP to 10.0.0.9 any destination port
              4. TCP to 9.0.0.1 destination port 80
              5. TCP to 10.0.0.2 destination port 22
              6. TCP to 10.0.0.2 destination port 443
              7. UDP to 10.0.0.2 destination port 443
              8. DNS to 10.0.0.53 over TCP or UDP destination port 53

            forbidden traffic:
              1. TCP to 10.0.0.2 destination port 22
              2. DNS to 10.0.0.54 over TCP or UDP destination port 53

            dropped traffic:
              - malformed packets that cannot be safely classified
              - TCP/UDP fragments that cannot be fully classified
              - traffic matching a forbid
              - any traffic not matching a permit
            """);
  }

  @Test
  void explanationOfArpAlone() throws Exception {
    assertThat(Explanation.of("traffico", policy(List.of("arp"), List.of()), Optional.empty()))
        .isEqualTo(
            """
            traffico intent
            interface: not attached
            direction: egress
            default: drop

            permitted traffic:
              1. ARP

            dropped traffic:
              - malformed packets that cannot be safely classified
              - any traffic not matching a permit
            """);
  }

  /** Numbers compare as unsigned: 200.0.0.1 comes after 9.0.0.1. */
  @Test
  void addressesAreOrderedNumerically() throws Exception {
    Policy policy = policy(List.of("tcp/200.0.0.1", "tcp/9.0.0.1", "tcp/10.0.0.1"), List.of());
    assertThat(policy.rules().stream().map(rule -> rule.selector().toString()))
        .containsExactly("tcp/9.0.0.1", "tcp/10.0.0.1", "tcp/200.0.0.1");
  }

  @Test
  void dryRun() throws Exception {
    Policy policy = policy(List.of("arp"), List.of());
    assertThat(StrictIntent.dryRun(policy, Direction.EGRESS))
        .containsExactly("intent dry-run: compiler ok", "intent backend: bpf admissible");
    assertThatThrownBy(() -> StrictIntent.dryRun(policy, Direction.INGRESS))
        .hasMessage("traffico: intent dry-run: Intent BPF backend supports egress only");
  }

  private static List<String> rows(List<String> permits, List<String> forbids)
      throws PolicyException {
    return StrictRow.of(policy(permits, forbids)).stream()
        .map(row -> row.toString().replaceAll(" +", " "))
        .toList();
  }

  @Test
  void rowsOfEachSelector() throws Exception {
    assertThat(rows(List.of("arp"), List.of())).containsExactly("ALLOW arp");
    assertThat(rows(List.of("tcp/10.0.0.1"), List.of()))
        .containsExactly("ALLOW tcp dst 10.0.0.1 port any");
    assertThat(rows(List.of("udp/10.0.0.1:80"), List.of()))
        .containsExactly("ALLOW udp dst 10.0.0.1 port 80");
    assertThat(rows(List.of("dns/10.0.0.1"), List.of()))
        .containsExactly("ALLOW tcp,udp dst 10.0.0.1 port 53");
    assertThat(rows(List.of("arp"), List.of("arp"))).containsExactly("DROP arp");
  }

  @Test
  void coveredRulesYieldNoRow() throws Exception {
    assertThat(rows(List.of("tcp/10.0.0.1:443"), List.of("tcp/10.0.0.1:443")))
        .containsExactly("DROP tcp dst 10.0.0.1 port 443");
    assertThat(rows(List.of("tcp/10.0.0.1:443", "tcp/10.0.0.1"), List.of()))
        .containsExactly("ALLOW tcp dst 10.0.0.1 port any");
    assertThat(rows(List.of("tcp/10.0.0.1:53", "dns/10.0.0.1"), List.of()))
        .containsExactly("ALLOW tcp dst 10.0.0.1 port 53", "ALLOW udp dst 10.0.0.1 port 53");
  }

  @Test
  void dnsBesideAnotherPortOfItsHostSplits() throws Exception {
    assertThat(rows(List.of("dns/10.0.0.1"), List.of("tcp/10.0.0.1:22")))
        .containsExactly(
            "DROP tcp dst 10.0.0.1 port 22",
            "ALLOW tcp dst 10.0.0.1 port 53",
            "ALLOW udp dst 10.0.0.1 port 53");
    assertThat(rows(List.of("dns/10.0.0.1", "udp/10.0.0.1:99"), List.of())).hasSize(3);
    assertThat(rows(List.of("dns/10.0.0.1"), List.of("tcp/10.0.0.2:22"))).hasSize(2);
  }

  private static Policy dnsBesideTcp(int pairs) throws PolicyException {
    StrictIntent intent = new StrictIntent();
    for (int i = 1; i <= pairs; i++) {
      intent.add(Effect.ACCEPT, "dns/10.0.0." + i);
      intent.add(Effect.DROP, "tcp/10.0.0." + i + ":22");
    }
    return intent.build();
  }

  @Test
  void sixtyFourRowsAndNoMore() throws Exception {
    StrictIntent distinct = new StrictIntent();
    for (int i = 1; i <= 32; i++) {
      distinct.add(Effect.ACCEPT, "dns/10.0.0." + i);
      distinct.add(Effect.DROP, "dns/10.0.1." + i);
    }
    assertThat(StrictRow.of(distinct.build())).hasSize(64);
    assertThat(StrictIntent.dryRun(distinct.build(), Direction.EGRESS)).hasSize(2);

    assertThat(StrictRow.of(dnsBesideTcp(32))).hasSize(96);
    assertThatThrownBy(() -> StrictIntent.dryRun(dnsBesideTcp(32), Direction.EGRESS))
        .hasMessage("traffico: intent dry-run: enforcement plan exceeds rule limit");

    assertThat(StrictRow.of(dnsBesideTcp(21))).hasSize(63);
    assertThat(StrictIntent.dryRun(dnsBesideTcp(21), Direction.EGRESS)).hasSize(2);
    assertThat(StrictRow.of(dnsBesideTcp(22))).hasSize(66);
    assertThatThrownBy(() -> StrictIntent.dryRun(dnsBesideTcp(22), Direction.EGRESS))
        .hasMessage("traffico: intent dry-run: enforcement plan exceeds rule limit");
  }

  @Test
  void encodedRow() throws Exception {
    StrictRow row = StrictRow.of(policy(List.of("dns/10.0.0.1"), List.of())).get(0);
    assertThat(row.encode()).containsExactly(2, 1, 2, 6, 17, 0, 53, 0, 1, 0, 0, 10);
    StrictRow any = StrictRow.of(policy(List.of("udp/1.2.3.4"), List.of())).get(0);
    assertThat(any.encode()).containsExactly(2, 1, 1, 17, 0, 1, 0, 0, 4, 3, 2, 1);
  }
}
