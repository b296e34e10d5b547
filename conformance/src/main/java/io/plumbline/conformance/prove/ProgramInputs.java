package io.plumbline.conformance.prove;

import io.plumbline.conformance.symbolic.Assignment;
import io.plumbline.conformance.symbolic.SymbolicException;
import io.plumbline.conformance.symbolic.Term;
import io.plumbline.conformance.symbolic.Terms;
import io.plumbline.conformance.symbolic.Variables;
import io.plumbline.model.program.Chain;
import io.plumbline.model.program.Input;
import io.plumbline.model.program.InputGrammar;
import io.plumbline.model.program.ProgramSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Every input that a program may be given, or one, as terms in the program's read-only variables
 * and in its decision list.
 */
final class ProgramInputs {
  private final Terms terms;
  private final ProgramSpec program;
  private final List<Term> assumed = new ArrayList<>();
  private final List<Term> elements = new ArrayList<>();
  private final Term scalar;
  private final Term number;
  private final Term slot;
  private final Term chained;

  /**
   * Makes the unknowns of a program's input.
   *
   * @param stage whether it runs as a stage of a chain, in any slot
   */
  ProgramInputs(Terms terms, ProgramSpec program, boolean stage) {
    this.terms = terms;
    this.program = program;
    int width =
        switch (program.grammar()) {
          case IPV4_ADDRESS -> 32;
          case PORT, ETHERTYPES -> 16;
          case PROTOCOLS -> 8;
          case NONE -> 0;
        };
    boolean set =
        program.grammar() == InputGrammar.ETHERTYPES || program.grammar() == InputGrammar.PROTOCOLS;
    scalar = width > 0 && !set ? terms.variable("input", width) : terms.constant(0);
    number = set ? terms.variable("num_allowed", 8) : terms.constant(0);
    slot = stage ? terms.variable("slot", 3) : terms.constant(0);
    chained = terms.constant(stage ? 1 : 0);
    if (set) {
      for (int i = 0; i < InputGrammar.MAX_VALUES; i++) {
        elements.add(terms.variable("allowed[" + i + "]", width));
      }
      assumed.add(terms.ule(terms.constant(1), number));
      assumed.add(terms.ule(number, terms.constant(InputGrammar.MAX_VALUES)));
      for (int i = 1; i < InputGrammar.MAX_VALUES; i++) {
        Term there = terms.ult(terms.constant(i), number);
        assumed.add(terms.either(there, terms.eq(elements.get(i), terms.constant(0))));
        for (int j = 0; j < i; j++) {
          Term other = terms.ne(elements.get(i), elements.get(j));
          assumed.add(terms.either(terms.not(there), other));
        }
      }
    }
    if (program.grammar() == InputGrammar.PORT) {
      assumed.add(terms.ule(terms.constant(1), scalar));
    }
  }

  /** Fills in a program's variables. */
  void fill(Variables variables) throws SymbolicException {
    switch (program.grammar()) {
      case NONE -> {}
      case IPV4_ADDRESS -> variables.set("input", 4, List.of(scalar));
      case PORT -> variables.set("input", 2, List.of(scalar));
      case ETHERTYPES, PROTOCOLS -> {
        int bytes = program.grammar() == InputGrammar.PROTOCOLS ? 1 : 2;
        variables.set("allowed", bytes, elements);
        variables.set("num_allowed", 1, List.of(number));
      }
    }
    if (program.chainable()) {
      variables.set("slot", 4, List.of(slot));
      variables.set("chained", 1, List.of(chained));
    }
  }

  /** Fills in a program's variables with one input. */
  static void fill(Variables variables, Map<String, byte[]> symbols) throws SymbolicException {
    for (Map.Entry<String, byte[]> symbol : symbols.entrySet()) {
      variables.set(symbol.getKey(), symbol.getValue());
    }
  }

  /** Returns what decision lists refer to. */
  DecisionTerms.Inputs decisionInputs() {
    List<DecisionTerms.Inputs.Member> members = new ArrayList<>();
    for (int i = 0; i < elements.size(); i++) {
      Term present = terms.ult(terms.constant(i), number);
      members.add(new DecisionTerms.Inputs.Member(elements.get(i), present));
    }
    return new DecisionTerms.Inputs(scalar, members, terms.truth(chained.value() == 1));
  }

  /** Returns the same for one input. */
  static DecisionTerms.Inputs decisionInputs(Terms terms, Input input, boolean chained) {
    List<DecisionTerms.Inputs.Member> members =
        input.allowed().stream()
            .map(v -> new DecisionTerms.Inputs.Member(terms.constant(v), terms.truth(true)))
            .toList();
    return new DecisionTerms.Inputs(terms.constant(input.scalar()), members, terms.truth(chained));
  }

  /** Returns what holds of every input. */
  List<Term> assumed() {
    return List.copyOf(assumed);
  }

  ProgramSpec program() {
    return program;
  }

  /** Returns the slot of the stage. */
  Term slot() {
    return slot;
  }

  /** Returns the input in an assignment. */
  Input input(Assignment assignment) {
    int value = (int) assignment.of(scalar);
    List<Integer> members =
        elements.stream()
            .limit(assignment.of(number))
            .map(element -> (int) assignment.of(element))
            .toList();
    return switch (program.grammar()) {
      case NONE -> new Input.None();
      case IPV4_ADDRESS -> new Input.Ipv4Address(value);
      case PORT -> new Input.Port(value);
      case ETHERTYPES -> new Input.EtherTypes(members);
      case PROTOCOLS -> new Input.Protocols(members);
    };
  }

  /** Returns the stage in an assignment. */
  Chain.Stage stage(Assignment assignment) {
    return new Chain.Stage(program, input(assignment));
  }
}
