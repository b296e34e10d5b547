package io.plumbline.model.engine;

import io.plumbline.model.decision.Action;
import io.plumbline.model.decision.Clause;
import io.plumbline.model.hook.Verdict;
import io.plumbline.model.packet.CutCaptureException;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.packet.PacketView;
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

  private final Subject subject;
  private final List<Line> lines;
  private final List<Reference.Evaluator> deciders = new ArrayList<>();
  private final List<Integer> firstLine = new ArrayList<>();
  private final PacketView view = new PacketView();
  private final Reference.Evaluator[] stages;
  private final int[] lineOffsets;
  private final Action[] actions;
  private final int[] codes;
  private final int accept;
  private final int hidden;
  private final long[] hits;
  private final long[] hitBytes;

  ModelRunner(Subject subject) {
    this.subject = subject;
    List<Line> collected = new ArrayList<>();
    List<Reference.Stage> reference = subject.reference().stages();
    for (Reference.Stage stage : reference) {
      int number = deciders.size();
      boolean last = number == reference.size() - 1;
      firstLine.add(collected.size());
      deciders.add(stage.evaluator());
      for (Clause clause : stage.decisions().clauses()) {
        collected.add(new Line(number, stage.program(), clause, verdict(clause, last)));
      }
    }
    lines = List.copyOf(collected);
    stages = deciders.toArray(Reference.Evaluator[]::new);
    lineOffsets = firstLine.stream().mapToInt(Integer::intValue).toArray();
    actions = lines.stream().map(line -> line.clause().action()).toArray(Action[]::new);
    codes = Arrays.stream(actions).mapToInt(action -> action.code(subject.hook())).toArray();
    accept = subject.hook().accept();
    hidden = subject.hook().hidden();
    hits = new long[lines.size()];
    hitBytes = new long[lines.size()];
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
      hitBytes[line] += view.untaggedLength() - hidden;
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
