package io.plumbline.model.filter;

import io.plumbline.model.decision.Decider;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.packet.EtherType;
import io.plumbline.model.packet.Ipv6Extensions;
import io.plumbline.model.packet.Ipv6Extensions.Part;
import io.plumbline.model.packet.PacketView;
import io.plumbline.model.policy.FlowClass;
import io.plumbline.model.policy.IntentFields;
import io.plumbline.model.policy.Policy;
import io.plumbline.model.ruleset.Flow;
import io.plumbline.model.ruleset.RuleIndex;
import java.util.List;
import java.util.Optional;

/**
 * Judges frames by a policy, and gives the same clause as {@link Intent#decisions} evaluated one
 * after the other, but finds the rule by an index. Judging allocates nothing; not safe for several
 * threads at once.
 */
public final class IntentDecider {
  private final Decider classifier;
  private final int classified = Intent.classification().size();
  private final RuleIndex index;
  private final int rules;
  private final long[] key = new long[IntentFields.TABLE.levels()];

  public IntentDecider(Policy policy, Hook hook) {
    classifier = new Decider(Intent.classifier(hook), 0, List.of(), false);
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
   * @param key receives a number for each level of {@link IntentFields#TABLE}
   */
  public static void readKey(PacketView frame, long[] key) {
    int type = frame.u16(12);
    int flowClass = FlowClass.ARP.index();
    int transport = 0;
    if (type == EtherType.IPV4) {
      flowClass = flowClass(true, frame.u8(23));
      transport = 14 + 4 * (frame.u8(14) & 0x0F);
    } else if (type != EtherType.ARP) {
      long walked = Ipv6Extensions.walk(frame);
      flowClass = flowClass(false, (int) Part.PROTOCOL.of(walked));
      transport = (int) Part.OFFSET.of(walked);
    }
    IntentFields.TABLE.read(frame, flowClass, transport, key);
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
    return Optional.of(new Flow(IntentFields.TABLE, key));
  }
}
