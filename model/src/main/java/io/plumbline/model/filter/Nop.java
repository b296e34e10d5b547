package io.plumbline.model.filter;

import io.plumbline.model.decision.Action;
import io.plumbline.model.decision.DecisionList;
import io.plumbline.model.program.InputGrammar;
import io.plumbline.model.program.ProgramSpec;

/** {@code nop} (traffico specification, section a, nop). */
public final class Nop {
  public static final ProgramSpec SPEC =
      ProgramSpec.standalone(
          "nop",
          InputGrammar.NONE,
          "accepts every packet",
          DecisionList.only("accept", Action.ACCEPT, "every packet is accepted"));

  private Nop() {}
}
