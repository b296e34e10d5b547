package io.plumbline.conformance.verify;

import io.plumbline.model.decision.Clause;
import io.plumbline.model.decision.Guard;
import io.plumbline.model.engine.ModelRunner;
import io.plumbline.model.program.ProgramSpec;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Which clauses decided, and which were tried and did not: both outcomes of each guard, summed over
 * inputs and modes.
 */
public final class Coverage {
  private final Map<String, long[]> hits = new HashMap<>();

  /** Adds what a runner has counted. */
  void add(ModelRunner runner) {
    long[] counted = runner.hits();
    List<ModelRunner.Line> lines = runner.lines();
    int clause = 0;
    for (int i = 0; i < counted.length; i++) {
      clause = i > 0 && lines.get(i).stage() == lines.get(i - 1).stage() ? clause + 1 : 0;
      ProgramSpec program = lines.get(i).program();
      hits.computeIfAbsent(program.name(), name -> new long[program.decisions().clauses().size()])[
              clause] +=
          counted[i];
    }
  }

  /**
   * Returns the clauses of which an outcome is missing, as {@code name (never decides)} or {@code
   * name (never fails)}.
   */
  public List<String> missing(ProgramSpec program) {
    List<Clause> clauses = program.decisions().clauses();
    long[] counted = hits.getOrDefault(program.name(), new long[clauses.size()]);
    List<String> missing = new ArrayList<>();
    long later = 0;
    for (int i = clauses.size() - 1; i >= 0; i--) {
      if (counted[i] == 0) {
        missing.add(0, clauses.get(i).name() + " (never decides)");
      } else if (later == 0 && !(clauses.get(i).guard() instanceof Guard.Always)) {
        missing.add(0, clauses.get(i).name() + " (never fails)");
      }
      later += counted[i];
    }
    return missing;
  }
}
