package io.plumbline.loader.cni;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * Interface to filter.
 *
 * @param sandbox the file of its network namespace; empty for the one of this process
 */
record Target(String ifname, String sandbox) {

  /** Returns the interface of a name; of several, the one in the container. */
  static Target named(String name, List<Target> all, Map<String, String> environment)
      throws CniException {
    List<Target> named = all.stream().filter(one -> one.ifname.equals(name)).toList();
    if (named.isEmpty()) {
      throw new CniException(
          CniException.CONFIGURATION,
          "Failed to get default interface",
          "interface: '%s': expected one of %s".formatted(name, names(all)));
    }
    String netns = environment.getOrDefault("CNI_NETNS", "");
    return only(named, one -> one.isIn(netns));
  }

  /**
   * Returns the container's interface: the one whose sandbox is CNI_NETNS, of several the one named
   * CNI_IFNAME. A result without a sandbox lists interfaces of the host only, unless a plugin left
   * the sandbox of the container's interface out; then CNI_IFNAME says which it is.
   *
   * @param dropIn whether the configuration may be one of the original, which takes the first
   */
  static Target ofContainer(List<Target> all, Map<String, String> environment, boolean dropIn)
      throws CniException {
    String netns = environment.getOrDefault("CNI_NETNS", "");
    String ifname = environment.getOrDefault("CNI_IFNAME", "");
    List<Target> inside = all.stream().filter(one -> !one.sandbox.isEmpty()).toList();
    if (!inside.isEmpty()) {
      List<Target> ours =
          inside.stream().filter(one -> netns.isEmpty() || one.isIn(netns)).toList();
      if (ours.isEmpty()) {
        throw new CniException(
            CniException.CONFIGURATION,
            "Failed to get default interface",
            "CNI_NETNS: %s: expected the sandbox of an interface: %s".formatted(netns, names(all)));
      }
      return only(ours, one -> one.ifname.equals(ifname));
    }
    boolean listed = all.stream().anyMatch(one -> one.ifname.equals(ifname));
    boolean original = dropIn && all.size() == 1;
    if (!netns.isEmpty() && listed && (!original || Files.exists(Path.of(netns)))) {
      return new Target(ifname, netns);
    }
    // Without a runtime there is no container, and the first is the original's choice.
    return netns.isEmpty() ? all.get(0) : only(all, one -> false);
  }

  /** Returns the only one; of several, the only one that is preferred. */
  private static Target only(List<Target> candidates, Predicate<Target> preferred)
      throws CniException {
    List<Target> best = candidates.stream().distinct().toList();
    if (best.size() > 1) {
      best = best.stream().filter(preferred).toList();
    }
    if (best.size() != 1) {
      throw new CniException(
          CniException.CONFIGURATION,
          "Failed to get default interface",
          "%s: expected 'interface' to name one, or 'target': 'first'"
              .formatted(names(candidates)));
    }
    return best.get(0);
  }

  private static List<String> names(List<Target> targets) {
    return targets.stream().map(Target::toString).toList();
  }

  private boolean isIn(String netns) {
    try {
      // Two paths may lead to one namespace: a link, or a bind mount of /proc/PID/ns/net.
      return !sandbox.isEmpty() && Files.isSameFile(Path.of(sandbox), Path.of(netns));
    } catch (IOException | InvalidPathException e) {
      return false;
    }
  }

  @Override
  public String toString() {
    return sandbox.isEmpty() ? ifname : ifname + " in " + sandbox;
  }
}
