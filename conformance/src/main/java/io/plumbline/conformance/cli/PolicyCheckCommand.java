package io.plumbline.conformance.cli;

import io.plumbline.loader.cli.CommandException;
import io.plumbline.loader.cli.Count;
import io.plumbline.loader.cli.ExitStatus;
import io.plumbline.loader.cli.SubjectOptions;
import io.plumbline.loader.policy.PolicyFile;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.policy.Direction;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.PolicyAdvice;
import io.plumbline.model.policy.PolicyBuilder;
import io.plumbline.model.policy.PolicyCheck;
import io.plumbline.model.policy.PolicyException;
import io.plumbline.model.policy.PolicyImage;
import io.plumbline.model.policy.Position;
import io.plumbline.model.policy.Rule;
import io.plumbline.model.ruleset.Effect;
import io.plumbline.model.ruleset.FlowDiagram;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * {@code plumb policy check}: errors with their place, and rules that do not do what they seem to.
 */
@Command(
    name = "check",
    description =
        "Check a policy file: errors, rules that can never decide, and traffic that the permitted traffic needs.",
    mixinStandardHelpOptions = true,
    exitCodeList = {
      "0:nothing found",
      "1:warnings, or an engine does not confirm an example",
      "2:usage, or errors in the file",
      "3:an engine fails"
    },
    sortOptions = false,
    footer = {"", "Example:", "  plumb policy check policy.yaml"})
final class PolicyCheckCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "FILE", description = "the policy file")
  private Path file;

  @Option(names = "--resolve", description = "resolve host names in the policy now")
  private boolean resolve;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "write the report (- for standard output)")
  private @Nullable String json;

  @Override
  public Integer call() throws CommandException, EngineException {
    PolicyFile read;
    try {
      read = PolicyFile.read(file);
    } catch (IOException e) {
      throw new CommandException(ExitStatus.USAGE, String.valueOf(e.getMessage()));
    }
    Optional<PolicyBuilder.Resolver> resolver = SubjectOptions.resolver(resolve);
    List<Policy> policies = new ArrayList<>();
    for (Direction direction : read.directions()) {
      policies.add(read.policy(direction, resolver));
    }
    List<PolicyException> errors = new ArrayList<>(read.errors());
    if (errors.isEmpty()) {
      policies.forEach(policy -> checkLimits(policy, errors));
    }
    List<List<PolicyCheck.Finding>> findings = new ArrayList<>();
    List<PolicyAdvice> advice = new ArrayList<>();
    List<PolicyAdvice> notes = new ArrayList<>();
    Confirmation confirmation = new Confirmation();
    if (errors.isEmpty()) {
      advice.addAll(advice(policies));
      notes.addAll(PolicyAdvice.notes(policies));
      for (PolicyAdvice one : advice) {
        one.example()
            .ifPresent(flow -> confirmation.claim(one.dropped(), flow, one.dropped().decide(flow)));
      }
      for (Policy policy : policies) {
        List<PolicyCheck.Finding> of = findings(policy);
        findings.add(of);
        for (PolicyCheck.Finding finding : of) {
          confirmation.claim(policy, finding.example(), finding.decidedBy());
        }
      }
      confirmation.run();
    }
    report(policies, errors, findings, advice, notes, confirmation);
    boolean clean = findings.stream().allMatch(List::isEmpty) && advice.isEmpty();
    return !errors.isEmpty() ? ExitStatus.USAGE : clean ? ExitStatus.DONE : ExitStatus.DISAGREEMENT;
  }

  /** Lowers the policy, so that a limit of the kernel's tables is found here. */
  private static void checkLimits(Policy policy, List<PolicyException> errors) {
    try {
      PolicyImage.of(policy);
    } catch (PolicyException e) {
      errors.add(e);
    }
  }

  private List<PolicyCheck.Finding> findings(Policy policy) throws CommandException {
    try {
      return PolicyCheck.of(policy);
    } catch (FlowDiagram.TooLargeException e) {
      throw new CommandException(ExitStatus.USAGE, file + ": " + e.getMessage());
    }
  }

  private List<PolicyAdvice> advice(List<Policy> policies) throws CommandException {
    try {
      return PolicyAdvice.warnings(policies);
    } catch (FlowDiagram.TooLargeException e) {
      throw new CommandException(ExitStatus.USAGE, file + ": " + e.getMessage());
    }
  }

  private void report(
      List<Policy> policies,
      List<PolicyException> errors,
      List<List<PolicyCheck.Finding>> findings,
      List<PolicyAdvice> advice,
      List<PolicyAdvice> notes,
      Confirmation confirmation)
      throws CommandException {
    PrintWriter out = spec.commandLine().getOut();
    List<Object> warnings = new ArrayList<>();
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < findings.size(); i++) {
      Policy policy = policies.get(i);
      List<PolicyAdvice> of = advice.stream().filter(one -> one.policy() == policy).toList();
      text.append(
          "%s: %s: %s, %s, %s%n"
              .formatted(
                  file,
                  policy.direction().word(),
                  Count.of(policy.rules().size() - policy.forbids(), "permit"),
                  Count.of(policy.forbids(), "forbid"),
                  Count.of(findings.get(i).size() + of.size(), "warning")));
      for (PolicyCheck.Finding finding : findings.get(i)) {
        Rule by = policy.rules().get(finding.decidedBy());
        text.append(
            "%s%n    example: %s: %s by %s%n"
                .formatted(
                    finding,
                    finding.example(),
                    by.effect() == Effect.ACCEPT ? "allowed" : "dropped",
                    by));
        warnings.add(warning(finding, by));
      }
      for (PolicyAdvice one : of) {
        text.append("%s%n".formatted(one));
        one.example().ifPresent(flow -> text.append("    example: %s: dropped%n".formatted(flow)));
        warnings.add(advice(one));
      }
      notes.stream()
          .filter(note -> note.policy() == policy)
          .forEach(note -> text.append("note: %s%n".formatted(note)));
    }
    if (json != null) {
      Map<String, Object> report = Options.report();
      report.put("file", file.toString());
      report.put("errors", errors.stream().map(PolicyCheckCommand::error).toList());
      report.put("warnings", warnings);
      report.put("notes", notes.stream().map(PolicyCheckCommand::advice).toList());
      report.put("examples", confirmation.toMap());
      Options.writeJson(json, report, out);
    }
    PrintWriter err = spec.commandLine().getErr();
    errors.forEach(error -> err.println("plumb: " + error.getMessage()));
    err.flush();
    if (!"-".equals(json)) {
      out.print(text);
      if (!warnings.isEmpty()) {
        out.println(confirmation.summary());
      }
    }
    out.flush();
  }

  private static Map<String, Object> error(PolicyException error) {
    Map<String, Object> map = place(error.position());
    map.put("message", error.problem());
    return map;
  }

  private static Map<String, Object> warning(PolicyCheck.Finding finding, Rule by) {
    Map<String, Object> map = place(finding.rule().position());
    map.put("rule", finding.rule().toString());
    map.put("problem", finding.kind().words());
    map.put("because", finding.because().stream().map(Rule::toString).toList());
    map.put("example", finding.example().toString());
    map.put("decidedBy", by.toString());
    map.put("allowed", by.effect() == Effect.ACCEPT);
    return map;
  }

  private static Map<String, Object> advice(PolicyAdvice advice) {
    Map<String, Object> map = place(advice.rule().position());
    map.put("rule", advice.rule().toString());
    map.put("problem", advice.text());
    advice
        .example()
        .ifPresent(
            flow -> {
              map.put("example", flow.toString());
              map.put("allowed", false);
            });
    return map;
  }

  private static Map<String, Object> place(Position position) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("line", position.line());
    map.put("column", position.column());
    return map;
  }
}
