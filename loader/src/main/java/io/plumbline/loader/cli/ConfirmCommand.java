package io.plumbline.loader.cli;

import io.plumbline.loader.attach.AttachException;
import io.plumbline.loader.attach.Attacher;
import io.plumbline.loader.attach.Attachment;
import io.plumbline.loader.attach.GateState;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code plumb confirm}. */
@Command(
    name = "confirm",
    description = "Confirm what 'plumb attach --confirm' has attached, so that it stays.",
    mixinStandardHelpOptions = true,
    footer = {"", "Examples:", "  plumb confirm -i eth0"})
public final class ConfirmCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private Place place = new Place();

  @Override
  public Integer call() throws CommandException {
    if (place.ifname == null) {
      throw new CommandException(ExitStatus.USAGE, "--ifname: missing: expected an interface");
    }
    int confirmed = 0;
    try (Attacher attacher = place.open()) {
      for (Attachment attachment : place.attachments(attacher, null)) {
        try (GateState.Control control =
            attachment.ours() ? GateState.Control.open(attachment).orElse(null) : null) {
          if (control != null && control.unconfirmed()) {
            control.confirm();
            confirmed++;
            spec.commandLine().getOut().printf("%s: confirmed%n", attachment.place());
          }
        }
      }
    } catch (AttachException e) {
      throw Place.failed(e);
    }
    spec.commandLine().getOut().flush();
    if (confirmed == 0) {
      throw new CommandException(
          ExitStatus.DISAGREEMENT, place.ifname + ": no filter waits to be confirmed");
    }
    return ExitStatus.DONE;
  }
}
