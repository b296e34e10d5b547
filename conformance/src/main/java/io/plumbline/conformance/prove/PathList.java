package io.plumbline.conformance.prove;

import io.plumbline.conformance.symbolic.Assignment;
import io.plumbline.conformance.symbolic.Code;
import io.plumbline.conformance.symbolic.ContextTerms;
import io.plumbline.conformance.symbolic.Explorer;
import io.plumbline.conformance.symbolic.Path;
import io.plumbline.conformance.symbolic.Path.End;
import io.plumbline.conformance.symbolic.Patience;
import io.plumbline.conformance.symbolic.Solver;
import io.plumbline.conformance.symbolic.SymbolicException;
import io.plumbline.conformance.symbolic.TermText;
import io.plumbline.conformance.symbolic.Terms;
import io.plumbline.conformance.symbolic.Variables;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.ProgramObjects;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.program.Input;
import io.plumbline.model.program.ProgramSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Every way through a program, one by one. */
public final class PathList {
  private static final int MOST_PATHS = 20_000;
  private static final Patience PATIENCE = Patience.perQuestion(20_000);

  /**
   * One way.
   *
   * @param conditions when it is gone, in fields of the frame
   * @param verdict how it ends
   * @param lines the source lines on it
   * @param packet a frame that goes it
   * @param input the input with which it does
   * @param linear how many bytes of the frame must be linear at most
   */
  public record Entry(
      List<String> conditions,
      String verdict,
      List<String> lines,
      Packet packet,
      Input input,
      int linear) {}

  private PathList() {}

  /** Returns the ways through a program, with any input, alone or as a stage. */
  public static List<Entry> of(ProgramObjects objects, ProgramSpec program, boolean stage)
      throws EngineException, SymbolicException {
    List<Entry> entries = new ArrayList<>();
    try (Solver solver = new Solver(PATIENCE)) {
      Terms terms = new Terms(program.hook());
      BpfObject object = Codes.object(objects, program.hook().objectOf(program.name()));
      Variables variables = new Variables(terms, object);
      ProgramInputs inputs = new ProgramInputs(terms, program, stage);
      inputs.fill(variables);
      // What holds of every frame before the program looks at it.
      int start = ContextTerms.conditions(program.hook(), terms).size();
      Code code = Codes.code(terms, object, program.hook(), program.name(), variables, Map.of());
      Explorer.open(terms, solver, MOST_PATHS)
          .explore(
              code,
              inputs.assumed(),
              path -> {
                Assignment plain =
                    Plain.of(terms, solver, inputs.slot(), List.of(), path.witness().orElseThrow());
                List<String> all = TermText.of(path.conditions());
                int given = Math.min(all.size(), start + inputs.assumed().size());
                entries.add(
                    new Entry(
                        all.subList(given, all.size()),
                        verdict(program, path, plain),
                        path.lines(),
                        Plain.packet(program.hook(), plain),
                        inputs.input(plain),
                        ContextTerms.linear(plain)));
              });
    }
    return entries;
  }

  private static String verdict(ProgramSpec program, Path path, Assignment at) {
    if (path.end() instanceof End.Returned returned) {
      return program.hook().verdictName((int) at.of(returned.r0()));
    }
    return path.end() instanceof End.TailCalled tail
        ? "goes on in slot " + at.of(tail.index())
        : "reads outside the frame";
  }
}
