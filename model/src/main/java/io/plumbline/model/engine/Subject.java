package io.plumbline.model.engine;

import io.plumbline.model.hook.Hook;
import io.plumbline.model.program.Chain;
import io.plumbline.model.program.Input;
import io.plumbline.model.program.ProgramSpec;

/** What an engine runs: one program with its input, or a chain of them. */
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

  /** Returns where it runs. */
  Hook hook();
}
