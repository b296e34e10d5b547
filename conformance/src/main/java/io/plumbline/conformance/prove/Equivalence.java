package io.plumbline.conformance.prove;

import io.plumbline.conformance.symbolic.Assignment;
import io.plumbline.conformance.symbolic.Code;
import io.plumbline.conformance.symbolic.Explorer;
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
import io.plumbline.emulator.map.MapType;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.emulator.object.MapSpec;
import io.plumbline.model.hook.Verdicts;
import io.plumbline.model.packet.Packet;
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
   * A frame for which they differ.
   *
   * @param variables bytes of the variables that both have
   */
  public record Difference(
      Packet packet, Map<String, byte[]> variables, String first, String second) {}

  /**
   * What came of it.
   *
   * @param difference empty if the claim is proved
   */
  public record Result(Optional<Difference> difference, List<String> assumptions) {}

  private final Terms terms = new Terms();
  private final Solver solver;
  private final Map<String, List<Term>> shared = new LinkedHashMap<>();
  private final Map<String, SymbolicMap> maps = new HashMap<>();

  private Equivalence(Solver solver) {
    this.solver = solver;
  }

  /**
   * Compares two programs.
   *
   * @throws SymbolicException if it cannot be told
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
      List<Path> ends = both.ends(first, firstName);
      List<Path> others = both.ends(second, secondName);
      List<String> assumptions = new ArrayList<>(Explorer.assumptions());
      assumptions.add("maps of one name hold the same, and answer a key always alike");
      for (Path one : ends) {
        for (Path other : others) {
          Optional<Difference> difference = both.compare(one, other, claim);
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
                  && other.size() == variable.size()
                  && fixed(first, variable)
                  && fixed(second, other)) {
                shared.put(name, unknowns(name, variable.size()));
              }
            });
    for (MapSpec spec : first.maps()) {
      int index = second.mapIndex(spec.name());
      // Maps of variables have names with a dot; they are read in other ways.
      boolean lookedUp = spec.type() != MapType.PROG_ARRAY.number() && !spec.name().contains(".");
      if (index >= 0 && lookedUp) {
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

  private List<Path> ends(BpfObject object, String name) throws SymbolicException {
    Variables variables = new Variables(terms, object);
    for (Map.Entry<String, List<Term>> entry : shared.entrySet()) {
      int bytes = variables.size(entry.getKey()) / entry.getValue().size();
      variables.set(entry.getKey(), bytes, entry.getValue());
    }
    Code code = Codes.code(terms, object, name, variables, maps);
    List<Path> ends = new ArrayList<>();
    Merger.open(terms, solver).run(code, List.of(), ends::add);
    return ends;
  }

  private Optional<Difference> compare(Path one, Path other, Claim claim) throws SymbolicException {
    List<Term> question = new ArrayList<>(one.conditions());
    question.addAll(other.conditions());
    question.add(claim == Claim.EQUIVALENT ? differ(one, other) : drops(one, other));
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
    return Optional.of(
        new Difference(Plain.packet(plain), values, words(one, plain), words(other, plain)));
  }

  private static byte[] bytes(List<Term> elements, Assignment at) {
    int width = elements.size() > 1 ? 1 : Long.bitCount(elements.get(0).bits()) / 8;
    byte[] bytes = new byte[width * elements.size()];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) (at.of(elements.get(i / width)) >>> 8 * (i % width));
    }
    return bytes;
  }

  private static String words(Path path, Assignment at) {
    String words = ProgramProof.describe(path, at);
    return words.startsWith("the program ") ? words.substring("the program ".length()) : words;
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

  /** Returns when the first one lets a frame pass that the second one drops. */
  private Term drops(Path one, Path other) {
    Term shot = terms.constant(Verdicts.TC_ACT_SHOT);
    Term passes =
        one.end() instanceof End.Returned a
            ? terms.ne(verdict(a), shot)
            : terms.truth(one.end() instanceof End.TailCalled);
    Term dropped =
        other.end() instanceof End.Returned b
            ? terms.eq(verdict(b), shot)
            : terms.truth(other.end() instanceof End.Fault);
    return terms.both(passes, dropped);
  }
}
