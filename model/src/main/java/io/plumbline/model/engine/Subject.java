package io.plumbline.model.engine;

import io.plumbline.model.hook.Hook;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.program.Chain;
import io.plumbline.model.program.Input;
import io.plumbline.model.program.ProgramSpec;

/** What an engine runs: one program with its input, a chain of them, or a policy. */
public sealed interface Subject {

  /** A program on its own. */
  record Standalone(ProgramSpec program, Input input) implements Subject {
    @Override
    public Hook hook() {
      return program.hook();
    }

    @Override
    public String toString() {
      return (program.name() + " " + input).strip();
    }
  }

  /** A chain, started by the dispatcher. */
  record Chained(Chain chain) implements Subject {
    @Override
    public Hook hook() {
      return Hook.TC;
    }

    @Override
    public String toString() {
      return chain.stages().isEmpty() ? "empty chain" : "chain " + chain;
    }
  }

  /** A policy of the strict language, in the program that walks its rows one after the other. */
  record IntentRows(Policy policy) implements Subject {
    @Override
    public Hook hook() {
      return Hook.TC;
    }

    @Override
    public String toString() {
      return "rows of " + new Intent(policy);
    }
  }

  /** The intent program with a policy. */
  record Intent(Policy policy) implements Subject {
    @Override
    public Hook hook() {
      return Hook.TC;
    }

    @Override
    public String toString() {
      return policy.rules().size() <= 4
          ? "intent " + policy.rules()
          : "intent of %d rules".formatted(policy.rules().size());
    }
  }

  /** Returns where it runs. */
  Hook hook();
}
