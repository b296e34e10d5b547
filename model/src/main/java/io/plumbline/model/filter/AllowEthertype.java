package io.plumbline.model.filter;

import static io.plumbline.model.decision.Action.DROP;
import static io.plumbline.model.decision.Action.NEXT;
import static io.plumbline.model.filter.Headers.ETHERTYPE;
import static io.plumbline.model.filter.Headers.TRUNCATED_ETHERNET;

import io.plumbline.model.decision.DecisionList;
import io.plumbline.model.program.InputGrammar;
import io.plumbline.model.program.Layer;
import io.plumbline.model.program.ProgramSpec;

/**
 * {@code allow_ethertype} (traffico specification, section a, allow_ethertype). Looks at the
 * outermost EtherType only: for a tagged frame that is the tag's, wherever the tag is kept.
 */
public final class AllowEthertype {
  public static final ProgramSpec SPEC =
      ProgramSpec.chainable(
          "allow_ethertype",
          Layer.L2,
          InputGrammar.ETHERTYPES,
          "passes frames whose outer EtherType is in a set",
          DecisionList.first(
                  "truncated_ethernet", TRUNCATED_ETHERNET, DROP, "the Ethernet header is cut")
              .then("allowed_ethertype", ETHERTYPE.inAllowed(), NEXT, "the EtherType is allowed")
              .otherwise("other_ethertype", DROP, "the EtherType is not allowed"));

  private AllowEthertype() {}
}
