package io.plumbline.model.policy;

import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.model.ruleset.Effect;
import io.plumbline.model.ruleset.Flow;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a policy's author is warned of. */
class PolicyAdviceTest {
  private static Policy policy(Direction direction, String permits) throws PolicyException {
    PolicyBuilder builder = new PolicyBuilder("", direction, Optional.empty());
    int line = 1;
    for (String permit : permits.split(" \\+ ", -1)) {
      builder.rule(Effect.ACCEPT, permit, new Position("p.yaml", line++, 1));
    }
    return builder.build();
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " => ",
      quoteCharacter = '`',
      value = {
        "tcp/10.0.0.1:443 => arp",
        "tcp/any:443 from 10.0.0.0/8 => arp",
        "icmp => arp",
        "arp + tcp/10.0.0.1:443 => ``",
        "udp/[2001:db8::1]:53 => ndp",
        "icmp6/any:echo-request => ndp",
        "ndp + udp/[2001:db8::1]:53 => ``",
        "icmp6 + udp/[2001:db8::1]:53 => ``",
        "arp + udp/[2001:db8::1]:53 => ndp",
        "ndp + tcp/10.0.0.1:443 => arp",
        "tcp/10.0.0.1:443 + udp/[2001:db8::1]:53 => arp ndp",
        // A rule for any host is enough with one of them.
        "tcp/any:443 => arp",
        "arp + tcp/any:443 => ``",
        "ndp + tcp/any:443 => ``",
        "ip/any => arp",
        "ndp + arp => ``",
        "ndp => ``",
      })
  void addressResolutionIsMissed(String permits, String missing) throws Exception {
    List<String> found = new ArrayList<>();
    for (PolicyAdvice advice : PolicyAdvice.warnings(List.of(policy(Direction.EGRESS, permits)))) {
      found.add(advice.text().replaceFirst(".*: (arp|ndp) is not permitted", "$1"));
      Flow example = advice.example().orElseThrow();
      assertThat(advice.dropped().allows(example)).isFalse();
    }
    assertThat(String.join(" ", found)).isEqualTo(missing);
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " => ",
      quoteCharacter = '`',
      value = {
        "arp + tcp/10.77.0.2:443 => arp + tcp/10.77.0.1:22 => egress ingress",
        "arp + tcp/10.77.0.2:443 => arp + tcp/10.77.0.1:1024-65535 from 10.77.0.2:443 => ``",
        "arp + tcp/10.77.0.2:443 => arp + tcp/any from 10.77.0.0/24 => ``",
        "arp + tcp/10.77.0.2:443 => arp + udp/any from 10.77.0.2:443 => egress ingress",
        "arp + tcp/10.77.0.2:443 => arp => egress",
        "arp + tcp/10.77.0.2:443 from 10.77.0.1:5000 => arp + tcp/10.77.0.1:5000 => ``",
        "arp + icmp/10.77.0.2:echo-request => arp + icmp/any:echo-reply => ``",
        "arp + icmp/10.77.0.2:echo-request => arp + icmp/any:3 => egress",
        "arp => arp => ``",
        "arp + ip/10.77.0.2 => arp + ip/any from 10.77.0.2 => ``",
      })
  void repliesAreMissed(String egress, String ingress, String sections) throws Exception {
    List<Policy> both =
        List.of(policy(Direction.EGRESS, egress), policy(Direction.INGRESS, ingress));
    List<String> found = new ArrayList<>();
    for (PolicyAdvice advice : PolicyAdvice.warnings(both)) {
      assertThat(advice.text()).startsWith("no reply passes at ");
      assertThat(advice.dropped().allows(advice.example().orElseThrow())).isFalse();
      found.add(advice.policy().direction().word());
    }
    assertThat(String.join(" ", found)).isEqualTo(sections);
    assertThat(PolicyAdvice.warnings(both.subList(0, 1))).isEmpty();
  }

  @Test
  void rulesForWholeHostsDropFragments() throws Exception {
    List<PolicyAdvice> notes =
        PolicyAdvice.notes(
            List.of(
                policy(Direction.EGRESS, "arp + tcp/any:443 + dns/any + ip/10.0.0.1 + udp/any"),
                policy(Direction.INGRESS, "arp + ndp + tcp/any:443 + icmp/any:8")));
    assertThat(notes).hasSize(1);
    assertThat(notes.get(0))
        .hasToString(
            "p.yaml:4:1: permit ip/10.0.0.1: later fragments are dropped all the same: they have no ports to judge (and 1 more)");
  }

  @Test
  void aForbidCountsToo() throws Exception {
    PolicyBuilder builder = new PolicyBuilder("", Direction.EGRESS, Optional.empty());
    builder.rule(Effect.ACCEPT, "ip/any", Position.option("--allow"));
    builder.rule(Effect.ACCEPT, "arp", Position.option("--allow"));
    builder.rule(Effect.DROP, "arp", Position.option("--forbid"));
    assertThat(PolicyAdvice.warnings(List.of(builder.build()))).hasSize(1);
  }
}
