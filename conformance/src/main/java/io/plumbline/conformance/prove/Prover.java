package io.plumbline.conformance.prove;

import io.plumbline.conformance.symbolic.ContextTerms;
import io.plumbline.conformance.symbolic.Patience;
import io.plumbline.model.catalog.ChainSyntax;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.ProgramObjects;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.filter.GateModel;
import io.plumbline.model.filter.Intent;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.policy.Direction;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.PolicyBuilder;
import io.plumbline.model.policy.PolicyException;
import io.plumbline.model.policy.Position;
import io.plumbline.model.policy.StrictIntent;
import io.plumbline.model.policy.StrictRow;
import io.plumbline.model.program.Chain;
import io.plumbline.model.program.InputException;
import io.plumbline.model.program.ProgramSpec;
import io.plumbline.model.ruleset.Effect;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;

/** Proves that objects do what their models say, for every frame. */
public final class Prover {
  /** Chains that are proved with everything else; any stage in any slot is proved by itself. */
  private static final List<String> CHAINS =
      List.of(
          "allow_ethertype:ipv4+arp,allow_port:443",
          "allow_ethertype:ipv4,allow_ipv4:10.0.0.1,allow_proto:tcp+udp,allow_dns:10.0.0.53");

  private static final String DISPATCHER = "dispatcher";

  /** Programs that the catalog does not list, because nobody chooses them by name. */
  public static final List<String> OTHERS =
      List.of(GateModel.NAME, DISPATCHER, StrictRow.PROGRAM, Intent.NAME);

  /** Proves something. */
  private interface Work {
    Proof prove() throws EngineException;
  }

  /** Something to prove. */
  public static final class Task {
    private final String name;
    private final Work work;

    private Task(String name, Work work) {
      this.name = name;
      this.work = work;
    }

    public String name() {
      return name;
    }

    /** Proves it, in a thread with a stack for deep terms. */
    public Proof prove() throws EngineException {
      FutureTask<Proof> future = new FutureTask<>(work::prove);
      new Thread(null, future, "proof", DeepStack.BYTES).start();
      try {
        return future.get();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new EngineException("prove: %s: interrupted".formatted(name));
      } catch (ExecutionException e) {
        if (e.getCause() instanceof StackOverflowError) {
          throw new EngineException("prove: %s: too large".formatted(name));
        } else if (e.getCause() instanceof EngineException cause) {
          throw cause;
        }
        throw new IllegalStateException(e.getCause());
      }
    }
  }

  /** Takes results. */
  public interface Results {
    void take(Proof proof) throws EngineException;
  }

  /**
   * Proves tasks, one on each CPU at a time.
   *
   * @param results gets the results in the order of the tasks, in the calling thread
   */
  public static void prove(List<Task> tasks, Results results) throws EngineException {
    ExecutorService pool = Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors());
    try {
      for (Future<Proof> proof : tasks.stream().map(task -> pool.submit(task::prove)).toList()) {
        results.take(proof.get());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new EngineException("prove: interrupted");
    } catch (ExecutionException e) {
      if (e.getCause() instanceof EngineException cause) {
        throw cause;
      }
      throw new IllegalStateException(e.getCause());
    } finally {
      pool.shutdownNow();
    }
  }

  private final ProgramObjects objects;
  private final Patience patience;

  /**
   * Makes a prover.
   *
   * @param seconds how long the solver may take for one question
   */
  public Prover(ProgramObjects objects, int seconds) {
    this(objects, Patience.perQuestion(1000 * seconds));
  }

  /** Makes a prover whose solver may take as long as is said. */
  public Prover(ProgramObjects objects, Patience patience) {
    this.objects = objects;
    this.patience = patience;
  }

  /** Returns what there is to prove of everything that ships for a hook. */
  public List<Task> all(Hook hook) {
    List<Task> tasks = new ArrayList<>();
    for (ProgramSpec program : ProgramCatalog.all()) {
      tasks.addAll(of(program.at(hook)));
    }
    OTHERS.forEach(other -> tasks.addAll(of(other, hook)));
    return tasks;
  }

  /** Returns what there is to prove of a program: it alone, and as a stage if it can be one. */
  public List<Task> of(ProgramSpec program) {
    ProgramProof proof = new ProgramProof(objects, patience);
    List<Task> tasks = new ArrayList<>();
    tasks.add(new Task(name(program, false), () -> proof.prove(program, false)));
    if (program.chainable()) {
      tasks.add(new Task(name(program, true), () -> proof.prove(program, true)));
    }
    return tasks;
  }

  /** Returns how a proof of a program is called. */
  static String name(ProgramSpec program, boolean stage) {
    return Subject.words(program.name() + (stage ? " as a stage" : ""), program.hook());
  }

  /** Returns policies that use all of the language between them. */
  public static List<Policy> examples() {
    try {
      return List.of(
          policy(List.of("arp", "ndp", "dns/10.0.0.53", "tcp/10.0.0.0/8:443"), "tcp/10.0.0.1:443"),
          policy(
              List.of(
                  "tcp/[2001:db8::/32]:80,443,8000-8100 from [2001:db8:1::/48]:1024-65535",
                  "udp/10.0.0.0/8:53 from 10.1.0.0/16",
                  "icmp/any:echo-request",
                  "icmp6/any",
                  "ip/192.0.2.0/24"),
              "ip/192.0.2.128/25 from 10.9.0.0/16"));
    } catch (PolicyException e) {
      throw new IllegalStateException("prove: an example of ours: " + e.getMessage(), e);
    }
  }

  /** Returns what a program that is not in the catalog is shown with; nothing for the gate. */
  public static List<Subject> subjects(String other) {
    try {
      List<Subject> subjects = new ArrayList<>();
      if (other.equals(DISPATCHER)) {
        subjects.add(new Subject.Chained(new Chain(List.of())));
        for (String text : CHAINS) {
          subjects.add(new Subject.Chained(ChainSyntax.parse(text)));
        }
      } else if (other.equals(StrictRow.PROGRAM)) {
        StrictIntent strict = new StrictIntent();
        strict.add(Effect.ACCEPT, "arp");
        strict.add(Effect.ACCEPT, "dns/10.0.0.53");
        strict.add(Effect.ACCEPT, "tcp/10.0.0.1:443");
        strict.add(Effect.DROP, "tcp/10.0.0.1:80");
        subjects.add(new Subject.IntentRows(strict.build()));
        StrictIntent single = new StrictIntent();
        single.add(Effect.ACCEPT, "udp/10.0.0.1:123");
        subjects.add(new Subject.IntentRows(single.build()));
      } else if (other.equals(Intent.NAME)) {
        examples().forEach(policy -> subjects.add(new Subject.Intent(policy)));
      }
      return subjects;
    } catch (InputException | PolicyException e) {
      throw new IllegalStateException("prove: an example of ours: " + e.getMessage(), e);
    }
  }

  /**
   * Returns what there is to prove of a program that is not in the catalog.
   *
   * @param other one of {@link #OTHERS}
   */
  public List<Task> of(String other, Hook hook) {
    List<Task> tasks = new ArrayList<>();
    for (Subject subject : subjects(other)) {
      tasks.add(of(subject.at(hook)));
    }
    if (other.equals(StrictRow.PROGRAM)) {
      tasks.add(anyRows(hook));
    } else if (other.equals(GateModel.NAME)) {
      tasks.add(gate(hook));
    }
    return tasks;
  }

  /** Returns what there is to prove of the program that walks rows: for every table. */
  private Task anyRows(Hook hook) {
    String name = Subject.words("intent_rows of any rows", hook);
    return new Task(
        name,
        () -> {
          Attempt attempt = new Attempt(patience);
          for (boolean tagged : tagged(hook)) {
            attempt.with(solver -> new RowsProof(hook, objects, tagged, solver, attempt).prove());
          }
          return attempt.proof(
              name,
              "the first row that matches decides, for all frames and all tables of up to %d rows"
                  .formatted(StrictRow.MAX),
              RowsProof.assumptions(hook));
        });
  }

  private static Policy policy(List<String> permits, String forbid) throws PolicyException {
    PolicyBuilder builder = new PolicyBuilder("", Direction.EGRESS, Optional.empty());
    for (String permit : permits) {
      builder.rule(Effect.ACCEPT, permit, Position.option("example"));
    }
    builder.rule(Effect.DROP, forbid, Position.option("example"));
    return builder.build();
  }

  /** Returns whether frames with and without an offloaded tag are to be looked at. */
  static boolean[] tagged(Hook hook) {
    return hook.offloadsTags() ? new boolean[] {true, false} : new boolean[] {false};
  }

  /** Returns what there is to prove of the gate that filters are attached behind. */
  private Task gate(Hook hook) {
    return new Task(Subject.words(GateModel.NAME, hook), () -> proveGate(hook));
  }

  private Proof proveGate(Hook hook) throws EngineException {
    Attempt attempt = new Attempt(patience);
    attempt.with(solver -> new GateProof(hook, objects, solver, attempt).prove());
    return attempt.proof(
        Subject.words(GateModel.NAME, hook),
        "returns, counts and reports as its model, whatever the filter answers",
        GateProof.assumptions(hook));
  }

  /** Returns what there is to prove of a subject with its inputs or rules. */
  public Task of(Subject subject) {
    if (subject.countsClauses()) {
      return new Task(subject.toString(), () -> new PolicyProof(objects, patience).prove(subject));
    }
    String name =
        subject
            .rules()
            .map(policy -> StrictRow.PROGRAM + " of " + count(policy.rules().size(), "rule"))
            .map(words -> Subject.words(words, subject.hook()))
            .orElse(subject.toString());
    return new Task(name, () -> prove(name, subject));
  }

  private static String count(int number, String what) {
    return number == 1 ? "1 " + what : number + " " + what + "s";
  }

  private Proof prove(String name, Subject subject) throws EngineException {
    Attempt attempt = new Attempt(patience);
    attempt.with(solver -> new ChainProof(objects, subject, solver, attempt).prove());
    return attempt.proof(
        name,
        subject.rules().isPresent()
            ? "drops and accepts as the policy, for all frames"
            : "drops what one of its %d stages drops and accepts the rest, for all frames"
                .formatted(subject.reference().stages().size()),
        ContextTerms.assumptions(subject.hook()));
  }
}
