package io.plumbline.conformance.verify;

import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.decision.Clause;
import io.plumbline.model.decision.Guard;
import io.plumbline.model.engine.ModelRunner;
import io.plumbline.model.filter.Intent;
import io.plumbline.model.hook.Hook;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Which clauses decided, and which were tried and did not: both outcomes of each guard, summed over
 * inputs and modes. Of policies, all forbids count as one clause, and so do all permits.
 */
public final class Coverage {
  private final Map<String, Map<String, Long>> hits = new HashMap<>();

  /** Adds what a runner has counted at a hook. */
  void add(ModelRunner runner, Hook hook) {
    long[] counted = runner.hits();
    List<ModelRunner.Line> lines = runner.lines();
    for (int i = 0; i < counted.length; i++) {
      String clause = lines.get(i).clause().name();
      if (lines.get(i).program().equals(Intent.NAME)) {
        clause = clause.replaceFirst("^(forbid|permit)_\\d+$", "$1");
      }
      hits.computeIfAbsent(hook.objectOf(lines.get(i).program()), name -> new HashMap<>())
          .merge(clause, counted[i], Long::sum);
    }
  }

  /**
   * Returns how often each clause of a program has decided, in order.
   *
   * @param program the name of its object, which differs between hooks
   */
  public Map<String, Long> hits(String program) {
    Map<String, Long> counted = hits.getOrDefault(program, Map.of());
    Map<String, Long> all = new LinkedHashMap<>();
    clauses(program).forEach(c -> all.put(c.name(), counted.getOrDefault(c.name(), 0L)));
    return all;
  }

  /** Returns the clauses of a program that are counted, or none if it has none of its own. */
  public static List<Clause> clauses(String object) {
    String program = Hook.programOf(object);
    return program.equals(Intent.NAME)
        ? Intent.outline()
        : ProgramCatalog.find(program).map(p -> p.decisions().clauses()).orElse(List.of());
  }

  /**
   * Returns the clauses of which an outcome is missing, as {@code name (never decides)} or {@code
   * name (never fails)}.
   */
  public List<String> missing(String program) {
    List<Clause> clauses = clauses(program);
    Map<String, Long> counted = hits.getOrDefault(program, Map.of());
    List<String> missing = new ArrayList<>();
    long later = 0;
    for (int i = clauses.size() - 1; i >= 0; i--) {
      long count = counted.getOrDefault(clauses.get(i).name(), 0L);
      if (count == 0) {
        missing.add(0, clauses.get(i).name() + " (never decides)");
      } else if (later == 0 && !(clauses.get(i).guard() instanceof Guard.Always)) {
        missing.add(0, clauses.get(i).name() + " (never fails)");
      }
      later += count;
    }
    return missing;
  }
}
