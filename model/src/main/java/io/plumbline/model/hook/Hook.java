package io.plumbline.model.hook;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A place in the kernel where a program judges packets, as data.
 *
 * @param name short name in options and reports
 * @param objects what the names of objects for it have after the program's name; may be empty
 * @param firstLayer the layer that a packet begins with for the program: 2 (Ethernet) or 3 (IP).
 *     Packets are kept with an Ethernet header at every hook; with 3 the program does not see it,
 *     and the EtherType in it is the packet's protocol in metadata
 * @param codes return codes with a meaning there
 * @param accept the code by which a filter accepts a packet
 * @param drop the code by which a filter drops a packet
 * @param next the code by which a filter leaves a packet to the next program; empty if a hook runs
 *     one program only
 * @param arriving whether it sees only packets that arrive
 * @param maxLength length of the longest frame that a program is given, in bytes
 * @param offloadsTags whether a VLAN tag can be in metadata, where the program sees it
 * @param testRunLimits frames that {@code BPF_PROG_TEST_RUN} takes for this hook's program type
 */
public record Hook(
    String name,
    String objects,
    int firstLayer,
    Map<Integer, Code> codes,
    int accept,
    int drop,
    OptionalInt next,
    boolean arriving,
    int maxLength,
    boolean offloadsTags,
    TestRunLimits testRunLimits) {

  /**
   * A return code.
   *
   * @param name the kernel's spelling
   */
  public record Code(String name, Disposition disposition) {}

  /** The longest packet in the kernel (kernel {@code include/linux/netdevice.h}). */
  private static final int GSO_MAX_SIZE = 524_280;

  private static final int ETHERNET_LENGTH = 14;

  /**
   * Traffic control, direct action (kernel {@code include/uapi/linux/pkt_cls.h}, {@code
   * net/sched/cls_bpf.c}). A code that is not listed leaves the packet to the next program.
   */
  public static final Hook TC =
      new Hook(
          "tc",
          "",
          2,
          Map.of(
              -1, new Code("TC_ACT_UNSPEC", Disposition.NEXT),
              0, new Code("TC_ACT_OK", Disposition.ACCEPT),
              2, new Code("TC_ACT_SHOT", Disposition.DROP),
              4, new Code("TC_ACT_STOLEN", Disposition.DROP_OR_NEXT),
              7, new Code("TC_ACT_REDIRECT", Disposition.REDIRECT),
              8, new Code("TC_ACT_TRAP", Disposition.DROP_OR_NEXT)),
          0,
          2,
          OptionalInt.of(-1),
          false,
          GSO_MAX_SIZE,
          true,
          new TestRunLimits(14, 34, 54, 3712, 3712, true));

  /**
   * Traffic control on an interface whose packets have no Ethernet header (tun, WireGuard, tunnels
   * of IP in IP). Test runs are those of {@code lwt_xmit} programs, which are given a packet from
   * its IP header on (kernel {@code net/bpf/test_run.c}).
   */
  public static final Hook TC_L3 =
      TC.withoutEthernet("tc-l3", new TestRunLimits(15, 34, 54, 3712, 3712, false));

  /** A page less headroom and {@code struct skb_shared_info} (kernel net/bpf/test_run.c). */
  private static final int XDP_LINEAR = 4096 - 256 - 320;

  /** A device's receive path (kernel {@code include/uapi/linux/bpf.h}, enum xdp_action). */
  public static final Hook XDP =
      new Hook(
          "xdp",
          ".xdp",
          2,
          Map.of(
              0, new Code("XDP_ABORTED", Disposition.ABORT),
              1, new Code("XDP_DROP", Disposition.DROP),
              2, new Code("XDP_PASS", Disposition.ACCEPT),
              3, new Code("XDP_TX", Disposition.REDIRECT),
              4, new Code("XDP_REDIRECT", Disposition.REDIRECT)),
          2,
          1,
          OptionalInt.empty(),
          true,
          0xFFFF,
          false,
          new TestRunLimits(14, 14, 14, 0xFFFF, XDP_LINEAR, false));

  private static final List<Hook> ALL = List.of(TC, TC_L3, XDP);

  public Hook {
    codes = Map.copyOf(codes);
  }

  private Hook withoutEthernet(String otherName, TestRunLimits limits) {
    return new Hook(
        otherName,
        objects,
        3,
        codes,
        accept,
        drop,
        next,
        arriving,
        maxLength,
        offloadsTags,
        limits);
  }

  @Override
  public String toString() {
    return name;
  }

  /** Returns the hook that is meant where none is named. */
  public static Hook usual() {
    return TC;
  }

  /** Returns every hook at which filters run. */
  public static List<Hook> all() {
    return ALL;
  }

  /** Returns the hook of a name. */
  public static Optional<Hook> find(String name) {
    return ALL.stream().filter(hook -> hook.name.equals(name)).findFirst();
  }

  /** Returns the name of the object that has a program for this hook, without its ending. */
  public String objectOf(String program) {
    return program + objects;
  }

  /** Returns the program of an object that {@link #objectOf} named. */
  public static String programOf(String object) {
    int end = object.indexOf('.');
    return end < 0 ? object : object.substring(0, end);
  }

  /** Returns a hook whose return codes have no names, for programs of other types. */
  public static Hook unnamed(String name) {
    return new Hook(
        name,
        "",
        2,
        Map.of(),
        0,
        0,
        OptionalInt.empty(),
        false,
        GSO_MAX_SIZE,
        true,
        TC.testRunLimits);
  }

  /** Returns the hook of the same objects at which packets begin with another layer. */
  public Optional<Hook> from(int layer) {
    return ALL.stream()
        .filter(hook -> hook.objects.equals(objects) && hook.firstLayer == layer)
        .findFirst();
  }

  /** Returns how many bytes at the start of a packet the program does not see. */
  public int hidden() {
    return firstLayer == 3 ? ETHERNET_LENGTH : 0;
  }

  /**
   * Returns the spelling of a return code; a code without a name stays visible, as {@code TC(8)}.
   */
  public String verdictName(int code) {
    Code known = codes.get(code);
    return known != null ? known.name : name.toUpperCase(Locale.ROOT) + "(" + code + ")";
  }

  /**
   * Returns the return codes by which a packet is dropped.
   *
   * @param perhaps whether to count those by which only some back ends drop it
   */
  public List<Integer> droppingCodes(boolean perhaps) {
    return codes.entrySet().stream()
        .filter(entry -> drops(entry.getValue().disposition, perhaps))
        .map(Map.Entry::getKey)
        .sorted()
        .toList();
  }

  private static boolean drops(Disposition disposition, boolean perhaps) {
    return switch (disposition) {
      case DROP, ABORT -> true;
      case DROP_OR_NEXT -> perhaps;
      default -> false;
    };
  }

  /**
   * Frame lengths in bytes that a test run takes; others are refused with EINVAL.
   *
   * @param min smallest frame of an EtherType other than IPv4 and IPv6
   * @param minIpv4 smallest frame whose EtherType is IPv4
   * @param minIpv6 smallest frame whose EtherType is IPv6
   * @param max largest frame
   * @param shown how many bytes the program is shown at most, unless it takes fragments
   * @param tags whether it can be given a VLAN tag outside the frame
   */
  public record TestRunLimits(int min, int minIpv4, int minIpv6, int max, int shown, boolean tags) {

    /**
     * Returns why a frame of this EtherType (-1: none) and length cannot be given, or empty if it
     * can.
     */
    public Optional<String> refusal(int etherType, int length) {
      int least = etherType == 0x0800 ? minIpv4 : etherType == 0x86DD ? minIpv6 : min;
      if (length >= least && length <= max) {
        return Optional.empty();
      }
      String kind = etherType == 0x0800 ? "IPv4" : etherType == 0x86DD ? "IPv6" : "other";
      return Optional.of(
          "test run takes %s frames of %d..%d bytes only".formatted(kind, least, max));
    }
  }
}
