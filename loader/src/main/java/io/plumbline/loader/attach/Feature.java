package io.plumbline.loader.attach;

import io.plumbline.loader.kernel.FeatureProbe;
import io.plumbline.loader.libbpf.Bpf;
import io.plumbline.loader.libbpf.Errno;
import io.plumbline.loader.netlink.Netlink;
import io.plumbline.loader.netlink.NetlinkException;
import io.plumbline.loader.netlink.NetworkNamespace;
import io.plumbline.loader.netlink.TrafficControl;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What the loader asks of the kernel and the system, each found by trying. The environment variable
 * {@code PLUMB_WITHOUT} names some, separated by commas, that are then treated as missing: to see
 * what would happen on an older kernel.
 */
public enum Feature {
  BPF("load tc programs", "root, or CAP_BPF and CAP_NET_ADMIN; Linux 5.10 or newer", true),
  RINGBUF("report drops as events", "Linux 5.8", true),
  BPF_LOOP("policies", "Linux 5.17", false),
  CLSACT("attach as a clsact filter", "Linux 4.5 with CONFIG_NET_SCH_INGRESS", false),
  TCX("attach as a TCX link", "Linux 6.6", false),
  BPFFS(
      "keep links after the process that made them",
      "a BPF file system on /sys/fs/bpf that can be written to",
      false);

  private static final int LOOPBACK = 1;

  private final String purpose;
  private final String remedy;
  private final boolean required;

  Feature(String purpose, String remedy, boolean required) {
    this.purpose = purpose;
    this.remedy = remedy;
    this.required = required;
  }

  /** Returns what it is for. */
  public String purpose() {
    return purpose;
  }

  /** Returns how to get it. */
  public String remedy() {
    return remedy;
  }

  /** Returns whether nothing can be attached without it. */
  public boolean required() {
    return required;
  }

  /** Returns the word in messages. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Returns whether {@code PLUMB_WITHOUT} names it. */
  public boolean switchedOff() {
    return FeatureProbe.isSwitchedOff(word());
  }

  /** Returns why it is not there; empty if it is. This tries it, which takes milliseconds. */
  public Optional<String> missing() {
    if (switchedOff()) {
      return Optional.of("PLUMB_WITHOUT says so");
    }
    return switch (this) {
      case BPF -> FeatureProbe.unavailable();
      case RINGBUF -> FeatureProbe.ringbufUnavailable();
      case BPF_LOOP -> FeatureProbe.loopUnavailable();
      case CLSACT -> clsact();
      case TCX -> {
        int result = Bpf.query(LOOPBACK, Bpf.ATTACH_TCX_EGRESS, new ArrayList<>());
        yield result == 0
            ? Optional.empty()
            : Optional.of("query BPF_TCX_EGRESS: " + Errno.describe(-result));
      }
      case BPFFS -> {
        Pins.Found found = Pins.find();
        yield found.pins().isPresent() ? Optional.empty() : Optional.of(found.reason());
      }
    };
  }

  /** Makes the qdisc on the loopback of a network namespace of its own, which ends with that. */
  private static Optional<String> clsact() {
    List<String> problem = new ArrayList<>();
    Thread thread =
        new Thread(
            () -> {
              try {
                NetworkNamespace.enterNew();
                try (Netlink netlink = new Netlink()) {
                  TrafficControl.addQdisc(netlink, LOOPBACK);
                }
              } catch (NetlinkException e) {
                problem.add(String.valueOf(e.getMessage()));
              }
            },
            "clsact probe");
    thread.start();
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return problem.stream().findFirst();
  }
}
