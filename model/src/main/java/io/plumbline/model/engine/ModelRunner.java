package io.plumbline.model.engine;

import io.plumbline.model.decision.Action;
import io.plumbline.model.decision.Clause;
import io.plumbline.model.decision.Decider;
import io.plumbline.model.decision.DecisionList;
import io.plumbline.model.filter.Intent;
import io.plumbline.model.filter.IntentDecider;
import io.plumbline.model.hook.Verdict;
import io.plumbline.model.packet.CutCaptureException;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.packet.PacketView;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.program.Chain;
import io.plumbline.model.program.Input;
import io.plumbline.model.program.ProgramSpec;
import java.util.ArrayList;
import java.util.Arrays;
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
  /**
   * One clause of one stage.
   *
   * @param verdict what it decides, as the hook spells it; {@code next} if the next stage decides
   */
  public record Line(int stage, String program, Clause clause, String verdict) {
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
  private final int[] codes;
  private final int accept;
  private final long[] hits;
  private final long[] hitBytes;

  ModelRunner(Subject subject) {
    this.subject = subject;
    List<Line> collected = new ArrayList<>();
    if (subject instanceof Subject.Standalone standalone) {
      addStage(collected, standalone.program(), standalone.input(), false, true);
    } else if (subject instanceof Subject.Chained chained) {
      List<Chain.Stage> all = chained.chain().stages();
      for (Chain.Stage stage : all) {
        boolean last = deciders.size() == all.size() - 1;
        addStage(collected, stage.program(), stage.input(), true, last);
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
    codes = Arrays.stream(actions).mapToInt(action -> action.code(subject.hook())).toArray();
    accept = subject.hook().accept();
    hits = new long[lines.size()];
    hitBytes = new long[lines.size()];
  }

  private void addPolicy(List<Line> to, Policy policy) {
    IntentDecider decider = new IntentDecider(policy);
    addStage(to, Intent.NAME, Intent.decisions(policy), decider::decide, true);
  }

  private void addStage(
      List<Line> to, ProgramSpec program, Input input, boolean chained, boolean last) {
    Decider decider = new Decider(program.decisions(), input.scalar(), input.allowed(), chained);
    addStage(to, program.name(), program.decisions(), decider::decide, last);
  }

  private void addStage(
      List<Line> to, String program, DecisionList decisions, Stage decider, boolean last) {
    int stage = deciders.size();
    firstLine.add(to.size());
    deciders.add(decider);
    decisions.clauses().forEach(c -> to.add(new Line(stage, program, c, verdict(c, last))));
  }

  private String verdict(Clause clause, boolean last) {
    return clause.action() == Action.NEXT && !last
        ? Action.NEXT.word()
        : subject.hook().verdictName(clause.action().code(subject.hook()));
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
      if (actions[line] != Action.NEXT) {
        return line;
      }
    }
    return line;
  }

  private int verdict(int line) {
    return line < 0 ? accept : codes[line];
  }

  @Override
  public void close() {}
}
