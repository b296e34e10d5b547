package io.plumbline.emulator.helper;

import static io.plumbline.emulator.helper.Helper.Where.ANY;
import static io.plumbline.emulator.helper.Helper.Where.SKB;
import static io.plumbline.emulator.helper.Helper.Where.XDP;

import io.plumbline.emulator.machine.ContextType;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The helper table (kernel {@code include/uapi/linux/bpf.h}, {@code net/core/filter.c}, {@code
 * kernel/bpf/helpers.c}). The last column says what differs from the kernel; empty: nothing is
 * known to.
 */
public enum Helper {
  MAP_LOOKUP_ELEM(1, ANY, MapHelpers::lookup, ""),
  MAP_UPDATE_ELEM(2, ANY, MapHelpers::update, ""),
  MAP_DELETE_ELEM(3, ANY, MapHelpers::delete, ""),
  PROBE_READ(4, ANY, TextHelpers::probeRead, "reads the machine's memory; there is no other"),
  KTIME_GET_NS(5, ANY, SystemHelpers::time, "the machine's clock"),
  TRACE_PRINTK(6, ANY, TextHelpers::printk, "the line is kept by the machine"),
  GET_PRANDOM_U32(7, ANY, SystemHelpers::random, "a sequence that a seed starts"),
  GET_SMP_PROCESSOR_ID(8, ANY, SystemHelpers::processor, "the machine's processor"),
  SKB_STORE_BYTES(9, SKB, PacketHelpers::storeBytes, "there is no checksum state to keep"),
  L3_CSUM_REPLACE(10, SKB, ChecksumHelpers::replaceL3, ""),
  L4_CSUM_REPLACE(11, SKB, ChecksumHelpers::replaceL4, "there is no partial checksum"),
  TAIL_CALL(12, ANY, MapHelpers::tailCall, ""),
  CLONE_REDIRECT(13, SKB, RedirectHelpers::cloneRedirect, "noted as an event"),
  GET_CURRENT_PID_TGID(14, ANY, SystemHelpers::zero, "always 0"),
  GET_CURRENT_UID_GID(15, ANY, SystemHelpers::zero, "always 0"),
  GET_CGROUP_CLASSID(17, SKB, SystemHelpers::zero, "always 0"),
  SKB_VLAN_PUSH(18, SKB, PacketHelpers::vlanPush, ""),
  SKB_VLAN_POP(19, SKB, PacketHelpers::vlanPop, ""),
  REDIRECT(23, ANY, RedirectHelpers::redirect, "noted as an event"),
  GET_ROUTE_REALM(24, SKB, SystemHelpers::zero, "always 0"),
  PERF_EVENT_OUTPUT(25, ANY, EventHelpers::perfOutput, "the buffer is never full"),
  SKB_LOAD_BYTES(26, SKB, PacketHelpers::loadBytes, ""),
  CSUM_DIFF(28, ANY, ChecksumHelpers::diff, ""),
  SKB_CHANGE_TYPE(32, SKB, PacketHelpers::changeType, ""),
  GET_HASH_RECALC(34, SKB, PacketHelpers::hash, "the context's hash; none is computed"),
  SKB_CHANGE_TAIL(38, SKB, PacketHelpers::changeTail, "the least length is an Ethernet header"),
  SKB_PULL_DATA(
      39, SKB, PacketHelpers::pullData, "how much of a packet is linear is the machine's to say"),
  CSUM_UPDATE(40, SKB, ChecksumHelpers::update, "there is no checksum state: ENOTSUPP"),
  SET_HASH_INVALID(41, SKB, PacketHelpers::hashInvalid, ""),
  GET_NUMA_NODE_ID(42, ANY, SystemHelpers::zero, "always 0"),
  SKB_CHANGE_HEAD(43, SKB, PacketHelpers::changeHead, ""),
  XDP_ADJUST_HEAD(44, XDP, PacketHelpers::adjustHead, ""),
  PROBE_READ_STR(45, ANY, TextHelpers::probeReadText, "reads the machine's memory"),
  GET_SOCKET_COOKIE(46, ANY, SystemHelpers::zero, "there is no socket: 0"),
  GET_SOCKET_UID(47, SKB, SystemHelpers::overflowUid, "there is no socket: 65534"),
  SET_HASH(48, SKB, PacketHelpers::setHash, ""),
  SKB_ADJUST_ROOM(50, SKB, PacketHelpers::adjustRoom, "flags of encapsulation are ENOTSUPP"),
  REDIRECT_MAP(51, ANY, RedirectHelpers::redirectMap, "noted as an event"),
  XDP_ADJUST_META(54, XDP, PacketHelpers::adjustMeta, ""),
  XDP_ADJUST_TAIL(
      65, XDP, PacketHelpers::adjustTail, "room at the end is 4096 bytes less the frame"),
  SKB_LOAD_BYTES_RELATIVE(68, SKB, PacketHelpers::loadBytesRelative, ""),
  FIB_LOOKUP(69, ANY, RedirectHelpers::fibLookup, "a table that the machine is given"),
  SK_LOOKUP_TCP(84, ANY, SystemHelpers::zero, "there are no sockets: null"),
  SK_LOOKUP_UDP(85, ANY, SystemHelpers::zero, "there are no sockets: null"),
  SK_RELEASE(86, ANY, SystemHelpers::zero, "there are no sockets"),
  MAP_PUSH_ELEM(87, ANY, MapHelpers::push, ""),
  MAP_POP_ELEM(88, ANY, MapHelpers::pop, ""),
  MAP_PEEK_ELEM(89, ANY, MapHelpers::peek, ""),
  SPIN_LOCK(93, ANY, SystemHelpers::zero, "one thread runs: nothing to wait for"),
  SPIN_UNLOCK(94, ANY, SystemHelpers::zero, "one thread runs: nothing to wait for"),
  SKB_ECN_SET_CE(97, SKB, PacketHelpers::ecnSetCe, ""),
  SKC_LOOKUP_TCP(99, ANY, SystemHelpers::zero, "there are no sockets: null"),
  STRTOL(105, ANY, TextHelpers::strtol, ""),
  STRTOUL(106, ANY, TextHelpers::strtoul, ""),
  PROBE_READ_KERNEL(113, ANY, TextHelpers::probeRead, "reads the machine's memory"),
  PROBE_READ_KERNEL_STR(115, ANY, TextHelpers::probeReadText, "reads the machine's memory"),
  JIFFIES64(118, ANY, SystemHelpers::jiffies, "the machine's clock at 250 a second"),
  KTIME_GET_BOOT_NS(125, ANY, SystemHelpers::time, "the machine's clock"),
  RINGBUF_OUTPUT(130, ANY, EventHelpers::output, "nobody reads while a program runs"),
  RINGBUF_RESERVE(131, ANY, EventHelpers::reserve, "nobody reads while a program runs"),
  RINGBUF_SUBMIT(132, ANY, EventHelpers::submit, ""),
  RINGBUF_DISCARD(133, ANY, EventHelpers::discard, ""),
  RINGBUF_QUERY(134, ANY, EventHelpers::query, ""),
  CSUM_LEVEL(135, SKB, ChecksumHelpers::level, "there is no checksum state: EACCES"),
  REDIRECT_NEIGH(152, SKB, RedirectHelpers::redirectNeigh, "noted as an event"),
  REDIRECT_PEER(155, SKB, RedirectHelpers::redirectPeer, "noted as an event"),
  KTIME_GET_COARSE_NS(160, ANY, SystemHelpers::time, "the machine's clock"),
  CHECK_MTU(163, ANY, RedirectHelpers::checkMtu, "every device takes 1500 bytes"),
  FOR_EACH_MAP_ELEM(164, ANY, MapHelpers::forEach, "hash tables in order of use"),
  SNPRINTF(165, ANY, TextHelpers::snprintf, "no kernel types (%pB and the like)"),
  TRACE_VPRINTK(177, ANY, TextHelpers::vprintk, "the line is kept by the machine"),
  LOOP(181, ANY, MapHelpers::loop, ""),
  STRNCMP(182, ANY, TextHelpers::strncmp, ""),
  XDP_GET_BUFF_LEN(188, XDP, PacketHelpers::bufferLength, ""),
  XDP_LOAD_BYTES(189, XDP, PacketHelpers::xdpLoadBytes, ""),
  XDP_STORE_BYTES(190, XDP, PacketHelpers::xdpStoreBytes, ""),
  MAP_LOOKUP_PERCPU_ELEM(195, ANY, MapHelpers::lookupPerCpu, "four processors"),
  DYNPTR_FROM_MEM(197, ANY, DynptrHelpers::fromMemory, ""),
  DYNPTR_READ(201, ANY, DynptrHelpers::read, ""),
  DYNPTR_WRITE(202, ANY, DynptrHelpers::write, ""),
  DYNPTR_DATA(203, ANY, DynptrHelpers::data, ""),
  KTIME_GET_TAI_NS(208, ANY, SystemHelpers::time, "the machine's clock");

  /** Which contexts a helper works with. */
  public enum Where {
    ANY,
    SKB,
    XDP
  }

  private static final Map<Integer, Helper> BY_ID = new HashMap<>();
  private static final List<String> NAMES = readNames();

  static {
    for (Helper helper : values()) {
      BY_ID.put(helper.id, helper);
    }
  }

  private final int id;
  private final Where where;

  @SuppressWarnings("ImmutableEnumChecker") // a method reference has no state
  private final HelperFunction function;

  private final String differs;

  Helper(int id, Where where, HelperFunction function, String differs) {
    this.id = id;
    this.where = where;
    this.function = function;
    this.differs = differs;
  }

  private static List<String> readNames() {
    try (InputStream in = Helper.class.getResourceAsStream("names.txt")) {
      if (in == null) {
        throw new IllegalStateException("helper names: no resource names.txt");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
    } catch (IOException e) {
      throw new IllegalStateException("helper names", e);
    }
  }

  /** Returns the kernel's number. */
  public int id() {
    return id;
  }

  public HelperFunction function() {
    return function;
  }

  /** Returns what differs from the kernel; empty: nothing is known to. */
  public String differs() {
    return differs;
  }

  /** Finds a helper that is done here. */
  public static Optional<Helper> of(int id) {
    return Optional.ofNullable(BY_ID.get(id));
  }

  /** Returns the name of any helper that the kernel has, {@code map_lookup_elem}, or its number. */
  public static String name(int id) {
    return id > 0 && id < NAMES.size() ? NAMES.get(id) : "#" + id;
  }

  /** Returns whether a program with this context may call it. */
  public boolean allowed(ContextType context) {
    return switch (where) {
      case ANY -> true;
      case SKB -> context.isSkb();
      case XDP -> context == ContextType.XDP;
    };
  }
}
