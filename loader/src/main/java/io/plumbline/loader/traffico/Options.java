package io.plumbline.loader.traffico;

import io.plumbline.loader.traffico.Arguments.Option;
import io.plumbline.loader.traffico.Arguments.Value;
import java.util.List;

/** The options, in the order in which getopt knows them: traffico's, then argp's own. */
final class Options {
  private static final char NO_LETTER = 0;

  /** Options without a help text are not shown. */
  private static final String HIDDEN = "";

  static final List<Option> ALL =
      List.of(
          new Option(
              "ifname",
              'i',
              Value.REQUIRED,
              "IFNAME",
              "Interface to which to attach the filter\n"
                  + "(defaults to the default gateway interface)",
              false),
          value("at", "INGRESS|EGRESS", "Where to attach the filter (defaults to egress)"),
          flag("no-cleanup", NO_LETTER, "Do not detach the TC hook and filter at the exit"),
          value(
              "chain",
              "PROG:INPUT,...",
              "Attach a chain of programs (e.g., allow_ethertype:ipv4+arp,allow_port:8080)"),
          value("allow", "PERMIT", "Add an Intent permit"),
          value("permit", "PERMIT", "Alias for --allow"),
          value("forbid", "FORBID", "Add an Intent forbid"),
          value("block", "FORBID", "Alias for --forbid"),
          flag("dry-run", NO_LETTER, "Validate Intent without attaching"),
          new Option(
              "explain", NO_LETTER, Value.OPTIONAL, "intent", "Print normalized Intent", false),
          flag("verbose", 'v', "Verbose debug output"),
          argp("help", '?', Value.NONE, "Give this help list"),
          argp("program-name", NO_LETTER, Value.REQUIRED, HIDDEN),
          argp("usage", NO_LETTER, Value.NONE, "Give a short usage message"),
          argp("HANG", NO_LETTER, Value.OPTIONAL, HIDDEN),
          argp("version", 'V', Value.NONE, "Print program version"));

  private Options() {}

  private static Option value(String name, String placeholder, String help) {
    return new Option(name, NO_LETTER, Value.REQUIRED, placeholder, help, false);
  }

  private static Option flag(String name, char letter, String help) {
    return new Option(name, letter, Value.NONE, "", help, false);
  }

  private static Option argp(String name, char letter, Value value, String help) {
    return new Option(name, letter, value, "", help, true);
  }
}
