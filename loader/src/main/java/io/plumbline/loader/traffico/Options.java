package io.plumbline.loader.traffico;

import io.plumbline.loader.traffico.Arguments.Option;
import io.plumbline.loader.traffico.Arguments.Value;
import java.util.List;

/** The options, in the order in which help shows them. */
final class Options {
  private static final char NO_LETTER = 0;

  static final List<Option> ALL =
      List.of(
          value("allow", "PERMIT", "Add an Intent permit"),
          value("at", "INGRESS|EGRESS", "Where to attach the filter (defaults to egress)"),
          value("block", "FORBID", "Alias for --forbid"),
          value(
              "chain",
              "PROG:INPUT,...",
              "Attach a chain of programs (e.g.,\nallow_ethertype:ipv4+arp,allow_port:8080)"),
          flag("dry-run", NO_LETTER, "Validate Intent without attaching"),
          new Option("explain", NO_LETTER, Value.OPTIONAL, "intent", "Print normalized Intent"),
          value("forbid", "FORBID", "Add an Intent forbid"),
          new Option(
              "ifname",
              'i',
              Value.REQUIRED,
              "IFNAME",
              "Interface to which to attach the filter\n(defaults to the default gateway interface)"),
          flag("no-cleanup", NO_LETTER, "Do not detach the TC hook and filter at the exit"),
          value("permit", "PERMIT", "Alias for --allow"),
          flag("verbose", 'v', "Verbose debug output"),
          flag("help", '?', "Give this help list"),
          flag("usage", NO_LETTER, "Give a short usage message"),
          flag("version", 'V', "Print program version"));

  private Options() {}

  private static Option value(String name, String placeholder, String help) {
    return new Option(name, NO_LETTER, Value.REQUIRED, placeholder, help);
  }

  private static Option flag(String name, char letter, String help) {
    return new Option(name, letter, Value.NONE, "", help);
  }
}
