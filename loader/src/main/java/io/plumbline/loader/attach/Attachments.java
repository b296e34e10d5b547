package io.plumbline.loader.attach;

import io.plumbline.loader.libbpf.Bpf;
import io.plumbline.loader.libbpf.Errno;
import io.plumbline.loader.libbpf.LibC;
import io.plumbline.loader.netlink.Link;
import io.plumbline.loader.netlink.LinkType;
import io.plumbline.loader.netlink.Netlink;
import io.plumbline.loader.netlink.NetlinkException;
import io.plumbline.loader.netlink.TrafficControl;
import io.plumbline.loader.process.Capability;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.policy.Direction;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Finds what is attached. The kernel is asked each time; nothing is stored anywhere else. */
public final class Attachments {
  /** {@code XDP_ATTACHED_SKB} (kernel {@code if_link.h}). */
  private static final int XDP_ATTACHED_SKB = 2;

  private Attachments() {}

  /**
   * Returns everything on the hooks of an interface, in the order in which packets meet it.
   *
   * @throws AttachException if this process may not list all of it
   */
  public static List<Attachment> of(Netlink netlink, Link known)
      throws NetlinkException, AttachException {
    List<Attachment> found = new ArrayList<>();
    // Its XDP program is asked for again; the rest of what is known of it stays.
    Link link = Link.find(netlink, known.index()).orElse(null);
    if (link == null) {
      return found;
    }
    if (link.xdpProgram() != 0) {
      Backend backend = link.xdpMode() == XDP_ATTACHED_SKB ? Backend.XDP_SKB : Backend.XDP;
      int linkId = xdpLink(link.index(), link.xdpProgram());
      found.add(
          attachment(
              link, Direction.INGRESS, backend, 1, link.xdpProgram(), linkId, Optional.empty()));
    }
    List<TrafficControl.Filter> filters = TrafficControl.filters(netlink, link.index());
    for (Direction direction : List.of(Direction.INGRESS, Direction.EGRESS)) {
      int position = 1;
      for (Bpf.Attached attached : tcx(link, direction)) {
        found.add(
            attachment(
                link,
                direction,
                Backend.TCX,
                position++,
                attached.programId(),
                attached.linkId(),
                Optional.empty()));
      }
      position = 1;
      for (TrafficControl.Filter filter : filters) {
        if (filter.direction() == direction) {
          found.add(
              attachment(
                  link,
                  direction,
                  Backend.CLSACT,
                  filter.chain() == 0 ? position++ : 0,
                  filter.programId(),
                  0,
                  Optional.of(filter)));
        }
      }
    }
    return found;
  }

  /** Returns the programs on a TCX hook. */
  static List<Bpf.Attached> tcx(Link link, Direction direction) throws AttachException {
    List<Bpf.Attached> programs = new ArrayList<>();
    int result = Bpf.query(link.index(), attachType(direction), programs);
    if (result == -Errno.EPERM) {
      throw AttachException.of(
          "%s %s tcx: programs cannot be listed: %s"
              .formatted(link.name(), direction.word(), Errno.describe(-result)),
          -result,
          Capability.CAP_NET_ADMIN);
    }
    return programs;
  }

  /**
   * Requires that this process may read what it has found, because it cannot know otherwise whether
   * a filter is ours.
   */
  static void requireReadable(List<Attachment> attachments) throws AttachException {
    for (Attachment attachment : attachments) {
      if (attachment.programId() == 0 || attachment.program().isPresent()) {
        continue;
      }
      int fd = Bpf.programById(attachment.programId());
      if (fd >= 0) {
        LibC.close(fd);
      } else if (fd != -Errno.ENOENT) {
        throw AttachException.of(
            "%s: program %d cannot be read: %s"
                .formatted(attachment.place(), attachment.programId(), Errno.describe(-fd)),
            -fd,
            Capability.CAP_SYS_ADMIN);
      }
    }
  }

  /** Returns what bpf(2) calls a TCX hook. */
  static int attachType(Direction direction) {
    return direction == Direction.EGRESS ? Bpf.ATTACH_TCX_EGRESS : Bpf.ATTACH_TCX_INGRESS;
  }

  private static Attachment attachment(
      Link link,
      Direction direction,
      Backend backend,
      int position,
      int programId,
      int linkId,
      Optional<TrafficControl.Filter> filter) {
    Optional<Bpf.ProgramInfo> program = program(programId);
    String name =
        program
            .map(Bpf.ProgramInfo::name)
            .or(() -> filter.map(f -> f.name().isEmpty() ? f.kind() : f.name()))
            .orElse("");
    return new Attachment(
        link.index(),
        link.name(),
        direction,
        backend,
        hook(backend, link),
        position,
        name,
        programId,
        linkId,
        filter,
        program,
        program.flatMap(Gate::describe));
  }

  private static Hook hook(Backend backend, Link link) {
    Hook hook = backend.hook();
    return hook.from(LinkType.firstLayer(link).orElse(hook.firstLayer())).orElse(hook);
  }

  private static Optional<Bpf.ProgramInfo> program(int id) {
    int fd = id == 0 ? -1 : Bpf.programById(id);
    if (fd < 0) {
      return Optional.empty();
    }
    try {
      return Bpf.programInfo(fd);
    } finally {
      LibC.close(fd);
    }
  }

  /** Returns the number of the link that holds an XDP program on an interface, or 0. */
  private static int xdpLink(int ifindex, int programId) {
    for (int id = Bpf.nextLinkId(0); id > 0; id = Bpf.nextLinkId(id)) {
      int fd = Bpf.linkById(id);
      if (fd < 0) {
        continue;
      }
      Optional<Bpf.LinkInfo> info = Bpf.linkInfo(fd);
      LibC.close(fd);
      if (info.isPresent()
          && info.get().type() == Bpf.LINK_TYPE_XDP
          && info.get().ifindex() == ifindex
          && info.get().programId() == programId) {
        return id;
      }
    }
    return 0;
  }
}
