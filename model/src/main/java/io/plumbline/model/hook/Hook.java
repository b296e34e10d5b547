package io.plumbline.model.hook;

import java.util.Map;
import java.util.Optional;

/**
 * A place in the kernel where a program judges packets, as data.
 *
 * @param name short name in reports
 * @param context the context type a program is given there
 * @param verdicts what each return code is called there
 * @param testRunLimits what {@code BPF_PROG_TEST_RUN} takes for this hook's program type
 */
public record Hook(
    String name, String context, Map<Integer, String> verdicts, TestRunLimits testRunLimits) {

  /**
   * Traffic control, direct action: kernel {@code include/uapi/linux/pkt_cls.h}. Filters here
   * return only OK and SHOT.
   */
  public static final Hook TC =
      new Hook(
          "tc",
          "__sk_buff",
          Map.of(Verdicts.TC_ACT_OK, "TC_ACT_OK", Verdicts.TC_ACT_SHOT, "TC_ACT_SHOT"),
          new TestRunLimits(14, 34, 54, 3712));

  /** The driver's hook: kernel {@code include/uapi/linux/bpf.h}, enum xdp_action. */
  public static final Hook XDP =
      new Hook(
          "xdp",
          "xdp_md",
          Map.of(0, "XDP_ABORTED", 1, "XDP_DROP", 2, "XDP_PASS", 3, "XDP_TX", 4, "XDP_REDIRECT"),
          new TestRunLimits(14, 14, 14, 1 << 16));

  public Hook {
    verdicts = Map.copyOf(verdicts);
  }

  /**
   * Returns what a return code is called here; a code without a name stays visible, as {@code
   * TC(7)}.
   */
  public String verdictName(int code) {
    String known = verdicts.get(code);
    return known != null ? known : name.toUpperCase(java.util.Locale.ROOT) + "(" + code + ")";
  }

  /**
   * Frame lengths in bytes that a test run takes; others are refused with EINVAL.
   *
   * @param min smallest frame of an EtherType other than IPv4 and IPv6
   * @param minIpv4 smallest frame whose EtherType is IPv4
   * @param minIpv6 smallest frame whose EtherType is IPv6
   * @param max largest frame
   */
  public record TestRunLimits(int min, int minIpv4, int minIpv6, int max) {

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
