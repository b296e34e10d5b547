package io.plumbline.emulator.vm;

import io.plumbline.emulator.machine.ContextType;
import io.plumbline.model.hook.Hook;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/** What a section's name says of the context its programs are given (libbpf's section names). */
public final class Contexts {
  /** Contexts by the names of program types. */
  public static final Map<String, ContextType> TYPES;

  private static final Map<String, ContextType> BY_PREFIX = new LinkedHashMap<>();

  static {
    Map<String, ContextType> types = new LinkedHashMap<>();
    types.put("tc", ContextType.SCHED_CLS);
    types.put("tc-l3", ContextType.SCHED_CLS_L3);
    types.put("xdp", ContextType.XDP);
    types.put("socket", ContextType.SOCKET_FILTER);
    types.put("cgroup_skb", ContextType.CGROUP_SKB);
    types.put("netfilter", ContextType.NETFILTER);
    TYPES = Collections.unmodifiableMap(types);
    for (String name : new String[] {"tc", "tcx", "classifier", "action", "sched_cls"}) {
      BY_PREFIX.put(name, ContextType.SCHED_CLS);
    }
    BY_PREFIX.put("lwt_", ContextType.SCHED_CLS_L3);
    BY_PREFIX.putAll(types);
    BY_PREFIX.put("cgroup/skb", ContextType.CGROUP_SKB);
  }

  private Contexts() {}

  /** Returns the context of a hook's programs. */
  public static ContextType of(Hook hook) {
    return Objects.requireNonNull(TYPES.get(hook.name()));
  }

  /** Returns the hook at which programs of a context are filters; empty if there is none. */
  public static Optional<Hook> hook(ContextType context) {
    return Hook.all().stream().filter(hook -> of(hook) == context).findFirst();
  }

  /** Returns the context of a section; empty if programs there are not given a packet. */
  public static Optional<ContextType> of(String section) {
    return BY_PREFIX.entrySet().stream()
        .filter(entry -> section.startsWith(entry.getKey()))
        .map(Map.Entry::getValue)
        .findFirst();
  }
}
