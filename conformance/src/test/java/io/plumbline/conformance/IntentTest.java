package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.plumbline.conformance.verify.Engines;
import io.plumbline.conformance.verify.RandomPolicies;
import io.plumbline.conformance.verify.Verification;
import io.plumbline.loader.kernel.KernelEngine;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.decision.Decider;
import io.plumbline.model.engine.Engine;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Reference;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.filter.Intent;
import io.plumbline.model.filter.IntentDecider;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.image.Image;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.packet.PacketView;
import io.plumbline.model.policy.Direction;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.PolicyBuilder;
import io.plumbline.model.policy.PolicyException;
import io.plumbline.model.policy.PolicyImage;
import io.plumbline.model.policy.Position;
import io.plumbline.model.ruleset.Effect;
import io.plumbline.pcaps.PolicyPackets;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Policies: the model's two evaluators, wrong lowerings, limits, and policies that shrink. */
class IntentTest {
  private static final Position HERE = Position.option("test");

  /** The list of clauses, evaluated one after the other, is the reading that is obviously right. */
  @Test
  void theIndexedModelDecidesByTheSameClauseAsTheList() {
    PacketView view = new PacketView();
    for (Policy policy : RandomPolicies.of(400, 7)) {
      PacketBatch frames = new PacketBatch();
      new PolicyPackets(policy, 7).add(frames, 500);
      Decider list = new Decider(Intent.decisions(policy, Hook.usual()), 0, List.of(), false);
      IntentDecider indexed = new IntentDecider(policy, Hook.usual());
      for (int i = 0; i < frames.size(); i++) {
        view.show(frames, i);
        assertThat(indexed.decide(view))
            .as("%s on %s", policy, frames.packet(i))
            .isEqualTo(list.decide(view));
      }
    }
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
    Arbitrary<String> ports =
        Arbitraries.of("", ":1", ":53", ":1-2", ":2,4-5", ":0-65535", ":65535", ":50-60");
    Arbitrary<String> from =
        Arbitraries.of(
            "", "", " from 10.0.0.0/8", " from 10.0.0.1", " from any:1-2", " from [::/1]:1");
    Arbitrary<String> selectors =
        Combinators.combine(Arbitraries.of("tcp", "udp"), hosts, ports, from)
            .as((kind, host, port, source) -> kind + "/" + host + port + source);
    return Combinators.combine(selectors.list().ofMaxSize(8), selectors.list().ofMaxSize(8))
        .as(IntentTest::policy);
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

  @Property(tries = 40)
  @net.jqwik.api.Tag("kernel")
  void policiesThatShrinkWhenEnginesDisagree(@ForAll("policies") Policy policy) throws Exception {
    KernelNeeded.orSkip();
    Verification run =
        new Verification(
            Engines.of(Engines.names(), ObjectSource.builtIn()), new PacketBatch(), 0, 1);
    run.runPolicies(List.of(policy), 2000);
    assertThat(run.disagreements()).as(policy.toString()).isEmpty();
    assertThat(run.disagreementCount()).isZero();
    assertThat(run.failures()).isEmpty();
  }

  private static ByteBuffer table(PolicyImage image) {
    return ByteBuffer.wrap(image.table()).order(ByteOrder.nativeOrder());
  }

  private static PolicyImage inTable(PolicyImage image, Consumer<ByteBuffer> change) {
    change.accept(table(image));
    return image;
  }

  private static PolicyImage entries(
      PolicyImage image, Consumer<ByteBuffer> endpoint, Consumer<ByteBuffer> prefix) {
    image
        .endpoints()
        .forEach(e -> endpoint.accept(ByteBuffer.wrap(e.key()).order(ByteOrder.nativeOrder())));
    image
        .prefixes()
        .forEach(e -> prefix.accept(ByteBuffer.wrap(e.key()).order(ByteOrder.nativeOrder())));
    return image;
  }

  /** Adds to a word of every row but the first two. */
  private static void addToRows(ByteBuffer table, int word, int amount) {
    for (int at = 32 + 4 * word; at < table.capacity(); at += 16) {
      if (table.getInt(at) > 0) {
        table.putInt(at, table.getInt(at) + amount);
      }
    }
  }

  private interface Damage {
    PolicyImage apply(PolicyImage image);
  }

  private static final Map<String, Damage> WRONG = new LinkedHashMap<>();

  static {
    WRONG.put(
        "ports of endpoints in network byte order",
        i -> entries(i, k -> k.putShort(20, Short.reverseBytes(k.getShort(20))), k -> {}));
    WRONG.put(
        "addresses of endpoints in host byte order",
        i -> entries(i, k -> k.putInt(4, Integer.reverseBytes(k.getInt(4))), k -> {}));
    WRONG.put(
        "protocol of endpoints always TCP", i -> entries(i, k -> k.put(22, (byte) 6), k -> {}));
    WRONG.put(
        "prefixes one bit longer",
        i -> entries(i, k -> {}, k -> k.putInt(0, Math.min(160, k.getInt(0) + 1))));
    WRONG.put(
        "prefixes one bit shorter",
        i -> entries(i, k -> {}, k -> k.putInt(0, Math.max(32, k.getInt(0) - 1))));
    WRONG.put("endpoints said to be none", i -> inTable(i, t -> t.putInt(16, 0)));
    WRONG.put("prefixes said to be none", i -> inTable(i, t -> t.putInt(20, -1)));
    WRONG.put(
        "one forbid too few", i -> inTable(i, t -> t.putInt(4, Math.max(0, t.getInt(4) - 1))));
    WRONG.put("one forbid too many", i -> inTable(i, t -> t.putInt(4, t.getInt(4) + 1)));
    WRONG.put("one rule too few", i -> inTable(i, t -> t.putInt(0, Math.max(0, t.getInt(0) - 1))));
    WRONG.put("ARP by the next rule", i -> inTable(i, t -> t.putInt(8, t.getInt(8) + 1)));
    WRONG.put("no way to the next wider prefix", i -> inTable(i, t -> addToRows(t, 0, -1)));
    WRONG.put("intervals that begin one port later", i -> inTable(i, t -> addToRows(t, 0, 1)));
    WRONG.put("intervals taken from the row before", i -> inTable(i, t -> addToRows(t, 1, -1)));
    WRONG.put("one interval too few", i -> inTable(i, t -> addToRows(t, 2, -1)));
    WRONG.put("later rules thought to begin earlier", i -> inTable(i, t -> addToRows(t, 3, 1)));
    WRONG.put(
        "no entry of the last prefix",
        i ->
            new PolicyImage(
                i.table(),
                i.endpoints(),
                i.prefixes().subList(0, Math.max(0, i.prefixes().size() - 1)),
                i.lines()));
    WRONG.put(
        "endpoints decided by the rule before",
        i ->
            new PolicyImage(
                i.table(),
                i.endpoints().stream()
                    .map(e -> new Image.Entry(e.key(), Math.max(0, e.value() - 1)))
                    .toList(),
                i.prefixes(),
                i.lines()));
  }

  /** A policy that is lowered in a wrong way. */
  private record Damaged(Subject.Intent policy, Damage damage) implements Subject {
    @Override
    public Map<String, String> describe() {
      return policy.describe();
    }

    @Override
    public Hook hook() {
      return policy.hook();
    }

    @Override
    public Subject at(Hook other) {
      return new Damaged(new Subject.Intent(policy.policy(), other), damage);
    }

    @Override
    public Reference reference() {
      return policy.reference();
    }

    @Override
    public Image image() throws EngineException {
      try {
        return damage.apply(PolicyImage.of(policy.policy())).image(policy.hook());
      } catch (PolicyException e) {
        throw new EngineException(String.valueOf(e.getMessage()));
      }
    }
  }

  /** Runs policies that are lowered in a wrong way. */
  private record Lowering(Engine engine, Damage damage) implements Engine {
    @Override
    public String name() {
      return engine.name();
    }

    @Override
    public Optional<String> unavailable() {
      return engine.unavailable();
    }

    @Override
    public Runner load(Subject subject) throws EngineException {
      return loadAll(List.of(subject)).get(0);
    }

    @Override
    public List<Runner> loadAll(List<? extends Subject> subjects) throws EngineException {
      return engine.loadAll(
          subjects.stream()
              .map(one -> one instanceof Subject.Intent of ? new Damaged(of, damage) : one)
              .toList());
    }
  }

  static Stream<String> wrongLowerings() {
    return WRONG.keySet().stream();
  }

  @ParameterizedTest
  @MethodSource("wrongLowerings")
  @Tag("kernel")
  void everyWrongLoweringIsCaught(String wrong) throws Exception {
    KernelNeeded.orSkip();
    Damage damage = java.util.Objects.requireNonNull(WRONG.get(wrong));
    Engine engine = new Lowering(new KernelEngine(ObjectSource.builtIn()), damage);
    Verification run = new Verification(List.of(engine), new PacketBatch(), 0, 1);
    run.runPolicies(RandomPolicies.of(250, 1), 100);
    assertThat(run.disagreements()).as(wrong).isNotEmpty();
  }

  private static Policy large(int rules) throws PolicyException {
    SplittableRandom random = new SplittableRandom(3);
    PolicyBuilder builder = new PolicyBuilder("", Direction.EGRESS, Optional.empty());
    for (int i = 0; i < rules; i++) {
      Effect effect = i % 4 == 0 ? Effect.DROP : Effect.ACCEPT;
      int address = random.nextInt();
      String host =
          "%d.%d.%d.%d"
              .formatted(address >>> 24, address >>> 16 & 255, address >>> 8 & 255, address & 255);
      int low = random.nextInt(0x10000);
      builder.rule(
          effect,
          i % 2 == 0
              ? "tcp/%s:%d".formatted(host, low)
              : "udp/%s/24:%d-%d"
                  .formatted(host.replaceFirst("\\d+$", "0"), low, random.nextInt(low, 0x10000)),
          HERE);
    }
    return builder.build();
  }

  @Test
  @Tag("kernel")
  void sixtyFiveThousandRules() throws Exception {
    KernelNeeded.orSkip();
    Verification run =
        new Verification(
            Engines.of(Engines.names(), ObjectSource.builtIn()), new PacketBatch(), 0, 1);
    run.runPolicies(List.of(large(65536)), 20_000);
    assertThat(run.disagreementCount()).isZero();
    assertThat(run.failures()).isEmpty();
  }

  @Test
  void limitsAreToldBeforeAnythingIsLoaded() throws Exception {
    PolicyBuilder builder = new PolicyBuilder("", Direction.EGRESS, Optional.empty());
    for (int i = 0; i < Policy.MAX_RULES; i++) {
      builder.rule(Effect.ACCEPT, "arp", HERE);
    }
    assertThatThrownBy(() -> builder.rule(Effect.ACCEPT, "arp", HERE))
        .hasMessage("test: rules: more than 131072: expected fewer");

    // Prefixes of source within prefixes of destination, each in the next.
    PolicyBuilder nested = new PolicyBuilder("", Direction.EGRESS, Optional.empty());
    List<String> widths = new ArrayList<>();
    for (int bits = 0; bits <= 128; bits++) {
      widths.add("[::/" + bits + "]");
    }
    for (String to : widths) {
      for (String from : widths.subList(100, 129)) {
        nested.rule(Effect.ACCEPT, "tcp/" + to + " from " + from, HERE);
      }
    }
    assertThatThrownBy(() -> new Subject.Intent(nested.build()).image())
        .isInstanceOf(EngineException.class)
        .hasMessageContaining("each in the next: expected at most 512");
  }
}
