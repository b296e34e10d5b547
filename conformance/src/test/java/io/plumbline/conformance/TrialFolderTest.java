package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.plumbline.conformance.prove.Prover;
import io.plumbline.conformance.verify.TrialFolder;
import io.plumbline.model.catalog.ChainSyntax;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.VlanTag;
import io.plumbline.model.policy.Direction;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.PolicyBuilder;
import io.plumbline.model.policy.Position;
import io.plumbline.model.policy.Rule;
import io.plumbline.model.policy.Selector;
import io.plumbline.model.policy.SelectorParser;
import io.plumbline.model.program.Chain;
import io.plumbline.model.program.Input;
import io.plumbline.model.ruleset.Effect;
import io.plumbline.model.ruleset.Prefix;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A repro folder holds everything that its trial depends on. */
class TrialFolderTest {
  @TempDir private Path folder;

  /** One of each kind; the switch in the folder's reader knows no others. */
  static Stream<Subject> subjects() throws Exception {
    Policy policy = policy();
    return Stream.concat(
        Stream.of(
            new Subject.Standalone(ProgramCatalog.find("nop").orElseThrow(), new Input.None()),
            new Subject.Standalone(
                ProgramCatalog.find("allow_ethertype").orElseThrow(),
                new Input.EtherTypes(List.of(0x0600, 0xFFFF))),
            new Subject.Chained(new Chain(List.of())),
            new Subject.Chained(ChainSyntax.parse("allow_ethertype:ipv4+arp,allow_port:443")),
            new Subject.Intent(policy),
            new Subject.Intent(new PolicyBuilder("", Direction.INGRESS, Optional.empty()).build())),
        Prover.subjects("intent_rows").stream());
  }

  /** Groups, names, comments, two families, several ports, and two equal rules. */
  private static Policy policy() throws Exception {
    Position here = Position.option("test");
    List<Selector.Host> web =
        List.of(
            SelectorParser.parseHost("192.0.2.1", here),
            SelectorParser.parseHost("198.51.100.0/24", here),
            SelectorParser.parseHost("[2001:db8::1]", here));
    List<Prefix> resolved = List.of(Prefix.ipv4(0x0A000001), Prefix.ipv4(0x0A000002));
    return new PolicyBuilder("a = b", Direction.INGRESS, Optional.of(name -> resolved))
        .group("web", web)
        .rule(Effect.ACCEPT, "https", "back\\slash\nand line", "tcp/@web:443,8080-8090", here)
        .rule(Effect.ACCEPT, "", "", "icmp/any:echo-request from @web", here)
        .rule(Effect.ACCEPT, "", "", "tcp/example.com:22 from 10.0.0.0/8", here)
        .rule(Effect.ACCEPT, "", "", "tcp/example.com:22", here)
        .rule(Effect.DROP, "", "", "ip/192.0.2.0/24", here)
        .rule(Effect.DROP, "", "", "ip/192.0.2.0/24", here)
        .build();
  }

  @ParameterizedTest
  @MethodSource("subjects")
  void everySubjectComesBack(Subject subject) throws Exception {
    Packet packet =
        Packet.cut(new byte[] {1, 2, 3, 4, 5, 6}, 1500).withOutsideTag(new VlanTag(0x88A8, 4095));
    TrialFolder written = new TrialFolder(subject, packet, "emulator", "nop", "/a b\\c/nop.o");
    written.write(folder, "report");
    TrialFolder read = TrialFolder.read(folder);
    assertThat(read.packet()).isEqualTo(packet);
    assertThat(read.engine()).isEqualTo("emulator");
    assertThat(read.objectProgram()).isEqualTo("nop");
    assertThat(read.object()).isEqualTo("/a b\\c/nop.o");
    assertThat(read.subject()).hasSameClassAs(subject).hasToString(subject.toString());
    assertThat(read.subject().hook()).isEqualTo(subject.hook());
    Optional<Policy> policy = policyOf(subject);
    assertThat(policyOf(read.subject()).isPresent()).isEqualTo(policy.isPresent());
    if (policy.isPresent()) {
      Policy back = policyOf(read.subject()).orElseThrow();
      assertThat(back.name()).isEqualTo(policy.get().name());
      assertThat(back.direction()).isEqualTo(policy.get().direction());
      assertThat(back.resolutions()).isEqualTo(policy.get().resolutions());
      assertThat(back.rules())
          .usingRecursiveFieldByFieldElementComparatorIgnoringFields("position")
          .isEqualTo(policy.get().rules());
      assertThat(back.rules().stream().map(Rule::regions).toList())
          .isEqualTo(policy.get().rules().stream().map(Rule::regions).toList());
    } else {
      assertThat(read.subject()).isEqualTo(subject);
    }
  }

  private static Optional<Policy> policyOf(Subject subject) {
    if (subject instanceof Subject.Intent intent) {
      return Optional.of(intent.policy());
    }
    return subject instanceof Subject.IntentRows rows
        ? Optional.of(rows.policy())
        : Optional.empty();
  }

  @Test
  void anUnknownSubjectIsNamed() throws Exception {
    Path file = Files.writeString(folder.resolve("trial.properties"), "subject=x\nframe=00\n");
    assertThatThrownBy(() -> TrialFolder.read(folder))
        .isInstanceOf(IOException.class)
        .hasMessage(file + ": subject: 'x': expected one of program, chain, intent, intent_rows");
  }
}
