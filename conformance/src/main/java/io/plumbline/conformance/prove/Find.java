package io.plumbline.conformance.prove;

import io.plumbline.conformance.symbolic.Assignment;
import io.plumbline.conformance.symbolic.ContextTerms;
import io.plumbline.conformance.symbolic.Patience;
import io.plumbline.conformance.symbolic.Solver;
import io.plumbline.conformance.symbolic.SymbolicException;
import io.plumbline.conformance.symbolic.Term;
import io.plumbline.conformance.symbolic.Terms;
import io.plumbline.model.decision.Action;
import io.plumbline.model.decision.Clause;
import io.plumbline.model.engine.Reference;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.packet.Packet;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Search for a frame that a filter expression accepts and a model judges in a given way; where
 * there is none, that is proved. Frames have no VLAN tag outside their bytes.
 */
public final class Find {
  private static final Pattern LAST =
      Pattern.compile("^(?:(.*?)\\s*\\band\\s+)?(verdict|clause)\\s+(\\w+)\\s*$", Pattern.DOTALL);

  private Find() {}

  /**
   * Looks for a frame.
   *
   * @param subject a program with its input, or a policy
   * @param expression a libpcap expression, {@code verdict pass}, {@code verdict drop}, {@code
   *     clause NAME}, or several joined by {@code and}, the libpcap one first
   * @throws SymbolicException if there is no answer in time
   * @throws IllegalArgumentException if the expression means nothing
   */
  public static Optional<Packet> of(Subject subject, String expression, int seconds)
      throws SymbolicException {
    return DeepStack.run(() -> search(subject, expression, seconds));
  }

  private static Optional<Packet> search(Subject subject, String expression, int seconds)
      throws SymbolicException {
    try (Solver solver = new Solver(Patience.perQuestion(1000 * seconds))) {
      Terms terms = new Terms(subject.hook());
      FrameTerms frame = new FrameTerms(terms, false);
      List<Reference.Stage> stages = subject.reference().stages();
      if (stages.size() != 1) {
        throw new IllegalArgumentException(subject + ": expected a program or a policy");
      }
      Reference.Stage stage = stages.get(0);
      List<Clause> clauses = stage.decisions().clauses();
      DecisionTerms.Inputs inputs =
          ProgramInputs.decisionInputs(terms, stage.input(), stage.chained());
      DecisionTerms decisions = new DecisionTerms(terms, frame, clauses, inputs);
      List<Term> wanted = new ArrayList<>(ContextTerms.conditions(subject.hook(), terms));
      wanted.add(ContextTerms.tagged(terms, false));
      String rest = expression.strip();
      Matcher last = LAST.matcher(rest);
      while (last.matches()) {
        wanted.add(
            last.group(2).equals("verdict")
                ? verdict(terms, decisions, last.group(3))
                : decisions.decides(clause(clauses, last.group(3))));
        rest = last.group(1) == null ? "" : last.group(1).strip();
        last = LAST.matcher(rest);
      }
      if (!rest.isEmpty()) {
        wanted.add(ClassicTerms.accepts(terms, frame, Expression.plain(rest)));
      }
      Optional<Assignment> found = solver.check(wanted);
      if (found.isEmpty()) {
        return Optional.empty();
      }
      return Optional.of(
          Plain.packet(
              subject.hook(), Plain.of(terms, solver, terms.constant(0), wanted, found.get())));
    }
  }

  private static Term verdict(Terms terms, DecisionTerms decisions, String word) {
    Term drops = decisions.decides(Action.DROP);
    return switch (word) {
      case "drop" -> drops;
      case "pass" -> terms.not(drops);
      default ->
          throw new IllegalArgumentException("verdict %s: expected pass or drop".formatted(word));
    };
  }

  private static int clause(List<Clause> clauses, String name) {
    for (int i = 0; i < clauses.size(); i++) {
      if (clauses.get(i).name().equals(name)) {
        return i;
      }
    }
    throw new IllegalArgumentException(
        "clause %s: expected one of %s"
            .formatted(name, clauses.stream().map(Clause::name).toList()));
  }
}
