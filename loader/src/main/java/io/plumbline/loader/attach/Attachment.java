package io.plumbline.loader.attach;

import io.plumbline.loader.libbpf.Bpf;
import io.plumbline.loader.netlink.TrafficControl;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.policy.Direction;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * One program, or other filter, on a hook of an interface, as it was found.
 *
 * @param ifindex number of the interface in the network namespace looked at
 * @param hook that of the backend, with the layer that the interface's packets begin with
 * @param position 1 for what runs first on that hook of that backend; 0 for what runs only where a
 *     filter of another chain says goto
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
    Hook hook,
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
        hook,
        position,
        name,
        programId,
        linkId,
        filter,
        program,
        Optional.of(description));
  }

  /** Returns what is needed to watch it and to take it off, as text. */
  public String encode() {
    return String.join(
        " ",
        Integer.toString(ifindex),
        ifname,
        direction.name(),
        backend.name(),
        Integer.toString(programId),
        Integer.toString(linkId),
        Boolean.toString(about.map(Description::madeQdisc).orElse(false)));
  }

  /** Reads what {@link #encode} wrote. */
  public static Attachment decode(String text) {
    String[] fields = text.split(" ", -1);
    Direction direction = Direction.valueOf(fields[2]);
    Backend backend = Backend.valueOf(fields[3]);
    int program = Integer.parseInt(fields[4]);
    return new Attachment(
        Integer.parseInt(fields[0]),
        fields[1],
        direction,
        backend,
        backend.hook(),
        0,
        "",
        program,
        Integer.parseInt(fields[5]),
        backend == Backend.CLSACT
            ? Optional.of(new TrafficControl.Filter(direction, 0, 0, program, ""))
            : Optional.empty(),
        Optional.empty(),
        Optional.of(
            new Description(
                "",
                "",
                "",
                "",
                0,
                Instant.EPOCH,
                false,
                false,
                Boolean.parseBoolean(fields[6]),
                List.of())));
  }

  /** Returns whether Plumbline put it there. */
  public boolean ours() {
    return about.isPresent();
  }

  /** Returns whether it only counts and reports what it would drop. */
  public boolean observing() {
    return about.map(Description::observing).orElse(false);
  }

  /** Returns a line's worth of where it is: {@code eth0 egress tcx}. */
  public String place() {
    return "%s %s %s".formatted(ifname, direction.word(), backend.word());
  }
}
