package io.plumbline.loader.cni;

import io.plumbline.loader.json.Json;
import io.plumbline.loader.policy.PolicyFile;
import io.plumbline.model.catalog.ChainSyntax;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.policy.Direction;
import io.plumbline.model.policy.PolicyBuilder;
import io.plumbline.model.policy.PolicyException;
import io.plumbline.model.policy.Position;
import io.plumbline.model.policy.Side;
import io.plumbline.model.program.Input;
import io.plumbline.model.program.InputException;
import io.plumbline.model.program.InputGrammar;
import io.plumbline.model.program.ProgramSpec;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * The network configuration. Beside traffico's {@code program}, {@code input} and {@code
 * attachPoint} it knows {@code chain} (a string), {@code allow}, {@code permit}, {@code forbid} and
 * {@code block} (lists of selectors), {@code policy} (the path of a policy file) and {@code
 * interface} (which of the interfaces of {@code prevResult}; the first if it is not there).
 */
record NetworkConfig(Json json) {
  /** Where a filter goes. */
  record Target(String ifname, String sandbox) {}

  static NetworkConfig parse(String text) throws CniException {
    try {
      return new NetworkConfig(Json.parse(text));
    } catch (IOException e) {
      throw new CniException(CniException.DECODE, "Error parsing JSON");
    }
  }

  String version() {
    return json.text("cniVersion").orElse("1.0.0");
  }

  String network() {
    return json.text("name").orElse("");
  }

  /** Requires that a filter is named, whatever it is. */
  void requireFilter() throws CniException {
    boolean policy =
        !selectors(Side.PERMIT).isEmpty()
            || !selectors(Side.FORBID).isEmpty()
            || json.get("chain").isPresent()
            || json.get("policy").isPresent();
    if (json.text("program").isEmpty() && !policy) {
      throw configuration("Missing or invalid field 'program'");
    }
  }

  private List<String> selectors(Side side) {
    List<String> all = new java.util.ArrayList<>();
    for (String key :
        side == Side.PERMIT ? List.of("allow", "permit") : List.of("forbid", "block")) {
      all.addAll(json.texts(key));
    }
    return all;
  }

  Json previousResult() throws CniException {
    return json.get("prevResult")
        .orElseThrow(() -> configuration("Could not find prevResult in JSON"));
  }

  /** Returns the interface to filter. */
  Target target() throws CniException {
    Json interfaces =
        previousResult()
            .get("interfaces")
            .filter(Json.Arr.class::isInstance)
            .orElseThrow(() -> configuration("Failed to get interfaces"));
    List<Json> items = ((Json.Arr) interfaces).items();
    Optional<String> wanted = json.text("interface");
    Json found =
        items.stream()
            .filter(item -> wanted.isEmpty() || wanted.equals(item.text("name")))
            .findFirst()
            .orElseThrow(() -> configuration("Failed to get default interface"));
    String name = found.text("name").orElseThrow(() -> configuration("Failed to get ifname"));
    return new Target(name, found.text("sandbox").orElse(""));
  }

  /** Returns on which side of the interface; empty if what is written there is neither. */
  Optional<Direction> direction() {
    String point = json.text("attachPoint").orElse("EGRESS").toLowerCase(Locale.ROOT);
    for (Direction direction : Direction.values()) {
      if (direction.word().equals(point)) {
        return Optional.of(direction);
      }
    }
    return Optional.empty();
  }

  /** Returns the filter. */
  Subject subject() throws CniException {
    Optional<String> program = json.text("program");
    if (program.isPresent()) {
      return standalone(program.get());
    }
    Optional<String> chain = json.text("chain");
    try {
      if (chain.isPresent()) {
        return new Subject.Chained(ChainSyntax.parse(chain.get()));
      }
      Optional<String> file = json.text("policy");
      return file.isPresent() ? ofFile(Path.of(file.get())) : ofSelectors();
    } catch (InputException e) {
      throw configuration(String.valueOf(e.getMessage()));
    } catch (PolicyException e) {
      throw configuration(e.problem());
    }
  }

  private Subject standalone(String name) throws CniException {
    ProgramSpec program =
        ProgramCatalog.find(name)
            .orElseThrow(
                () -> new CniException(CniException.CONFIGURATION, "Unknown program", name));
    Optional<Json> input = json.get("input");
    if (input.isEmpty()) {
      if (program.grammar() != InputGrammar.NONE) {
        throw configuration("program requires an 'input' field");
      }
      return new Subject.Standalone(program, new Input.None());
    }
    String text =
        json.text("input").orElseThrow(() -> configuration("'input' field must be a string"));
    try {
      return new Subject.Standalone(program, program.grammar().parse(text));
    } catch (InputException e) {
      throw new CniException(CniException.CONFIGURATION, String.valueOf(e.getMessage()), text);
    }
  }

  private Subject ofSelectors() throws PolicyException {
    PolicyBuilder builder =
        new PolicyBuilder(network(), direction().orElse(Direction.EGRESS), Optional.empty());
    for (Side side : Side.values()) {
      for (String selector : selectors(side)) {
        builder.rule(side, selector, Position.option(side.word()));
      }
    }
    return new Subject.Intent(builder.build());
  }

  private Subject ofFile(Path path) throws CniException {
    try {
      PolicyFile file = PolicyFile.read(path);
      Subject subject =
          new Subject.Intent(file.policy(direction().orElse(Direction.EGRESS), Optional.empty()));
      if (!file.errors().isEmpty()) {
        throw configuration(String.valueOf(file.errors().get(0).getMessage()));
      }
      return subject;
    } catch (IOException e) {
      throw configuration(String.valueOf(e.getMessage()));
    }
  }

  private static CniException configuration(String message) {
    return new CniException(CniException.CONFIGURATION, message);
  }
}
