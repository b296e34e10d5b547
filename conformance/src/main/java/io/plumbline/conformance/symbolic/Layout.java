package io.plumbline.conformance.symbolic;

import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.Opcode;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Deque;
import java.util.List;

/** Where ways through a program meet, and which instructions are in a loop together. */
final class Layout {
  private static final int NONE = -1;

  private final List<List<Integer>> next = new ArrayList<>();
  private final List<List<Integer>> before = new ArrayList<>();
  private final BitSet meetings = new BitSet();
  private final int[] heads;
  private final BitSet entries = new BitSet();

  Layout(List<Insn> insns) {
    int slots = insns.size();
    for (int slot = 0; slot <= slots; slot++) {
      next.add(new ArrayList<>());
      before.add(new ArrayList<>());
    }
    for (int slot = 0; slot < slots; slot++) {
      Insn insn = insns.get(slot);
      Opcode.Form form = insn.opcode().form();
      boolean always = form == Opcode.Form.JA || form == Opcode.Form.GOTOL;
      if (always || form.jumpsByOffset()) {
        connect(slot, insn.target(slot));
      }
      if (!always && form != Opcode.Form.EXIT && form != Opcode.Form.HIGH) {
        connect(slot, slot + insn.opcode().slots());
      }
    }
    for (int slot = 0; slot < slots; slot++) {
      meetings.set(slot, before.get(slot).size() > 1);
    }
    heads = new int[slots + 1];
    Arrays.fill(heads, NONE);
    findLoops();
  }

  private void connect(int from, int to) {
    if (to >= 0 && to < next.size()) {
      next.get(from).add(to);
      before.get(to).add(from);
    }
  }

  /** Instructions that reach each other are in a loop; its first one stands for it. */
  private void findLoops() {
    Deque<Integer> finished = new ArrayDeque<>();
    BitSet seen = new BitSet();
    for (int slot = 0; slot < next.size(); slot++) {
      visit(slot, next, seen, finished);
    }
    BitSet placed = new BitSet();
    for (int slot : finished) {
      Deque<Integer> loop = new ArrayDeque<>();
      visit(slot, before, placed, loop);
      if (loop.size() > 1) {
        int head = loop.stream().min(Integer::compare).orElse(slot);
        loop.forEach(member -> heads[member] = head);
        loop.stream()
            .filter(member -> before.get(member).stream().anyMatch(from -> !loop.contains(from)))
            .min(Integer::compare)
            .ifPresent(entries::set);
      }
    }
  }

  /** Adds all that can be reached and was not seen before, each in front of what it leads to. */
  private static void visit(
      int start, List<List<Integer>> edges, BitSet seen, Deque<Integer> finished) {
    Deque<int[]> open = new ArrayDeque<>();
    if (!seen.get(start)) {
      seen.set(start);
      open.push(new int[] {start, 0});
    }
    while (!open.isEmpty()) {
      int[] at = open.element();
      List<Integer> ways = edges.get(at[0]);
      if (at[1] == ways.size()) {
        finished.push(at[0]);
        open.pop();
        continue;
      }
      int to = ways.get(at[1]++);
      if (!seen.get(to)) {
        seen.set(to);
        open.push(new int[] {to, 0});
      }
    }
  }

  /** Returns whether more than one instruction leads to a slot. */
  boolean meeting(int slot) {
    return meetings.get(slot);
  }

  /** Returns whether a loop is entered at a slot, so that each of its turns begins there. */
  boolean entry(int slot) {
    return entries.get(slot);
  }

  /** Returns the first slot of the loop that a slot is in, or -1. */
  int head(int slot) {
    return heads[slot];
  }
}
