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
import io.plumbline.conformance.symbolic.Value;
import io.plumbline.conformance.symbolic.Variables;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.model.decision.Clause;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.ProgramObjects;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.filter.Intent;
import io.plumbline.model.packet.EtherType;
import io.plumbline.model.packet.IpProtocol;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.PolicyException;
import io.plumbline.model.policy.PolicyImage;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** What is asked to prove a policy for frames with a tag outside their bytes, or without. */
final class PolicyQuestions {
  private static final long LOW = 0xFFFF_FFFFL;

  /** Those of the program as it is are a tenth of that; more are those of a wrong one. */
  private static final int MOST_WAYS = 2000;

  private static final int CLASSES = Intent.classification().size();

  private final Subject subject;
  private final Solver solver;
  private final boolean tagged;
  private final Terms terms;
  private final FrameTerms frame;
  private final Code code;
  private final List<Clause> clauses;
  private final DecisionTerms decisions;
  private final DecisionTerms rules;
  private final CounterMap counters;
  private final Term ipv4;
  private final Term ipv6;
  private final Term protocol;

  /** The protocol as it is behind an IPv6 header. */
  private final Term walked;

  private final Known nothing;
  private Known known;
  private int paths;
  private long questions;

  PolicyQuestions(ProgramObjects objects, Subject subject, boolean tagged, Solver solver)
      throws SymbolicException, PolicyException, EngineException {
    this.subject = subject;
    terms = new Terms(subject.hook());
    nothing = new Known(terms, Set.of(), List.of());
    known = nothing;
    Policy policy = subject.rules().orElseThrow();
    this.tagged = tagged;
    this.solver = solver;
    BpfObject object = Codes.object(objects, subject.hook().objectOf(Intent.NAME));
    PolicyImage image = PolicyImage.of(policy);
    Variables variables = new Variables(terms, object);
    TableMaps maps = new TableMaps(terms, image.image(subject.hook()).tables().orElseThrow());
    code = Codes.code(terms, object, subject.hook(), Intent.NAME, variables, maps.all());
    counters = new CounterMap(terms, image.lines());
    frame = new FrameTerms(terms, tagged);
    Term type = frame.bigEndian(terms.constant(12), 2);
    ipv4 = terms.eq(type, terms.constant(EtherType.IPV4));
    ipv6 = terms.eq(type, terms.constant(EtherType.IPV6));
    DecisionTerms.Inputs inputs =
        new DecisionTerms.Inputs(terms.constant(0), List.of(), terms.truth(false));
    clauses = Intent.decisions(policy, subject.hook()).clauses();
    decisions = new DecisionTerms(terms, frame, clauses, inputs, CLASSES);
    protocol = decisions.named("protocol");
    walked = in(ipv6, protocol);
    rules = new DecisionTerms(terms, frame, Intent.rules(policy), inputs, 0);
  }

  /** Returns how many ways through the program were looked at. */
  int paths() {
    return paths;
  }

  /** Returns how many questions were asked of solvers other than the one given. */
  long questions() {
    return questions;
  }

  /**
   * Asks them all.
   *
   * @throws Refuted if the program does something else
   */
  void ask() throws SymbolicException {
    Term outside = ContextTerms.tagged(terms, tagged);
    if (solver.check(List.of(outside, decisions.overread())).isPresent()) {
      throw new SymbolicException("a condition of the model reads past the end of the frame");
    }
    Merger merger = Merger.open(terms, solver).withMost(MOST_WAYS);
    (tagged ? merger : merger.withHints(decisions.places()))
        .run(code, List.of(outside), this::checkWhole);
    merger.runForks(cut(), this::checkForked);
  }

  /**
   * Returns what lookups rest on: the frame can be classified, and is of a protocol that rules are
   * about. How its headers were found does not matter any more.
   */
  private Merger.Cut cut() {
    Term known =
        terms.either(
            terms.both(ipv4, isOneOf(protocol, IpProtocol.ICMP)),
            terms.both(ipv6, isOneOf(protocol, IpProtocol.ICMPV6)));
    // A path of one family has these terms where the rules have the protocol.
    Term inIpv4 = terms.either(terms.not(ipv4), terms.eq(protocol, in(ipv4, protocol)));
    Term inIpv6 = terms.either(terms.not(ipv6), terms.eq(protocol, walked));
    return new Merger.Cut(
        Set.of(protocol, walked),
        List.of(decisions.undecided(CLASSES)),
        List.of(known, inIpv4, inIpv6),
        Set.of(ipv4, ipv6));
  }

  /** Returns a term as it is where a condition holds. */
  private Term in(Term condition, Term term) {
    return new Known(terms, Set.of(), List.of(condition)).in(term);
  }

  private Term isOneOf(Term protocol, int icmp) {
    return terms.any(
        List.of(
            terms.eq(protocol, terms.constant(IpProtocol.TCP)),
            terms.eq(protocol, terms.constant(IpProtocol.UDP)),
            terms.eq(protocol, terms.constant(icmp))));
  }

  private void checkWhole(Path path) throws SymbolicException {
    known = new Known(terms, Set.of(protocol), path.conditions());
    check(path, solver, path.conditions(), decisions, 0);
    known = nothing;
  }

  private void checkForked(Path path, Solver local, List<Term> behind) throws SymbolicException {
    long before = local.checks();
    // Most rules cannot match once the entry that was found is known: no solver need look at them.
    Set<Term> opaque =
        behind.contains(ipv4) ? Set.of() : Set.of(behind.contains(ipv6) ? walked : protocol);
    known = new Known(terms, opaque, behind);
    check(path, local, List.of(), rules, CLASSES);
    known = nothing;
    questions += local.checks() - before;
  }

  /**
   * Checks one end of a way: for each line that may have been counted, that it is the right one.
   *
   * @param asked knows the conditions of the way but for those given
   * @param lists when each clause decides, from the first one given on; no other may
   */
  private void check(Path path, Solver asked, List<Term> given, DecisionTerms lists, int first)
      throws SymbolicException {
    paths++;
    if (!(path.end() instanceof End.Returned returned)
        || path.writes().size() != 2
        || !(path.writes().get(0).entry() instanceof CounterMap.Counter counter)) {
      refuse(path, asked, given, List.of());
      return;
    }
    Term line = counters.line(counter.index());
    Term verdict = terms.and(returned.r0(), terms.constant(LOW));
    Term counted = counted(path.writes());
    Term known = terms.truth(false);
    Set<Term> numbers = numbers(line);
    for (int i = first; i < clauses.size(); i++) {
      Term number = terms.constant(i);
      Term here = terms.eq(line, number);
      if (here.isFalse() || !numbers.isEmpty() && !numbers.contains(number)) {
        continue;
      }
      known = terms.either(known, here);
      Term decided = terms.eq(verdict, terms.constant(clauses.get(i).action().code(code.hook())));
      Term right = terms.all(List.of(lists.decides(i - first), decided, counted));
      refuse(path, asked, given, List.of(here, terms.not(right)));
    }
    refuse(path, asked, given, List.of(terms.not(known)));
  }

  /** Returns the numbers that a term chooses from; none if it is made otherwise. */
  private static Set<Term> numbers(Term term) {
    Set<Term> numbers = new HashSet<>();
    Set<Term> seen = new HashSet<>();
    Deque<Term> rest = new ArrayDeque<>(List.of(term));
    while (!rest.isEmpty()) {
      Term next = rest.pop();
      if (next.isConst()) {
        numbers.add(next);
      } else if (next.op() != Term.Op.CHOICE) {
        return Set.of();
      } else if (seen.add(next)) {
        rest.push(next.part(1));
        rest.push(next.part(2));
      }
    }
    return numbers;
  }

  /** Shows that nothing goes this way; otherwise what does is a counterexample. */
  private void refuse(Path path, Solver asked, List<Term> given, List<Term> question)
      throws SymbolicException {
    List<Term> all = new ArrayList<>(given);
    question.forEach(term -> all.add(known.in(term)));
    if (all.stream().anyMatch(Term::isFalse)) {
      return;
    }
    if (asked != solver) {
      // A byte at a place that has become a simpler one is to be the same byte on both sides.
      all.addAll(known.comparisons());
    }
    if (asked.check(all).isEmpty()) {
      return;
    }
    List<Term> whole = new ArrayList<>(path.conditions());
    whole.addAll(question);
    Optional<Assignment> wrong = solver.check(whole);
    if (wrong.isPresent()) {
      Assignment plain = Plain.of(terms, solver, terms.constant(0), whole, wrong.get());
      throw new Refuted(
          new Counterexample.Judged(
              subject,
              Plain.packet(subject.hook(), plain),
              ContextTerms.linear(plain),
              ProgramProof.describe(path, plain)));
    }
  }

  /** Returns whether one packet and its length were added to the counters of one line. */
  private Term counted(List<Path.Write> writes) {
    Path.Write packets = writes.get(0);
    Path.Write bytes = writes.get(1);
    if (!packets.entry().equals(bytes.entry())
        || packets.offset() != 0
        || bytes.offset() != 8
        || !(packets.value() instanceof Value.Num one)
        || !(bytes.value() instanceof Value.Num length)) {
      return terms.truth(false);
    }
    Term before = terms.variable("counter.0", 64);
    Term bytesBefore = terms.variable("counter.8", 64);
    return terms.both(
        terms.eq(one.term(), terms.add(before, terms.constant(1))),
        terms.eq(length.term(), terms.add(bytesBefore, ContextTerms.seen(terms))));
  }
}
