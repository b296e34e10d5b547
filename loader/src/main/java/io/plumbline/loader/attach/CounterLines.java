package io.plumbline.loader.attach;

import io.plumbline.model.decision.Clause;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.filter.Intent;
import java.util.List;

/** The names of the counters that a filter keeps itself. */
public final class CounterLines {
  private CounterLines() {}

  /** Returns one name for each clause and rule of a policy; none for other filters. */
  public static List<String> of(Subject subject) {
    return subject instanceof Subject.Intent intent
        ? Intent.decisions(intent.policy()).clauses().stream().map(Clause::name).toList()
        : List.of();
  }
}
