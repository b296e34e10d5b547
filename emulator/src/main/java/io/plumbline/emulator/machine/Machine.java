package io.plumbline.emulator.machine;

import io.plumbline.model.packet.PacketBatch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Everything a program runs in: memory behind addresses, a packet, a context, maps, a clock, and
 * what it leaves behind. One thread at a time.
 *
 * <p>Addresses are tags and offsets, see {@link Region}; whatever a program computes, an access
 * ends in a region or in a {@link Fault}.
 */
public final class Machine {
  /** Frames of functions that may be open at once (kernel {@code MAX_CALL_FRAMES}). */
  public static final int MAX_FRAMES = 8;

  /** Bytes of stack of each frame (kernel {@code MAX_BPF_STACK}). */
  public static final int STACK_BYTES = 512;

  /** How often a run may go on in another program (kernel {@code MAX_TAIL_CALL_CNT}). */
  public static final int MAX_TAIL_CALLS = 33;

  /** Room in front of a packet (kernel {@code XDP_PACKET_HEADROOM}). */
  public static final int HEADROOM = 256;

  /** The longest packet a program can make (kernel: 64 KiB of data). */
  public static final int MAX_PACKET = 0xFFFF;

  /** Turns that {@code may_goto} gives to one call of a function (kernel BPF_MAX_LOOPS). */
  public static final int MAX_LOOPS = 8 << 20;

  /** How far a run may go, unless told otherwise; see {@link #charge}. */
  public static final long DEFAULT_BUDGET = 100_000_000L;

  private static final int ETHERNET_LENGTH = 14;

  static final int TAG_PACKET = 1;
  static final int TAG_CONTEXT = 2;
  static final int TAG_STACK = 3;
  static final int TAG_MAP = TAG_STACK + MAX_FRAMES;
  static final int TAG_FUNCTION = TAG_MAP + 1;
  private static final int FIRST_DYNAMIC = TAG_FUNCTION + 1;

  private static final long PACKET = (long) TAG_PACKET << 32;

  /** The address of the first byte of a packet that has not been moved. */
  public static final long PACKET_START = PACKET + HEADROOM;

  /** The address of a context. */
  public static final long CONTEXT = (long) TAG_CONTEXT << 32;

  /** An object that programs have an address of but cannot look into. */
  public interface Handle {
    String name();
  }

  /** Something that a program did and that others can see. */
  public record Event(String map, byte[] data) {}

  private @Nullable Region[] regions = new Region[32];
  private int regionCount = FIRST_DYNAMIC;
  private final List<Integer> freeTags = new ArrayList<>();
  private final List<Handle> handles = new ArrayList<>();
  private final Region packet;
  private final long[][] registers = new long[MAX_FRAMES][16];
  private final byte[] stack = new byte[MAX_FRAMES * STACK_BYTES];
  private ContextType contextType = ContextType.INITIAL;
  private long[] context = new long[64];
  private boolean contextChanged;
  private boolean linkFieldsPending;
  private Runnable linkFields = () -> {};
  private byte[] ownPacket = new byte[0];
  private boolean packetShared;
  private int hidden;
  private int networkOffset = ETHERNET_LENGTH;
  private final List<Event> events = new ArrayList<>();
  private final List<String> prints = new ArrayList<>();
  private final Map<String, Object> attachments = new HashMap<>();
  private LongSupplier clock = () -> 0;
  private SplittableRandom random = new SplittableRandom(0);
  private @Nullable Program current;
  private @Nullable Program tailTarget;
  private int depth;
  private int tailCalls;
  private final int[] turns = new int[MAX_FRAMES];
  private long outputs;
  private long budgetPerRun = DEFAULT_BUDGET;
  private long budget;
  private int slot;
  private int cpu;

  public Machine() {
    packet = new Region("packet", TAG_PACKET, new byte[0], true);
    regions[TAG_PACKET] = packet;
    for (int i = 0; i < MAX_FRAMES; i++) {
      Region frame = new Region("stack of frame " + i, TAG_STACK + i, stack, true);
      frame.place(stack, i * STACK_BYTES, 0, STACK_BYTES, true);
      regions[TAG_STACK + i] = frame;
    }
  }

  // Regions.

  /** Returns the region at an address; null if there is none. */
  public @Nullable Region regionAt(long address) {
    long tag = address >>> 32;
    return tag < regionCount ? regions[(int) tag] : null;
  }

  /** Makes a region. */
  public Region region(String name, byte[] data, boolean writable) {
    Region region = new Region(name, nextTag(), data, writable);
    return keep(region);
  }

  /** Makes a region of elements at a stride, a power of two. */
  public Region region(String name, byte[] data, boolean writable, int stride, int elementSize) {
    return keep(new Region(name, nextTag(), data, writable, stride - 1, elementSize));
  }

  private Region keep(Region region) {
    regions[(int) (region.address() >>> 32)] = region;
    return region;
  }

  private int nextTag() {
    if (!freeTags.isEmpty()) {
      return freeTags.remove(freeTags.size() - 1);
    }
    if (regionCount == regions.length) {
      regions = Arrays.copyOf(regions, regionCount * 2);
    }
    return regionCount++;
  }

  /** Forgets a region; its addresses become illegal until a new one takes them. */
  public void forget(Region region) {
    int tag = (int) (region.address() >>> 32);
    regions[tag] = null;
    freeTags.add(tag);
  }

  /**
   * Returns the region of an access.
   *
   * @throws Fault if the access is not legal
   */
  public Region readable(long address, int size) {
    long tag = address >>> 32;
    Region region = tag < regionCount ? regions[(int) tag] : null;
    if (region == null || region.index(address, size) < 0) {
      throw illegal("read", address, size);
    }
    return region;
  }

  /** Returns the region of an access that writes; a packet that is shared is copied first. */
  public Region writable(long address, int size) {
    long tag = address >>> 32;
    Region region = tag < regionCount ? regions[(int) tag] : null;
    if (region == null || region.index(address, size) < 0) {
      throw illegal("write", address, size);
    }
    if (!region.writable()) {
      if (region != packet || !packetShared) {
        throw illegal("write", address, size);
      }
      ownPacket();
    }
    return region;
  }

  private Fault illegal(String what, long address, int size) {
    return new Fault(
        "%s of %d byte%s at 0x%x: %s"
            .formatted(what, size, size == 1 ? "" : "s", address, legal(address, what)));
  }

  /** Returns what would have been legal: the region that an address is near to, or all of them. */
  private String legal(long address, String what) {
    // An offset with its highest bit set is meant from the start of the next region backwards.
    long tag = address + (1L << 31) >>> 32;
    Region near = tag < regionCount ? regions[(int) tag] : null;
    if (near != null) {
      return near + (near.writable() || what.equals("read") ? "" : ", read-only");
    }
    if (tag == TAG_MAP || tag == TAG_FUNCTION) {
      return tag == TAG_MAP ? "a map has no bytes" : "a function has no bytes";
    }
    StringBuilder all = new StringBuilder();
    for (int i = 0; i < regionCount; i++) {
      Region region = regions[i];
      boolean open = i < TAG_STACK || i >= TAG_STACK + MAX_FRAMES || i <= TAG_STACK + depth;
      if (region != null && region.high() > region.low() && open) {
        all.append(all.length() == 0 ? "" : "; ").append(region);
      }
    }
    return all.length() == 0 ? "there is no memory" : all.toString();
  }

  // Loads and stores.

  /** Loads 1, 2, 4 or 8 bytes, zero-extended. */
  public long load(long address, int size) {
    // Most loads of a filter are from the packet.
    long offset = address - PACKET;
    return offset >= packet.low() && offset <= packet.high() - size
        ? Bytes.get(packet.data(), packet.base() + (int) offset, size)
        : loadElsewhere(address, size);
  }

  /**
   * Loads what is then taken with its sign, which addresses in the context are not for: the kernel
   * refuses that ({@code bpf_skb_is_valid_access}, {@code is_ldsx}).
   *
   * @return zero-extended
   */
  public long loadSigned(long address, int size) {
    long offset = address - CONTEXT;
    if (address >>> 32 == TAG_CONTEXT
        && contextType.illegal(offset, size, false).isEmpty()
        && contextType.pointerAt((int) offset)) {
      throw new Fault(
          "read of %d bytes at offset %d of the context: an address has no sign"
              .formatted(size, offset));
    }
    return load(address, size);
  }

  private long loadElsewhere(long address, int size) {
    long tag = address >>> 32;
    if (tag == TAG_CONTEXT && (int) address >= 0) {
      return loadContext(address, size);
    }
    Region region = tag < regionCount ? regions[(int) tag] : null;
    if (region != null) {
      int at = region.index(address, size);
      if (at >= 0) {
        return Bytes.get(region.data(), at, size);
      }
    }
    throw illegal("read", address, size);
  }

  private long loadContext(long address, int size) {
    long offset = address - CONTEXT;
    int where = contextType.quickly(offset, size);
    if (where >= 0) {
      return ContextType.load(context, where);
    }
    String wrong = contextType.illegal(offset, size, false).orElse("");
    if (!wrong.isEmpty()) {
      throw new Fault(
          "read of %d bytes at offset %d of the context: %s".formatted(size, offset, wrong));
    }
    if (contextType.fromLinkHeader((int) offset)) {
      linkFields();
    }
    return contextType.load(context, (int) offset, size);
  }

  /** Stores the low 1, 2, 4 or 8 bytes. */
  public void store(long address, int size, long value) {
    long tag = address >>> 32;
    Region region = tag < regionCount ? regions[(int) tag] : null;
    if (region != null && region.writable()) {
      int at = region.index(address, size);
      if (at >= 0) {
        Bytes.put(region.data(), at, size, value);
        return;
      }
    }
    if (tag == TAG_CONTEXT && (int) address >= 0) {
      storeContext(address, size, value);
    } else {
      Region own = writable(address, size);
      Bytes.put(own.data(), own.index(address, size), size, value);
    }
  }

  private void storeContext(long address, int size, long value) {
    long offset = address - CONTEXT;
    linkFields();
    String wrong = contextType.illegal(offset, size, true).orElse("");
    if (!wrong.isEmpty()) {
      throw new Fault(
          "write of %d bytes at offset %d of the context: %s".formatted(size, offset, wrong));
    }
    contextType.store(context, (int) offset, size, value);
    contextChanged = true;
  }

  /** Returns bytes from memory. */
  public byte[] bytes(long address, int size) {
    if (size == 0) {
      return new byte[0];
    }
    Region region = readable(address, size);
    int at = region.index(address, size);
    return Arrays.copyOfRange(region.data(), at, at + size);
  }

  /** Writes bytes to memory. */
  public void put(long address, byte[] source, int from, int size) {
    if (size > 0) {
      Region region = writable(address, size);
      System.arraycopy(source, from, region.data(), region.index(address, size), size);
    }
  }

  /** Returns the text at an address, up to a zero byte. */
  public String text(long address, int most) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < most; i++) {
      int c = (int) load(address + i, 1);
      if (c == 0) {
        break;
      }
      text.append((char) c);
    }
    return text.toString();
  }

  // Handles: maps.

  /** Gives an object an address. */
  public long add(Handle handle) {
    handles.add(handle);
    return (long) TAG_MAP << 32 | handles.size() - 1;
  }

  /**
   * Returns the object at an address.
   *
   * @throws Fault if it is not the address of one
   */
  public Handle handle(long address) {
    long index = address & 0xFFFF_FFFFL;
    if (address >>> 32 != TAG_MAP || index >= handles.size()) {
      throw new Fault("0x%x: expected the address of a map".formatted(address));
    }
    return handles.get((int) index);
  }

  /** Returns the object at an address; null if it is not the address of one. */
  public @Nullable Handle find(long address) {
    long index = address & 0xFFFF_FFFFL;
    return address >>> 32 == TAG_MAP && index < handles.size() ? handles.get((int) index) : null;
  }

  /** Returns all objects that have an address. */
  public List<Handle> handles() {
    return handles;
  }

  /** Returns the address of a function at a slot of the running program. */
  public static long functionAddress(int slot) {
    return (long) TAG_FUNCTION << 32 | slot;
  }

  /** Returns the slot of the function at an address, or -1 if it is not the address of one. */
  public static int functionSlot(long address) {
    return address >>> 32 == TAG_FUNCTION ? (int) address : -1;
  }

  // Packet.

  /**
   * Puts a frame of a batch in place, without copying it if the capture is whole; bytes that the
   * capture lacks are zero.
   *
   * @param skipped bytes of the frame in front of what the program sees; at most its length
   */
  public void packet(PacketBatch batch, int i, int skipped) {
    int captured = batch.capturedLength(i);
    int length = batch.wireLength(i) - skipped;
    if (captured == skipped + length) {
      packet(batch.data(), batch.offset(i) + skipped, length);
      hidden = skipped;
      return;
    }
    byte[] own = room(length);
    int start = HEADROOM - skipped;
    System.arraycopy(batch.data(), batch.offset(i), own, start, captured);
    Arrays.fill(own, start + captured, HEADROOM + length, (byte) 0);
    packet(own, HEADROOM, length);
    hidden = skipped;
    packetShared = false;
    packet.place(own, 0, HEADROOM, HEADROOM + (long) length, true);
  }

  /** Puts a packet in place; it is copied when the program first writes to it. */
  public void packet(byte[] data, int offset, int length) {
    packet.show(data, offset - HEADROOM, HEADROOM, HEADROOM + (long) length);
    hidden = 0;
    if (!packetShared) {
      packetShared = true;
    }
  }

  private byte[] room(int length) {
    if (ownPacket.length < HEADROOM + length) {
      ownPacket = new byte[HEADROOM + Math.max(length, 2048)];
    }
    return ownPacket;
  }

  /** Makes the packet the program's own, to write to and to move. */
  public void ownPacket() {
    if (packetShared) {
      int length = packetLength();
      byte[] own = room(length);
      int start = HEADROOM - hidden;
      System.arraycopy(packet.data(), packet.base() + start, own, start, hidden + length);
      packet.place(own, 0, HEADROOM, HEADROOM + (long) length, true);
      packetShared = false;
    }
  }

  /**
   * Moves the ends of the packet.
   *
   * @param low offset of the first legal byte, metadata included
   * @param high offset behind the last byte
   */
  public void packetEnds(long low, long high) {
    ownPacket();
    if (high > packet.data().length) {
      byte[] larger = Arrays.copyOf(packet.data(), (int) high + 2048);
      ownPacket = larger;
      packet.place(larger, 0, low, high, true);
    } else {
      if (high > packet.high()) {
        Arrays.fill(packet.data(), (int) packet.high(), (int) high, (byte) 0);
      }
      packet.place(packet.data(), 0, low, high, true);
    }
  }

  /**
   * Returns the offset of the link header from the packet's first byte: 0, or negative where
   * programs see the packet from its network header on.
   */
  public int linkOffset() {
    return -hidden;
  }

  /** Returns the offset of the network header from the packet's first byte. */
  public int networkOffset() {
    return networkOffset;
  }

  /** Sets the offset of the network header from the packet's first byte. */
  public void networkOffset(int offset) {
    networkOffset = offset;
  }

  public Region packetRegion() {
    return packet;
  }

  /** Returns how many bytes there are, metadata included. */
  public int packetLength() {
    return (int) (packet.high() - packet.low());
  }

  // Context.

  /** Says what programs are given. */
  public void contextType(ContextType type) {
    contextType = type;
    context = new long[type.fieldCount() + 1];
  }

  public ContextType contextType() {
    return contextType;
  }

  /** Returns the context's fields by slot; not a copy. */
  public long[] context() {
    return context;
  }

  /** Says that the fields that come from the link header are to be filled in when one is needed. */
  public void linkFieldsLater() {
    if (!linkFieldsPending) {
      linkFieldsPending = true;
    }
  }

  /** Says what fills in the fields that come from the link header. */
  public void linkFiller(Runnable filler) {
    linkFields = filler;
  }

  /** Fills in the fields that come from the link header. */
  public void linkFields() {
    if (linkFieldsPending) {
      linkFieldsPending = false;
      linkFields.run();
    }
  }

  /** Notes that the context is no longer what the program was given. */
  public void contextChanged(boolean changed) {
    contextChanged = changed;
  }

  /** Returns whether the context is no longer what the program was given. */
  public boolean contextChanged() {
    return contextChanged;
  }

  /** Returns the address of the packet's first byte, as the context has it if it has one. */
  public long data() {
    int slot = contextType.dataSlot();
    return slot < 0 ? PACKET_START : context[slot];
  }

  /** Returns how many bytes there are between the context's two addresses, if it has them. */
  public int dataLength() {
    int slot = contextType.dataEndSlot();
    return slot < 0 ? packetLength() : (int) (context[slot] - data());
  }

  /** Returns how many bytes the packet has, those that are not linear included. */
  public int wholeLength() {
    Region region = regionAt(data());
    return region == null ? 0 : (int) (region.high() - (data() - region.address()));
  }

  /**
   * Returns the index in the packet's bytes ({@code regionAt(data()).data()}) of an offset from the
   * packet's first byte, which may be in a hidden link header or in the part that is not linear.
   */
  public int packetIndex(int offset) {
    Region region = regionAt(data());
    return region == null ? -1 : region.base() + (int) data() + offset;
  }

  /** Makes so many bytes of the packet linear, if fewer are. */
  public void pull(int bytes) {
    if (bytes > dataLength()) {
      context[contextType.dataEndSlot()] = data() + bytes;
      contextChanged = true;
    }
  }

  /**
   * Says where the packet is: in memory and, as addresses and as a length, in the context.
   *
   * @param data offset of the first byte
   */
  public void exposePacket(long data) {
    contextChanged = true;
    long address = packet.address();
    context[contextType.dataSlot()] = address + data;
    context[contextType.dataEndSlot()] = address + packet.high();
    int meta = contextType.slot("data_meta");
    if (meta >= 0) {
      context[meta] = address + packet.low();
    }
    if (contextType.isSkb()) {
      context[0] = packet.high() - data;
    }
  }

  // Running.

  /** Returns the registers of a frame; not a copy. */
  public long[] registers(int frame) {
    return registers[frame];
  }

  /** Returns the stack of all frames; not a copy. */
  public byte[] stack() {
    return stack;
  }

  /** Returns what r10 is in a frame. */
  public static long framePointer(int frame) {
    return ((long) (TAG_STACK + frame) << 32) + STACK_BYTES;
  }

  /**
   * Runs a program from its start.
   *
   * @return r0 at its end
   * @throws Fault with the instruction that did what it must not
   */
  public long run(Program program, long r1, long r2) {
    begin(program);
    try {
      return program.executor().call(this, 0, r1, r2, 0, 0, 0);
    } catch (Fault fault) {
      throw fault.at(slot);
    } catch (StackOverflowError e) {
      throw full();
    }
  }

  /**
   * Runs a program from its start on each frame of a batch.
   *
   * @param verdicts the low half of r0 for each frame
   * @throws Fault of the first frame that has one, {@link Frames#number}; those before it have
   *     their verdicts
   */
  public void run(Program program, Frames frames, PacketBatch batch, int[] verdicts) {
    try {
      program.executor().callAll(this, program, frames, batch, verdicts);
    } catch (Fault fault) {
      throw fault.at(slot);
    } catch (StackOverflowError e) {
      throw full();
    }
  }

  private Fault full() {
    return new Fault("the stack of the Java machine is full").at(slot);
  }

  /** Makes everything as it is before a program runs. */
  public void begin(Program program) {
    // Nearly always nothing of this has changed, and looking costs less than storing.
    if (depth != 0) {
      depth = 0;
    }
    if (tailCalls != 0) {
      tailCalls = 0;
    }
    if (budget != budgetPerRun) {
      budget = budgetPerRun;
    }
    if (tailTarget != null) {
      tailTarget = null;
    }
    if (current != program) {
      current = program;
    }
  }

  /** Returns the program that is running. */
  public Program program() {
    Program running = current;
    if (running == null) {
      throw new IllegalStateException("machine: no program is running");
    }
    return running;
  }

  /** Opens the frame of a called function; returns its number. */
  public int enter() {
    if (depth == MAX_FRAMES - 1) {
      throw new Fault("call depth %d: expected at most %d".formatted(depth + 2, MAX_FRAMES));
    }
    charge(1);
    return ++depth;
  }

  /** Closes the innermost frame. */
  public void leave() {
    depth--;
  }

  /** Returns the number of the innermost frame, 0..7. */
  public int depth() {
    return depth;
  }

  /**
   * Takes from what a run may do: a call costs 1, a jump back as many as it jumps over.
   *
   * @throws Fault if there is nothing left
   */
  public void charge(int cost) {
    budget -= cost;
    if (budget < 0) {
      throw new Fault("it has not ended: the run was given a budget of " + budgetPerRun);
    }
  }

  /** Returns whether the last run was ended because it had used up its budget. */
  public boolean exhausted() {
    return budget < 0;
  }

  /** Gives the loops of a function that begins all their turns. */
  public void startLoops() {
    turns[depth] = MAX_LOOPS;
  }

  /** Returns whether a {@code may_goto} jumps: the loops of this call have had their turns. */
  public boolean mayGoto() {
    if (turns[depth] == 0) {
      return true;
    }
    turns[depth]--;
    return false;
  }

  /** Calls a function of the running program, as helpers do. */
  public long call(long function, long a, long b, long c, long d, long e) {
    int at = functionSlot(function);
    if (at < 0) {
      throw new Fault("0x%x: expected the address of a function".formatted(function));
    }
    int caller = slot;
    enter();
    long result = program().executor().call(this, at, a, b, c, d, e);
    leave();
    slot = caller;
    return result;
  }

  /**
   * Asks for another program to go on in place of the running function.
   *
   * @return false if there have been too many
   */
  public boolean tailCall(Program target) {
    if (tailCalls >= MAX_TAIL_CALLS) {
      return false;
    }
    tailCalls++;
    tailTarget = target;
    return true;
  }

  /** Returns whether a tail call was asked for. */
  public boolean tailCalling() {
    return tailTarget != null;
  }

  /** Goes on in the program that was asked for, in the frame of the function that asked. */
  public long continueElsewhere(long context) {
    Program target = tailTarget;
    Program before = current;
    if (target == null) {
      throw new IllegalStateException("machine: no tail call was asked for");
    }
    tailTarget = null;
    current = target;
    long result = target.executor().call(this, 0, context, 0, 0, 0, 0);
    current = before;
    return result;
  }

  /** Notes the instruction that is about to do something that may fault. */
  public void slot(int where) {
    slot = where;
  }

  public void budget(long perRun) {
    budgetPerRun = perRun;
  }

  // Surroundings.

  /** Sets what {@code ktime_get_ns} returns. */
  public void clock(LongSupplier nanoseconds) {
    clock = nanoseconds;
  }

  public long nanoseconds() {
    return clock.getAsLong();
  }

  /** Starts the sequence of random numbers anew. */
  public void seed(long seed) {
    random = new SplittableRandom(seed);
  }

  public int randomInt() {
    return random.nextInt();
  }

  /** Sets the processor that programs find themselves on. */
  public void cpu(int number) {
    cpu = number;
  }

  public int cpu() {
    return cpu;
  }

  /**
   * Discards what programs have sent and printed, as a reader does between two frames; ring buffers
   * are empty afterwards.
   */
  public void discardOutput() {
    outputs++;
    if (!events.isEmpty()) {
      events.clear();
    }
    if (!prints.isEmpty()) {
      prints.clear();
    }
  }

  /** Returns how often output was discarded. */
  public long discardedOutputs() {
    return outputs;
  }

  /** Returns what programs have sent to buffers for the frame that is shown, in order. */
  public List<Event> events() {
    return events;
  }

  /** Returns the lines that programs have printed for the frame that is shown. */
  public List<String> prints() {
    return prints;
  }

  /** Returns what helpers keep between calls, by name. */
  public Map<String, Object> attachments() {
    return attachments;
  }
}
