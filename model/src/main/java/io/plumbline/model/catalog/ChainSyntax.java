package io.plumbline.model.catalog;

import io.plumbline.model.packet.EtherType;
import io.plumbline.model.program.Chain;
import io.plumbline.model.program.Input;
import io.plumbline.model.program.InputException;
import io.plumbline.model.program.InputGrammar;
import io.plumbline.model.program.Layer;
import io.plumbline.model.program.ProgramSpec;
import java.util.ArrayList;
import java.util.List;

/**
 * Chains as text, {@code NAME[:INPUT],NAME[:INPUT],...}, with every refusal in the order and words
 * of the traffico specification, section c.
 */
public final class ChainSyntax {
  private ChainSyntax() {}

  private record Entry(ProgramSpec program, Input input) {}

  /** Parses and validates a chain. */
  public static Chain parse(String text) throws InputException {
    if (text.isEmpty()) {
      throw new InputException("--chain requires at least one program");
    }
    List<Entry> entries = new ArrayList<>();
    for (String entry : text.split(",", -1)) {
      if (entry.isEmpty()) {
        throw new InputException("empty chain entry");
      }
      if (entries.size() == Chain.MAX_STAGES) {
        throw new InputException("chain exceeds maximum of " + Chain.MAX_STAGES + " programs");
      }
      entries.add(parseEntry(entry));
    }
    validate(entries);
    return new Chain(entries.stream().map(e -> new Chain.Stage(e.program, e.input)).toList());
  }

  private static Entry parseEntry(String entry) throws InputException {
    int colon = entry.indexOf(':');
    String name = colon < 0 ? entry : entry.substring(0, colon);
    ProgramSpec program =
        ProgramCatalog.find(name)
            .orElseThrow(() -> new InputException("unknown program in chain: '" + name + "'"));
    if (colon >= 0) {
      String input = entry.substring(colon + 1);
      try {
        return new Entry(program, program.grammar().parse(input));
      } catch (InputException e) {
        throw new InputException(e.getMessage() + ": '" + input + "'");
      }
    }
    if (program.grammar() != InputGrammar.NONE) {
      throw new InputException(
          "program '" + name + "' in chain requires an input value (use name:value)");
    }
    return new Entry(program, new Input.None());
  }

  private static void validate(List<Entry> entries) throws InputException {
    for (Entry entry : entries) {
      if (!entry.program.chainable()) {
        throw new InputException(
            "program '" + entry.program.name() + "' does not support chaining");
      }
    }
    List<Layer> layers = entries.stream().map(e -> e.program.layer().orElseThrow()).toList();
    if (layers.get(0) != Layer.L2) {
      throw new InputException("L3/L4 chains must start with allow_ethertype");
    }
    for (int i = 1; i < layers.size(); i++) {
      if (layers.get(i).compareTo(layers.get(i - 1)) < 0) {
        throw new InputException("chain order must be L2 -> L3 -> L4");
      }
    }
    boolean tags =
        entries.stream()
            .filter(e -> e.program.layer().orElseThrow() == Layer.L2)
            .flatMap(e -> e.input.allowed().stream())
            .anyMatch(type -> type == EtherType.VLAN || type == EtherType.QINQ);
    if (entries.size() > 1 && tags) {
      throw new InputException(
          "VLAN EtherTypes in allow_ethertype chains require VLAN-aware L3/L4 parsing");
    }
  }
}
