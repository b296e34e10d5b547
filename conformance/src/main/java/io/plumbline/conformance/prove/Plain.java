package io.plumbline.conformance.prove;

import io.plumbline.conformance.symbolic.Assignment;
import io.plumbline.conformance.symbolic.ContextTerms;
import io.plumbline.conformance.symbolic.Explorer;
import io.plumbline.conformance.symbolic.Solver;
import io.plumbline.conformance.symbolic.SymbolicException;
import io.plumbline.conformance.symbolic.Term;
import io.plumbline.conformance.symbolic.Terms;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.VlanTag;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Makes what the solver finds a frame that engines can run. */
final class Plain {
  private static final int ETHERNET_LENGTH = 14;

  /** The shortest frame of any kind that a test run of the kernel takes. */
  private static final int TESTABLE = 54;

  private static final int SHORT = 256;
  private static final int MOST_BYTES = 70_000;

  private Plain() {}

  /**
   * Returns the plainest assignment for which conditions still hold: short, linear, untagged, in
   * slot 0, with the bytes 0 where they do not matter.
   */
  static Assignment of(
      Terms terms, Solver solver, Term slot, List<Term> conditions, Assignment first)
      throws SymbolicException {
    Term length = ContextTerms.length(terms);
    Term untagged = ContextTerms.tagged(terms, false);
    List<Term> wishes =
        List.of(
            terms.eq(ContextTerms.linear(terms), length),
            untagged,
            terms.eq(slot, terms.constant(0)),
            terms.ule(terms.constant(ETHERNET_LENGTH), length),
            terms.ule(length, terms.constant(SHORT)),
            terms.ule(terms.constant(TESTABLE), length),
            terms.ule(length, terms.constant(2 * TESTABLE)));
    Assignment best = first;
    List<Term> kept = new ArrayList<>(conditions);
    List<Term> unwritten = Explorer.unwritten(conditions);
    if (!unwritten.isEmpty()) {
      unwritten.forEach(one -> kept.add(terms.eq(one, terms.constant(0))));
      // What the emulator begins with; nobody can say what the kernel does.
      best =
          solver
              .check(kept)
              .orElseThrow(
                  () ->
                      new SymbolicException(
                          "it depends on a register or bytes of the stack that nobody wrote"));
    }
    for (Term wish : wishes) {
      kept.add(wish);
      Optional<Assignment> better = best.holds(wish) ? Optional.of(best) : solver.check(kept);
      if (better.isPresent()) {
        best = better.get();
      } else {
        kept.remove(kept.size() - 1);
      }
    }
    return best;
  }

  /** Returns the frame of an assignment at a hook. */
  static Packet packet(Hook hook, Assignment at) {
    int length = ContextTerms.seen(at) + hook.hidden();
    byte[] bytes = at.frame(Math.min(length, MOST_BYTES));
    Packet packet = bytes.length == length ? Packet.of(bytes) : Packet.cut(bytes, length);
    if (!ContextTerms.isTagged(at)) {
      return packet;
    }
    return packet.withOutsideTag(
        new VlanTag(ContextTerms.tagProtocol(at), ContextTerms.tagControl(at)));
  }
}
