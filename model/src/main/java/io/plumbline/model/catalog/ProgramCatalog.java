package io.plumbline.model.catalog;

import io.plumbline.model.filter.AllowDns;
import io.plumbline.model.filter.AllowEthertype;
import io.plumbline.model.filter.AllowIpv4;
import io.plumbline.model.filter.AllowPort;
import io.plumbline.model.filter.AllowProto;
import io.plumbline.model.filter.BlockIpv4;
import io.plumbline.model.filter.BlockPort;
import io.plumbline.model.filter.BlockPrivateIpv4;
import io.plumbline.model.filter.Nop;
import io.plumbline.model.program.ProgramSpec;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Every filter program there is; help, validation, chains, conformance runs and benchmarks derive
 * from it.
 */
public final class ProgramCatalog {
  private static final List<ProgramSpec> ALL =
      List.of(
          AllowDns.SPEC,
          AllowEthertype.SPEC,
          AllowIpv4.SPEC,
          AllowPort.SPEC,
          AllowProto.SPEC,
          BlockIpv4.SPEC,
          BlockPort.SPEC,
          BlockPrivateIpv4.SPEC,
          Nop.SPEC);

  private ProgramCatalog() {}

  /** Returns all programs, by name. */
  public static List<ProgramSpec> all() {
    return ALL;
  }

  /** Returns the program of a name, which may be written in any case. */
  public static Optional<ProgramSpec> find(String name) {
    String wanted = name.toLowerCase(Locale.ROOT);
    return ALL.stream().filter(p -> p.name().equals(wanted)).findFirst();
  }

  /** Returns all names, separated by commas, for messages. */
  public static String names() {
    return ALL.stream().map(ProgramSpec::name).collect(Collectors.joining(", "));
  }
}
