package io.plumbline.model.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.plumbline.model.filter.Intent;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.ruleset.Effect;
import io.plumbline.model.ruleset.Family;
import io.plumbline.model.ruleset.Flow;
import io.plumbline.model.ruleset.FlowRegion;
import io.plumbline.model.ruleset.Prefix;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The extended language, and what is computed about policies, against the plain reading. */
class PolicyTest {
  private static final Position HERE = new Position("p.yaml", 7, 5);
  private static final Path GOLDEN = Path.of("src", "test", "resources", "policy");

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "arp | arp",
        "ndp | ndp",
        "tcp | tcp",
        "tcp/any | tcp",
        "dns | dns",
        "ip/10.0.0.0/8 | ip/10.0.0.0/8",
        "tcp/10.0.0.0/8:443 | tcp/10.0.0.0/8:443",
        "tcp/10.0.0.1/32 | tcp/10.0.0.1",
        "tcp/any:80,443,81-90,91 | tcp/any:80-91,443",
        "tcp/[2001:db8::1]:443 | tcp/[2001:db8::1]:443",
        "tcp/[2001:DB8:0:0::1]:443 | tcp/[2001:db8::1]:443",
        "tcp/[2001:db8::]/32 | tcp/[2001:db8::/32]",
        "tcp/[2001:db8::/32]:1 | tcp/[2001:db8::/32]:1",
        "tcp/[::ffff:1.2.3.4] | tcp/[::ffff:102:304]",
        "udp/10.0.0.1:53 from 192.168.0.0/16:1024-65535 | udp/10.0.0.1:53 from 192.168.0.0/16:1024-65535",
        "udp from any:53 | udp from any:53",
        "icmp/any:echo-request | icmp/any:8",
        "icmpv6/[fe80::/10]:echo-reply,1 | icmp6/[fe80::/10]:1,129",
        "tcp/@web:443 from @clients | tcp/@web:443 from @clients",
        "tcp/example.com:443 | tcp/example.com:443",
      })
  void selectorsAreReadAndWritten(String text, String canonical) throws Exception {
    Selector selector = SelectorParser.parse(text, HERE);
    assertThat(selector).hasToString(canonical);
    assertThat(SelectorParser.parse(canonical, HERE)).isEqualTo(selector);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "gre/10.0.0.1 | 5 | selector: 'gre/10.0.0.1'",
        "arp/10.0.0.1 | 8 | arp: 'arp/10.0.0.1': expected nothing",
        "tcp/10.0.0.1:70000 | 18 | port: '70000': expected 0..65535",
        "tcp/10.0.0.1:80,,90 | 21 | port: ''",
        "tcp/10.0.0.1:90-80 | 18 | port: '90-80'",
        "tcp/10.0.0.1:http | 18 | port: 'http'",
        "tcp/10.0.0.300 | 9 | address: '10.0.0.300'",
        "tcp/10.0.0.1/33 | 9 | prefix length: '10.0.0.1/33': expected 0..32",
        "tcp/10.0.0.1/8 | 9 | prefix: '10.0.0.1/8': bits behind the length are set: expected 10.0.0.0/8",
        "tcp/[2001:db8::1]/32 | 9 | prefix: '[2001:db8::1]/32': bits behind the length are set: expected [2001:db8::/32]",
        "tcp/2001:db8::1:443 | 9 | address: '2001': expected any, A.B.C.D",
        "tcp/[2001:db8::1:443 | 9 | address: '[2001'",
        "tcp/[2001:db8::1::2] | 9 | address: '[2001:db8::1::2]'",
        "dns/10.0.0.1:53 | 9 | dns: 'dns/10.0.0.1:53': expected no port",
        "icmp/10.0.0.1:256 | 19 | type: '256': expected a type 0..255",
        "icmp/[::1] | 5 | icmp: 'icmp/[::1]': expected an IPv4 address",
        "icmp6/10.0.0.1 | 5 | icmp6: 'icmp6/10.0.0.1': expected an IPv6 address",
        "icmp from 10.0.0.1:5 | 15 | icmp: 'icmp from 10.0.0.1:5': expected no source port",
        "tcp/@1web | 9 | group: '@1web'",
        "tcp/exa mple | 9 | address: 'exa mple'",
        "tcp/ | 9 | address: ''",
      })
  void errorsHaveTheirPlace(String text, int column, String problem) {
    assertThatThrownBy(() -> SelectorParser.parse(text, HERE))
        .isInstanceOf(PolicyException.class)
        .hasMessageStartingWith("p.yaml:7:" + column + ": " + problem);
  }

  @Test
  void namesAndGroupsAreOnlyWhatWasSaid() throws Exception {
    PolicyBuilder silent = new PolicyBuilder("", Direction.EGRESS, Optional.empty());
    assertThatThrownBy(() -> silent.rule(Effect.ACCEPT, "tcp/example.com:443", HERE))
        .hasMessageContaining("resolved only when asked to");
    assertThatThrownBy(() -> silent.rule(Effect.ACCEPT, "tcp/@web", HERE))
        .hasMessageContaining("'@web': expected one that is defined");
    assertThatThrownBy(() -> silent.rule(Effect.ACCEPT, "tcp/10.0.0.1 from [2001:db8::1]", HERE))
        .hasMessageContaining("no packet can match");
    PolicyBuilder asked =
        new PolicyBuilder(
            "",
            Direction.EGRESS,
            Optional.of(
                name -> name.equals("example.com") ? List.of(Prefix.ipv4(0xC0000209)) : List.of()));
    asked.rule(Effect.ACCEPT, "tcp/example.com:443", HERE);
    assertThatThrownBy(() -> asked.rule(Effect.ACCEPT, "tcp/nowhere.example", HERE))
        .hasMessageContaining("expected a name that has an address");
    Policy policy = asked.build();
    assertThat(policy.resolutions()).containsEntry("example.com", List.of(Prefix.ipv4(0xC0000209)));
    assertThat(Explanation.of("plumb", policy, Optional.empty()))
        .contains("resolved names:\n  example.com: 192.0.2.9");
  }

  @Test
  void theClausesBeforeTheRulesAreThoseOfTheTables() {
    assertThat(Intent.classification()).hasSize(PolicyImage.CLAUSES);
  }

  private static Policy sample() throws PolicyException {
    return new PolicyBuilder("sample", Direction.INGRESS, Optional.empty())
        .group(
            "resolvers",
            List.of(
                SelectorParser.parseHost("10.0.0.53", HERE),
                SelectorParser.parseHost("[2001:db8::53]", HERE)))
        .rule(Effect.DROP, "tcp/10.0.0.1:22", HERE)
        .rule(Effect.DROP, "tcp/10.0.0.0/24:8000-8100 from 192.168.0.0/16:1-1023", HERE)
        .rule(Effect.ACCEPT, "arp", HERE)
        .rule(Effect.ACCEPT, "ndp", HERE)
        .rule(Effect.ACCEPT, "dns/@resolvers", HERE)
        .rule(Effect.ACCEPT, "internal", "why", "tcp/10.0.0.0/8:80,443", HERE)
        .rule(Effect.ACCEPT, "icmp/any:echo-request", HERE)
        .build();
  }

  /** Golden files: what is wrong shows as a difference that a person reads. */
  @ParameterizedTest
  @ValueSource(strings = {"explain.txt", "dag.txt", "dag.dot", "clauses.txt", "image.txt"})
  void everyStageIsPrinted(String file) throws Exception {
    Policy policy = sample();
    String actual =
        switch (file) {
          case "explain.txt" -> Explanation.of("plumb", policy, Optional.of("eth0"));
          case "dag.txt" -> DecisionDag.of(policy).text();
          case "dag.dot" -> DecisionDag.of(policy).dot();
          case "clauses.txt" -> clauses(policy);
          default -> PolicyImage.of(policy).text();
        };
    assertThat(actual).isEqualTo(golden(file, actual));
  }

  private static String clauses(Policy policy) {
    StringBuilder text = new StringBuilder();
    Intent.decisions(policy, Hook.usual())
        .clauses()
        .forEach(
            c ->
                text.append(
                    "%s %s: %s: %s\n"
                        .formatted(c.action().word(), c.name(), c.meaning(), c.guard())));
    return text.toString();
  }

  private static String golden(String file, String actual) throws IOException {
    Path path = GOLDEN.resolve(file);
    if (Boolean.getBoolean("golden.update")) {
      Files.writeString(path, actual);
    }
    return Files.readString(path, StandardCharsets.UTF_8);
  }

  @Provide
  Arbitrary<Policy> policies() {
    Arbitrary<String> hosts =
        Arbitraries.of(
            "any",
            "10.0.0.0/8",
            "10.0.0.1",
            "10.0.0.0/31",
            "0.0.0.0/1",
            "[2001:db8::/32]",
            "[2001:db8::1]",
            "[::/0]",
            "[2001:db8::/127]");
    Arbitrary<String> ports = Arbitraries.of("", ":1", ":1-2", ":2,4-5", ":0-65535", ":65535");
    Arbitrary<String> from =
        Arbitraries.of("", " from 10.0.0.0/8", " from any:1-2", " from [::/1]");
    Arbitrary<String> transport =
        Combinators.combine(Arbitraries.of("tcp", "udp"), hosts, ports, from)
            .as((kind, host, port, source) -> kind + "/" + host + port + source);
    Arbitrary<String> other =
        Arbitraries.of("arp", "ndp", "icmp", "icmp6/any:128", "ip/10.0.0.1", "dns");
    Arbitrary<String> selectors =
        Arbitraries.frequencyOf(
            net.jqwik.api.Tuple.of(5, transport), net.jqwik.api.Tuple.of(1, other));
    return Combinators.combine(selectors.list().ofMaxSize(6), selectors.list().ofMaxSize(6))
        .as(PolicyTest::policy);
  }

  private static Policy policy(List<String> permits, List<String> forbids) {
    PolicyBuilder builder = new PolicyBuilder("", Direction.EGRESS, Optional.empty());
    permits.forEach(text -> add(builder, Effect.ACCEPT, text));
    forbids.forEach(text -> add(builder, Effect.DROP, text));
    return builder.build();
  }

  private static void add(PolicyBuilder builder, Effect effect, String text) {
    try {
      builder.rule(effect, text, HERE);
    } catch (PolicyException e) {
      // Source and destination of different families: there is no such rule to add.
      assertThat(e).hasMessageContaining("no packet can match");
    }
  }

  @Provide
  Arbitrary<List<Flow>> flows() {
    Arbitrary<Long> v4 =
        Arbitraries.of(0x0A000000L, 0x0A000001L, 0x0A000002L, 0x0B000000L, 0L, 0xFFFFFFFFL);
    Arbitrary<Long> hi =
        Arbitraries.of(0x20010DB800000000L, 0x20010DB900000000L, 0L, -1L, Long.MIN_VALUE);
    Arbitrary<Long> lo = Arbitraries.of(0L, 1L, 2L, -1L);
    Arbitrary<Integer> port = Arbitraries.of(0, 1, 2, 3, 4, 5, 6, 53, 65534, 65535);
    Arbitrary<FlowClass> classes = Arbitraries.of(FlowClass.values());
    return Combinators.combine(classes, v4, hi, lo, v4, hi, port, port)
        .as(
            (c, to, toHi, toLo, source, sourceHi, dport, sport) -> {
              if (c == FlowClass.ARP) {
                return IntentFields.ARP;
              }
              boolean ipv4 = c.family().orElseThrow() == Family.IPV4;
              int destination = c.icmp() ? (dport == 53 ? 128 : dport & 0xFF) : dport;
              return IntentFields.flow(
                  c,
                  ipv4 ? to : toHi,
                  ipv4 ? 0 : toLo,
                  destination,
                  ipv4 ? source : sourceHi,
                  ipv4 ? 0 : toLo,
                  c.icmp() ? 0 : sport);
            })
        .list()
        .ofMaxSize(40);
  }

  @Property
  void theIndexFindsTheFirstRuleThatMatches(
      @ForAll("policies") Policy policy, @ForAll("flows") List<Flow> flows) {
    for (Flow flow : flows) {
      assertThat(policy.index().find(flow))
          .as("%s in %s", flow, policy)
          .isEqualTo(policy.decide(flow));
    }
  }

  /** A packet is in a difference just when one policy allows it and the other drops it. */
  @Property
  void theDifferenceIsExact(
      @ForAll("policies") Policy a,
      @ForAll("policies") Policy b,
      @ForAll("flows") List<Flow> flows) {
    PolicyDiff diff = PolicyDiff.of(a, b, Integer.MAX_VALUE);
    for (PolicyDiff.Difference difference : diff.onlyFirst()) {
      assertThat(a.allows(difference.example())).isTrue();
      assertThat(b.allows(difference.example())).isFalse();
      assertThat(difference.regions()).hasSize((int) difference.count());
    }
    for (Flow flow : flows) {
      assertThat(contains(diff.onlyFirst(), flow)).isEqualTo(a.allows(flow) && !b.allows(flow));
      assertThat(contains(diff.onlySecond(), flow)).isEqualTo(b.allows(flow) && !a.allows(flow));
    }
  }

  private static boolean contains(List<PolicyDiff.Difference> differences, Flow flow) {
    return differences.stream()
        .anyMatch(d -> d.regions().stream().anyMatch(region -> region.contains(flow)));
  }

  /** What a difference prints can be read again and means the same packets. */
  @Property(tries = 200)
  void differencesAreSelectors(@ForAll("policies") Policy a, @ForAll("policies") Policy b)
      throws PolicyException {
    PolicyBuilder again = new PolicyBuilder("", Direction.EGRESS, Optional.empty());
    for (PolicyDiff.Difference difference : PolicyDiff.of(a, b, Integer.MAX_VALUE).onlyFirst()) {
      for (FlowRegion region : difference.regions()) {
        again.rule(Effect.ACCEPT, region.toString(), HERE);
      }
    }
    Policy only = again.build();
    assertThat(PolicyDiff.of(only, a, 1).onlyFirst()).isEmpty();
    for (PolicyDiff.Difference difference : PolicyDiff.of(a, b, Integer.MAX_VALUE).onlyFirst()) {
      assertThat(only.allows(difference.example())).isTrue();
    }
  }

  /** A rule is found not to decide just when no flow tried is decided by it. */
  @Property
  void rulesThatDecideAreNotSuspected(
      @ForAll("policies") Policy policy, @ForAll("flows") List<Flow> flows) {
    // By identity: a duplicate equals the rule that decides.
    Set<Rule> suspected = Collections.newSetFromMap(new IdentityHashMap<>());
    PolicyCheck.of(policy).forEach(finding -> suspected.add(finding.rule()));
    for (Flow flow : flows) {
      int rule = policy.decide(flow);
      if (rule >= 0) {
        assertThat(suspected.contains(policy.rules().get(rule)))
            .as("%s decides %s", rule, flow)
            .isFalse();
      }
    }
    for (PolicyCheck.Finding finding : PolicyCheck.of(policy)) {
      assertThat(finding.rule().matches(finding.example())).isTrue();
      assertThat(policy.decide(finding.example())).isEqualTo(finding.decidedBy());
    }
  }

  @Test
  void findingsOfEachKind() throws Exception {
    Policy policy =
        policy(
            List.of(
                "tcp/10.0.0.0/9:443",
                "tcp/10.128.0.0/9:443",
                "tcp/10.0.0.0/8:443 from 10.0.0.0/8",
                "tcp/any:22",
                "udp/10.0.0.1:53",
                "udp/10.0.0.1/32:53"),
            List.of("tcp/any:20-30"));
    assertThat(PolicyCheck.of(policy).stream().map(f -> f.rule().selector() + " " + f.kind()))
        .containsExactlyInAnyOrder(
            "tcp/any:22 FORBIDDEN",
            "udp/10.0.0.1:53 DUPLICATE",
            "tcp/10.0.0.0/8:443 from 10.0.0.0/8 COVERED");
  }

  /** And nothing else but address resolution, where no prefix is widened. */
  @Property(tries = 300)
  void aSuggestionPermitsWhatWasSeen(
      @ForAll("flows") List<Flow> seen, @ForAll("flows") List<Flow> others) throws PolicyException {
    PolicySuggestion suggestion = new PolicySuggestion(32, 128, false);
    seen.forEach(suggestion::add);
    PolicyBuilder builder = new PolicyBuilder("", Direction.EGRESS, Optional.empty());
    for (String line : suggestion.yaml(Direction.EGRESS, "test").lines().toList()) {
      if (line.startsWith("    - ")) {
        builder.rule(Effect.ACCEPT, line.substring(6).replaceFirst(" #.*", ""), HERE);
      }
    }
    Policy policy = builder.build();
    assertThat(seen).allMatch(policy::allows);
    for (Flow flow : others) {
      boolean ndp =
          IntentFields.flowClass(flow) == FlowClass.ICMP6
              && flow.get(IntentFields.DESTINATION_PORT) >= 133
              && flow.get(IntentFields.DESTINATION_PORT) <= 136;
      if (IntentFields.flowClass(flow) == FlowClass.ARP || ndp) {
        continue;
      }
      boolean wanted =
          seen.stream()
              .anyMatch(
                  f -> IntentFields.toDestination(f).equals(IntentFields.toDestination(flow)));
      assertThat(policy.allows(flow)).as("%s in %s", flow, policy).isEqualTo(wanted);
    }
  }

  /** Types end at 255, so a list of all of them is the same as none. */
  @Test
  void anyTypeIsEveryType() {
    Policy policy = policy(List.of("icmp"), List.of("icmp/any:0-255"));
    assertThat(PolicyCheck.of(policy).stream().map(PolicyCheck.Finding::kind))
        .containsExactly(PolicyCheck.Kind.FORBIDDEN);
    Policy all = policy(List.of("icmp6/any:0-255"), List.of());
    assertThat(PolicyDiff.of(policy(List.of("icmp6"), List.of()), all, 9).onlyFirst()).isEmpty();
  }

  @Test
  void tooManyCombinationsAreRefusedBeforeTheyAreMade() throws Exception {
    PolicyBuilder builder = new PolicyBuilder("", Direction.EGRESS, Optional.empty());
    List<Selector.Host> hosts = new ArrayList<>();
    for (int i = 0; i < 50_000; i++) {
      hosts.add(new Selector.Host.Net(Prefix.ipv4(i)));
    }
    builder.group("many", hosts);
    assertThatThrownBy(() -> builder.rule(Effect.ACCEPT, "tcp/@many from @many", HERE))
        .hasMessageContaining("more than 1048576 combinations");
  }
}
