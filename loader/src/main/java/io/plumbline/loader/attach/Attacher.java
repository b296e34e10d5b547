package io.plumbline.loader.attach;

import io.plumbline.loader.attach.AttachException.Kind;
import io.plumbline.loader.kernel.LoadedObject;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.loader.kernel.ProgramType;
import io.plumbline.loader.libbpf.Bpf;
import io.plumbline.loader.libbpf.Errno;
import io.plumbline.loader.libbpf.LibBpf;
import io.plumbline.loader.libbpf.LibC;
import io.plumbline.loader.netlink.Link;
import io.plumbline.loader.netlink.LinkType;
import io.plumbline.loader.netlink.Netlink;
import io.plumbline.loader.netlink.NetlinkException;
import io.plumbline.loader.netlink.TrafficControl;
import io.plumbline.loader.process.Capability;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.policy.Direction;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Attaches, replaces and detaches filters on the interfaces of the calling thread's network
 * namespace.
 *
 * <p>Each change takes effect by a single system call, so a process that is killed leaves the state
 * before or the state after. It may also leave the pin of a dead link, which decides no packet and
 * which the next change removes.
 */
public final class Attacher implements AutoCloseable {
  private static final int MAX_TRIES = 5;
  private static final long UNDO_WAIT_MILLIS = 1000;

  /** How long after its time the process that waits for a confirmation may take to undo it. */
  private static final Duration GRACE = Duration.ofSeconds(5);

  private final Netlink netlink;

  /** Opens the network namespace that the calling thread is in. */
  public Attacher() throws AttachException {
    try {
      netlink = new Netlink();
    } catch (NetlinkException e) {
      throw AttachException.of(e);
    }
  }

  /** Content of a request: a subject of the catalog, or a user's object. */
  public sealed interface What {
    /** A program, a chain or a policy. */
    record OfSubject(Subject subject, ObjectSource objects) implements What {}

    /** A loaded program of a user, which the caller closes. */
    record OfObject(String name, LoadedObject object) implements What {}
  }

  /**
   * A request to attach a filter.
   *
   * @param backend empty for the best one that the kernel has
   * @param about the description that the program will carry
   */
  public record Request(
      What what,
      Link link,
      Direction direction,
      Optional<Backend> backend,
      Order order,
      Description about) {
    /** Returns where the filter runs: what the backend is for, else what the filter is for. */
    public Hook hook() {
      return Attacher.hook(what, backend);
    }
  }

  /**
   * Result of {@link #attach}.
   *
   * @param note why the backend is not the one that would be best; empty if it is
   */
  public record Done(Attachment attachment, String note) {}

  /** Returns an interface by its name. */
  public Optional<Link> linkNamed(String name) throws AttachException {
    try {
      return Link.find(netlink, name);
    } catch (NetlinkException e) {
      throw AttachException.of(e);
    }
  }

  /** Returns an interface by its name or number. */
  public Link link(String nameOrIndex) throws AttachException {
    try {
      Optional<Link> link = Link.find(netlink, nameOrIndex);
      if (link.isEmpty() && nameOrIndex.matches("[0-9]{1,10}")) {
        link = Link.find(netlink, (int) Math.min(Long.parseLong(nameOrIndex), Integer.MAX_VALUE));
      }
      return link.orElseThrow(
          () ->
              new AttachException(
                  Kind.INPUT,
                  "interface '%s': expected the name or number of one that exists"
                      .formatted(nameOrIndex)));
    } catch (NetlinkException e) {
      throw AttachException.of(e);
    }
  }

  /**
   * Requires that a filter and an interface fit: filters read from a header that they must know,
   * and would take another for it.
   *
   * @return the filter's hook there
   */
  public static Hook requireFit(What what, Optional<Backend> backend, Link link)
      throws AttachException {
    Optional<String> unknown = LinkType.unknownLayer(link);
    if (unknown.isPresent()) {
      throw new AttachException(Kind.INPUT, unknown.get());
    }
    Hook asked = hook(what, backend);
    int layer = LinkType.firstLayer(link).orElseThrow();
    if (layer == asked.firstLayer()) {
      return asked;
    }
    String place =
        "interface %s: link type %s: packets begin with the IP header: "
            .formatted(link.name(), LinkType.words(link));
    Optional<Hook> there = asked.from(layer);
    if (there.isEmpty()) {
      throw new AttachException(Kind.INPUT, place + "expected backend tcx or clsact");
    }
    if (!(what instanceof What.OfSubject of)) {
      throw new AttachException(
          Kind.INPUT, place + "an object of your own: expected an Ethernet header before it");
    }
    Optional<String> missing = of.subject.at(there.get()).asksForMissingHeader();
    if (missing.isPresent()) {
      throw new AttachException(
          Kind.INPUT,
          "%s%s: expected a filter that asks for no Ethernet header"
              .formatted(place, missing.get()));
    }
    return there.get();
  }

  private static Hook hook(What what, Optional<Backend> backend) {
    if (backend.isPresent()) {
      return backend.get().hook();
    }
    return what instanceof What.OfSubject of
        ? of.subject.hook()
        : ((What.OfObject) what).object.type() == ProgramType.XDP.number()
            ? ProgramType.XDP.hook()
            : ProgramType.SCHED_CLS.hook();
  }

  /** Returns the ways in which packets get past an attached filter. */
  public List<HookOrder.Bypass> bypasses(Attachment attachment) throws AttachException {
    try {
      Optional<Link> link = Link.find(netlink, attachment.ifindex());
      return link.isEmpty()
          ? List.of()
          : HookOrder.of(attachment, Attachments.of(netlink, link.get()), link.get());
    } catch (NetlinkException e) {
      throw AttachException.of(e);
    }
  }

  /**
   * Returns everything on the hooks of an interface.
   *
   * @throws AttachException if this process may not read all of it
   */
  public List<Attachment> readable(Link link) throws AttachException {
    List<Attachment> found = attachments(link);
    Attachments.requireReadable(found);
    return found;
  }

  /**
   * Returns everything on the hooks of an interface; what this process may not read is without a
   * description.
   */
  public List<Attachment> attachments(Link link) throws AttachException {
    try {
      return Attachments.of(netlink, link);
    } catch (NetlinkException e) {
      throw AttachException.of(e);
    }
  }

  /**
   * Returns everything on the hooks of all interfaces.
   *
   * @throws AttachException if this process may not read all of it
   */
  public List<Attachment> attachments() throws AttachException {
    try {
      List<Attachment> all = new ArrayList<>();
      for (Link link : Link.all(netlink)) {
        all.addAll(readable(link));
      }
      return all;
    } catch (NetlinkException e) {
      throw AttachException.of(e);
    }
  }

  /** Attaches a filter beside what is there. */
  public Done attach(Request request) throws AttachException {
    Hook there = requireFit(request.what, request.backend, request.link);
    try (Prepared prepared = prepare(request.what, request.backend, there)) {
      return locked(() -> attach(request, prepared));
    }
  }

  /** Chooses which filter of a hook, if any, is replaced. */
  public interface Selector {
    /** Returns the filter to replace; empty to attach beside all of them. */
    Optional<Attachment> select(List<Attachment> onHook) throws AttachException;
  }

  /**
   * Result of {@link #attachOrReplace}.
   *
   * @param replaced present if a filter was replaced; it can be undone as long as this is open
   */
  public record Placed(Attachment attachment, String note, Optional<Replaced> replaced)
      implements AutoCloseable {
    @Override
    public void close() {
      replaced.ifPresent(Replaced::close);
    }
  }

  /**
   * Replaces a filter, or attaches one where there is none to replace. No other process changes
   * anything between the choice and the change, so the same request made several times at once
   * gives one filter.
   *
   * @param undo whether to keep the old program
   */
  public Placed attachOrReplace(Request request, Selector selector, boolean undo)
      throws AttachException {
    Hook there = requireFit(request.what, request.backend, request.link);
    try (Prepared prepared = prepare(request.what, request.backend, there)) {
      return locked(
          () -> {
            List<Attachment> onHook =
                readable(request.link).stream()
                    .filter(a -> a.direction() == request.direction)
                    .toList();
            Optional<Attachment> old = selector.select(onHook);
            if (old.isEmpty()) {
              Done done = attach(request, prepared);
              return new Placed(done.attachment, done.note, Optional.empty());
            }
            Replaced replaced = replace(old.get(), request, prepared, undo);
            return new Placed(replaced.attachment(), "", Optional.of(replaced));
          });
    }
  }

  /**
   * Does all of an attachment but the attaching itself.
   *
   * @return the backend, and why
   */
  public String rehearse(
      What what,
      Optional<Backend> backend,
      Optional<Link> link,
      Direction direction,
      Description about)
      throws AttachException {
    Hook there = link.isPresent() ? requireFit(what, backend, link.get()) : hook(what, backend);
    try (Prepared prepared = prepare(what, backend, there);
        Gate gate = prepared.gate(about)) {
      Choice choice = choose(backend, direction, prepared.hook);
      String tag = Bpf.programInfo(gate.fd()).map(Bpf.ProgramInfo::tag).orElse("");
      return "%s, program tag %s%s"
          .formatted(
              choice.backend.word(), tag, choice.note.isEmpty() ? "" : " (" + choice.note + ")");
    }
  }

  /** Returns whether a program is still on its hook; cheap, and needs CAP_NET_ADMIN only. */
  public boolean isThere(Attachment attachment) throws AttachException {
    // A link goes with its interface into another network namespace.
    int link = Pins.find().pins().map(pins -> pins.open(attachment.linkId())).orElse(-1);
    if (link >= 0) {
      Optional<Bpf.LinkInfo> info = Bpf.linkInfo(link);
      LibC.close(link);
      return info.filter(i -> i.programId() == attachment.programId() && i.ifindex() != 0)
          .isPresent();
    }
    try {
      Optional<Link> now = Link.find(netlink, attachment.ifindex());
      if (now.isEmpty()) {
        return false;
      }
      int id = attachment.programId();
      return switch (attachment.backend()) {
        case CLSACT ->
            TrafficControl.filters(netlink, attachment.ifindex()).stream()
                .anyMatch(f -> f.programId() == id);
        case TCX ->
            Attachments.tcx(now.get(), attachment.direction()).stream()
                .anyMatch(a -> a.programId() == id);
        case XDP, XDP_SKB -> now.get().xdpProgram() == id;
      };
    } catch (NetlinkException e) {
      throw AttachException.of(e);
    }
  }

  private Done attach(Request request, Prepared prepared) throws AttachException, NetlinkException {
    requireSame(prepared, request, now(request.link));
    Choice choice = choose(request.backend, request.direction, prepared.hook);
    if (choice.backend == Backend.CLSACT) {
      return new Done(attachFilter(request, prepared), choice.note);
    }
    return new Done(
        attachLink(request, prepared, choice.backend, choice.pins.orElseThrow()), choice.note);
  }

  /** Requires that an interface is still one that a filter was prepared for. */
  private static void requireSame(Prepared prepared, Request request, Link now)
      throws AttachException {
    if (!requireFit(request.what, request.backend, now).equals(prepared.there())) {
      throw new AttachException(
          Kind.INPUT,
          "interface %s: link type %s: expected that it does not change meanwhile"
              .formatted(now.name(), LinkType.words(now)));
    }
  }

  /** A change of what is attached. */
  private interface Change<T> {
    T make() throws AttachException, NetlinkException;
  }

  /** Makes a change while no other process makes one. */
  private static <T> T locked(Change<T> change) throws AttachException {
    Lock lock = Lock.acquire();
    try {
      return change.make();
    } catch (NetlinkException e) {
      throw AttachException.of(e);
    } finally {
      lock.close();
    }
  }

  /** A change that has to be made also while another process holds the lock. */
  private interface Undo<T> {
    T make(boolean locked) throws AttachException, NetlinkException;
  }

  /**
   * Undoes a change. A process that holds the lock, and does not go on, must not keep a filter
   * attached that was to go: it is waited for only shortly.
   */
  private static <T> T undoing(Undo<T> undo) throws AttachException {
    Lock lock = null;
    try {
      lock = Lock.acquire(UNDO_WAIT_MILLIS);
    } catch (AttachException e) {
      // Then without it.
    }
    try {
      return undo.make(lock != null);
    } catch (NetlinkException e) {
      throw AttachException.of(e);
    } finally {
      if (lock != null) {
        lock.close();
      }
    }
  }

  /**
   * Puts a filter in the place of one of ours: every packet is judged by the old one or the new
   * one. Backend and order stay.
   *
   * @param undo whether to keep the old program
   */
  public Replaced replace(Attachment old, Request request, boolean undo) throws AttachException {
    Hook there = requireFit(request.what, request.backend, request.link);
    try (Prepared prepared = prepare(request.what, request.backend, there)) {
      return locked(() -> replace(old, request, prepared, undo));
    }
  }

  private Replaced replace(Attachment old, Request request, Prepared prepared, boolean undo)
      throws AttachException, NetlinkException {
    requireSame(prepared, request, now(request.link));
    Description before =
        old.about()
            .orElseThrow(
                () -> new AttachException(Kind.INPUT, old.place() + ": not attached by plumb"));
    Description about = request.about.withMadeQdisc(before.madeQdisc());
    if (!old.backend().hook().equals(prepared.hook)) {
      throw new AttachException(
          Kind.INPUT,
          "%s: it runs at %s: expected --backend %s, or no --replace"
              .formatted(old.place(), old.backend().hook().name(), old.backend().word()));
    }
    // Opened before it is replaced, because it may be gone afterwards.
    int oldFd = undo ? Bpf.programById(old.programId()) : -1;
    try (Gate gate = prepared.gate(about)) {
      swap(old, gate.fd(), filterName(prepared.name(), gate.fd()));
      return new Replaced(this, found(request.link, gate.id(), about), oldFd);
    } catch (AttachException | NetlinkException e) {
      if (oldFd >= 0) {
        LibC.close(oldFd);
      }
      throw e;
    }
  }

  /** Returns an interface as it is now. */
  private Link now(Link link) throws AttachException, NetlinkException {
    return Link.find(netlink, link.index())
        .orElseThrow(
            () ->
                new GoneException(
                    link.name() + ": the interface is not there any more", Errno.ENODEV));
  }

  /** A replacement that can be undone as long as this is open. */
  public static final class Replaced implements AutoCloseable {
    private final Attacher attacher;
    private final Attachment attachment;
    private final int oldFd;

    private Replaced(Attacher attacher, Attachment attachment, int oldFd) {
      this.attacher = attacher;
      this.attachment = attachment;
      this.oldFd = oldFd;
    }

    /** Returns what is in force now. */
    public Attachment attachment() {
      return attachment;
    }

    /** Puts the old program back. */
    public void undo() throws AttachException {
      if (oldFd < 0) {
        throw new AttachException(
            Kind.INPUT, attachment.place() + ": the old program was not kept");
      }
      String name = Bpf.programInfo(oldFd).map(Bpf.ProgramInfo::name).orElse("");
      undoing(
          locked -> {
            attacher.swap(attachment, oldFd, filterName(name, oldFd));
            return true;
          });
    }

    /** Keeps the old program for {@link Attacher#undoOverdue}; returns whether that is possible. */
    public boolean keep() {
      return Attacher.keep(attachment, oldFd);
    }

    @Override
    public void close() {
      if (oldFd >= 0) {
        LibC.close(oldFd);
      }
    }
  }

  /** Returns what a filter is called, as libbpf's bpf_tc_attach does it. */
  private static String filterName(String program, int fd) {
    return "%s:[%d]".formatted(program, Bpf.programInfo(fd).map(Bpf.ProgramInfo::id).orElse(0));
  }

  private void swap(Attachment old, int programFd, String name)
      throws AttachException, NetlinkException {
    if (old.filter().isPresent()) {
      // The filter of that place may be another one by now.
      TrafficControl.Filter filter =
          TrafficControl.filters(netlink, old.ifindex()).stream()
              .filter(f -> f.programId() == old.programId())
              .findFirst()
              .orElse(null);
      if (filter == null) {
        throw gone(old);
      }
      TrafficControl.replace(netlink, old.ifindex(), filter, programFd, name);
      return;
    }
    int link = openLink(old);
    try {
      check(
          Bpf.linkUpdate(link, programFd),
          old.place() + ": replace the link's program",
          Capability.CAP_NET_ADMIN);
    } finally {
      LibC.close(link);
    }
  }

  /** Opens the link of an attachment, if it still has that program. */
  private int openLink(Attachment attachment) throws AttachException, NetlinkException {
    int link = Pins.find().pins().map(pins -> pins.open(attachment.linkId())).orElse(-Errno.ENOENT);
    if (link < 0) {
      link = Bpf.linkById(attachment.linkId());
    }
    if (link == -Errno.ENOENT) {
      throw gone(attachment);
    }
    check(link, attachment.place() + ": open its link", Capability.CAP_SYS_ADMIN);
    Optional<Bpf.LinkInfo> info = Bpf.linkInfo(link);
    if (info.isEmpty() || info.get().programId() != attachment.programId()) {
      LibC.close(link);
      throw gone(attachment);
    }
    return link;
  }

  /**
   * Removes a filter, and the clsact qdisc if it was made for Plumbline's filters and this was the
   * last one on it.
   *
   * @return whether the qdisc went too
   */
  public boolean detach(Attachment attachment) throws AttachException {
    return locked(() -> remove(attachment, true));
  }

  /**
   * Removes a filter as {@link #detach} does, whatever other processes do. If one of them makes a
   * change just then, the qdisc stays.
   */
  public boolean undo(Attachment attachment) throws AttachException {
    return undoing(locked -> remove(attachment, locked));
  }

  private boolean remove(Attachment attachment, boolean qdiscToo)
      throws AttachException, NetlinkException {
    boolean qdiscGone = false;
    if (attachment.filter().isPresent()) {
      qdiscGone = detachFilter(attachment, qdiscToo);
    } else {
      detachLink(attachment);
    }
    forget(attachment);
    Pins.find().pins().ifPresent(Pins::tidy);
    return qdiscGone;
  }

  /**
   * Keeps a program in the BPF file system until an attachment is confirmed or undone: the one that
   * was there before, or the attachment's own if there was none.
   */
  private static boolean keep(Attachment attachment, int programFd) {
    Optional<Pins> pins = Pins.find().pins();
    try {
      if (pins.isPresent()) {
        pins.get().keep(programFd, attachment.programId());
      }
      return pins.isPresent();
    } catch (AttachException e) {
      return false;
    }
  }

  /** Keeps what {@link #undoOverdue} needs to know that nothing was there before. */
  public boolean keepNothing(Attachment attachment) {
    int own = Bpf.programById(attachment.programId());
    try {
      return keep(attachment, own);
    } finally {
      LibC.close(own);
    }
  }

  /** Gives up what was kept for undoing: the attachment is confirmed, or gone. */
  public void forget(Attachment attachment) {
    Pins.find().pins().ifPresent(pins -> pins.forget(attachment.programId()));
  }

  /**
   * Undoes changes of an interface that were not confirmed in time and that the process which
   * waited for it did not undo, because it was killed or stopped.
   *
   * @param now whether not to wait until the time has passed
   * @return what was done, a line each
   */
  public List<String> undoOverdue(Link link, boolean now) throws AttachException {
    List<String> done = new ArrayList<>();
    for (Attachment attachment : attachments(link)) {
      try (GateState.Control control =
          attachment.ours() ? GateState.Control.open(attachment).orElse(null) : null) {
        if (control != null
            && control.unconfirmed()
            && (now || control.left().plus(GRACE).isNegative())
            && control.refuse()) {
          done.add(attachment.place() + ": not confirmed: " + undoKept(attachment));
        }
      }
    }
    return done;
  }

  private String undoKept(Attachment attachment) throws AttachException {
    int before =
        Pins.find().pins().map(pins -> pins.kept(attachment.programId())).orElse(-Errno.ENOENT);
    Optional<Bpf.ProgramInfo> program = before < 0 ? Optional.empty() : Bpf.programInfo(before);
    try {
      if (program.isEmpty()) {
        return "the filter before was not kept: expected plumb detach, or plumb attach --replace";
      }
      if (program.get().id() == attachment.programId()) {
        undo(attachment);
        return "detached";
      }
      String name = filterName(program.get().name(), before);
      undoing(
          locked -> {
            swap(attachment, before, name);
            return true;
          });
      forget(attachment);
      return "the filter before is back";
    } finally {
      if (before >= 0) {
        LibC.close(before);
      }
    }
  }

  private boolean detachFilter(Attachment attachment, boolean qdiscToo)
      throws NetlinkException, AttachException {
    List<TrafficControl.Filter> filters = TrafficControl.filters(netlink, attachment.ifindex());
    TrafficControl.Filter filter =
        filters.stream()
            .filter(f -> f.programId() == attachment.programId())
            .filter(f -> f.direction() == attachment.direction())
            .findFirst()
            .orElse(null);
    if (filter == null) {
      throw gone(attachment);
    }
    if (filter.block() != 0) {
      throw new AttachException(
          Kind.INPUT,
          "%s: program %d is on block %d, which other interfaces share: expected tc filter del block %d"
              .formatted(
                  attachment.place(), attachment.programId(), filter.block(), filter.block()));
    }
    boolean last = qdiscToo && filters.size() == 1;
    boolean made = attachment.about().map(Description::madeQdisc).orElse(false);
    TrafficControl.delete(netlink, attachment.ifindex(), filter, last && made);
    return last && made;
  }

  private void detachLink(Attachment attachment) throws AttachException, NetlinkException {
    if (attachment.linkId() == 0) {
      detachWithoutLink(attachment);
      return;
    }
    int link = openLink(attachment);
    try {
      // A link of another program than ours may be held elsewhere; it is taken off all the same.
      check(
          Bpf.linkDetach(link), attachment.place() + ": detach its link", Capability.CAP_NET_ADMIN);
      Pins.find().pins().ifPresent(pins -> pins.remove(attachment.linkId()));
    } finally {
      LibC.close(link);
    }
  }

  /** Takes off what somebody else attached without a link. */
  private void detachWithoutLink(Attachment attachment) throws AttachException, NetlinkException {
    if (attachment.backend() != Backend.TCX) {
      throw new AttachException(
          Kind.INPUT,
          "%s: program %d has no link: expected ip link set dev %s xdp off"
              .formatted(attachment.place(), attachment.programId(), attachment.ifname()));
    }
    int program = Bpf.programById(attachment.programId());
    if (program == -Errno.ENOENT) {
      throw gone(attachment);
    }
    check(program, attachment.place() + ": open its program", Capability.CAP_SYS_ADMIN);
    try {
      check(
          Bpf.detach(program, attachment.ifindex(), Attachments.attachType(attachment.direction())),
          attachment.place() + ": detach its program",
          Capability.CAP_NET_ADMIN);
    } finally {
      LibC.close(program);
    }
  }

  /**
   * Returns what has become of an attachment, with the error number that traffico would end with.
   */
  private GoneException gone(Attachment attachment) throws NetlinkException {
    if (Link.find(netlink, attachment.ifindex()).isEmpty()) {
      return new GoneException(
          attachment.ifname() + ": the interface is not there any more", Errno.ENODEV);
    }
    boolean noQdisc =
        attachment.filter().isPresent()
            && TrafficControl.qdisc(netlink, attachment.ifindex()).isEmpty();
    return new GoneException(
        "%s: program %d is not there any more"
            .formatted(attachment.place(), attachment.programId()),
        noQdisc ? Errno.EINVAL : Errno.ENOENT);
  }

  private record Choice(Backend backend, Optional<Pins> pins, String note) {}

  private static Choice choose(Optional<Backend> asked, Direction direction, Hook hook)
      throws AttachException {
    boolean xdp = hook.equals(ProgramType.XDP.hook());
    Backend wanted = asked.orElse(xdp ? Backend.XDP : Backend.TCX);
    if (!wanted.hook().equals(hook)) {
      throw new AttachException(
          Kind.INPUT,
          "backend %s: it does not take a %s program: expected %s"
              .formatted(wanted.word(), xdp ? "XDP" : "tc", xdp ? "xdp, xdp-skb" : "tcx, clsact"));
    }
    if (xdp && direction != Direction.INGRESS) {
      throw new AttachException(
          Kind.INPUT, "backend " + wanted.word() + ": there is no egress: expected --at ingress");
    }
    if (wanted == Backend.CLSACT) {
      requireClsact("backend clsact");
      return new Choice(wanted, Optional.empty(), "");
    }
    Optional<Feature> lacking =
        Stream.of(Feature.TCX, Feature.BPFFS)
            .filter(feature -> feature != Feature.TCX || !xdp)
            .filter(feature -> feature.missing().isPresent())
            .findFirst();
    if (lacking.isEmpty()) {
      return new Choice(wanted, Pins.find().pins(), "");
    }
    if (asked.isPresent() || xdp) {
      require(lacking.get(), "backend " + wanted.word());
    }
    String why =
        (lacking.get() == Feature.TCX ? "no TCX: " : "") + lacking.get().missing().orElse("");
    requireClsact(why + "; backend clsact");
    return new Choice(Backend.CLSACT, Optional.empty(), why);
  }

  /** The kernel itself says whether it has the qdisc; trying it beforehand takes long. */
  private static void requireClsact(String where) throws AttachException {
    if (Feature.CLSACT.switchedOff()) {
      require(Feature.CLSACT, where);
    }
  }

  private static void require(Feature feature, String where) throws AttachException {
    Optional<String> missing = feature.missing();
    if (missing.isPresent()) {
      throw new AttachException(
          Kind.KERNEL,
          "%s: unavailable: %s: needs %s".formatted(where, missing.get(), feature.remedy()));
    }
  }

  /**
   * Returns the reason why a program was not loaded: a capability or a feature of the kernel that
   * is missing, else the program.
   *
   * @param kind {@code INPUT} for a user's object, {@code KERNEL} for one of ours
   */
  public static AttachException refused(EngineException e, Kind kind) {
    return refused(e, kind, false);
  }

  static AttachException refused(EngineException e, Kind kind, boolean policy) {
    Optional<String> lacking =
        Capability.lacking(Capability.CAP_BPF, Capability.CAP_NET_ADMIN, Capability.CAP_PERFMON);
    if (lacking.isPresent()) {
      // A lack of CAP_PERFMON alone does not explain every refusal.
      String what =
          Capability.CAP_BPF.held() && Capability.CAP_NET_ADMIN.held()
              ? String.valueOf(e.getMessage())
              : "kernel: load programs: EPERM";
      return new AttachException(Kind.PRIVILEGE, what + ": " + lacking.get(), 0, e.detail());
    }
    try {
      require(Feature.BPF, "kernel");
      require(Feature.RINGBUF, "kernel");
      if (policy) {
        require(Feature.BPF_LOOP, "kernel: policies");
      }
      return new AttachException(kind, String.valueOf(e.getMessage()), 0, e.detail());
    } catch (AttachException missing) {
      return missing;
    }
  }

  /** A filter's instructions, not yet behind a gate. */
  private record Prepared(
      Hook hook, String name, Optional<FilterCode> code, Optional<LoadedObject> object)
      implements AutoCloseable {

    /** Returns the hook with the layer that packets must begin with. */
    Hook there() {
      return code.map(FilterCode::hook).orElse(hook);
    }

    Gate gate(Description about) throws AttachException {
      if (code.isEmpty()) {
        return Gate.bare(object.orElseThrow(), about);
      }
      try {
        return Gate.load(code.get(), about);
      } catch (EngineException e) {
        // A user's program may be one that the kernel takes only alone, such as one that needs all
        // of the stack.
        if (object.isPresent() && !about.observing()) {
          return Gate.bare(object.get(), about);
        }
        throw refused(
            e, object.isPresent() ? Kind.INPUT : Kind.KERNEL, code.get().needs().isPresent());
      }
    }

    @Override
    public void close() {
      code.ifPresent(FilterCode::close);
    }
  }

  /**
   * Prepares a filter.
   *
   * @param there its hook on its interface
   */
  private static Prepared prepare(What what, Optional<Backend> backend, Hook there)
      throws AttachException {
    try {
      if (LibBpf.unavailable() != null) {
        throw new EngineException("kernel: " + LibBpf.unavailable());
      }
      if (what instanceof What.OfSubject of) {
        FilterCode code = FilterCode.of(of.subject.at(there), of.objects);
        return new Prepared(hook(what, backend), code.name(), Optional.of(code), Optional.empty());
      }
      What.OfObject of = (What.OfObject) what;
      return of.object.type() == ProgramType.XDP.number()
          ? new Prepared(ProgramType.XDP.hook(), of.name, Optional.empty(), Optional.of(of.object))
          : new Prepared(
              ProgramType.SCHED_CLS.hook(),
              of.name,
              Optional.of(FilterCode.of(ProgramType.SCHED_CLS.hook(), of.name, of.object)),
              Optional.of(of.object));
    } catch (EngineException e) {
      throw refused(e, what instanceof What.OfObject ? Kind.INPUT : Kind.KERNEL);
    }
  }

  private Attachment attachFilter(Request request, Prepared prepared)
      throws NetlinkException, AttachException {
    int ifindex = request.link.index();
    // Whether the qdisc is there must be known before the program says so; others may be faster.
    for (int i = 0; i < MAX_TRIES; i++) {
      boolean there = !TrafficControl.qdisc(netlink, ifindex).isEmpty();
      boolean make = !there || oursMadeQdisc(request.link);
      Description about = request.about.withMadeQdisc(make);
      try (Gate gate = prepared.gate(about)) {
        TrafficControl.Added added =
            TrafficControl.add(
                netlink,
                ifindex,
                request.direction,
                preference(request),
                gate.fd(),
                filterName(prepared.name(), gate.fd()));
        if (added.madeQdisc() == !there) {
          return found(request.link, gate.id(), about);
        }
        TrafficControl.delete(netlink, ifindex, added.filter(), false);
      } catch (NetlinkException e) {
        // Another process has taken the preference meanwhile, or every time.
        if (e.errno() != Errno.EEXIST || i == MAX_TRIES - 1) {
          throw e;
        }
      }
    }
    throw new AttachException(
        Kind.KERNEL,
        request.link.name() + ": the clsact qdisc comes and goes: something else changes it");
  }

  /** Returns the preference that gives a clsact filter its place among those that are there. */
  private int preference(Request request) throws NetlinkException, AttachException {
    int[] taken =
        TrafficControl.filters(netlink, request.link.index()).stream()
            .filter(f -> f.direction() == request.direction && f.chain() == 0)
            .mapToInt(TrafficControl.Filter::priority)
            .sorted()
            .toArray();
    Order.Place place = request.order.place();
    if (place == Order.Place.BEFORE || place == Order.Place.AFTER) {
      throw new AttachException(
          Kind.INPUT,
          "order: backend clsact knows first and last only: expected one of them, or backend tcx");
    }
    if (taken.length == 0) {
      return TrafficControl.AUTOMATIC_PRIORITY;
    }
    boolean last = place == Order.Place.LAST;
    int end = last ? TrafficControl.LAST_PRIORITY : 1;
    int outermost = last ? taken[taken.length - 1] : taken[0];
    if (outermost != end) {
      return last ? outermost + 1 : outermost - 1;
    }
    if (place == Order.Place.EARLIEST) {
      return TrafficControl.AUTOMATIC_PRIORITY;
    }
    throw new AttachException(
        Kind.INPUT,
        "order %s: clsact preference %d, which runs %s, is taken on %s %s: expected --order %s, or backend tcx"
            .formatted(
                last ? "last" : "first",
                end,
                last ? "last" : "first",
                request.link.name(),
                request.direction.word(),
                last ? "first" : "last"));
  }

  private boolean oursMadeQdisc(Link link) throws NetlinkException, AttachException {
    return Attachments.of(netlink, link).stream()
        .anyMatch(
            a -> a.filter().isPresent() && a.about().map(Description::madeQdisc).orElse(false));
  }

  private Attachment attachLink(Request request, Prepared prepared, Backend backend, Pins pins)
      throws AttachException, NetlinkException {
    pins.tidy();
    Description about = request.about.withMadeQdisc(false);
    try (Gate gate = prepared.gate(about)) {
      int link = createLink(request, backend, gate.fd());
      try {
        int id = Bpf.linkInfo(link).map(Bpf.LinkInfo::id).orElse(0);
        // Until it is pinned, closing the link takes the program off again.
        pins.pin(link, id);
      } finally {
        LibC.close(link);
      }
      return found(request.link, gate.id(), about);
    }
  }

  private static int createLink(Request request, Backend backend, int program)
      throws AttachException {
    if (backend != Backend.TCX && request.order.programId() != 0) {
      throw new AttachException(
          Kind.INPUT, "order: an interface has one XDP program: expected first or last");
    }
    int type = Bpf.ATTACH_XDP;
    int flags = backend == Backend.XDP ? Bpf.XDP_FLAGS_DRV_MODE : Bpf.XDP_FLAGS_SKB_MODE;
    Order order = request.order;
    if (backend == Backend.TCX) {
      type = Attachments.attachType(request.direction);
      flags =
          switch (order.place()) {
            case FIRST, EARLIEST -> Bpf.F_BEFORE;
            case LAST -> Bpf.F_AFTER;
            case BEFORE -> Bpf.F_BEFORE | Bpf.F_ID;
            case AFTER -> Bpf.F_AFTER | Bpf.F_ID;
          };
    }
    int link = Bpf.linkCreate(program, request.link.index(), type, flags, order.programId());
    if (link == -Errno.ENOENT && order.programId() != 0) {
      throw new AttachException(
          Kind.INPUT,
          "order: program %d is not on %s %s %s: expected one that is"
              .formatted(
                  order.programId(),
                  request.link.name(),
                  request.direction.word(),
                  backend.word()));
    }
    if (link == -Errno.EBUSY && backend != Backend.TCX) {
      throw new AttachException(
          Kind.KERNEL,
          "%s %s %s: another program is attached there: expected none, or --replace if it is plumb's: see plumb status"
              .formatted(request.link.name(), request.direction.word(), backend.word()));
    }
    check(
        link,
        "%s %s %s: make the link"
            .formatted(request.link.name(), request.direction.word(), backend.word()),
        Capability.CAP_NET_ADMIN);
    return link;
  }

  /** Returns what was attached as the kernel now says it is. */
  private Attachment found(Link link, int programId, Description about)
      throws NetlinkException, AttachException {
    return Attachments.of(netlink, link).stream()
        .filter(a -> a.programId() == programId)
        .findFirst()
        .map(a -> a.describedAs(about))
        .orElseThrow(
            () ->
                new GoneException(
                    link.name() + ": the interface disappeared while the program was attached",
                    Errno.ENODEV));
  }

  private static void check(int result, String what, Capability needed) throws AttachException {
    if (result < 0) {
      throw AttachException.of(what + ": " + Errno.describe(-result), -result, needed);
    }
  }

  @Override
  public void close() {
    netlink.close();
  }
}
