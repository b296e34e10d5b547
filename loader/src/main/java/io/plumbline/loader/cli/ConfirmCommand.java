package io.plumbline.loader.cli;

import io.plumbline.loader.attach.AttachException;
import io.plumbline.loader.attach.Attacher;
import io.plumbline.loader.attach.Attachment;
import io.plumbline.loader.attach.GateState;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code plumb confirm}. */
@Command(
    name = "confirm",
    description = "Confirm what 'plumb attach --confirm' has attached, so that it stays.",
    mixinStandardHelpOptions = true,
    exitCodeList = {
      "0:confirmed, or undone (--undo)",
      "1:no filter waits to be confirmed, or it is too late",
      "3:a privilege or a feature of the kernel is missing, or the kernel refuses"
    },
    footer = {"", "Examples:", "  plumb confirm -i eth0"})
public final class ConfirmCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private Place place = new Place();

  @Option(names = "--undo", description = "undo the change now instead")
  private boolean undo;

  @Override
  public Integer call() throws CommandException {
    if (place.ifname == null) {
      throw new CommandException(ExitStatus.USAGE, "--ifname: missing: expected an interface");
    }
    PrintWriter out = spec.commandLine().getOut();
    int confirmed = 0;
    List<String> undone;
    try (Attacher attacher = place.open()) {
      undone = attacher.undoOverdue(attacher.link(place.ifname), undo);
      for (Attachment attachment : place.attachments(attacher, null)) {
        try (GateState.Control control =
            attachment.ours() ? GateState.Control.open(attachment).orElse(null) : null) {
          if (control != null && control.unconfirmed() && control.confirm()) {
            attacher.forget(attachment);
            confirmed++;
            out.printf("%s: confirmed%n", attachment.place());
          }
        }
      }
    } catch (AttachException e) {
      throw Place.failed(e);
    }
    undone.forEach(out::println);
    out.flush();
    if (undo && !undone.isEmpty()) {
      return ExitStatus.DONE;
    }
    if (!undone.isEmpty() || confirmed == 0) {
      throw new CommandException(
          ExitStatus.DISAGREEMENT,
          place.ifname
              + (undone.isEmpty()
                  ? ": no filter waits to be confirmed"
                  : ": too late to be confirmed"));
    }
    return ExitStatus.DONE;
  }
}
