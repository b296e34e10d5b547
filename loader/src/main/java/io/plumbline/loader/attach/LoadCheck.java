package io.plumbline.loader.attach;

import io.plumbline.loader.kernel.LoadedObject;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.loader.kernel.ProgramType;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.filter.Intent;
import io.plumbline.model.policy.Direction;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.PolicyBuilder;
import io.plumbline.model.policy.PolicyException;
import io.plumbline.model.policy.Position;
import io.plumbline.model.policy.StrictRow;
import io.plumbline.model.program.Chain;
import io.plumbline.model.program.Input;
import io.plumbline.model.program.InputGrammar;
import io.plumbline.model.program.ProgramSpec;
import io.plumbline.model.ruleset.Effect;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Loads the gate with every program that ships, as an attach loads it, and closes it again: what
 * the kernel's verifier says differs between kernels.
 */
public final class LoadCheck {
  /** The most instructions that the verifier may follow in a shipped program, on any kernel. */
  public static final int MAX_VERIFIED = 50_000;

  private static final int STRICT_RULES = 64;
  private static final String DISPATCHER = "dispatcher";

  private LoadCheck() {}

  /**
   * Result of loading one filter.
   *
   * @param filter a program's name, or "chain" for the longest chain
   * @param needsLoop whether it needs bpf_loop
   * @param verified how many instructions the verifier followed; 0 if it was refused
   * @param refusal why the kernel does not take it; empty if it does
   */
  public record Result(String filter, boolean needsLoop, int verified, Optional<String> refusal) {}

  /** Loads a filter and returns how many instructions the verifier followed. */
  private interface Load {
    int verified() throws EngineException;
  }

  /** Loads all of them. */
  public static List<Result> run() {
    List<Result> results = new ArrayList<>();
    for (ProgramSpec program : ProgramCatalog.all()) {
      Subject alone = new Subject.Standalone(program, sample(program.grammar()));
      results.add(result(program.name(), false, () -> cost(alone)));
    }
    results.add(result(DISPATCHER, false, LoadCheck::dispatcher));
    results.add(result("chain", false, () -> cost(longestChain())));
    results.add(
        result(
            StrictRow.PROGRAM,
            false,
            () -> cost(new Subject.IntentRows(policy(STRICT_RULES, "")))));
    results.add(
        result(
            Intent.NAME,
            true,
            () -> cost(new Subject.Intent(policy(2, "-445 from 192.0.2.0/24:1-9")))));
    return results;
  }

  private static Result result(String name, boolean policy, Load load) {
    try {
      return new Result(name, policy, load.verified(), Optional.empty());
    } catch (EngineException e) {
      AttachException reason = Attacher.refused(e, AttachException.Kind.KERNEL, policy);
      return new Result(name, policy, 0, Optional.of(String.valueOf(reason.getMessage())));
    }
  }

  private static int cost(Subject subject) throws EngineException {
    try (FilterCode code = FilterCode.of(subject, ObjectSource.builtIn())) {
      return Gate.verifierCost(code);
    }
  }

  private static int dispatcher() throws EngineException {
    byte[] elf = ObjectSource.builtIn().object(DISPATCHER);
    try (LoadedObject object = LoadedObject.relocate(DISPATCHER, elf, Map.of());
        FilterCode code = FilterCode.of(ProgramType.SCHED_CLS.hook(), DISPATCHER, object)) {
      return Gate.verifierCost(code);
    }
  }

  /** Returns as many stages as a chain can have, each program at least once. */
  private static Subject longestChain() {
    List<ProgramSpec> chainable =
        ProgramCatalog.all().stream().filter(ProgramSpec::chainable).toList();
    return new Subject.Chained(
        new Chain(
            Stream.concat(chainable.stream(), chainable.stream())
                .limit(Chain.MAX_STAGES)
                .sorted(Comparator.comparing(program -> program.layer().orElseThrow()))
                .map(program -> new Chain.Stage(program, sample(program.grammar())))
                .toList()));
  }

  /** Returns an input; of sets the largest one. */
  private static Input sample(InputGrammar grammar) {
    List<Integer> numbers =
        IntStream.range(0, InputGrammar.MAX_VALUES).mapToObj(i -> 0x0600 + i).toList();
    return switch (grammar) {
      case NONE -> new Input.None();
      case IPV4_ADDRESS -> new Input.Ipv4Address(0xC000_0201);
      case PORT -> new Input.Port(443);
      case ETHERTYPES -> new Input.EtherTypes(numbers);
      case PROTOCOLS -> new Input.Protocols(numbers.stream().map(n -> n & 0xFF).toList());
    };
  }

  private static Policy policy(int rules, String more) throws EngineException {
    try {
      PolicyBuilder builder = new PolicyBuilder("", Direction.EGRESS, Optional.empty());
      for (int i = 1; i <= rules; i++) {
        builder.rule(
            Effect.ACCEPT, "tcp/192.0.2.%d:443%s".formatted(i, more), Position.option("doctor"));
      }
      return builder.build();
    } catch (PolicyException e) {
      throw new EngineException(String.valueOf(e.getMessage()));
    }
  }
}
