package io.plumbline.loader.cli;

import io.plumbline.loader.attach.Feature;
import io.plumbline.loader.attach.LoadCheck;
import io.plumbline.loader.libbpf.LibBpf;
import io.plumbline.loader.libbpf.LibC;
import java.io.PrintWriter;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code plumb doctor}. */
@Command(
    name = "doctor",
    description = {
      "Show what this system can do for plumb, what is missing, and how to get it.",
      "Every program that ships is loaded as an attach at tc loads it, and removed again; nothing is"
          + " attached."
    },
    mixinStandardHelpOptions = true,
    exitCodeList = {
      "0:filters can be attached here",
      "3:nothing can be attached here, or the kernel refuses a filter that ships"
    },
    footer = {
      "",
      "The environment variable PLUMB_WITHOUT=tcx,bpffs,... has plumb act as if that were missing."
    })
public final class DoctorCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    out.printf(
        "kernel %s, Java %s, user %d, libbpf %s%n",
        System.getProperty("os.version"),
        System.getProperty("java.version"),
        LibC.geteuid(),
        LibBpf.unavailable() == null ? "there" : "missing");
    Table table = new Table("feature", "", "needed to", "why not, and what helps");
    boolean able = true;
    for (Feature feature : Feature.values()) {
      Optional<String> missing = feature.missing();
      able &= missing.isEmpty() || !feature.required();
      table.row(
          feature.word(),
          missing.isEmpty() ? "yes" : "no",
          feature.purpose(),
          missing.map(reason -> reason + "; " + feature.remedy()).orElse(""));
    }
    out.print(table);
    if (Feature.BPF.missing().isEmpty()) {
      able &= load(out);
    }
    out.flush();
    return able ? ExitStatus.DONE : ExitStatus.UNAVAILABLE;
  }

  /** Loads every filter, and returns whether none is refused for another reason than bpf_loop. */
  private static boolean load(PrintWriter out) {
    boolean loop = Feature.BPF_LOOP.missing().isEmpty();
    boolean able = true;
    Table table = new Table("filter", "", "verified", "why it is not loaded");
    for (LoadCheck.Result result : LoadCheck.run()) {
      able &= result.refusal().isEmpty() || result.needsLoop() && !loop;
      table.row(
          result.filter(),
          result.refusal().isEmpty() ? "yes" : "no",
          result.verified(),
          result.refusal().orElse(""));
    }
    out.printf(
        "%nloaded with the gate, as an attach does it; verified: instructions that the kernel's"
            + " verifier followed%n");
    out.print(table);
    return able;
  }
}
