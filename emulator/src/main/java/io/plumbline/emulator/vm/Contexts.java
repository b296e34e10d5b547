package io.plumbline.emulator.vm;

import io.plumbline.emulator.machine.ContextType;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** What a section's name says of the context its programs are given (libbpf's section names). */
public final class Contexts {
  private static final Map<String, ContextType> BY_PREFIX = new LinkedHashMap<>();

  static {
    for (String name : new String[] {"tc", "tcx", "classifier", "action", "sched_cls", "lwt_"}) {
      BY_PREFIX.put(name, ContextType.SCHED_CLS);
    }
    BY_PREFIX.put("xdp", ContextType.XDP);
    BY_PREFIX.put("socket", ContextType.SOCKET_FILTER);
    BY_PREFIX.put("cgroup_skb", ContextType.CGROUP_SKB);
    BY_PREFIX.put("cgroup/skb", ContextType.CGROUP_SKB);
    BY_PREFIX.put("netfilter", ContextType.NETFILTER);
  }

  private Contexts() {}

  /** Returns the context of a section; empty if programs there are not given a packet. */
  public static Optional<ContextType> of(String section) {
    return BY_PREFIX.entrySet().stream()
        .filter(entry -> section.startsWith(entry.getKey()))
        .map(Map.Entry::getValue)
        .findFirst();
  }
}
