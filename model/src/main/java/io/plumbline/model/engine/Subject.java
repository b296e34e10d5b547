package io.plumbline.model.engine;

import io.plumbline.model.decision.Decider;
import io.plumbline.model.decision.DecisionList;
import io.plumbline.model.filter.IntentDecider;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.image.Image;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.PolicyDescription;
import io.plumbline.model.policy.PolicyException;
import io.plumbline.model.policy.PolicyImage;
import io.plumbline.model.policy.Rule;
import io.plumbline.model.policy.StrictRow;
import io.plumbline.model.program.Chain;
import io.plumbline.model.program.Input;
import io.plumbline.model.program.ProgramSpec;
import io.plumbline.model.program.RodataImage;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A configured filter: what it must decide, and what it is lowered to. The model knows only the
 * first and all other engines only the second, so a mistake in the lowering is a disagreement.
 */
public interface Subject {
  /** Key of {@link #describe}: the name of the subject's {@code FilterSystem}. */
  String SYSTEM_KEY = "subject";

  /** Key of {@link #describe}: where it runs. */
  String HOOK_KEY = "hook";

  /** Returns where it runs. */
  Hook hook();

  /** Returns what it must decide; each caller gets a reference of its own. */
  Reference reference();

  /** Returns the same filter at another hook. */
  Subject at(Hook other);

  /**
   * Returns all that it is, as keys and values, from which {@code SystemCatalog} makes it again.
   */
  Map<String, String> describe();

  /** Returns the description of one that is known by a key or two. */
  private static Map<String, String> described(
      String system, Hook hook, Map<String, String> values) {
    Map<String, String> all = new LinkedHashMap<>();
    all.put(SYSTEM_KEY, system);
    all.putAll(values);
    all.put(HOOK_KEY, hook.name());
    return all;
  }

  /** Returns how something is called at a hook: the hook is named if it is not the default one. */
  static String words(String filter, Hook hook) {
    return hook.equals(Hook.usual()) ? filter : filter + " at " + hook.name();
  }

  /**
   * Returns what it is lowered to.
   *
   * @throws EngineException if it comes to more than the kernel's tables can hold
   */
  Image image() throws EngineException;

  /** Returns the inputs of its programs, around which frames are generated. */
  default List<Input> inputs() {
    return List.of();
  }

  /** Returns its rules, around which frames are generated; empty if it has none. */
  default Optional<Policy> rules() {
    return Optional.empty();
  }

  /**
   * Returns what of it asks for a header that packets at its hook do not have; empty if nothing
   * does.
   */
  default Optional<String> asksForMissingHeader() {
    return hook().firstLayer() < 3
        ? Optional.empty()
        : rules().stream()
            .flatMap(policy -> policy.rules().stream())
            .filter(Rule::isAboutArp)
            .map(rule -> "%s (%s)".formatted(rule, rule.position()))
            .findFirst();
  }

  /** Returns whether its program counts what each clause of its only stage decides. */
  default boolean countsClauses() {
    return false;
  }

  /** A program on its own. */
  record Standalone(ProgramSpec program, Input input) implements Subject {
    public static final String SYSTEM = "program";

    @Override
    public Map<String, String> describe() {
      return described(
          SYSTEM, hook(), Map.of("program", program.name(), "input", input.toString()));
    }

    @Override
    public Hook hook() {
      return program.hook();
    }

    @Override
    public Reference reference() {
      return new Reference(List.of(stage(program, input, false)));
    }

    @Override
    public Image image() {
      return Image.of(program(program, hook(), RodataImage.standalone(program, input)));
    }

    private static Image.Program program(ProgramSpec program, Hook hook, RodataImage rodata) {
      return program.readsPackets()
          ? Image.Program.reading(program.name(), hook, rodata.symbols())
          : Image.Program.of(program.name(), hook, rodata.symbols());
    }

    private static Reference.Stage stage(ProgramSpec program, Input input, boolean chained) {
      DecisionList decisions = program.decisions();
      return new Reference.Stage(
          program.name(),
          decisions,
          input,
          chained,
          new Decider(decisions, input.scalar(), input.allowed(), chained)::decide);
    }

    @Override
    public List<Input> inputs() {
      return List.of(input);
    }

    @Override
    public Optional<String> asksForMissingHeader() {
      return program.hasItsHeader() ? Optional.empty() : Optional.of(program.name());
    }

    @Override
    public Subject at(Hook other) {
      return new Standalone(program.at(other), input);
    }

    @Override
    public String toString() {
      return words((program.name() + " " + input).strip(), hook());
    }
  }

  /** A chain, started by the dispatcher. */
  record Chained(Chain chain, Hook hook) implements Subject {
    /** Makes one for the usual hook. */
    public Chained(Chain chain) {
      this(chain, Hook.usual());
    }

    public static final String SYSTEM = "chain";

    private static final String DISPATCHER = "dispatcher";
    private static final String PROGRAMS = "prog_array";

    @Override
    public Map<String, String> describe() {
      return described(SYSTEM, hook, Map.of("chain", chain.toString()));
    }

    @Override
    public Reference reference() {
      return new Reference(
          chain.stages().stream()
              .map(stage -> Standalone.stage(stage.program().at(hook), stage.input(), true))
              .toList());
    }

    @Override
    public Image image() {
      List<Image.TailCall> stages = new ArrayList<>();
      for (Chain.Stage stage : chain.stages()) {
        int slot = stages.size();
        stages.add(
            new Image.TailCall(
                PROGRAMS,
                slot,
                Standalone.program(stage.program(), hook, RodataImage.stage(stage, slot))));
      }
      return new Image(
          Image.Program.of(DISPATCHER, hook, Map.of()), stages, Optional.empty(), Optional.empty());
    }

    @Override
    public List<Input> inputs() {
      return chain.stages().stream().map(Chain.Stage::input).toList();
    }

    @Override
    public Optional<String> asksForMissingHeader() {
      return chain.stages().stream()
          .map(stage -> stage.program().at(hook))
          .filter(program -> !program.hasItsHeader())
          .map(ProgramSpec::name)
          .findFirst();
    }

    @Override
    public Subject at(Hook other) {
      return new Chained(chain, other);
    }

    @Override
    public String toString() {
      return words(chain.stages().isEmpty() ? "empty chain" : "chain " + chain, hook);
    }
  }

  /** A policy of the strict language, in the program that walks its rows one after the other. */
  record IntentRows(Policy policy, Hook hook) implements Subject {
    public static final String SYSTEM = "intent_rows";

    /** Makes one for the usual hook. */
    public IntentRows(Policy policy) {
      this(policy, Hook.usual());
    }

    @Override
    public Map<String, String> describe() {
      return described(SYSTEM, hook, PolicyDescription.of(policy));
    }

    @Override
    public Reference reference() {
      return new Intent(policy, hook).reference();
    }

    @Override
    public Image image() throws EngineException {
      try {
        return Image.of(
            Image.Program.reading(StrictRow.PROGRAM, hook, StrictRow.rodata(StrictRow.of(policy))));
      } catch (PolicyException e) {
        throw new EngineException(String.valueOf(e.getMessage()));
      }
    }

    @Override
    public Optional<Policy> rules() {
      return Optional.of(policy);
    }

    @Override
    public Subject at(Hook other) {
      return new IntentRows(policy, other);
    }

    @Override
    public String toString() {
      return "rows of " + new Intent(policy, hook);
    }
  }

  /** The intent program with a policy. */
  record Intent(Policy policy, Hook hook) implements Subject {
    public static final String SYSTEM = "intent";

    /** Makes one for the usual hook. */
    public Intent(Policy policy) {
      this(policy, Hook.usual());
    }

    @Override
    public Map<String, String> describe() {
      return described(SYSTEM, hook, PolicyDescription.of(policy));
    }

    @Override
    public Reference reference() {
      return new Reference(
          List.of(
              new Reference.Stage(
                  io.plumbline.model.filter.Intent.NAME,
                  io.plumbline.model.filter.Intent.decisions(policy, hook),
                  new Input.None(),
                  false,
                  new IntentDecider(policy, hook)::decide)));
    }

    @Override
    public Image image() throws EngineException {
      try {
        return PolicyImage.of(policy).image(hook);
      } catch (PolicyException e) {
        throw new EngineException(String.valueOf(e.getMessage()));
      }
    }

    @Override
    public Optional<Policy> rules() {
      return Optional.of(policy);
    }

    @Override
    public Subject at(Hook other) {
      return new Intent(policy, other);
    }

    @Override
    public String toString() {
      return words(
          policy.rules().size() <= 4
              ? "intent " + policy.rules()
              : "intent of %d rules".formatted(policy.rules().size()),
          hook);
    }

    @Override
    public boolean countsClauses() {
      return true;
    }
  }
}
