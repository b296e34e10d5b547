package io.plumbline.loader.cli;

import io.plumbline.loader.attach.AttachException;
import io.plumbline.loader.attach.Attacher;
import io.plumbline.loader.attach.Attachment;
import io.plumbline.loader.attach.GoneException;
import io.plumbline.model.policy.Direction;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code plumb detach}. */
@Command(
    name = "detach",
    description = "Take filters off an interface: plumb's own, or the one that is named.",
    mixinStandardHelpOptions = true,
    exitCodeList = {
      "1:the interface disappeared meanwhile",
      "3:a privilege or a feature of the kernel is missing, or the kernel refuses"
    },
    footer = {
      "",
      "Examples:",
      "  plumb detach -i eth0",
      "  plumb detach -i eth0 --at ingress",
      "  plumb detach -i eth0 --id 42       # whoever attached it"
    })
public final class DetachCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private Place place = new Place();

  @Option(names = "--at", paramLabel = "ingress|egress", description = "only this direction")
  private @Nullable Direction direction;

  @Option(
      names = "--id",
      paramLabel = "PROGRAM_ID",
      description = "only this program, whoever attached it")
  private @Nullable Integer id;

  @Option(
      names = "--all-interfaces",
      description = "plumb's own filters on all interfaces of the network namespace")
  private boolean allInterfaces;

  @Override
  public Integer call() throws CommandException {
    if ((place.ifname == null) != allInterfaces) {
      throw new CommandException(
          ExitStatus.USAGE, "detach: expected one of --ifname and --all-interfaces");
    }
    try (Attacher attacher = place.open()) {
      List<Attachment> wanted =
          place.attachments(attacher, direction).stream()
              .filter(a -> id == null ? a.ours() : id.equals(a.programId()))
              .toList();
      if (wanted.isEmpty() && id != null) {
        throw new CommandException(
            ExitStatus.USAGE, "--id: no program %d there: see plumb status".formatted(id));
      }
      for (Attachment attachment : wanted) {
        try {
          attacher.detach(attachment);
        } catch (GoneException e) {
          spec.commandLine().getOut().println(e.getMessage());
          continue;
        }
        spec.commandLine()
            .getOut()
            .printf(
                "%s: detached %s (program %d)%n",
                attachment.place(),
                attachment.about().map(about -> about.subject()).orElse(attachment.name()),
                attachment.programId());
      }
      if (wanted.isEmpty()) {
        spec.commandLine().getOut().println("nothing of plumb's is attached there");
      }
      spec.commandLine().getOut().flush();
      return ExitStatus.DONE;
    } catch (AttachException e) {
      throw Place.failed(e);
    }
  }
}
