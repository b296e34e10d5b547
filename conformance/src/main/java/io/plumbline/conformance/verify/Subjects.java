package io.plumbline.conformance.verify;

import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.filter.Intent;
import io.plumbline.model.program.Chain;
import io.plumbline.model.program.Input;
import io.plumbline.model.program.InputException;
import io.plumbline.model.program.InputGrammar;
import io.plumbline.model.program.Layer;
import io.plumbline.model.program.ProgramSpec;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;

/**
 * What is run to verify a program: it alone and as a stage, with inputs that differ where byte
 * order and bounds matter.
 */
public final class Subjects {
  /** The name under which the dispatcher and random chains are verified. */
  public static final String DISPATCHER = "dispatcher";

  /** What is verified besides the programs of the catalog. */
  public static final List<String> OTHERS = List.of(DISPATCHER, Intent.NAME);

  private static final int RANDOM_CHAINS = 24;

  private Subjects() {}

  /** Returns the inputs that a grammar is tried with. */
  public static List<Input> inputs(InputGrammar grammar) {
    List<String> texts =
        switch (grammar) {
          case NONE -> List.of();
          case IPV4_ADDRESS ->
              List.of("192.0.2.10", "10.0.0.1", "0.0.0.0", "255.255.255.255", "1.2.3.4");
          case PORT -> List.of("443", "53", "1", "65535", "256", "22");
          case ETHERTYPES ->
              List.of(
                  "ipv4",
                  "ipv4+arp",
                  "vlan",
                  "0x0600+0xffff",
                  "ipv6+qinq+0x88b5",
                  "ipv4+arp+ipv6+vlan+qinq+0x8863+0x8864+0x9100");
          case PROTOCOLS -> List.of("tcp", "tcp+udp", "0", "255+icmp", "1+2+3+4+5+6+7+132");
        };
    if (texts.isEmpty()) {
      return List.of(new Input.None());
    }
    List<Input> inputs = new ArrayList<>();
    for (String text : texts) {
      try {
        inputs.add(grammar.parse(text));
      } catch (InputException e) {
        throw new IllegalStateException(grammar + " sample input " + text, e);
      }
    }
    return inputs;
  }

  /**
   * Returns the subjects of a program: alone, and as the only and as the first stage of a chain.
   */
  public static List<Subject> of(ProgramSpec program) {
    List<Subject> subjects = new ArrayList<>();
    ProgramSpec last = ProgramCatalog.find("allow_ethertype").orElseThrow();
    Input rare = new Input.EtherTypes(List.of(0x0600));
    for (Input input : inputs(program.grammar())) {
      subjects.add(new Subject.Standalone(program, input));
      if (program.chainable()) {
        Chain.Stage stage = new Chain.Stage(program, input);
        subjects.add(new Subject.Chained(new Chain(List.of(stage))));
        // A second stage that refuses nearly everything shows whether the first one passes the
        // packet on or accepts it.
        subjects.add(new Subject.Chained(new Chain(List.of(stage, new Chain.Stage(last, rare)))));
      }
    }
    return subjects;
  }

  /** Returns chains of 0..8 stages in legal order. */
  public static List<Subject> chains(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<ProgramSpec> chainable =
        ProgramCatalog.all().stream().filter(ProgramSpec::chainable).toList();
    List<Subject> subjects = new ArrayList<>();
    for (int i = 0; i < RANDOM_CHAINS; i++) {
      List<Chain.Stage> stages = new ArrayList<>();
      for (int length = i % (Chain.MAX_STAGES + 1); stages.size() < length; ) {
        ProgramSpec program = chainable.get(random.nextInt(chainable.size()));
        List<Input> inputs = inputs(program.grammar());
        stages.add(new Chain.Stage(program, inputs.get(random.nextInt(inputs.size()))));
      }
      stages.sort(Comparator.comparing(stage -> stage.program().layer().orElse(Layer.L2)));
      subjects.add(new Subject.Chained(new Chain(stages)));
    }
    return subjects;
  }
}
