package io.plumbline.conformance.prove;

import io.plumbline.conformance.symbolic.Assignment;
import io.plumbline.conformance.symbolic.Code;
import io.plumbline.conformance.symbolic.ContextTerms;
import io.plumbline.conformance.symbolic.Merger;
import io.plumbline.conformance.symbolic.Path;
import io.plumbline.conformance.symbolic.Path.End;
import io.plumbline.conformance.symbolic.Patience;
import io.plumbline.conformance.symbolic.Solver;
import io.plumbline.conformance.symbolic.SymbolicException;
import io.plumbline.conformance.symbolic.SymbolicMap;
import io.plumbline.conformance.symbolic.Term;
import io.plumbline.conformance.symbolic.Terms;
import io.plumbline.conformance.symbolic.Variables;
import io.plumbline.emulator.helper.Helper;
import io.plumbline.emulator.interp.Interpreter;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.machine.Fault;
import io.plumbline.emulator.machine.Frames;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import io.plumbline.emulator.map.BpfMap;
import io.plumbline.emulator.map.MapType;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.emulator.object.MapSpec;
import io.plumbline.emulator.vm.Contexts;
import io.plumbline.emulator.vm.Linker;
import io.plumbline.emulator.vm.VmException;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Compares two tc programs for all frames, all values of the read-only variables that both have,
 * and all contents of maps of the same name. Other variables have the values of their objects.
 */
public final class Equivalence {
  /** Where the packets of an interface begin; frames begin with Ethernet, as the objects say. */
  private static final String FIRST_LAYER = "first_layer";

  private static final long LOW = 0xFFFF_FFFFL;
  private static final int NUMBER_BYTES = 8;

  /** What is to be shown. */
  public enum Claim {
    /** Both end alike. */
    EQUIVALENT,
    /** What the first one lets pass the second one does too. */
    IMPLIES
  }

  /**
   * A frame for which they differ; the emulator has run it.
   *
   * @param variables bytes of the variables that both have
   * @param first what the first program does there, as run
   * @param second what the second one does
   */
  public record Difference(
      Packet packet, Map<String, byte[]> variables, String first, String second) {}

  /**
   * Result of a comparison.
   *
   * @param difference empty if the claim is proved
   */
  public record Result(Optional<Difference> difference, List<String> assumptions) {}

  private final Terms terms = new Terms();
  private final Solver solver;
  private final Map<String, List<Term>> shared = new LinkedHashMap<>();
  private final Map<String, UnknownMap> maps = new HashMap<>();

  private Equivalence(Solver solver) {
    this.solver = solver;
  }

  /** One of the two programs, with maps that the other one may have too. */
  private record Side(BpfObject object, String name, Hook hook, Map<String, UnknownMap> maps) {}

  /**
   * Compares two programs.
   *
   * @throws SymbolicException if it is neither proved nor refuted; a counterexample that a run does
   *     not confirm refutes nothing
   */
  public static Result of(
      BpfObject first,
      String firstName,
      BpfObject second,
      String secondName,
      Claim claim,
      int seconds)
      throws SymbolicException {
    try (Solver solver = new Solver(Patience.perQuestion(1000 * seconds))) {
      Equivalence both = new Equivalence(solver);
      both.share(first, second);
      Side one = both.side(first, firstName);
      Side two = both.side(second, secondName);
      if (!one.hook.equals(two.hook)) {
        throw new SymbolicException(
            "programs %s and %s: hooks %s and %s: expected the same hook"
                .formatted(firstName, secondName, one.hook.name(), two.hook.name()));
      }
      List<Path> ends = both.ends(one);
      List<Path> others = both.ends(two);
      List<String> assumptions = new ArrayList<>(ContextTerms.assumptions(one.hook));
      assumptions.add("maps of one name hold the same, and answer a key always alike");
      for (Path end : ends) {
        for (Path other : others) {
          Optional<Difference> difference = both.compare(one, end, two, other, claim);
          if (difference.isPresent()) {
            return new Result(difference, assumptions);
          }
        }
      }
      return new Result(Optional.empty(), assumptions);
    }
  }

  /** Makes unknowns of what both have. */
  private void share(BpfObject first, BpfObject second) throws SymbolicException {
    new TreeMap<>(first.variables())
        .forEach(
            (name, variable) -> {
              BpfObject.Variable other = second.variables().get(name);
              if (other != null
                  && !name.equals(FIRST_LAYER)
                  && other.size() == variable.size()
                  && fixed(first, variable)
                  && fixed(second, other)) {
                shared.put(name, unknowns(name, variable.size()));
              }
            });
    for (MapSpec spec : first.maps()) {
      int index = second.mapIndex(spec.name());
      if (index >= 0 && lookedUp(spec)) {
        MapSpec other = second.maps().get(index);
        if (other.type() != spec.type()
            || other.keySize() != spec.keySize()
            || other.valueSize() != spec.valueSize()) {
          throw new SymbolicException("map %s: it is not the same in both".formatted(spec.name()));
        }
        maps.put(spec.name(), new UnknownMap(terms, spec));
      }
    }
  }

  /** Returns whether lookups go to a map; those of variables have names with a dot. */
  private static boolean lookedUp(MapSpec spec) {
    return spec.type() != MapType.PROG_ARRAY.number() && !spec.name().contains(".");
  }

  private Side side(BpfObject object, String name) throws SymbolicException {
    Map<String, UnknownMap> all = new HashMap<>();
    for (MapSpec spec : object.maps()) {
      if (lookedUp(spec)) {
        UnknownMap known = maps.get(spec.name());
        all.put(spec.name(), known == null ? new UnknownMap(terms, spec) : known);
      }
    }
    return new Side(object, name, Codes.hook(object, name), all);
  }

  private static boolean fixed(BpfObject object, BpfObject.Variable variable) {
    return (object.maps().get(variable.map()).flags() & MapSpec.F_RDONLY_PROG) != 0;
  }

  private List<Term> unknowns(String name, int size) {
    if (Integer.bitCount(size) == 1 && size <= NUMBER_BYTES) {
      return List.of(terms.variable(name, 8 * size));
    }
    List<Term> bytes = new ArrayList<>();
    for (int i = 0; i < size; i++) {
      bytes.add(terms.variable("%s[%d]".formatted(name, i), 8));
    }
    return bytes;
  }

  private List<Path> ends(Side side) throws SymbolicException {
    Variables variables = new Variables(terms, side.object);
    for (Map.Entry<String, List<Term>> entry : shared.entrySet()) {
      int bytes = variables.size(entry.getKey()) / entry.getValue().size();
      variables.set(entry.getKey(), bytes, entry.getValue());
    }
    Map<String, SymbolicMap> symbolic = new HashMap<>(side.maps);
    Code code = Codes.code(terms, side.object, side.hook, side.name, variables, symbolic);
    List<Path> ends = new ArrayList<>();
    Merger.open(terms, solver).run(code, List.of(), ends::add);
    return ends;
  }

  private Optional<Difference> compare(Side first, Path one, Side second, Path other, Claim claim)
      throws SymbolicException {
    List<Term> question = new ArrayList<>(one.conditions());
    question.addAll(other.conditions());
    question.add(claim == Claim.EQUIVALENT ? differ(one, other) : drops(first.hook, one, other));
    if (question.stream().anyMatch(Term::isFalse)) {
      return Optional.empty();
    }
    Optional<Assignment> found = solver.check(question);
    if (found.isEmpty()) {
      return Optional.empty();
    }
    Assignment plain = Plain.of(terms, solver, terms.constant(0), question, found.get());
    Map<String, byte[]> values = new LinkedHashMap<>();
    shared.forEach((name, elements) -> values.put(name, bytes(elements, plain)));
    Ran ran = run(first, values, plain);
    Ran otherRan = run(second, values, plain);
    boolean confirmed =
        claim == Claim.EQUIVALENT
            ? !ran.isLike(otherRan)
            : ran.passes() && otherRan.drops() && !ran.isLike(otherRan);
    if (!confirmed) {
      throw new SymbolicException(
          "internal error: running the solver's counterexample does not confirm it: the first %s, the second %s: frame %s"
              .formatted(ran, otherRan, Plain.packet(first.hook, plain)));
    }
    return Optional.of(
        new Difference(
            Plain.packet(first.hook, plain), values, ran.toString(), otherRan.toString()));
  }

  /**
   * Result of running one program on a counterexample.
   *
   * @param tails slots that it asked for by tail calls, none of which finds a program
   * @param fault what it did that it must not; empty if it returned
   */
  private record Ran(Hook hook, List<Long> tails, int code, String fault) {
    /** Returns whether both end alike, and ask for the same tail calls. */
    boolean isLike(Ran other) {
      boolean sameEnd =
          fault.isEmpty() ? other.fault.isEmpty() && code == other.code : !other.fault.isEmpty();
      return sameEnd && tails.equals(other.tails);
    }

    boolean passes() {
      return fault.isEmpty() && (!hook.droppingCodes(false).contains(code) || !tails.isEmpty());
    }

    boolean drops() {
      return !fault.isEmpty() || hook.droppingCodes(true).contains(code);
    }

    @Override
    public String toString() {
      String asks = tails.isEmpty() ? "" : "asks for slots %s and ".formatted(tails);
      return asks + (fault.isEmpty() ? "returns " + code : "faults: " + fault);
    }
  }

  private static Ran run(Side side, Map<String, byte[]> variables, Assignment at)
      throws SymbolicException {
    Machine machine = new Machine();
    machine.cpu((int) at.variable("cpu"));
    machine.clock(() -> at.variable("now"));
    Frames frames = new Frames(machine, Contexts.of(side.hook));
    frames.linear(ContextTerms.linear(at));
    List<Long> tails = new ArrayList<>();
    Interpreter.Tracer tracer =
        (program, slot, frame, registers) -> {
          Insn insn = program.insns().get(slot);
          if (insn.opcode() == Opcode.CALL_HELPER && insn.immLow() == Helper.TAIL_CALL.id()) {
            tails.add(registers[3] & LOW);
          }
        };
    Map<String, BpfMap> filled = new HashMap<>();
    side.maps.forEach((name, map) -> filled.put(name, map.filled(machine, at)));
    try {
      Program entry =
          new Linker(machine, Interpreter.traced(tracer))
              .link(side.object, List.of(side.name), variables, filled)
              .program(side.name);
      frames.show(PacketBatch.of(Plain.packet(side.hook, at)), 0);
      return new Ran(side.hook, tails, (int) machine.run(entry, Machine.CONTEXT, 0), "");
    } catch (VmException e) {
      throw new SymbolicException(String.valueOf(e.getMessage()));
    } catch (Fault fault) {
      return new Ran(side.hook, tails, 0, "insn %d: %s".formatted(fault.slot(), fault.what()));
    }
  }

  private static byte[] bytes(List<Term> elements, Assignment at) {
    int width = elements.size() > 1 ? 1 : Long.bitCount(elements.get(0).bits()) / 8;
    byte[] bytes = new byte[width * elements.size()];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) (at.of(elements.get(i / width)) >>> 8 * (i % width));
    }
    return bytes;
  }

  private Term verdict(End.Returned returned) {
    return terms.and(returned.r0(), terms.constant(LOW));
  }

  private Term differ(Path one, Path other) {
    if (one.end() instanceof End.Returned a && other.end() instanceof End.Returned b) {
      return terms.ne(verdict(a), verdict(b));
    }
    if (one.end() instanceof End.TailCalled a && other.end() instanceof End.TailCalled b) {
      return terms.ne(a.index(), b.index());
    }
    return terms.truth(true);
  }

  private Term dropped(Hook hook, Term verdict, boolean perhaps) {
    Term any = terms.truth(false);
    for (int code : hook.droppingCodes(perhaps)) {
      any = terms.either(any, terms.eq(verdict, terms.constant(code)));
    }
    return any;
  }

  /**
   * Returns when the first one lets a frame pass that the second one drops, with some back end. The
   * same code from both is never that.
   */
  private Term drops(Hook hook, Path one, Path other) {
    Term passes =
        one.end() instanceof End.Returned a
            ? terms.not(dropped(hook, verdict(a), false))
            : terms.truth(one.end() instanceof End.TailCalled);
    Term dropped =
        other.end() instanceof End.Returned b
            ? dropped(hook, verdict(b), true)
            : terms.truth(other.end() instanceof End.Fault);
    return terms.both(terms.both(passes, dropped), differ(one, other));
  }
}
