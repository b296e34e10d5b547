package io.plumbline.loader.attach;

import io.plumbline.loader.libbpf.Bpf;
import io.plumbline.loader.netlink.TrafficControl;
import io.plumbline.model.policy.Direction;
import java.util.Optional;

/**
 * One program, or other filter, on a hook of an interface, as it was found.
 *
 * @param ifindex number of the interface in the network namespace looked at
 * @param position 1 for what runs first on that hook of that backend
 * @param name the program's name, or the kind of a filter that is no program
 * @param programId the program's number, or 0
 * @param linkId its link's number, or 0
 * @param filter its place on the clsact qdisc, if it has one
 * @param program what the kernel says of the program, if this process may ask
 * @param about what it says of itself; empty if it is not Plumbline's
 */
public record Attachment(
    int ifindex,
    String ifname,
    Direction direction,
    Backend backend,
    int position,
    String name,
    int programId,
    int linkId,
    Optional<TrafficControl.Filter> filter,
    Optional<Bpf.ProgramInfo> program,
    Optional<Description> about) {

  /** Returns the same with a description that is known, also where it may not be read. */
  Attachment describedAs(Description description) {
    return new Attachment(
        ifindex,
        ifname,
        direction,
        backend,
        position,
        name,
        programId,
        linkId,
        filter,
        program,
        Optional.of(description));
  }

  /** Returns whether Plumbline put it there. */
  public boolean ours() {
    return about.isPresent();
  }

  /** Returns a line's worth of where it is: {@code eth0 egress tcx}. */
  public String place() {
    return "%s %s %s".formatted(ifname, direction.word(), backend.word());
  }
}
