package io.plumbline.emulator.machine;

import io.plumbline.model.packet.Packet;
import io.plumbline.model.packet.PacketBatch;
import io.plumbline.model.packet.VlanTag;
import java.util.Arrays;

/**
 * Shows frames to programs as the kernel does in a test run: on device 1, the fields of the context
 * set from the frame (kernel {@code net/bpf/test_run.c}, {@code eth_type_trans}).
 */
public final class Frames {
  private static final int ETHERNET_LENGTH = 14;
  private static final int ETHERTYPE_AT = 12;
  private static final int LEAST_ETHERTYPE = 0x600;
  private static final int ETH_P_802_3 = 1;
  private static final int ETH_P_802_2 = 4;

  /** struct nf_hook_state: where the packet is, and of which protocol; what else is there is 0. */
  private static final int HOOK_STATE_SIZE = 48;

  private static final int HOOK_STATE_HOOK = 0;
  private static final int HOOK_STATE_PF = 1;
  private static final int NF_INET_LOCAL_OUT = 3;
  private static final int NFPROTO_IPV4 = 2;
  private static final int NFPROTO_IPV6 = 10;
  private static final int PACKET_BROADCAST = 1;
  private static final int PACKET_MULTICAST = 2;
  private static final int PACKET_OTHERHOST = 3;

  private final Machine machine;
  private final ContextType type;
  private final boolean skb;
  private final boolean link;
  private final int protocol;
  private final int pktType;
  private final int vlanPresent;
  private final int vlanTci;
  private final int vlanProto;
  private final int dataMeta;
  private final byte[] hookState = new byte[HOOK_STATE_SIZE];
  private final long stateAddress;
  private final long skbAddress;
  private PacketBatch shown = new PacketBatch(1, 1); // the frame that is shown
  private int number;
  private boolean tagged;
  private int mostLinear = Integer.MAX_VALUE;

  /** Prepares a machine for programs of a context. */
  public Frames(Machine machine, ContextType type) {
    this.machine = machine;
    this.type = type;
    machine.contextType(type);
    skb = type.isSkb();
    link = type.seesEthernet();
    protocol = type.slot("protocol");
    pktType = type.slot("pkt_type");
    vlanPresent = type.slot("vlan_present");
    vlanTci = type.slot("vlan_tci");
    vlanProto = type.slot("vlan_proto");
    dataMeta = type.slot("data_meta");
    machine.linkFiller(this::linkFields);
    if (type == ContextType.NETFILTER) {
      hookState[HOOK_STATE_HOOK] = NF_INET_LOCAL_OUT;
      stateAddress = machine.region("nf_hook_state", hookState, false).address();
      skbAddress = machine.region("sk_buff", new byte[0], false).address();
    } else {
      stateAddress = 0;
      skbAddress = 0;
    }
    fresh();
  }

  /**
   * Shows frames from now on with at most so many linear bytes, as an interface may deliver them;
   * the rest can be pulled. A program that reads there before is not stopped. What is not an skb is
   * always linear.
   */
  public void linear(int most) {
    mostLinear = skb ? most : Integer.MAX_VALUE;
  }

  private void fresh() {
    long[] context = machine.context();
    Arrays.fill(context, 0);
    if (skb) {
      context[type.slot("ifindex")] = 1;
    } else if (type.slot("ingress_ifindex") >= 0) {
      context[type.slot("ingress_ifindex")] = 1;
    }
    if (type.dataSlot() >= 0) {
      context[type.dataSlot()] = Machine.PACKET_START;
    } else {
      context[type.slot("state")] = stateAddress;
      context[type.slot("skb")] = skbAddress;
    }
    if (dataMeta >= 0) {
      context[dataMeta] = Machine.PACKET_START;
    }
    machine.networkOffset(link ? ETHERNET_LENGTH : 0);
    machine.contextChanged(false);
    tagged = false;
  }

  /** Shows frame i of a batch; bytes that a capture lacks are zero. */
  public void show(PacketBatch batch, int i) {
    if (machine.contextChanged()) {
      fresh();
    }
    machine.discardOutput();
    // The input carries an Ethernet header, whether the program sees it or not.
    int skipped = link ? 0 : Math.min(ETHERNET_LENGTH, batch.wireLength(i));
    machine.packet(batch, i, skipped);
    int length = batch.wireLength(i) - skipped;
    // Stored for every frame: looking first whether it is another length was no faster.
    long[] context = machine.context();
    if (type.dataEndSlot() >= 0) {
      context[type.dataEndSlot()] = Machine.PACKET_START + Math.min(length, mostLinear);
    }
    if (skb) {
      context[0] = length;
    }
    number = i;
    if (skb) {
      if (shown != batch) {
        shown = batch;
      }
      machine.linkFieldsLater();
      tag(batch.vlanWord(i));
    } else if (type == ContextType.NETFILTER) {
      boolean six = length > 0 && batch.data()[batch.offset(i) + skipped] >>> 4 == 6;
      hookState[HOOK_STATE_PF] = (byte) (six ? NFPROTO_IPV6 : NFPROTO_IPV4);
    }
  }

  /** Returns which frame of its batch is shown. */
  public int number() {
    return number;
  }

  /** Fills in what comes from the link header; most programs do not ask for it. */
  private void linkFields() {
    long[] context = machine.context();
    byte[] data = shown.data();
    int at = shown.offset(number);
    boolean whole = shown.capturedLength(number) >= ETHERNET_LENGTH;
    context[protocol] = whole ? protocol(data, at, shown.wireLength(number)) : 0;
    context[pktType] = whole ? packetType(data, at) : 0;
  }

  private static int protocol(byte[] data, int at, int length) {
    int first = data[at + ETHERTYPE_AT] & 0xFF;
    int second = data[at + ETHERTYPE_AT + 1] & 0xFF;
    if (first << 8 >= LEAST_ETHERTYPE) {
      return second << 8 | first;
    }
    boolean raw =
        length >= ETHERNET_LENGTH + 2
            && data[at + ETHERNET_LENGTH] == -1
            && data[at + ETHERNET_LENGTH + 1] == -1;
    return (raw ? ETH_P_802_3 : ETH_P_802_2) << 8;
  }

  /** The device of a test run has the address 0. */
  private static int packetType(byte[] data, int at) {
    if ((data[at] & 1) != 0) {
      for (int i = 0; i < 6; i++) {
        if (data[at + i] != -1) {
          return PACKET_MULTICAST;
        }
      }
      return PACKET_BROADCAST;
    }
    int all = 0;
    for (int i = 0; i < 6; i++) {
      all |= data[at + i];
    }
    return all == 0 ? 0 : PACKET_OTHERHOST;
  }

  private void tag(int word) {
    if (word == 0 && !tagged) {
      return;
    }
    long[] context = machine.context();
    tagged = word != 0;
    context[vlanPresent] = word == 0 ? 0 : 1;
    context[vlanTci] = word & 0xFFFF;
    context[vlanProto] = Short.reverseBytes((short) (word >>> 16)) & 0xFFFF;
  }

  /**
   * Returns the packet as the program left it; at XDP with its metadata, as a test run gives it.
   */
  public Packet after() {
    Region region = machine.packetRegion();
    long start = skb ? machine.data() - region.address() : region.low();
    int from = region.base() + (int) start;
    int to = region.base() + (int) region.high();
    Packet packet = Packet.of(Arrays.copyOfRange(region.data(), from, to));
    if (!skb || machine.context()[vlanPresent] == 0) {
      return packet;
    }
    int tpid = Short.reverseBytes((short) machine.context()[vlanProto]) & 0xFFFF;
    return packet.withOutsideTag(VlanTag.ofWord(tpid << 16 | (int) machine.context()[vlanTci]));
  }
}
