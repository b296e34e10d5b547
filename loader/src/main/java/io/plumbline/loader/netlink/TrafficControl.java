package io.plumbline.loader.netlink;

import io.plumbline.loader.libbpf.Errno;
import io.plumbline.loader.netlink.Message.Attributes;
import io.plumbline.model.policy.Direction;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The clsact qdisc and its filters (kernel {@code net/sched/sch_ingress.c}, {@code cls_bpf.c}). */
public final class TrafficControl {
  private static final int RTM_NEWQDISC = 36;
  private static final int RTM_DELQDISC = 37;
  private static final int RTM_GETQDISC = 38;
  private static final int RTM_NEWTFILTER = 44;
  private static final int RTM_DELTFILTER = 45;
  private static final int RTM_GETTFILTER = 46;
  private static final int TCMSG_BYTES = 20;
  private static final int TCA_KIND = 1;
  private static final int TCA_OPTIONS = 2;
  private static final int TCA_CHAIN = 11;
  private static final int TCA_INGRESS_BLOCK = 13;
  private static final int TCA_EGRESS_BLOCK = 14;
  private static final int TCA_BPF_FD = 6;
  private static final int TCA_BPF_NAME = 7;
  private static final int TCA_BPF_FLAGS = 8;
  private static final int TCA_BPF_ID = 11;
  private static final int BPF_FLAG_ACT_DIRECT = 1;
  private static final int TC_H_CLSACT = 0xFFFFFFF1;
  private static final int CLSACT_HANDLE = 0xFFFF0000;
  private static final int PARENT_INGRESS = 0xFFFFFFF2;
  private static final int PARENT_EGRESS = 0xFFFFFFF3;
  private static final int ETH_P_ALL = 3;

  /** {@code TCM_IFINDEX_MAGIC_BLOCK}: a shared block has the parent's place. */
  private static final int BLOCK = 0xFFFFFFFF;

  private static final int HANDLE = 1;

  /** The largest preference, which runs last. */
  public static final int LAST_PRIORITY = 0xFFFF;

  /** Lets the kernel choose: one before the smallest that is 32768 or more, else 49152. */
  public static final int AUTOMATIC_PRIORITY = 0;

  /** The first priority that the kernel chooses (kernel {@code cls_api.c}, tcf_auto_prio). */
  public static final int FIRST_AUTOMATIC = 0xC000;

  private TrafficControl() {}

  /**
   * One filter on a clsact (or ingress) qdisc.
   *
   * @param kind {@code bpf}, {@code u32}, {@code flower} ...
   * @param info priority and protocol as the kernel packs them
   * @param programId of the BPF program, or 0
   * @param chain 0, or one that runs only where a filter says goto
   * @param block the shared block that it belongs to, or 0
   */
  public record Filter(
      Direction direction,
      int handle,
      int info,
      String kind,
      int programId,
      String name,
      int chain,
      int block) {
    /** Makes a BPF filter of chain 0. */
    public Filter(Direction direction, int handle, int info, int programId, String name) {
      this(direction, handle, info, "bpf", programId, name, 0, 0);
    }

    /** Returns its priority: filters run from the smallest. */
    public int priority() {
      return info >>> 16;
    }
  }

  /** The qdisc that holds an interface's filters, with the numbers of its shared blocks, or 0. */
  private record Qdisc(String kind, int ingressBlock, int egressBlock) {
    int block(Direction direction) {
      return direction == Direction.EGRESS ? egressBlock : ingressBlock;
    }
  }

  /** Returns the parent that stands for a direction. */
  private static int parent(Direction direction) {
    return direction == Direction.EGRESS ? PARENT_EGRESS : PARENT_INGRESS;
  }

  /** Returns the kind of the qdisc that holds an interface's filters: clsact, ingress or empty. */
  public static String qdisc(Netlink netlink, int ifindex) throws NetlinkException {
    return findQdisc(netlink, ifindex).map(Qdisc::kind).orElse("");
  }

  private static Optional<Qdisc> findQdisc(Netlink netlink, int ifindex) throws NetlinkException {
    for (Message message :
        netlink.dump("list qdiscs", tcmsg(RTM_GETQDISC, Message.F_DUMP, ifindex, 0, 0, 0))) {
      // The dump is of all interfaces.
      if (message.u32At(4) == ifindex && message.u32At(12) == TC_H_CLSACT) {
        Attributes attributes = message.attributes(TCMSG_BYTES);
        return Optional.of(
            new Qdisc(
                attributes.text(TCA_KIND),
                attributes.u32(TCA_INGRESS_BLOCK),
                attributes.u32(TCA_EGRESS_BLOCK)));
      }
    }
    return Optional.empty();
  }

  /** Returns all filters of an interface, ingress before egress, each in the order they run. */
  public static List<Filter> filters(Netlink netlink, int ifindex) throws NetlinkException {
    List<Filter> filters = new ArrayList<>();
    Optional<Qdisc> qdisc = findQdisc(netlink, ifindex);
    if (qdisc.isEmpty()) {
      return filters;
    }
    for (Direction direction : List.of(Direction.INGRESS, Direction.EGRESS)) {
      int block = qdisc.get().block(direction);
      int owner = block == 0 ? ifindex : BLOCK;
      int parent = block == 0 ? parent(direction) : block;
      Message request = tcmsg(RTM_GETTFILTER, Message.F_DUMP, owner, 0, parent, 0);
      for (Message message : dumpIfThere(netlink, request)) {
        Filter filter = filter(direction, block, message);
        // For each priority the kernel also lists the classifier itself, without a handle.
        if (message.u32At(4) == owner && filter.handle != 0) {
          filters.add(filter);
        }
      }
    }
    return filters;
  }

  /** Returns no filters where the qdisc has gone since it was looked for. */
  private static List<Message> dumpIfThere(Netlink netlink, Message request)
      throws NetlinkException {
    try {
      return netlink.dump("list filters", request);
    } catch (NetlinkException e) {
      if (e.errno() == Errno.EINVAL || e.errno() == Errno.ENOENT || e.errno() == Errno.ENODEV) {
        return List.of();
      }
      throw e;
    }
  }

  private static Filter filter(Direction direction, int block, Message message) {
    Attributes attributes = message.attributes(TCMSG_BYTES);
    Attributes options = attributes.nested(TCA_OPTIONS);
    String kind = attributes.text(TCA_KIND);
    boolean bpf = kind.equals("bpf");
    return new Filter(
        direction,
        message.u32At(8),
        message.u32At(16),
        kind,
        bpf ? options.u32(TCA_BPF_ID) : 0,
        bpf ? options.text(TCA_BPF_NAME) : "",
        attributes.u32(TCA_CHAIN),
        block);
  }

  private static Message newQdisc(int ifindex) {
    return tcmsg(
            RTM_NEWQDISC, Message.F_CREATE | Message.F_EXCL, ifindex, CLSACT_HANDLE, TC_H_CLSACT, 0)
        .attribute(TCA_KIND, "clsact");
  }

  /** Makes the clsact qdisc. */
  public static void addQdisc(Netlink netlink, int ifindex) throws NetlinkException {
    netlink
        .send("make the clsact qdisc", List.of(newQdisc(ifindex)))
        .get(0)
        .check("make the clsact qdisc");
  }

  /** What an attach did. */
  public record Added(Filter filter, boolean madeQdisc) {}

  /**
   * Attaches a program in direct-action mode before the filters that are there; makes the qdisc if
   * there is none. Both in one step: whoever is killed meanwhile leaves all of it or nothing.
   */
  public static Added add(
      Netlink netlink, int ifindex, Direction direction, int priority, int programFd, String name)
      throws NetlinkException {
    Message qdisc = newQdisc(ifindex);
    Message filter =
        bpf(
            Message.F_CREATE | Message.F_EXCL | Message.F_ECHO,
            ifindex,
            new Filter(direction, HANDLE, priority << 16 | htons(ETH_P_ALL), 0, name),
            programFd);
    List<Netlink.Result> results = netlink.send("attach", List.of(qdisc, filter));
    boolean made = results.get(0).errno() == 0;
    if (!made && results.get(0).errno() != Errno.EEXIST) {
      results.get(0).check("make the clsact qdisc");
    }
    Netlink.Result added = results.get(1);
    if (added.errno() != 0) {
      if (made) {
        deleteQdiscIfEmpty(netlink, ifindex);
      }
      added.check("attach the filter");
    }
    return new Added(filter(direction, 0, added.replies().get(0)), made);
  }

  /** Puts another program in the place of a filter's: every packet is judged by one of them. */
  public static void replace(
      Netlink netlink, int ifindex, Filter filter, int programFd, String name)
      throws NetlinkException {
    Filter renamed = new Filter(filter.direction, filter.handle, filter.info, 0, name);
    netlink
        .send(
            "replace",
            List.of(bpf(Message.F_CREATE | Message.F_REPLACE, ifindex, renamed, programFd)))
        .get(0)
        .check("replace the filter");
  }

  private static Message bpf(int flags, int ifindex, Filter filter, int programFd) {
    return tcmsg(
            RTM_NEWTFILTER, flags, ifindex, filter.handle, parent(filter.direction), filter.info)
        .attribute(TCA_KIND, "bpf")
        .nested(
            TCA_OPTIONS,
            options ->
                options
                    .attribute(TCA_BPF_FD, programFd)
                    .attribute(TCA_BPF_NAME, filter.name)
                    .attribute(TCA_BPF_FLAGS, BPF_FLAG_ACT_DIRECT));
  }

  /**
   * Removes one filter.
   *
   * @param qdiscToo whether the clsact qdisc goes with it, in one step; only if there is no other
   *     filter on it
   */
  public static void delete(Netlink netlink, int ifindex, Filter filter, boolean qdiscToo)
      throws NetlinkException {
    List<Message> messages = new ArrayList<>();
    messages.add(
        tcmsg(RTM_DELTFILTER, 0, ifindex, filter.handle, parent(filter.direction), filter.info)
            .attribute(TCA_KIND, filter.kind)
            .attribute(TCA_CHAIN, filter.chain));
    if (qdiscToo) {
      messages.add(delQdisc(ifindex));
    }
    for (Netlink.Result result : netlink.send("detach", messages)) {
      result.check("remove the filter");
    }
  }

  private static Message delQdisc(int ifindex) {
    return tcmsg(RTM_DELQDISC, 0, ifindex, CLSACT_HANDLE, TC_H_CLSACT, 0);
  }

  /** Removes the clsact qdisc if no filter is on it; returns whether it did. */
  public static boolean deleteQdiscIfEmpty(Netlink netlink, int ifindex) throws NetlinkException {
    if (!qdisc(netlink, ifindex).equals("clsact") || !filters(netlink, ifindex).isEmpty()) {
      return false;
    }
    netlink
        .send("remove the clsact qdisc", List.of(delQdisc(ifindex)))
        .get(0)
        .check("remove the clsact qdisc");
    return true;
  }

  private static Message tcmsg(int type, int flags, int ifindex, int handle, int parent, int info) {
    return new Message(type, flags | Message.F_REQUEST)
        .u32(0)
        .u32(ifindex)
        .u32(handle)
        .u32(parent)
        .u32(info);
  }

  private static int htons(int value) {
    return java.nio.ByteOrder.nativeOrder() == java.nio.ByteOrder.LITTLE_ENDIAN
        ? (value & 0xFF) << 8 | value >> 8
        : value;
  }
}
