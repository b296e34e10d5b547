package io.plumbline.conformance.fuzz;

import io.plumbline.conformance.prove.Prover;
import io.plumbline.conformance.verify.Disagreement;
import io.plumbline.conformance.verify.RandomPolicies;
import io.plumbline.conformance.verify.Subjects;
import io.plumbline.conformance.verify.Verification;
import io.plumbline.emulator.object.BpfObject;
import io.plumbline.emulator.object.ObjectException;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.engine.Engine;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.ModelEngine;
import io.plumbline.model.engine.ModelRunner;
import io.plumbline.model.engine.Outcomes;
import io.plumbline.model.engine.ProgramObjects;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.filter.Intent;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.program.Input;
import io.plumbline.model.program.ProgramSpec;
import io.plumbline.pcaps.EdgePackets;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;

/**
 * Compares model and other engines over generated frames for a time or a number of frames. The work
 * is in numbered rounds that each depend on their number and the seed alone, so that a campaign can
 * be resumed, with any number of workers. Programs take turns: round after round is one of another
 * program, and a limit on frames is divided so that each program has its share.
 *
 * <p>A round takes one subject, or some random policies, and frames made from a pool: those of the
 * grammar, those that reached a clause or took a branch of the bytecode that few had before, and
 * changes of both.
 */
public final class PacketFuzz {
  /** Most frames of one round. */
  private static final int FRAMES = 1 << 20;

  /** Fewest frames of one round, unless a limit leaves fewer for each program. */
  private static final int FEW_FRAMES = 1024;

  private static final int BATCH = 1 << 13;
  private static final int GRAMMAR_FRAMES = 2000;
  private static final int POLICIES = 16;
  private static final int LONGEST = 256;

  /** A clause or a way that fewer frames have reached is worth keeping a frame for. */
  private static final int RARE = 64;

  /** One frame in this many is watched in the bytecode, which costs a lot more. */
  private static final int WATCHED_EVERY = 1024;

  private static final int MOST_KEPT = 4096;

  /** Counts of a campaign. */
  public static final class Score {
    private long rounds;
    private long packets;
    private long kept;
    private final Map<String, Long> programs = new TreeMap<>();
    private final Map<String, Long> engines = new TreeMap<>();
    private final Set<String> clauses = new TreeSet<>();
    private final Map<String, BitSet> ways = new TreeMap<>();
    private final List<Disagreement> disagreements = new ArrayList<>();

    /** Returns the number of the next round. */
    public synchronized long rounds() {
      return rounds;
    }

    /** Returns how many frames were compared. */
    public synchronized long packets() {
      return packets;
    }

    /** Returns how many ways out of conditional jumps the watched frames went. */
    public synchronized long ways() {
      return ways.values().stream().mapToLong(BitSet::cardinality).sum();
    }

    /** Returns how many frames reached a clause, or went a way, that few had. */
    public synchronized long kept() {
      return kept;
    }

    /** Returns how many frames each program was given. */
    public synchronized Map<String, Long> programs() {
      return new TreeMap<>(programs);
    }

    /** Returns how many frames each engine has run; the model runs all. */
    public synchronized Map<String, Long> engines() {
      return new TreeMap<>(engines);
    }

    /** Returns the clauses that have decided. */
    public synchronized Set<String> clauses() {
      return new TreeSet<>(clauses);
    }

    public synchronized List<Disagreement> disagreements() {
      return List.copyOf(disagreements);
    }

    /** Adds the counts of an earlier run. */
    public synchronized void resume(
        long earlierRounds, long earlierPackets, Map<String, Long> byProgram) {
      rounds = earlierRounds;
      packets = earlierPackets;
      byProgram.forEach((name, count) -> programs.merge(name, count, Long::sum));
    }

    private synchronized long nextRound() {
      return rounds++;
    }

    private synchronized void add(
        String program,
        int frames,
        int keptFrames,
        Map<String, Long> ran,
        Set<String> reached,
        Map<String, BitSet> gone) {
      packets += frames;
      kept += keptFrames;
      programs.merge(program, (long) frames, Long::sum);
      ran.forEach((engine, count) -> engines.merge(engine, count, Long::sum));
      clauses.addAll(reached);
      gone.forEach((name, set) -> ways.computeIfAbsent(name, key -> new BitSet()).or(set));
    }

    private synchronized void add(List<Disagreement> found) {
      disagreements.addAll(found);
    }
  }

  /** A subject of a program. */
  private record Turn(String program, Subject subject) {
    /** Returns the program and where it runs. */
    String name() {
      return Subject.words(program, subject.hook());
    }
  }

  private final ProgramObjects objects;
  private final List<Engine> engines;
  private final long seed;
  private final List<Turn> turns = new ArrayList<>();
  private final List<Hook> hooks;
  private final boolean policies;
  private final Score score = new Score();
  private int framesPerRound = FRAMES;
  private final AtomicLong left = new AtomicLong(Long.MAX_VALUE);

  /**
   * Prepares a campaign.
   *
   * @param engines those to compare with the model, all available
   * @param programs which programs; empty: all, chains and policies too
   * @param hooks where they run
   */
  public PacketFuzz(
      ProgramObjects objects,
      List<Engine> engines,
      List<String> programs,
      List<Hook> hooks,
      long seed) {
    this.objects = objects;
    this.engines = engines.stream().filter(e -> !e.name().equals(ModelEngine.NAME)).toList();
    this.seed = seed;
    this.hooks = List.copyOf(hooks);
    Map<String, List<Subject>> all = new LinkedHashMap<>();
    for (ProgramSpec program : ProgramCatalog.all()) {
      if (programs.isEmpty() || programs.stream().anyMatch(program.name()::equalsIgnoreCase)) {
        all.put(program.name(), Subjects.of(program));
      }
    }
    if (programs.isEmpty() || programs.contains(Subjects.DISPATCHER)) {
      all.put(Subjects.DISPATCHER, Subjects.chains(seed));
    }
    policies = programs.isEmpty() || programs.contains(Intent.NAME);
    takeTurns(all);
    turns.forEach(turn -> score.programs.put(turn.name(), 0L));
    if (policies) {
      hooks.forEach(hook -> score.programs.put(Subject.words(Intent.NAME, hook), 0L));
    }
  }

  /** Puts the first subject of each program first, then the second of each, and so on. */
  private void takeTurns(Map<String, List<Subject>> all) {
    int longest = all.values().stream().mapToInt(List::size).max().orElse(0);
    for (int i = 0; i < longest; i++) {
      for (Map.Entry<String, List<Subject>> program : all.entrySet()) {
        if (i < program.getValue().size()) {
          for (Hook hook : hooks) {
            turns.add(new Turn(program.getKey(), program.getValue().get(i).at(hook)));
          }
        }
      }
    }
  }

  /** Ends the campaign at a number of frames in all, those of a resumed campaign included. */
  public PacketFuzz limitedTo(long packets) {
    long more = Math.max(0, packets - score.packets());
    left.set(more);
    long cycle = rounds(turns.size());
    long once = rounds((int) turns.stream().map(Turn::name).distinct().count());
    long share = Math.max(more / cycle, Math.min(FEW_FRAMES, more / once));
    framesPerRound = (int) Math.max(1, Math.min(FRAMES, share));
    return this;
  }

  /** Returns how many rounds it takes until a number of subjects, and policies, had their turn. */
  private long rounds(int number) {
    return Math.max(1, policies ? number + number / 3 + 1 : number);
  }

  /** Takes up to a number of frames from what is left. */
  private int claim(int wanted) {
    return (int) Math.min(wanted, left.getAndUpdate(before -> Math.max(0, before - wanted)));
  }

  public Score score() {
    return score;
  }

  /** Takes rounds until told to stop, at the limit, or until there are disagreements. */
  public void work(BooleanSupplier goOn) throws EngineException {
    while (goOn.getAsBoolean() && left.get() > 0 && score.disagreements().isEmpty()) {
      round(score.nextRound(), goOn);
    }
  }

  /** Every fourth round is one of policies, if there are any. */
  private void round(long number, BooleanSupplier goOn) throws EngineException {
    long roundSeed = seed * 1_000_003 + number;
    if (turns.isEmpty() || policies && number % 4 == 3) {
      Hook hook = hooks.get((int) ((turns.isEmpty() ? number : number / 4) % hooks.size()));
      List<Policy> some = new ArrayList<>(RandomPolicies.of(POLICIES, roundSeed));
      some.addAll(number < turns.size() ? Prover.examples() : List.of());
      List<Subject> all = new ArrayList<>();
      some.stream()
          .limit(framesPerRound)
          .forEach(policy -> all.add(new Subject.Intent(policy, hook)));
      run(Intent.NAME, all, framesPerRound / all.size(), roundSeed, goOn);
      return;
    }
    long index = policies ? number - number / 4 : number;
    Turn turn = turns.get((int) (index % turns.size()));
    run(turn.program, List.of(turn.subject), framesPerRound, roundSeed, goOn);
  }

  private void run(
      String program, List<Subject> some, int framesEach, long roundSeed, BooleanSupplier goOn)
      throws EngineException {
    List<List<Runner>> runners = new ArrayList<>();
    try {
      for (Engine engine : engines) {
        runners.add(engine.loadAll(some));
      }
      for (int i = 0; i < some.size() && goOn.getAsBoolean(); i++) {
        List<Runner> own = new ArrayList<>();
        for (List<Runner> all : runners) {
          own.add(all.get(i));
        }
        compare(program, some.get(i), own, framesEach, roundSeed + i, goOn);
      }
    } finally {
      runners.forEach(all -> all.forEach(Runner::close));
    }
  }

  private void compare(
      String program,
      Subject subject,
      List<Runner> runners,
      int frames,
      long subjectSeed,
      BooleanSupplier goOn)
      throws EngineException {
    PacketBatch pool = pool(subject, subjectSeed, runners);
    PacketMutator mutator =
        new PacketMutator(pool, numbers(program, subject), subject.hook().hidden(), subjectSeed);
    PacketBatch batch = new PacketBatch(BATCH, BATCH * LONGEST);
    Outcomes expected = new Outcomes(BATCH);
    Outcomes actual = new Outcomes(BATCH);
    long[] ran = new long[runners.size()];
    int compared = 0;
    int kept = 0;
    try (ModelRunner model = new ModelEngine().load(subject);
        Ways ways = new Ways(objects, subject, RARE)) {
      int[] reached = new int[model.lines().size()];
      while (compared < frames && goOn.getAsBoolean()) {
        int size = claim(Math.min(BATCH, frames - compared));
        if (size == 0) {
          break;
        }
        batch.clear();
        mutator.add(batch, size);
        model.run(batch, expected);
        for (int engine = 0; engine < runners.size(); engine++) {
          runners.get(engine).run(batch, actual);
          int wrong = -1;
          for (int i = 0; i < size; i++) {
            if (actual.ran(i)) {
              ran[engine]++;
              wrong = actual.agrees(i, expected) ? wrong : i;
            }
          }
          if (wrong >= 0) {
            report(program, subject, batch, wrong);
            return;
          }
        }
        compared += size;
        for (int i = 0; i < size; i++) {
          int line = expected.line(i);
          boolean rare = line != Outcomes.NO_LINE && reached[line]++ < RARE;
          rare |= i % WATCHED_EVERY == 0 && ways.goesRareWay(batch.packet(i));
          if (rare && kept < MOST_KEPT) {
            pool.add(batch.packet(i));
            kept++;
          }
        }
      }
      Set<String> clauses = new TreeSet<>();
      for (int line = 0; line < reached.length; line++) {
        if (reached[line] > 0) {
          clauses.add(model.lines().get(line).name());
        }
      }
      Map<String, Long> byEngine = new TreeMap<>();
      for (int engine = 0; engine < ran.length; engine++) {
        byEngine.put(engines.get(engine).name(), ran[engine]);
      }
      score.add(
          Subject.words(program, subject.hook()),
          compared,
          kept,
          byEngine,
          program.equals(Intent.NAME) ? Set.of() : clauses,
          ways.gone());
    }
  }

  /** Runs a frame again, minimises it, and keeps the disagreement. */
  private void report(String program, Subject subject, PacketBatch batch, int frame)
      throws EngineException {
    PacketBatch one = new PacketBatch();
    one.add(batch.packet(frame));
    Verification again = new Verification(engines, one, 0, seed);
    again.run(program, subject);
    score.add(again.disagreements());
    if (!again.failures().isEmpty()) {
      throw new EngineException("%s: %s".formatted(subject, again.failures()));
    }
    if (again.disagreements().isEmpty()) {
      throw new EngineException(
          "%s: frame %s: a disagreement that does not come again"
              .formatted(subject, batch.packet(frame)));
    }
  }

  private static PacketBatch pool(Subject subject, long subjectSeed, List<Runner> runners) {
    PacketBatch all = new PacketBatch();
    EdgePackets.add(subject, all, GRAMMAR_FRAMES, subjectSeed);
    PacketBatch pool = new PacketBatch();
    for (int i = 0; i < all.size(); i++) {
      // Long frames cost time and show nothing that short ones do not, but for a few; so do those
      // that not all engines take.
      Packet packet = all.packet(i);
      boolean taken = runners.stream().allMatch(runner -> runner.unsupported(packet).isEmpty());
      if ((all.capturedLength(i) <= LONGEST || i % 64 == 0) && (taken || i % 8 == 0)) {
        pool.add(packet);
      }
    }
    return pool;
  }

  /** Returns the constants that a program's bytecode has, and its inputs. */
  private long[] numbers(String program, Subject subject) throws EngineException {
    Set<Long> numbers = new TreeSet<>();
    for (Input input : subject.inputs()) {
      numbers.add(input.scalar());
      input.allowed().forEach(value -> numbers.add((long) value));
    }
    if (!program.equals(Subjects.DISPATCHER)) {
      try {
        numbers.addAll(
            PacketMutator.constants(
                BpfObject.read(objects.object(subject.hook().objectOf(program)))));
      } catch (ObjectException e) {
        throw new EngineException("%s: %s".formatted(program, e.getMessage()));
      }
    }
    return numbers.stream().mapToLong(Long::longValue).toArray();
  }
}
