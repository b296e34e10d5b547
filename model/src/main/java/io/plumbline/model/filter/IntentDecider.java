package io.plumbline.model.filter;

import io.plumbline.model.decision.Decider;
import io.plumbline.model.packet.EtherType;
import io.plumbline.model.packet.IpProtocol;
import io.plumbline.model.packet.Ipv6Extensions;
import io.plumbline.model.packet.Ipv6Extensions.Part;
import io.plumbline.model.packet.PacketView;
import io.plumbline.model.policy.Diagrams;
import io.plumbline.model.policy.Flow;
import io.plumbline.model.policy.FlowClass;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.policy.RuleIndex;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Judges frames by a policy, and gives the same clause as {@link Intent#decisions} evaluated one
 * after the other, but finds the rule by an index. Judging allocates nothing; not safe for several
 * threads at once.
 */
public final class IntentDecider {
  private final Decider classifier = new Decider(Intent.classifier(), 0, List.of(), false);
  private final int classified = Intent.classification().size();
  private final RuleIndex index;
  private final int rules;
  private final long[] key = new long[Diagrams.FIELDS];

  public IntentDecider(Policy policy) {
    index = policy.index();
    rules = policy.rules().size();
  }

  /** Returns the index of the deciding clause in {@link Intent#decisions}. */
  public int decide(PacketView frame) {
    int clause = classifier.decide(frame);
    if (clause < classified) {
      return clause;
    }
    readKey(frame, key);
    int rule = index.find(key);
    return classified + (rule < 0 ? rules : rule);
  }

  /**
   * Reads what rules look at in a frame that can be classified.
   *
   * @param key receives the fields in the order of {@link Diagrams}' levels
   */
  public static void readKey(PacketView frame, long[] key) {
    int type = frame.u16(12);
    Arrays.fill(key, 0);
    if (type == EtherType.ARP) {
      key[0] = FlowClass.ARP.index();
      return;
    }
    int protocol;
    int l4;
    if (type == EtherType.IPV4) {
      protocol = frame.u8(23);
      l4 = 14 + 4 * (frame.u8(14) & 0x0F);
      key[1] = frame.u32(30);
      key[4] = frame.u32(26);
    } else {
      long walked = Ipv6Extensions.walk(frame);
      protocol = (int) Part.PROTOCOL.of(walked);
      l4 = (int) Part.OFFSET.of(walked);
      key[1] = frame.u64(38);
      key[2] = frame.u64(46);
      key[4] = frame.u64(22);
      key[5] = frame.u64(30);
    }
    boolean ports = protocol == IpProtocol.TCP || protocol == IpProtocol.UDP;
    key[0] = flowClass(type == EtherType.IPV4, protocol);
    key[3] = ports ? frame.u16(l4 + 2) : frame.u8(l4);
    key[6] = ports ? frame.u16(l4) : 0;
  }

  private static int flowClass(boolean ipv4, int protocol) {
    int first = ipv4 ? FlowClass.TCP4.index() : FlowClass.TCP6.index();
    int last = ipv4 ? FlowClass.ICMP4.index() : FlowClass.ICMP6.index();
    for (int i = first; i < last; i++) {
      if (FlowClass.of(i).protocol() == protocol) {
        return i;
      }
    }
    return last;
  }

  /** Returns the flow of a frame that can be classified; empty for others. */
  public Optional<Flow> flow(PacketView frame) {
    if (classifier.decide(frame) < classified) {
      return Optional.empty();
    }
    readKey(frame, key);
    return Optional.of(Flow.of(key));
  }
}
