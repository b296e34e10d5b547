package io.plumbline.emulator.jit;

import io.plumbline.emulator.helper.Calls;
import io.plumbline.emulator.helper.Helper;
import io.plumbline.emulator.helper.HelperFunction;
import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.machine.Bytes;
import io.plumbline.emulator.machine.ContextType;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Region;
import io.plumbline.emulator.map.BpfMap;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntUnaryOperator;
import org.objectweb.asm.Label;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;

/** Writes one method: a whole function, or a piece of one. */
final class MethodWriting {
  private static final String ACCESS = ClassWriting.PACKAGE + "Access";
  private static final String BYTES = "io/plumbline/emulator/machine/Bytes";
  private static final String MACHINE = ClassWriting.MACHINE;
  private static final String MACHINE_TYPE = "L" + MACHINE + ";";
  private static final String REGION = "io/plumbline/emulator/machine/Region";
  private static final String REGION_TYPE = "L" + REGION + ";";
  private static final String HELPER = "io/plumbline/emulator/helper/HelperFunction";
  private static final String CALLS = "io/plumbline/emulator/helper/Calls";
  private static final String PROGRAM = "io/plumbline/emulator/machine/Program";
  private static final String FRAMES = "io/plumbline/emulator/machine/Frames";
  private static final String PACKET_BATCH = "io/plumbline/model/packet/PacketBatch";
  private static final String FIVE = "JJJJJ";
  private static final int REGISTERS = 11;

  /** In place of the number of a piece: a whole function. */
  static final int WHOLE = -1;

  /** In place of the number of a piece: a whole program that runs on each frame of a batch. */
  static final int BATCH = -2;

  private static final int BATCH_PARAMETERS = 5;

  private final ClassWriting owner;
  private final Flow flow;
  private final int start;
  private final List<Integer> slots;
  private final int number;
  private final IntUnaryOperator codes;
  private final MethodVisitor out;
  private final Map<Integer, Label> labels = new HashMap<>();
  private final Set<Integer> mine;
  private final Map<Integer, Label> exits = new HashMap<>();
  private final Label nextFrame = new Label();
  private final boolean readsPacket;
  private final int firstRegister;
  private final int packetBytes;
  private final int packetDelta;
  private final int packetLow;
  private final int packetHigh;
  private final int contextSlots;
  private final int stackBytes;
  private final int stackTop;
  private final int address;
  private final int loaded;
  private final int where;
  private final int index;

  /**
   * Prepares a method.
   *
   * @param number which piece, WHOLE or BATCH
   * @param codes what a piece returns to go on at a slot
   */
  MethodWriting(
      ClassWriting owner,
      Flow flow,
      int start,
      List<Integer> slots,
      int number,
      IntUnaryOperator codes) {
    this.owner = owner;
    this.flow = flow;
    this.start = start;
    this.slots = slots;
    this.number = number;
    this.codes = codes;
    mine = new HashSet<>(slots);
    String name =
        switch (number) {
          case WHOLE -> "f" + start;
          case BATCH -> ClassWriting.BATCH;
          default -> "f" + start + "p" + number;
        };
    String descriptor =
        switch (number) {
          case WHOLE -> ClassWriting.FUNCTION;
          case BATCH -> ClassWriting.BATCH_OF;
          default -> ClassWriting.PIECE;
        };
    out =
        owner
            .writer()
            .visitMethod(Opcodes.ACC_STATIC | Opcodes.ACC_PRIVATE, name, descriptor, null, null);
    // Parameters: the machine, then r1..r5; or the machine, the registers and a slot; or those of
    // a batch, then which frame it is.
    firstRegister =
        switch (number) {
          case WHOLE -> -1;
          case BATCH -> BATCH_PARAMETERS + 1;
          default -> 3;
        };
    int next = number == WHOLE ? 23 : firstRegister + 2 * REGISTERS;
    packetBytes = next;
    packetDelta = next + 1;
    packetLow = next + 2;
    packetHigh = next + 4;
    contextSlots = next + 6;
    stackBytes = next + 7;
    stackTop = next + 8;
    address = next + 9;
    loaded = next + 11;
    where = next + 13;
    index = next + 14;
    readsPacket = slots.stream().anyMatch(this::needsPacket);
  }

  /** Returns whether an instruction loads from the packet, or where it begins or ends. */
  private boolean needsPacket(int slot) {
    Insn insn = owner.insns().get(slot);
    if (insn.opcode().form() != Opcode.Form.LOAD) {
      return false;
    }
    Value base = known(slot, insn.src());
    return base.inPacket()
        || base.kind() == Value.Kind.CONTEXT
            && !insn.opcode().signExtends()
            && isEdge(flow.field(base.number() + insn.off(), insn.opcode().bytes()));
  }

  private static boolean isEdge(Value field) {
    return field.kind() == Value.Kind.DATA || field.kind() == Value.Kind.DATA_END;
  }

  private Value known(int slot, int register) {
    Value[] values = flow.reached().get(slot);
    return values == null ? Value.UNKNOWN : values[register];
  }

  /** Returns the local variable of a register. */
  private int local(int register) {
    if (firstRegister >= 0) {
      return firstRegister + 2 * register;
    }
    // Arguments stay where they come in.
    return register >= 1 && register <= 5
        ? 2 * register - 1
        : register == 0 ? 11 : 1 + 2 * register;
  }

  /** Writes a function. */
  void whole() {
    out.visitCode();
    owner.begin(out);
    for (int register : new int[] {0, 6, 7, 8, 9}) {
      out.visitInsn(Opcodes.LCONST_0);
      out.visitVarInsn(Opcodes.LSTORE, local(register));
    }
    machine();
    call(MACHINE, "depth", "()I", true);
    out.visitMethodInsn(Opcodes.INVOKESTATIC, MACHINE, "framePointer", "(I)J", false);
    out.visitVarInsn(Opcodes.LSTORE, local(10));
    surroundings();
    if (slots.get(0) != start) {
      jump(Opcodes.GOTO, start);
    }
    body();
    end();
  }

  /** Writes a program in a loop over the frames of a batch. */
  void batch() {
    Label loop = new Label();
    Label done = new Label();
    out.visitCode();
    out.visitInsn(Opcodes.ICONST_0);
    out.visitVarInsn(Opcodes.ISTORE, BATCH_PARAMETERS);
    out.visitLabel(loop);
    out.visitVarInsn(Opcodes.ILOAD, BATCH_PARAMETERS);
    out.visitVarInsn(Opcodes.ALOAD, 3);
    call(PACKET_BATCH, "size", "()I", true);
    out.visitJumpInsn(Opcodes.IF_ICMPGE, done);
    out.visitVarInsn(Opcodes.ALOAD, 2);
    out.visitVarInsn(Opcodes.ALOAD, 3);
    out.visitVarInsn(Opcodes.ILOAD, BATCH_PARAMETERS);
    call(FRAMES, "show", "(L" + PACKET_BATCH + ";I)V", true);
    machine();
    out.visitVarInsn(Opcodes.ALOAD, 1);
    call(MACHINE, "begin", "(L" + PROGRAM + ";)V", true);
    owner.begin(out);
    for (int register = 0; register < REGISTERS; register++) {
      number(
          switch (register) {
            case 1 -> Machine.CONTEXT;
            case 10 -> Machine.framePointer(0);
            default -> 0;
          });
      store(register);
    }
    surroundings();
    body();
    out.visitLabel(nextFrame);
    out.visitVarInsn(Opcodes.ALOAD, 4);
    out.visitVarInsn(Opcodes.ILOAD, BATCH_PARAMETERS);
    load(0);
    out.visitInsn(Opcodes.L2I);
    out.visitInsn(Opcodes.IASTORE);
    out.visitIincInsn(BATCH_PARAMETERS, 1);
    out.visitJumpInsn(Opcodes.GOTO, loop);
    out.visitLabel(done);
    out.visitInsn(Opcodes.RETURN);
    end();
  }

  private void end() {
    out.visitMaxs(0, 0);
    out.visitEnd();
  }

  /** Writes a piece: registers come from an array and go back there. */
  void piece() {
    out.visitCode();
    for (int register = 0; register < REGISTERS; register++) {
      out.visitVarInsn(Opcodes.ALOAD, 1);
      integer(register);
      out.visitInsn(Opcodes.LALOAD);
      out.visitVarInsn(Opcodes.LSTORE, local(register));
    }
    surroundings();
    List<Integer> entries = new ArrayList<>();
    for (int slot : slots) {
      if (slot == slots.get(0) || flow.begins(slot)) {
        entries.add(slot);
      }
    }
    int[] keys = entries.stream().mapToInt(codes::applyAsInt).toArray();
    Label[] targets = entries.stream().map(this::label).toArray(Label[]::new);
    out.visitVarInsn(Opcodes.ILOAD, 2);
    out.visitLookupSwitchInsn(targets[0], keys, targets);
    body();
    leave();
    end();
  }

  private void surroundings() {
    machine();
    call(MACHINE, "context", "()[J", true);
    out.visitVarInsn(Opcodes.ASTORE, contextSlots);
    machine();
    call(MACHINE, "stack", "()[B", true);
    out.visitVarInsn(Opcodes.ASTORE, stackBytes);
    machine();
    call(MACHINE, "depth", "()I", true);
    integer(Machine.STACK_BYTES);
    out.visitInsn(Opcodes.IMUL);
    out.visitVarInsn(Opcodes.ISTORE, stackTop);
    packet();
  }

  /** Notes where the packet is; to be done again after anything that may have moved it. */
  private void packet() {
    if (!readsPacket) {
      return;
    }
    machine();
    call(MACHINE, "packetRegion", "()" + REGION_TYPE, true);
    out.visitInsn(Opcodes.DUP);
    call(REGION, "data", "()[B", true);
    out.visitVarInsn(Opcodes.ASTORE, packetBytes);
    out.visitInsn(Opcodes.DUP);
    call(REGION, "base", "()I", true);
    out.visitVarInsn(Opcodes.ISTORE, packetDelta);
    out.visitInsn(Opcodes.DUP);
    call(REGION, "low", "()J", true);
    out.visitVarInsn(Opcodes.LSTORE, packetLow);
    call(REGION, "high", "()J", true);
    out.visitVarInsn(Opcodes.LSTORE, packetHigh);
  }

  private void body() {
    int expected = slots.get(0);
    for (int slot : slots) {
      if (slot != expected) {
        jump(Opcodes.GOTO, expected);
      }
      out.visitLabel(label(slot));
      Insn insn = owner.insns().get(slot);
      boolean goesOn = insn(slot, insn);
      expected = goesOn ? slot + insn.opcode().slots() : nextOf(slot);
    }
    int last = slots.get(slots.size() - 1);
    if (goesOn(last)) {
      jump(Opcodes.GOTO, last + owner.insns().get(last).opcode().slots());
    }
  }

  /** Returns the slot that comes next in this method, or -1. */
  private int nextOf(int slot) {
    int index = java.util.Collections.binarySearch(slots, slot);
    return index + 1 < slots.size() ? slots.get(index + 1) : -1;
  }

  private boolean goesOn(int slot) {
    return switch (owner.insns().get(slot).opcode().form()) {
      case EXIT, JA, GOTOL, HIGH, CAST -> false;
      default -> true;
    };
  }

  /** Writes the places where a piece ends: registers stored, and where to go on. */
  private void leave() {
    if (exits.isEmpty()) {
      return;
    }
    Label common = new Label();
    exits.forEach(
        (code, label) -> {
          out.visitLabel(label);
          integer(code);
          out.visitVarInsn(Opcodes.ISTORE, where);
          out.visitJumpInsn(Opcodes.GOTO, common);
        });
    out.visitLabel(common);
    for (int register = 0; register < REGISTERS - 1; register++) {
      out.visitVarInsn(Opcodes.ALOAD, 1);
      integer(register);
      load(register);
      out.visitInsn(Opcodes.LASTORE);
    }
    out.visitVarInsn(Opcodes.ILOAD, where);
    out.visitInsn(Opcodes.IRETURN);
  }

  private Label label(int slot) {
    return labels.computeIfAbsent(slot, key -> new Label());
  }

  private void jump(int opcode, int slot) {
    out.visitJumpInsn(
        opcode,
        mine.contains(slot)
            ? label(slot)
            : exits.computeIfAbsent(codes.applyAsInt(slot), key -> new Label()));
  }

  /** Ends the function with what is in r0. */
  private void exit() {
    if (number == WHOLE) {
      load(0);
      out.visitInsn(Opcodes.LRETURN);
    } else if (number == BATCH) {
      out.visitJumpInsn(Opcodes.GOTO, nextFrame);
    } else {
      out.visitJumpInsn(Opcodes.GOTO, exits.computeIfAbsent(-1, key -> new Label()));
    }
  }

  private void machine() {
    out.visitVarInsn(Opcodes.ALOAD, 0);
  }

  private void call(String type, String name, String descriptor, boolean virtual) {
    out.visitMethodInsn(
        virtual ? Opcodes.INVOKEVIRTUAL : Opcodes.INVOKESTATIC, type, name, descriptor, false);
  }

  private void load(int register) {
    out.visitVarInsn(Opcodes.LLOAD, local(register));
  }

  private void store(int register) {
    out.visitVarInsn(Opcodes.LSTORE, local(register));
  }

  private void integer(int value) {
    if (value >= -1 && value <= 5) {
      out.visitInsn(Opcodes.ICONST_0 + value);
    } else if (value == (byte) value) {
      out.visitIntInsn(Opcodes.BIPUSH, value);
    } else if (value == (short) value) {
      out.visitIntInsn(Opcodes.SIPUSH, value);
    } else {
      out.visitLdcInsn(value);
    }
  }

  private void number(long value) {
    if (value == 0 || value == 1) {
      out.visitInsn(value == 0 ? Opcodes.LCONST_0 : Opcodes.LCONST_1);
    } else {
      out.visitLdcInsn(value);
    }
  }

  private void slot(int slot) {
    machine();
    integer(slot);
    call(MACHINE, "slot", "(I)V", true);
  }

  private void five() {
    for (int register = 1; register <= 5; register++) {
      load(register);
    }
  }

  /** Writes one instruction; returns whether the next one may follow it. */
  private boolean insn(int slot, Insn insn) {
    Opcode opcode = insn.opcode();
    switch (opcode.form()) {
      case ALU_K -> compute(insn, () -> number(insn.imm()));
      case ALU_X -> compute(insn, () -> load(insn.src()));
      case ALU_UNARY, ENDIAN -> compute(insn, () -> {});
      case JUMP_K -> branch(slot, insn, () -> number(insn.imm()));
      case JUMP_X -> branch(slot, insn, () -> load(insn.src()));
      case JA, GOTOL -> {
        charge(slot, insn.target(slot));
        jump(Opcodes.GOTO, insn.target(slot));
      }
      case MAY_GOTO -> {
        machine();
        call(MACHINE, "mayGoto", "()Z", true);
        taken(slot, insn.target(slot));
      }
      case LOAD, LOAD_ACQ -> {
        loading(slot, insn);
        if (opcode.signExtends()) {
          extend(opcode.width());
        }
        store(insn.dst());
      }
      case STORE_K -> storing(slot, insn, () -> number(insn.imm()));
      case STORE_X, STORE_REL -> storing(slot, insn, () -> load(insn.src()));
      case ATOMIC, ATOMIC_FETCH, CMPXCHG -> atomic(slot, insn);
      case LDDW -> {
        number(
            opcode == Opcode.LDDW_FUNC
                ? Machine.functionAddress(slot + 1 + insn.immLow())
                : insn.imm());
        store(insn.dst());
      }
      case CALL, CALLX -> calling(slot, insn);
      case LD_ABS, LD_IND -> legacy(slot, insn);
      case EXIT -> exit();
      case HIGH, CAST -> fault(slot, "not an instruction");
    }
    return goesOn(slot);
  }

  private void compute(Insn insn, Runnable operand) {
    Template.computation(insn.opcode().semantics()).emit(out, () -> load(insn.dst()), operand);
    store(insn.dst());
  }

  private void branch(int slot, Insn insn, Runnable operand) {
    Template.condition(insn.opcode().semantics()).emit(out, () -> load(insn.dst()), operand);
    taken(slot, insn.target(slot));
  }

  /** Jumps if there is something else than 0 on the stack. */
  private void taken(int slot, int target) {
    if (target > slot) {
      jump(Opcodes.IFNE, target);
      return;
    }
    Label not = new Label();
    out.visitJumpInsn(Opcodes.IFEQ, not);
    charge(slot, target);
    jump(Opcodes.GOTO, target);
    out.visitLabel(not);
  }

  private void charge(int slot, int target) {
    if (target <= slot) {
      machine();
      integer(slot - target + 1);
      integer(slot);
      call(ACCESS, "charge", "(" + MACHINE_TYPE + "II)V", false);
    }
  }

  private void extend(int width) {
    out.visitInsn(Opcodes.L2I);
    if (width < 32) {
      out.visitInsn(width == 8 ? Opcodes.I2B : Opcodes.I2S);
    }
    out.visitInsn(Opcodes.I2L);
  }

  private void address(int register, int offset) {
    load(register);
    if (offset != 0) {
      number(offset);
      out.visitInsn(Opcodes.LADD);
    }
  }

  private static String getter(int size) {
    return "get" + 8 * size;
  }

  private static boolean within(long offset, int size, long length) {
    return offset >= 0 && offset <= length - size;
  }

  private void loading(int slot, Insn insn) {
    int size = insn.opcode().bytes();
    Value base = known(slot, insn.src());
    long at = base.number() + insn.off();
    switch (base.kind()) {
      case CONTEXT -> {
        if (!insn.opcode().signExtends() && context(slot, at, size)) {
          return;
        }
      }
      case STACK -> {
        if (within(at, size, Machine.STACK_BYTES)) {
          stack((int) at);
          call(BYTES, getter(size), "([BI)J", false);
          return;
        }
      }
      case CONSTANT -> {
        Region region = owner.machine().regionAt(at);
        if (region != null && region.fixed() && region.index(at, size) >= 0) {
          int index = region.index(at, size);
          if (region.constant()) {
            number(Bytes.get(region.data(), index, size));
          } else {
            owner.constant(out, region.data(), byte[].class);
            integer(index);
            call(BYTES, getter(size), "([BI)J", false);
          }
          return;
        }
      }
      case DATA, PACKET -> {
        if (flow.proved(slot)) {
          address(insn.src(), insn.off());
          fromPacket(size);
        } else {
          fromPacket(slot, insn, size);
        }
        return;
      }
      case REGION -> {
        if (insn.opcode().signExtends()) {
          break;
        }
        owner.constant(out, java.util.Objects.requireNonNull(base.region()), Region.class);
        address(insn.src(), insn.off());
        integer(size);
        machine();
        integer(slot);
        call(ACCESS, "load", "(" + REGION_TYPE + "JI" + MACHINE_TYPE + "I)J", false);
        return;
      }
      default -> {}
    }
    loadAnywhere(slot, insn);
  }

  /** Loads from wherever the address is. */
  private void loadAnywhere(int slot, Insn insn) {
    machine();
    address(insn.src(), insn.off());
    integer(insn.opcode().bytes());
    integer(slot);
    String method = insn.opcode().signExtends() ? "loadSigned" : "load";
    call(ACCESS, method, "(" + MACHINE_TYPE + "JII)J", false);
  }

  private void stack(int offset) {
    out.visitVarInsn(Opcodes.ALOAD, stackBytes);
    out.visitVarInsn(Opcodes.ILOAD, stackTop);
    integer(offset);
    out.visitInsn(Opcodes.IADD);
  }

  /** Loads a field of the context from its slot; returns false if that is not legal. */
  private boolean context(int slot, long offset, int size) {
    ContextType type = owner.machine().contextType();
    if (type.illegal(offset, size, false).isPresent()) {
      return false;
    }
    int at = (int) offset;
    boolean whole = size == 8 || type.pointerAt(at);
    if (size == 8 && !type.pointerAt(at) && type.fields().get(type.slotAt(at)).size() < 8) {
      return false;
    }
    if (type.fromLinkHeader(at)) {
      machine();
      call(MACHINE, "linkFields", "()V", true);
    }
    out.visitVarInsn(Opcodes.ALOAD, contextSlots);
    integer(type.slotAt(at));
    out.visitInsn(Opcodes.LALOAD);
    if (!whole) {
      if (type.shiftAt(at) > 0) {
        integer(type.shiftAt(at));
        out.visitInsn(Opcodes.LUSHR);
      }
      number((1L << 8 * size) - 1);
      out.visitInsn(Opcodes.LAND);
    }
    Value field = flow.field(offset, size);
    if (isEdge(field)) {
      bounds(slot, field.kind() == Value.Kind.DATA);
    }
    return true;
  }

  /**
   * Checks that {@code data} and {@code data_end} are of the packet, when they are loaded: what the
   * program compares with them need not be checked again.
   */
  private void bounds(int slot, boolean start) {
    Label within = new Label();
    out.visitInsn(Opcodes.DUP2);
    number(Machine.PACKET_START - Machine.HEADROOM);
    out.visitInsn(Opcodes.LSUB);
    out.visitVarInsn(Opcodes.LLOAD, start ? packetLow : packetHigh);
    out.visitInsn(Opcodes.LCMP);
    out.visitJumpInsn(start ? Opcodes.IFGE : Opcodes.IFLE, within);
    fault(slot, "the context's addresses are not those of the packet");
    out.visitLabel(within);
  }

  /** Loads from the packet; the address on the stack is in it. */
  private void fromPacket(int size) {
    // Of a packet's address the low half is the offset.
    out.visitInsn(Opcodes.L2I);
    out.visitVarInsn(Opcodes.ILOAD, packetDelta);
    out.visitInsn(Opcodes.IADD);
    out.visitVarInsn(Opcodes.ISTORE, index);
    out.visitVarInsn(Opcodes.ALOAD, packetBytes);
    out.visitVarInsn(Opcodes.ILOAD, index);
    call(BYTES, getter(size), "([BI)J", false);
  }

  /** Loads from the packet if the address is in it, else from wherever it is. */
  private void fromPacket(int slot, Insn insn, int size) {
    Label elsewhere = new Label();
    Label end = new Label();
    address(insn.src(), insn.off());
    number(Machine.PACKET_START - Machine.HEADROOM);
    out.visitInsn(Opcodes.LSUB);
    out.visitVarInsn(Opcodes.LSTORE, address);
    // Both the distance from the start and that to the end have a sign: one test sees either.
    out.visitVarInsn(Opcodes.LLOAD, address);
    out.visitVarInsn(Opcodes.LLOAD, packetLow);
    out.visitInsn(Opcodes.LSUB);
    out.visitVarInsn(Opcodes.LLOAD, packetHigh);
    number(size);
    out.visitInsn(Opcodes.LSUB);
    out.visitVarInsn(Opcodes.LLOAD, address);
    out.visitInsn(Opcodes.LSUB);
    out.visitInsn(Opcodes.LOR);
    out.visitInsn(Opcodes.LCONST_0);
    out.visitInsn(Opcodes.LCMP);
    out.visitJumpInsn(Opcodes.IFLT, elsewhere);
    out.visitVarInsn(Opcodes.LLOAD, address);
    fromPacket(size);
    out.visitJumpInsn(Opcodes.GOTO, end);
    out.visitLabel(elsewhere);
    loadAnywhere(slot, insn);
    out.visitLabel(end);
  }

  private void storing(int slot, Insn insn, Runnable value) {
    int size = insn.opcode().bytes();
    Value base = known(slot, insn.dst());
    long at = base.number() + insn.off();
    if (base.kind() == Value.Kind.STACK && within(at, size, Machine.STACK_BYTES)) {
      stack((int) at);
      value.run();
      call(BYTES, "put" + 8 * size, "([BIJ)V", false);
      return;
    }
    if (base.kind() == Value.Kind.CONSTANT) {
      Region region = owner.machine().regionAt(at);
      if (region != null && region.fixed() && region.writable() && region.index(at, size) >= 0) {
        owner.constant(out, region.data(), byte[].class);
        integer(region.index(at, size));
        value.run();
        call(BYTES, "put" + 8 * size, "([BIJ)V", false);
        return;
      }
    }
    if (base.kind() == Value.Kind.REGION) {
      owner.constant(out, java.util.Objects.requireNonNull(base.region()), Region.class);
      address(insn.dst(), insn.off());
      integer(size);
      value.run();
      machine();
      integer(slot);
      call(ACCESS, "store", "(" + REGION_TYPE + "JIJ" + MACHINE_TYPE + "I)V", false);
    } else {
      machine();
      address(insn.dst(), insn.off());
      integer(size);
      value.run();
      integer(slot);
      call(ACCESS, "store", "(" + MACHINE_TYPE + "JIJI)V", false);
    }
    packet();
  }

  private void atomic(int slot, Insn insn) {
    Opcode opcode = insn.opcode();
    address(insn.dst(), insn.off());
    out.visitVarInsn(Opcodes.LSTORE, address);
    machine();
    out.visitVarInsn(Opcodes.LLOAD, address);
    integer(opcode.bytes());
    integer(slot);
    call(ACCESS, "fetch", "(" + MACHINE_TYPE + "JII)J", false);
    out.visitVarInsn(Opcodes.LSTORE, loaded);
    Label end = new Label();
    if (opcode.form() == Opcode.Form.CMPXCHG) {
      Template.condition("eq" + opcode.width())
          .emit(out, () -> out.visitVarInsn(Opcodes.LLOAD, loaded), () -> load(0));
      out.visitJumpInsn(Opcodes.IFEQ, end);
    }
    machine();
    out.visitVarInsn(Opcodes.LLOAD, address);
    integer(opcode.bytes());
    if (opcode.form() == Opcode.Form.CMPXCHG) {
      load(insn.src());
    } else {
      Template.computation(opcode.semantics())
          .emit(out, () -> out.visitVarInsn(Opcodes.LLOAD, loaded), () -> load(insn.src()));
    }
    integer(slot);
    call(ACCESS, "store", "(" + MACHINE_TYPE + "JIJI)V", false);
    out.visitLabel(end);
    if (opcode.form() != Opcode.Form.ATOMIC) {
      out.visitVarInsn(Opcodes.LLOAD, loaded);
      store(opcode.form() == Opcode.Form.CMPXCHG ? 0 : insn.src());
    }
    packet();
  }

  private void calling(int slot, Insn insn) {
    switch (insn.opcode()) {
      case CALL_LOCAL -> {
        machine();
        integer(slot);
        call(ACCESS, "enter", "(" + MACHINE_TYPE + "I)V", false);
        machine();
        five();
        call(ClassWriting.SELF, "f" + (slot + 1 + insn.immLow()), ClassWriting.FUNCTION, false);
        store(0);
        machine();
        call(MACHINE, "leave", "()V", true);
        packet();
      }
      case CALLX -> {
        slot(slot);
        machine();
        load(insn.callRegister());
        five();
        call(CALLS, "register", "(" + MACHINE_TYPE + "J" + FIVE + ")J", false);
        store(0);
        elsewhere();
        packet();
      }
      case CALL_KFUNC -> {
        slot(slot);
        function(Calls.kfunc(insn.immLow()));
        packet();
      }
      default -> helper(slot, insn.immLow());
    }
  }

  private void helper(int slot, int id) {
    slot(slot);
    Value map = known(slot, 1);
    if (id == Helper.MAP_LOOKUP_ELEM.id()
        && map.kind() == Value.Kind.CONSTANT
        && owner.machine().find(map.number()) instanceof BpfMap target
        && target.hasValues()) {
      machine();
      owner.constant(out, target, BpfMap.class);
      load(2);
      call(
          "io/plumbline/emulator/helper/MapHelpers",
          "lookup",
          "(" + MACHINE_TYPE + "Lio/plumbline/emulator/map/BpfMap;J)J",
          false);
      store(0);
      return;
    }
    function(Calls.helper(id));
    if (id == Helper.TAIL_CALL.id()) {
      elsewhere();
    }
    // It may have moved the packet, or written to it and so made it the program's own.
    packet();
  }

  private void function(HelperFunction function) {
    owner.constant(out, function, HelperFunction.class);
    machine();
    five();
    out.visitMethodInsn(
        Opcodes.INVOKEINTERFACE, HELPER, "call", "(" + MACHINE_TYPE + FIVE + ")J", true);
    store(0);
  }

  /** Goes on in another program if that was asked for. */
  private void elsewhere() {
    Label here = new Label();
    machine();
    call(MACHINE, "tailCalling", "()Z", true);
    out.visitJumpInsn(Opcodes.IFEQ, here);
    machine();
    load(1);
    call(MACHINE, "continueElsewhere", "(J)J", true);
    store(0);
    exit();
    out.visitLabel(here);
  }

  private void legacy(int slot, Insn insn) {
    slot(slot);
    machine();
    if (insn.opcode().form() == Opcode.Form.LD_IND) {
      load(insn.src());
      number(insn.imm());
      out.visitInsn(Opcodes.LADD);
    } else {
      number(insn.imm());
    }
    integer(insn.opcode().bytes());
    call(CALLS, "packet", "(" + MACHINE_TYPE + "JI)J", false);
    store(0);
    Label there = new Label();
    load(0);
    number(Calls.NO_BYTES);
    out.visitInsn(Opcodes.LCMP);
    out.visitJumpInsn(Opcodes.IFNE, there);
    number(0);
    store(0);
    exit();
    out.visitLabel(there);
  }

  private void fault(int slot, String what) {
    out.visitLdcInsn(what);
    integer(slot);
    call(ACCESS, "fault", "(Ljava/lang/String;I)Lio/plumbline/emulator/machine/Fault;", false);
    out.visitInsn(Opcodes.ATHROW);
  }
}
