package io.plumbline.model.decision;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Ordered clauses; the first whose guard holds decides. The last holds always.
 *
 * <p>One list is evaluated, printed, measured for coverage, and written so that it can be
 * translated for a solver.
 */
public record DecisionList(List<Clause> clauses) {
  public DecisionList {
    clauses = List.copyOf(clauses);
    if (clauses.isEmpty() || !(clauses.get(clauses.size() - 1).guard() instanceof Guard.Always)) {
      throw new IllegalArgumentException("decision list: no last clause that always holds");
    }
    Set<String> names = new HashSet<>();
    for (Clause clause : clauses) {
      if (!names.add(clause.name())) {
        throw new IllegalArgumentException(
            "decision list: clause " + clause.name() + ": named twice");
      }
    }
  }

  /** Starts a list. */
  public static Builder first(String name, Guard guard, Action action, String meaning) {
    return new Builder().then(name, guard, action, meaning);
  }

  /** Returns a list of the same clauses of which only the last ever decides. */
  public DecisionList lastOnly() {
    List<Clause> same = new ArrayList<>();
    for (Clause clause : clauses.subList(0, clauses.size() - 1)) {
      same.add(new Clause(clause.name(), Guard.always().not(), clause.action(), clause.meaning()));
    }
    same.add(clauses.get(clauses.size() - 1));
    return new DecisionList(same);
  }

  /** Returns a list of one clause that holds always. */
  public static DecisionList only(String name, Action action, String meaning) {
    return new Builder().otherwise(name, action, meaning);
  }

  /** Collects clauses in order. */
  public static final class Builder {
    private final List<Clause> clauses = new ArrayList<>();

    private Builder() {}

    public Builder then(String name, Guard guard, Action action, String meaning) {
      clauses.add(new Clause(name, guard, action, meaning));
      return this;
    }

    /** Adds the last clause and returns the list. */
    public DecisionList otherwise(String name, Action action, String meaning) {
      return new DecisionList(then(name, Guard.always(), action, meaning).clauses);
    }
  }
}
