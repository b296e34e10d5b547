package io.plumbline.model.ruleset;

import java.util.List;

/** A rule as rule sets see it; a language adds names, comments and positions. */
public interface FlowRule {
  /** Returns the effect on the packets that it decides. */
  Effect effect();

  /** Returns the packets that it matches: those in any of the regions. */
  List<FlowRegion> regions();

  /** Returns whether a packet matches. */
  default boolean matches(Flow flow) {
    for (FlowRegion region : regions()) {
      if (region.contains(flow)) {
        return true;
      }
    }
    return false;
  }
}
