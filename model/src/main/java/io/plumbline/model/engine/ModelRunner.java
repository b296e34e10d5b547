package io.plumbline.model.engine;

import io.plumbline.model.decision.Action;
import io.plumbline.model.decision.Clause;
import io.plumbline.model.decision.Decider;
import io.plumbline.model.decision.DecisionList;
import io.plumbline.model.filter.Intent;
import io.plumbline.model.filter.IntentDecider;
import io.plumbline.model.hook.Verdict;
import io.plumbline.model.hook.Verdicts;
import io.plumbline.model.packet.CutCaptureException;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.packet.PacketView;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.program.Chain;
import io.plumbline.model.program.Input;
import io.plumbline.model.program.ProgramSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Evaluates the decision lists of a subject with its inputs bound. Beside verdicts it reports which
 * clause decided, as a line of {@link #lines()}.
 *
 * <p>In a chain the first stage that drops decides; if all pass, the last stage's clause is the one
 * that let the packet through (traffico specification, section c, chaining model).
 */
public final class ModelRunner implements Runner {
  /** One clause of one stage. */
  public record Line(int stage, String program, Clause clause) {
    /** Returns the clause as reports name it, {@code allow_port.other_port}. */
    public String name() {
      return program + "." + clause.name();
    }
  }

  /** Finds the clause of one stage that decides. */
  private interface Stage {
    int decide(PacketView frame);
  }

  private final Subject subject;
  private final List<Line> lines;
  private final List<Stage> deciders = new ArrayList<>();
  private final List<Integer> firstLine = new ArrayList<>();
  private final PacketView view = new PacketView();
  private final Stage[] stages;
  private final int[] lineOffsets;
  private final Action[] actions;
  private final long[] hits;
  private final long[] hitBytes;

  ModelRunner(Subject subject) {
    this.subject = subject;
    List<Line> collected = new ArrayList<>();
    if (subject instanceof Subject.Standalone standalone) {
      addStage(collected, standalone.program(), standalone.input(), false);
    } else if (subject instanceof Subject.Chained chained) {
      for (Chain.Stage stage : chained.chain().stages()) {
        addStage(collected, stage.program(), stage.input(), true);
      }
    } else if (subject instanceof Subject.Intent intent) {
      addPolicy(collected, intent.policy());
    } else if (subject instanceof Subject.IntentRows rows) {
      addPolicy(collected, rows.policy());
    }
    lines = List.copyOf(collected);
    stages = deciders.toArray(Stage[]::new);
    lineOffsets = firstLine.stream().mapToInt(Integer::intValue).toArray();
    actions = lines.stream().map(line -> line.clause().action()).toArray(Action[]::new);
    hits = new long[lines.size()];
    hitBytes = new long[lines.size()];
  }

  private void addPolicy(List<Line> to, Policy policy) {
    IntentDecider decider = new IntentDecider(policy);
    addStage(to, Intent.NAME, Intent.decisions(policy), decider::decide);
  }

  private void addStage(List<Line> to, ProgramSpec program, Input input, boolean chained) {
    Decider decider = new Decider(program.decisions(), input.scalar(), input.allowed(), chained);
    addStage(to, program.name(), program.decisions(), decider::decide);
  }

  private void addStage(List<Line> to, String program, DecisionList decisions, Stage decider) {
    int stage = deciders.size();
    firstLine.add(to.size());
    deciders.add(decider);
    decisions.clauses().forEach(c -> to.add(new Line(stage, program, c)));
  }

  /** Returns the clauses of all stages in order. */
  public List<Line> lines() {
    return lines;
  }

  /**
   * Returns how often each line decided its stage so far, in chains also where a later stage had
   * the last word.
   */
  public long[] hits() {
    return hits.clone();
  }

  @Override
  public Optional<Counters> counters() {
    return Optional.of(new Counters(hits.clone(), hitBytes.clone()));
  }

  @Override
  public Optional<String> unsupported(Packet packet) {
    return Optional.empty();
  }

  @Override
  public Outcome run(Packet packet) {
    view.show(packet);
    try {
      int line = decide();
      return new Outcome.Decided(new Verdict(subject.hook(), verdict(line)), packet);
    } catch (CutCaptureException e) {
      return new Outcome.Cut();
    }
  }

  /** Returns the line that decides a frame; empty for an empty chain and for a cut capture. */
  public Optional<Line> explain(Packet packet) {
    view.show(packet);
    try {
      int line = decide();
      return line < 0 ? Optional.empty() : Optional.of(lines.get(line));
    } catch (CutCaptureException e) {
      return Optional.empty();
    }
  }

  /** Runs many frames; each that is decided has its line, except in an empty chain. */
  @Override
  public void run(PacketBatch batch, Outcomes outcomes) {
    outcomes.begin(batch.size());
    for (int i = 0; i < batch.size(); i++) {
      view.show(batch, i);
      try {
        int line = decide();
        outcomes.line(i, line);
        outcomes.decide(i, verdict(line));
      } catch (CutCaptureException e) {
        outcomes.cut(i);
      }
    }
  }

  private int decide() {
    int line = Outcomes.NO_LINE;
    for (int stage = 0; stage < stages.length; stage++) {
      line = lineOffsets[stage] + stages[stage].decide(view);
      hits[line]++;
      hitBytes[line] += view.untaggedLength();
      if (actions[line] != Action.PASS) {
        return line;
      }
    }
    return line;
  }

  private int verdict(int line) {
    return line >= 0 && actions[line] == Action.SHOT ? Verdicts.TC_ACT_SHOT : Verdicts.TC_ACT_OK;
  }

  @Override
  public void close() {}
}
