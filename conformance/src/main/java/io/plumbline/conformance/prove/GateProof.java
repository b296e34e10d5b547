package io.plumbline.conformance.prove;

import io.plumbline.conformance.symbolic.Assignment;
import io.plumbline.conformance.symbolic.Code;
import io.plumbline.conformance.symbolic.ContextTerms;
import io.plumbline.conformance.symbolic.Explorer;
import io.plumbline.conformance.symbolic.Known;
import io.plumbline.conformance.symbolic.Path;
import io.plumbline.conformance.symbolic.Path.End;
import io.plumbline.conformance.symbolic.Solver;
import io.plumbline.conformance.symbolic.SymbolicException;
import io.plumbline.conformance.symbolic.SymbolicMap;
import io.plumbline.conformance.symbolic.Term;
import io.plumbline.conformance.symbolic.Terms;
import io.plumbline.conformance.symbolic.Value;
import io.plumbline.conformance.symbolic.Variables;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.emulator.object.MapSpec;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.ProgramObjects;
import io.plumbline.model.filter.GateModel;
import io.plumbline.model.hook.Hook;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Shows that the gate does with every answer of a filter what {@link GateModel} says: what it
 * returns, what it counts, what it reports, and that it writes nothing else.
 */
final class GateProof {
  private static final int MOST_PATHS = 10_000;
  private static final long LOW = 0xFFFF_FFFFL;
  private static final long NANOS_PER_SECOND = 1_000_000_000L;
  private static final int ANSWERS = 3;

  private final Hook hook;
  private final ProgramObjects objects;
  private final Terms terms;
  private final Solver solver;
  private final Term length;
  private final Term zero;
  private final Term one;
  private final Term filter;
  private final Term observe;
  private final Term pass;
  private final Term now;
  private final Term thisSecond;
  private final Term hasRoom;
  private final Map<String, SymbolicMap> maps = new HashMap<>();
  private final Attempt attempt;

  GateProof(Hook hook, ProgramObjects objects, Solver solver, Attempt attempt) {
    this.hook = hook;
    this.objects = objects;
    this.solver = solver;
    terms = new Terms(hook);
    length = ContextTerms.seen(terms);
    zero = terms.constant(0);
    one = terms.constant(1);
    filter = terms.variable("filter", 64);
    observe = terms.variable("observe", 32);
    pass = terms.variable("pass", 32);
    now = terms.variable("now", 64);
    thisSecond = terms.udiv(now, terms.constant(NANOS_PER_SECOND));
    hasRoom = terms.eq(terms.variable("room", 1), one);
    this.attempt = attempt;
  }

  /** Returns what the result rests on beside the explorer's assumptions. */
  static List<String> assumptions(Hook hook) {
    List<String> all = new ArrayList<>(ContextTerms.assumptions(hook));
    all.add("the filter in the gate leaves the frame, its length, tag and mark as they are");
    all.add("bpf_ringbuf_reserve gives a record or none");
    return all;
  }

  /**
   * Proves it.
   *
   * @throws Refuted if it does something else
   */
  void prove() throws SymbolicException, EngineException {
    BpfObject object = Codes.object(objects, hook.objectOf(GateModel.NAME));
    for (MapSpec spec : object.maps()) {
      maps.put(spec.name(), new UnknownMap(terms, spec));
    }
    Variables variables = new Variables(terms, object);
    variables.set("observe", 4, List.of(observe));
    variables.set("pass", 4, List.of(pass));
    Code code = Codes.code(terms, object, hook, GateModel.NAME, variables, maps);
    int slot =
        object.program(GateModel.NAME).orElseThrow().functions().keySet().stream()
            .mapToInt(Integer::intValue)
            .max()
            .orElse(0);
    // What a second is made of matters to nobody: both sides divide alike.
    try (Solver rough = solver.abstracting(Set.of(thisSecond))) {
      Explorer.around(terms, rough, MOST_PATHS, slot, filter)
          .explore(code, List.of(), path -> check(rough, path));
    }
  }

  private void check(Solver rough, Path path) throws SymbolicException {
    attempt.count(1);
    List<Term> question = new ArrayList<>(path.conditions());
    Known known = new Known(terms, Set.of(thisSecond), path.conditions());
    question.add(terms.not(known.in(right(path))));
    if (rough.check(question).isEmpty()) {
      return;
    }
    Optional<Assignment> wrong = solver.check(question);
    if (wrong.isPresent()) {
      Assignment at = Plain.of(terms, solver, zero, question, wrong.get());
      throw new Refuted(
          new Counterexample.Gated(
              hook,
              state(at),
              Plain.packet(hook, at),
              ContextTerms.linear(at),
              ProgramProof.describe(path, at)));
    }
  }

  private GateModel.State state(Assignment at) throws SymbolicException {
    return new GateModel.State(
        at.of(filter),
        (int) at.of(observe),
        (int) at.of(pass),
        at.of(field("plumb_control", 0, 0)),
        at.of(field("plumb_control", 0, 8)),
        new GateModel.Limiter(
            at.of(field("plumb_limiter", 0, 0)),
            at.of(field("plumb_limiter", 0, 8)),
            at.of(field("plumb_limiter", 0, 16))),
        at.of(now),
        at.holds(room()),
        (int) at.of(ContextTerms.ifindex(hook, terms)),
        (int) at.of(ContextTerms.mark(hook, terms)));
  }

  /** Returns when there is a ring buffer and it gives a record. */
  private Term room() throws SymbolicException {
    return terms.both(found("plumb_events", 0).condition(), hasRoom);
  }

  /** Returns what a lookup finds if it finds something, and when it does. */
  private SymbolicMap.Found found(String map, int index) throws SymbolicException {
    SymbolicMap known = maps.get(map);
    if (known == null) {
      throw new SymbolicException("map %s: there is none".formatted(map));
    }
    return known.lookup(List.of(terms.constant(index), zero, zero, zero)).get(0);
  }

  private SymbolicMap.Entry entry(String map, int index) throws SymbolicException {
    if (found(map, index).value().orElse(null) instanceof Value.Pointer found
        && found.region() instanceof Value.Region.Entry there) {
      return there.entry();
    }
    throw new SymbolicException("map %s: entry %d: there is none".formatted(map, index));
  }

  /** Returns what a 64-bit field of a map's entry was before. */
  private Term field(String map, int index, int offset) throws SymbolicException {
    if (entry(map, index).load(offset, 8) instanceof Value.Num number) {
      return number.term();
    }
    throw new SymbolicException("map %s: not a number".formatted(map));
  }

  /** What a path has written; each place is taken out as it is compared. */
  private final class Written {
    private record Place(SymbolicMap.Entry entry, int offset, int size) {
      boolean overlaps(Place other) {
        return entry.equals(other.entry)
            && !equals(other)
            && offset < other.offset + other.size
            && other.offset < offset + size;
      }

      boolean contains(Place other) {
        return entry.equals(other.entry)
            && offset <= other.offset
            && other.offset + other.size <= offset + size;
      }
    }

    private final Map<Place, Term> last = new HashMap<>();

    /** How many bytes of each place have not been asked for. */
    private final Map<Place, Integer> left = new HashMap<>();

    Written(Path path) throws SymbolicException {
      for (Path.Write write : path.writes()) {
        if (!(write.value() instanceof Value.Num number)) {
          throw new SymbolicException("gate: an address is written to a map");
        }
        Place place = new Place(write.entry(), write.offset(), write.size());
        if (last.keySet().stream().anyMatch(place::overlaps)) {
          throw new SymbolicException("gate: some bytes of a map are written twice");
        }
        last.put(place, number.term());
        left.put(place, write.size());
      }
    }

    /** Returns when a field of a map has become what it is to be. */
    Term becomes(String map, int index, int offset, Term wanted) throws SymbolicException {
      Optional<Term> after = of(entry(map, index), offset, 8);
      return terms.eq(after.isPresent() ? after.get() : field(map, index, offset), wanted);
    }

    /**
     * Returns what was written to a field, alone or together with its neighbours; empty if nothing
     * was.
     */
    Optional<Term> of(SymbolicMap.Entry entry, int offset, int size) {
      Place field = new Place(entry, offset, size);
      for (Map.Entry<Place, Term> write : last.entrySet()) {
        Place place = write.getKey();
        if (place.contains(field)) {
          left.merge(place, -size, Integer::sum);
          Term shifted = terms.lshr(write.getValue(), terms.constant(8L * (offset - place.offset)));
          return Optional.of(
              size == Long.BYTES
                  ? shifted
                  : terms.and(shifted, terms.constant((1L << 8 * size) - 1)));
        }
      }
      return Optional.empty();
    }

    /** Returns the record that something was written to. */
    Optional<SymbolicMap.Entry> record() {
      return last.keySet().stream()
          .map(Place::entry)
          .filter(entry -> entry instanceof SymbolicMap.Reserved)
          .findFirst();
    }

    /** Returns whether all that was written has been asked for. */
    boolean nothingElse() {
      return left.values().stream().allMatch(bytes -> bytes == 0);
    }
  }

  /** Returns when a path does what is to be done. */
  private Term right(Path path) throws SymbolicException {
    if (!(path.end() instanceof End.Returned returned)) {
      return terms.truth(false);
    }
    Term answer = terms.and(filter, terms.constant(LOW));
    Term ok = terms.eq(answer, terms.constant(hook.accept()));
    Term drops = terms.eq(answer, terms.constant(hook.drop()));
    Term next =
        hook.next().isPresent()
            ? terms.eq(answer, terms.constant(hook.next().getAsInt() & LOW))
            : terms.truth(false);
    Term passes = terms.either(ok, next);
    Term observed = terms.both(drops, terms.ne(observe, zero));
    List<Term> all = new ArrayList<>();
    all.add(
        terms.eq(
            terms.and(returned.r0(), terms.constant(LOW)),
            terms.choice(terms.either(ok, observed), pass, answer)));

    Written written = new Written(path);
    Term counted = terms.choice(passes, zero, terms.choice(drops, one, terms.constant(2)));
    for (int i = 0; i < ANSWERS; i++) {
      Term here = terms.eq(counted, terms.constant(i));
      Term packets = field("plumb_answers", i, 0);
      Term bytes = field("plumb_answers", i, 8);
      Term more = terms.choice(here, terms.add(packets, one), packets);
      all.add(written.becomes("plumb_answers", i, 0, more));
      more = terms.choice(here, terms.add(bytes, length), bytes);
      all.add(written.becomes("plumb_answers", i, 8, more));
    }

    Term listens = terms.both(drops, terms.ult(now, field("plumb_control", 0, 0)));
    Term second = field("plumb_limiter", 0, 0);
    Term events = field("plumb_limiter", 0, 8);
    Term suppressed = field("plumb_limiter", 0, 16);
    Term soFar = terms.choice(terms.eq(second, thisSecond), events, zero);
    Term allowed = terms.ult(soFar, field("plumb_control", 0, 8));
    Term reports = terms.all(List.of(listens, allowed, room()));
    Term limited = terms.both(listens, terms.not(reports));
    all.add(written.becomes("plumb_limiter", 0, 0, terms.choice(listens, thisSecond, second)));
    Term eventsAfter = terms.choice(reports, terms.add(soFar, one), soFar);
    all.add(written.becomes("plumb_limiter", 0, 8, terms.choice(listens, eventsAfter, events)));
    Term more = terms.choice(limited, terms.add(suppressed, one), suppressed);
    all.add(written.becomes("plumb_limiter", 0, 16, more));

    Optional<SymbolicMap.Entry> record = written.record();
    all.add(record.isPresent() ? reports : terms.not(reports));
    if (record.isPresent()) {
      all.add(reported(written, record.get()));
    }
    all.add(terms.truth(written.nothingElse()));
    return terms.all(all);
  }

  /** Returns when a record says of the frame what it is to say. */
  private Term reported(Written written, SymbolicMap.Entry record) {
    Term tagged = ContextTerms.tagged(terms);
    Term most = terms.constant(GateModel.CAPTURE_MAX);
    Term captured = terms.choice(terms.ult(length, most), length, most);
    List<Term> all = new ArrayList<>();
    all.add(is(written.of(record, 0, 8), now));
    all.add(is(written.of(record, 8, 4), length));
    all.add(is(written.of(record, 12, 4), ContextTerms.ifindex(hook, terms)));
    all.add(is(written.of(record, 16, 4), ContextTerms.mark(hook, terms)));
    Term protocol = terms.choice(tagged, ContextTerms.tagProtocol(terms), zero);
    all.add(is(written.of(record, 20, 2), protocol));
    Term tci = terms.choice(tagged, ContextTerms.tagControl(terms), zero);
    all.add(is(written.of(record, 22, 2), tci));
    all.add(is(written.of(record, 24, 4), captured));
    all.add(is(written.of(record, 28, 4), Explorer.cpu(terms)));
    for (int i = 0; i < GateModel.CAPTURE_MAX; i++) {
      Term beyond = terms.ule(captured, terms.constant(i));
      Term same =
          is(written.of(record, 32 + i, 1), terms.frameByte(terms.constant(hook.hidden() + i)));
      all.add(terms.either(beyond, same));
    }
    return terms.all(all);
  }

  private Term is(Optional<Term> written, Term wanted) {
    return written.map(term -> terms.eq(term, wanted)).orElse(terms.truth(false));
  }
}
