package io.plumbline.loader.cli;

import io.plumbline.loader.attach.AttachException;
import io.plumbline.loader.attach.Attacher;
import io.plumbline.loader.attach.Attachment;
import io.plumbline.loader.libbpf.Errno;
import io.plumbline.loader.netlink.NetlinkException;
import io.plumbline.loader.netlink.NetworkNamespace;
import io.plumbline.model.policy.Direction;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which interface, in which network namespace. */
final class Place {
  @Option(
      names = {"-i", "--ifname"},
      paramLabel = "IF",
      description = "the interface, by name or number")
  @Nullable String ifname;

  @Option(
      names = "--netns",
      paramLabel = "NAME|PATH",
      description = "the network namespace it is in: a name of 'ip netns', or a file")
  @Nullable String netns;

  /** Goes into the network namespace, and opens the kernel's network configuration there. */
  Attacher open() throws CommandException {
    try {
      if (netns != null) {
        NetworkNamespace.enter(NetworkNamespace.file(netns));
      }
      return new Attacher();
    } catch (NetlinkException e) {
      throw new CommandException(
          e.errno() == Errno.EPERM ? ExitStatus.UNAVAILABLE : ExitStatus.USAGE,
          String.valueOf(e.getMessage()));
    } catch (AttachException e) {
      throw failed(e);
    }
  }

  /** Returns what is attached there, on all interfaces if none is named. */
  List<Attachment> attachments(Attacher attacher, @Nullable Direction direction)
      throws CommandException {
    try {
      List<Attachment> all =
          ifname == null ? attacher.attachments() : attacher.readable(attacher.link(ifname));
      List<Attachment> wanted = new ArrayList<>();
      for (Attachment attachment : all) {
        if (direction == null || attachment.direction() == direction) {
          wanted.add(attachment);
        }
      }
      return wanted;
    } catch (AttachException e) {
      throw failed(e);
    }
  }

  /** Returns a line and a status for something that could not be done. */
  static CommandException failed(AttachException e) {
    int status =
        switch (e.kind()) {
          case INPUT -> ExitStatus.USAGE;
          case GONE -> ExitStatus.DISAGREEMENT;
          case PRIVILEGE, KERNEL -> ExitStatus.UNAVAILABLE;
        };
    return new CommandException(status, e.getMessage() + VerifierLog.brief(e.detail()));
  }
}
