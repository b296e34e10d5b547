package io.plumbline.conformance.prove;

import io.plumbline.conformance.symbolic.Assignment;
import io.plumbline.conformance.symbolic.Code;
import io.plumbline.conformance.symbolic.ContextTerms;
import io.plumbline.conformance.symbolic.Known;
import io.plumbline.conformance.symbolic.Merger;
import io.plumbline.conformance.symbolic.Path;
import io.plumbline.conformance.symbolic.Path.End;
import io.plumbline.conformance.symbolic.Solver;
import io.plumbline.conformance.symbolic.SymbolicException;
import io.plumbline.conformance.symbolic.Term;
import io.plumbline.conformance.symbolic.Terms;
import io.plumbline.conformance.symbolic.Variables;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.model.decision.Clause;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.ProgramObjects;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.filter.Intent;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.packet.EtherType;
import io.plumbline.model.packet.IpProtocol;
import io.plumbline.model.policy.Direction;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.PolicyBuilder;
import io.plumbline.model.policy.PolicyException;
import io.plumbline.model.policy.Position;
import io.plumbline.model.policy.StrictIntent;
import io.plumbline.model.policy.StrictRow;
import io.plumbline.model.ruleset.Effect;
import io.plumbline.model.ruleset.Prefix;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Shows that {@code intent_rows} decides by the first row that matches, for every table of up to
 * {@value StrictRow#MAX} rows: by induction over rows. Where the ways through one turn of the loop
 * meet, what they have in common is shown to be that this row, whatever it says, does not match;
 * that is all that is known of it from there on.
 */
final class RowsProof {
  private static final int FEW = 8;
  private static final int DNS_PORT = 53;
  private static final long LOW = 0xFFFF_FFFFL;

  private final Hook hook;
  private final ProgramObjects objects;
  private final Terms terms;
  private final boolean tagged;
  private final Solver solver;
  private final Attempt attempt;
  private final Term zero;
  private final Term count;
  private final List<Row> rows = new ArrayList<>();
  private final List<Term> matches = new ArrayList<>();
  private final List<Term> hints = new ArrayList<>();

  /** The fields of a row, each of them unknown (spec. section d, "Lowering"). */
  private record Row(
      Term arp, Term allow, Term both, Term first, Term anyPort, Term port, Term destination) {}

  /**
   * Prepares one half of the proof.
   *
   * @param tagged whether frames have a tag outside their bytes: fields are elsewhere then
   */
  RowsProof(Hook hook, ProgramObjects objects, boolean tagged, Solver solver, Attempt attempt) {
    this.hook = hook;
    terms = new Terms(hook);
    zero = terms.constant(0);
    count = terms.variable("rows", 8);
    this.objects = objects;
    this.tagged = tagged;
    this.solver = solver;
    this.attempt = attempt;
  }

  /** Returns what the result rests on. */
  static List<String> assumptions(Hook hook) {
    List<String> all = new ArrayList<>(ContextTerms.assumptions(hook));
    all.add(
        "rows are as policies come to: TCP, UDP, ARP, or both with port 53; drops before allows");
    return all;
  }

  /**
   * Proves it.
   *
   * @throws Refuted if it does something else
   */
  void prove() throws SymbolicException, EngineException, PolicyException {
    BpfObject object = Codes.object(objects, hook.objectOf(StrictRow.PROGRAM));
    Variables variables = new Variables(terms, object);
    variables.set("intent_rule_count", 4, List.of(count));
    for (int i = 0; i < StrictRow.MAX; i++) {
      rows.add(row(variables, i));
    }
    Term outside = ContextTerms.tagged(terms, tagged);
    Term atMost = terms.ule(count, terms.constant(StrictRow.MAX));
    Code code = Codes.code(terms, object, hook, StrictRow.PROGRAM, variables, Map.of());

    // A rule of each kind names the fields that rows are about.
    StrictIntent one = new StrictIntent();
    one.add(Effect.ACCEPT, "tcp/10.0.0.1:443");
    List<Clause> clauses = Intent.decisions(one.build(), hook).clauses();
    DecisionTerms decisions =
        new DecisionTerms(
            terms,
            new FrameTerms(terms, tagged),
            clauses,
            new DecisionTerms.Inputs(zero, List.of(), terms.truth(false)));
    Term classified = decisions.undecided(Intent.classification().size());
    for (Row row : rows) {
      Term match = matches(row, decisions);
      matches.add(match);
      hints.add(terms.not(match));
    }
    Term allowed = terms.truth(false);
    for (int i = StrictRow.MAX - 1; i >= 0; i--) {
      Term there = terms.ult(terms.constant(i), count);
      Term allows = terms.eq(rows.get(i).allow, terms.constant(1));
      Term match = matches.get(i);
      Term here = terms.both(match, allows);
      allowed = terms.both(there, terms.either(here, terms.both(terms.not(match), allowed)));
    }
    Term passes = terms.both(classified, allowed);
    Term type = decisions.named("eth.type");
    Term protocol = decisions.named("protocol");
    Term ipv4 = terms.eq(type, terms.constant(EtherType.IPV4));
    Term arp = terms.eq(type, terms.constant(EtherType.ARP));
    Term oneOfTwo =
        terms.either(
            terms.eq(protocol, terms.constant(IpProtocol.TCP)),
            terms.eq(protocol, terms.constant(IpProtocol.UDP)));
    Merger.open(terms, solver)
        .withHints(hints)
        .byRows(List.of(classified, ipv4, arp, oneOfTwo))
        .run(code, List.of(atMost, outside), path -> check(path, passes));
  }

  private Row row(Variables variables, int index) throws SymbolicException {
    String name = "row[" + index + "].";
    Term tcp = terms.constant(IpProtocol.TCP);
    Term udp = terms.constant(IpProtocol.UDP);
    Row row =
        new Row(
            terms.eq(terms.variable(name + "arp", 1), terms.constant(1)),
            terms.variable(name + "allow", 1),
            terms.eq(terms.variable(name + "both", 1), terms.constant(1)),
            terms.choice(terms.eq(terms.variable(name + "first", 1), terms.constant(1)), tcp, udp),
            terms.variable(name + "any_port", 1),
            terms.variable(name + "port", 16),
            terms.variable(name + "destination", 32));
    int at = StrictRow.BYTES * index;
    String table = "intent_rules";
    Term one = terms.constant(1);
    Term two = terms.constant(2);
    variables.set(table, at, 1, terms.choice(row.arp, one, two));
    variables.set(table, at + 1, 1, row.allow);
    variables.set(table, at + 2, 1, terms.choice(row.both, two, one));
    variables.set(table, at + 3, 1, row.first);
    variables.set(table, at + 4, 1, terms.choice(row.both, udp, zero));
    variables.set(table, at + 5, 1, row.anyPort);
    variables.set(table, at + 6, 2, row.port);
    variables.set(table, at + 8, 4, row.destination);
    return row;
  }

  private Term matches(Row row, DecisionTerms decisions) {
    Term type = decisions.named("eth.type");
    Term protocol = decisions.named("protocol");
    Term protocols =
        terms.either(
            terms.eq(protocol, row.first),
            terms.both(row.both, terms.eq(protocol, terms.constant(IpProtocol.UDP))));
    Term ports =
        terms.either(
            terms.eq(row.anyPort, terms.constant(1)), terms.eq(row.port, decisions.named("dport")));
    Term ip =
        terms.all(
            List.of(
                terms.eq(type, terms.constant(EtherType.IPV4)),
                protocols,
                terms.eq(row.destination, decisions.named("ip.daddr")),
                ports));
    Term arp = terms.eq(type, terms.constant(EtherType.ARP));
    return terms.either(terms.both(row.arp, arp), terms.both(terms.not(row.arp), ip));
  }

  private void check(Path path, Term passes) throws SymbolicException {
    attempt.count(1);
    // What is known of the headers and of rows before is put in, and need not be asked for then.
    List<Term> conditions = new ArrayList<>(path.conditions());
    List<Term> thisRow = behindHints(conditions);
    Known known = new Known(terms, Set.of(), conditions);
    Optional<Term> match = matches.stream().map(known::in).filter(m -> !m.isFalse()).findFirst();
    if (match.isPresent() && follows(thisRow, match.get())) {
      conditions.add(match.get());
      known = new Known(terms, Set.of(), conditions);
    }
    if (follows(thisRow, right(path, known.in(passes)))) {
      return;
    }
    List<Term> question = new ArrayList<>(path.conditions());
    question.add(terms.not(right(path, passes)));
    question.add(asPoliciesComeTo());
    Optional<Assignment> wrong = solver.check(question);
    if (wrong.isPresent()) {
      Term few = terms.ule(count, terms.constant(FEW));
      List<Term> plainer = new ArrayList<>(question);
      plainer.add(few);
      Optional<Assignment> better = solver.check(plainer);
      Assignment plain =
          Plain.of(
              terms,
              solver,
              zero,
              better.isPresent() ? plainer : question,
              better.orElse(wrong.get()));
      throw new Refuted(
          new Counterexample.Judged(
              new Subject.IntentRows(policy(plain), hook),
              Plain.packet(hook, plain),
              ContextTerms.linear(plain),
              ProgramProof.describe(path, plain)));
    }
  }

  /** Returns when a table is one that a policy comes to. */
  private Term asPoliciesComeTo() {
    Term all = terms.truth(true);
    for (int i = 0; i < StrictRow.MAX; i++) {
      Row row = rows.get(i);
      Term dns = terms.eq(row.port, terms.constant(DNS_PORT));
      Term exact = terms.eq(row.anyPort, zero);
      all = terms.both(all, terms.either(terms.not(row.both), terms.both(dns, exact)));
      if (i > 0) {
        all = terms.both(all, terms.ule(rows.get(i - 1).allow, row.allow));
      }
    }
    return all;
  }

  private boolean follows(List<Term> conditions, Term then) throws SymbolicException {
    List<Term> question = new ArrayList<>(conditions);
    question.add(terms.not(then));
    return solver.check(question).isEmpty();
  }

  /** Returns the conditions behind the last one that says that a row does not match. */
  private List<Term> behindHints(List<Term> conditions) {
    int from = 0;
    for (int i = 0; i < conditions.size(); i++) {
      from = hints.contains(conditions.get(i)) ? i + 1 : from;
    }
    return List.copyOf(conditions.subList(from, conditions.size()));
  }

  private Term right(Path path, Term passes) {
    if (!(path.end() instanceof End.Returned returned)) {
      return terms.truth(false);
    }
    Term verdict = terms.and(returned.r0(), terms.constant(LOW));
    return terms.choice(
        passes,
        terms.eq(verdict, terms.constant(hook.accept())),
        terms.eq(verdict, terms.constant(hook.drop())));
  }

  /** Returns a policy of the rows that were found. */
  private Policy policy(Assignment at) throws SymbolicException {
    PolicyBuilder builder = new PolicyBuilder("", Direction.EGRESS, Optional.empty());
    try {
      for (Row row : rows.subList(0, (int) at.of(count))) {
        Effect effect = at.of(row.allow) == 1 ? Effect.ACCEPT : Effect.DROP;
        if (at.holds(row.arp)) {
          builder.rule(effect, "arp", Position.option("row"));
          continue;
        }
        Prefix host = Prefix.ipv4((int) at.of(row.destination));
        String port = at.of(row.anyPort) == 1 ? "" : ":" + at.of(row.port);
        String protocol = at.of(row.first) == IpProtocol.TCP ? "tcp/" : "udp/";
        String selector = at.holds(row.both) ? "dns/" + host : protocol + host + port;
        builder.rule(effect, selector, Position.option("row"));
      }
      return builder.build();
    } catch (PolicyException e) {
      throw new SymbolicException("rows that no policy comes to: " + e.getMessage());
    }
  }
}
