package io.plumbline.loader.attach;

import io.plumbline.loader.netlink.Link;
import io.plumbline.loader.netlink.LinkType;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Finds what lets packets get past a filter: a link type that has changed, and third-party programs
 * and filters on the same path. Whether one of those does it depends on its instructions or
 * actions, which are not examined; each that could is reported.
 */
public final class HookOrder {
  /** How packets get past a filter. */
  public enum Kind {
    /** The frames no longer begin with the header that the filter reads. */
    LINK_TYPE,

    /** It runs earlier: what it accepts, redirects or steals the filter does not see. */
    EARLIER,

    /** It runs later: it can change or redirect what the filter has passed. */
    LATER;

    /** Returns the word in reports. */
    public String word() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  /**
   * One way past a filter.
   *
   * @param text a line for people, which names the interface
   */
  public record Bypass(Kind kind, String text) {
    /** Returns whether the filter may not see packets at all. */
    public boolean hidesPackets() {
      return kind != Kind.LATER;
    }
  }

  private HookOrder() {}

  /**
   * Returns the ways past a filter.
   *
   * @param all what {@link Attachments#of} found on its interface
   */
  static List<Bypass> of(Attachment filter, List<Attachment> all, Link link) {
    List<Bypass> found = new ArrayList<>();
    Optional<String> type = LinkType.unknownLayer(link);
    type.ifPresent(text -> found.add(new Bypass(Kind.LINK_TYPE, text)));
    boolean earlier = true;
    for (Attachment other : all) {
      if (isSame(filter, other)) {
        earlier = false;
      } else if (other.direction() == filter.direction() && other.position() > 0 && may(other)) {
        found.add(new Bypass(earlier ? Kind.EARLIER : Kind.LATER, text(other, earlier)));
      }
    }
    // A u32 filter is several entries of one preference.
    return found.stream().distinct().toList();
  }

  private static boolean isSame(Attachment filter, Attachment other) {
    return other.programId() == filter.programId()
        && other.backend() == filter.backend()
        && other.direction() == filter.direction();
  }

  /** Filters of the catalog only drop, or let the next one decide; a user's object may do more. */
  private static boolean may(Attachment other) {
    return other.about().map(about -> about.subject().startsWith("object ")).orElse(true);
  }

  private static String text(Attachment other, boolean earlier) {
    String what =
        other.programId() != 0
            ? "program %s (%d)".formatted(other.name(), other.programId())
            : "filter %s (preference %d)"
                .formatted(other.name(), other.filter().map(f -> f.priority()).orElse(0));
    boolean xdp = other.backend() == Backend.XDP || other.backend() == Backend.XDP_SKB;
    String effect =
        earlier
            ? "earlier and can %s packets, which this filter then does not see"
                .formatted(xdp ? "redirect" : "accept or redirect")
            : "later and can change packets that this filter has passed";
    return "%s: %s runs %s".formatted(other.place(), what, effect);
  }
}
