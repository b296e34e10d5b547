package io.plumbline.emulator.jit;

import io.plumbline.emulator.isa.Insn;
import io.plumbline.emulator.isa.Opcode;
import io.plumbline.emulator.isa.StructuralVerifier;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.Label;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;
import org.objectweb.asm.Type;

/**
 * Writes the class of one program. A function is one method, with registers in local variables, as
 * long as HotSpot compiles methods of that size; a larger one is a driver and pieces, with
 * registers in an array between them.
 *
 * <pre>
 *   long call(Machine, int slot, r1..r5)      by slot to one of:
 *   static long f7(Machine, r1..r5)           the function that begins at slot 7
 *   static int f7p2(Machine, long[] r, int)   its third piece: from a slot, returns where to go on
 *   static void batch(Machine, ...)           the program at slot 0 in a loop over frames
 * </pre>
 */
final class ClassWriting {
  /** Bytecode that a method may have by estimate; HotSpot's limit is 8,000. */
  static final int MOST_BYTES = 5_500;

  static final String PACKAGE = "io/plumbline/emulator/jit/";
  static final String SELF = PACKAGE + "Compiled";
  static final String MACHINE = "io/plumbline/emulator/machine/Machine";
  static final String FUNCTION = "(L" + MACHINE + ";JJJJJ)J";
  static final String PIECE = "(L" + MACHINE + ";[JI)I";
  static final String BATCH = "batch";
  static final String BATCH_OF =
      "(L"
          + MACHINE
          + ";Lio/plumbline/emulator/machine/Program;Lio/plumbline/emulator/machine/Frames;"
          + "Lio/plumbline/model/packet/PacketBatch;[I)V";
  private static final int SLOT_BITS = 20;
  private static final String CONSTANT = "c";

  private final Machine machine;
  private final List<Insn> insns;
  private final int stackUse;
  private final boolean context;
  private final boolean loops;
  private final List<Object> constants = new ArrayList<>();
  private final List<Class<?>> constantTypes = new ArrayList<>();
  private final IdentityHashMap<Object, Integer> constantIndex = new IdentityHashMap<>();
  private final ClassWriter writer = new ClassWriter(ClassWriter.COMPUTE_FRAMES);

  ClassWriting(Machine machine, List<Insn> insns, int stackUse, boolean context) {
    this.machine = machine;
    this.insns = insns;
    this.stackUse = stackUse;
    this.context = context;
    loops = insns.stream().anyMatch(insn -> insn.opcode() == Opcode.MAY_GOTO);
  }

  Machine machine() {
    return machine;
  }

  List<Insn> insns() {
    return insns;
  }

  int stackUse() {
    return stackUse;
  }

  ClassWriter writer() {
    return writer;
  }

  /** Returns the objects that the class refers to. */
  Object[] constants() {
    return constants.toArray();
  }

  byte[] bytes() {
    writer.visit(
        Opcodes.V17,
        Opcodes.ACC_FINAL | Opcodes.ACC_SUPER,
        SELF,
        null,
        "java/lang/Object",
        new String[] {Type.getInternalName(Program.Executor.class)});
    MethodVisitor constructor = writer.visitMethod(0, "<init>", "()V", null, null);
    constructor.visitCode();
    constructor.visitVarInsn(Opcodes.ALOAD, 0);
    constructor.visitMethodInsn(Opcodes.INVOKESPECIAL, "java/lang/Object", "<init>", "()V", false);
    constructor.visitInsn(Opcodes.RETURN);
    constructor.visitMaxs(0, 0);
    constructor.visitEnd();
    SortedSet<Integer> functions = StructuralVerifier.functions(insns);
    entry(functions);
    boolean entryIsCalled =
        java.util.stream.IntStream.range(0, insns.size())
            .anyMatch(
                slot ->
                    switch (insns.get(slot).opcode()) {
                      case CALL_LOCAL, LDDW_FUNC -> slot + 1 + insns.get(slot).immLow() == 0;
                      default -> false;
                    });
    for (int start : functions) {
      boolean given = start == 0 && context && !entryIsCalled;
      function(start, given ? Value.context(0) : Value.UNKNOWN);
    }
    constantFields();
    writer.visitEnd();
    return writer.toByteArray();
  }

  /** Writes the method that outsiders call: by slot to a function. */
  private void entry(SortedSet<Integer> functions) {
    MethodVisitor out =
        writer.visitMethod(Opcodes.ACC_PUBLIC, "call", "(L" + MACHINE + ";IJJJJJ)J", null, null);
    out.visitCode();
    int[] keys = functions.stream().mapToInt(Integer::intValue).toArray();
    Label[] labels = new Label[keys.length];
    for (int i = 0; i < keys.length; i++) {
      labels[i] = new Label();
    }
    Label none = new Label();
    out.visitVarInsn(Opcodes.ILOAD, 2);
    out.visitLookupSwitchInsn(none, keys, labels);
    for (int i = 0; i < keys.length; i++) {
      out.visitLabel(labels[i]);
      out.visitVarInsn(Opcodes.ALOAD, 1);
      for (int argument = 0; argument < 5; argument++) {
        out.visitVarInsn(Opcodes.LLOAD, 3 + 2 * argument);
      }
      out.visitMethodInsn(Opcodes.INVOKESTATIC, SELF, "f" + keys[i], FUNCTION, false);
      out.visitInsn(Opcodes.LRETURN);
    }
    out.visitLabel(none);
    out.visitLdcInsn("there is no function");
    out.visitVarInsn(Opcodes.ILOAD, 2);
    out.visitMethodInsn(
        Opcodes.INVOKESTATIC,
        PACKAGE + "Access",
        "fault",
        "(Ljava/lang/String;I)Lio/plumbline/emulator/machine/Fault;",
        false);
    out.visitInsn(Opcodes.ATHROW);
    out.visitMaxs(0, 0);
    out.visitEnd();
  }

  /** Writes the method that outsiders call for a whole batch. */
  private void batchEntry() {
    MethodVisitor out = writer.visitMethod(Opcodes.ACC_PUBLIC, "callAll", BATCH_OF, null, null);
    out.visitCode();
    for (int parameter = 1; parameter <= 5; parameter++) {
      out.visitVarInsn(Opcodes.ALOAD, parameter);
    }
    out.visitMethodInsn(Opcodes.INVOKESTATIC, SELF, BATCH, BATCH_OF, false);
    out.visitInsn(Opcodes.RETURN);
    out.visitMaxs(0, 0);
    out.visitEnd();
  }

  private void function(int start, Value first) {
    Flow flow = new Flow(machine, insns, start, first);
    List<Integer> slots = flow.reached().keySet().stream().sorted().toList();
    List<List<Integer>> pieces = pieces(slots);
    if (pieces.size() == 1) {
      new MethodWriting(this, flow, start, pieces.get(0), MethodWriting.WHOLE, slot -> 0).whole();
      if (start == 0 && context) {
        new MethodWriting(this, flow, start, pieces.get(0), MethodWriting.BATCH, slot -> 0).batch();
        batchEntry();
      }
      return;
    }
    Map<Integer, Integer> pieceOf = new java.util.HashMap<>();
    for (int i = 0; i < pieces.size(); i++) {
      for (int slot : pieces.get(i)) {
        pieceOf.put(slot, i << SLOT_BITS | slot);
      }
    }
    for (int i = 0; i < pieces.size(); i++) {
      new MethodWriting(
              this, flow, start, pieces.get(i), i, slot -> pieceOf.getOrDefault(slot, slot))
          .piece();
    }
    driver(start, pieces.size(), pieceOf.getOrDefault(start, start));
  }

  /** Cuts a function into runs of instructions whose code is short enough. */
  private List<List<Integer>> pieces(List<Integer> slots) {
    List<List<Integer>> pieces = new ArrayList<>();
    List<Integer> piece = new ArrayList<>();
    int bytes = 0;
    for (int slot : slots) {
      int more = estimate(insns.get(slot));
      if (bytes + more > MOST_BYTES) {
        pieces.add(piece);
        piece = new ArrayList<>();
        bytes = 0;
      }
      piece.add(slot);
      bytes += more;
    }
    pieces.add(piece);
    return pieces;
  }

  private static int estimate(Insn insn) {
    Opcode opcode = insn.opcode();
    return switch (opcode.form()) {
      case ALU_K, ALU_X, ALU_UNARY, ENDIAN -> 8 + Template.computation(opcode.semantics()).size();
      // The end of a piece costs its jumps: a code for where to go on.
      case JUMP_K, JUMP_X -> 24 + Template.condition(opcode.semantics()).size();
      case JA, GOTOL, MAY_GOTO -> 28;
      case LOAD, LOAD_ACQ -> 78;
      case STORE_K, STORE_X, STORE_REL -> 72;
      case ATOMIC, ATOMIC_FETCH, CMPXCHG -> 110;
      case CALL, CALLX, LD_ABS, LD_IND -> 90;
      case EXIT, LDDW, HIGH, CAST -> 12;
    };
  }

  /** Writes a function that is in pieces: goes from one to the next. */
  private void driver(int start, int pieces, int first) {
    MethodVisitor out =
        writer.visitMethod(
            Opcodes.ACC_STATIC | Opcodes.ACC_PRIVATE, "f" + start, FUNCTION, null, null);
    out.visitCode();
    begin(out);
    out.visitVarInsn(Opcodes.ALOAD, 0);
    for (int argument = 0; argument < 5; argument++) {
      out.visitVarInsn(Opcodes.LLOAD, 1 + 2 * argument);
    }
    out.visitMethodInsn(
        Opcodes.INVOKESTATIC, PACKAGE + "Access", "registers", "(L" + MACHINE + ";JJJJJ)[J", false);
    out.visitVarInsn(Opcodes.ASTORE, 11);
    out.visitLdcInsn(first);
    out.visitVarInsn(Opcodes.ISTORE, 12);
    Label loop = new Label();
    Label end = new Label();
    out.visitLabel(loop);
    Label[] labels = new Label[pieces];
    for (int i = 0; i < pieces; i++) {
      labels[i] = new Label();
    }
    out.visitVarInsn(Opcodes.ILOAD, 12);
    out.visitIntInsn(Opcodes.BIPUSH, SLOT_BITS);
    out.visitInsn(Opcodes.ISHR);
    out.visitTableSwitchInsn(0, pieces - 1, end, labels);
    for (int i = 0; i < pieces; i++) {
      out.visitLabel(labels[i]);
      out.visitVarInsn(Opcodes.ALOAD, 0);
      out.visitVarInsn(Opcodes.ALOAD, 11);
      out.visitVarInsn(Opcodes.ILOAD, 12);
      out.visitMethodInsn(Opcodes.INVOKESTATIC, SELF, "f" + start + "p" + i, PIECE, false);
      out.visitVarInsn(Opcodes.ISTORE, 12);
      out.visitJumpInsn(Opcodes.GOTO, loop);
    }
    out.visitLabel(end);
    out.visitVarInsn(Opcodes.ALOAD, 11);
    out.visitInsn(Opcodes.ICONST_0);
    out.visitInsn(Opcodes.LALOAD);
    out.visitInsn(Opcodes.LRETURN);
    out.visitMaxs(0, 0);
    out.visitEnd();
  }

  /** Writes what a function begins with: its stack is cleared, its loops have all their turns. */
  void begin(MethodVisitor out) {
    if (loops) {
      out.visitVarInsn(Opcodes.ALOAD, 0);
      out.visitMethodInsn(Opcodes.INVOKEVIRTUAL, MACHINE, "startLoops", "()V", false);
    }
    if (stackUse > 0) {
      out.visitVarInsn(Opcodes.ALOAD, 0);
      out.visitLdcInsn(stackUse);
      out.visitMethodInsn(
          Opcodes.INVOKESTATIC, PACKAGE + "Access", "clear", "(L" + MACHINE + ";I)V", false);
    }
  }

  /**
   * Puts an object on the stack that is the same for the life of the class. It is in a static final
   * field: HotSpot leaves methods alone that have a dynamic constant that was never resolved, as
   * those on a way that no packet has taken yet.
   */
  void constant(MethodVisitor out, Object object, Class<?> type) {
    Integer index =
        constantIndex.computeIfAbsent(
            object,
            key -> {
              constants.add(key);
              constantTypes.add(type);
              return constants.size() - 1;
            });
    out.visitFieldInsn(
        Opcodes.GETSTATIC, SELF, CONSTANT + index, Type.getDescriptor(constantTypes.get(index)));
  }

  /** Writes the fields of the objects, and what fills them from the class's data. */
  private void constantFields() {
    MethodVisitor out = writer.visitMethod(Opcodes.ACC_STATIC, "<clinit>", "()V", null, null);
    out.visitCode();
    out.visitMethodInsn(
        Opcodes.INVOKESTATIC,
        "java/lang/invoke/MethodHandles",
        "lookup",
        "()Ljava/lang/invoke/MethodHandles$Lookup;",
        false);
    out.visitLdcInsn("_");
    out.visitLdcInsn(Type.getType(Object[].class));
    out.visitMethodInsn(
        Opcodes.INVOKESTATIC,
        "java/lang/invoke/MethodHandles",
        "classData",
        "(Ljava/lang/invoke/MethodHandles$Lookup;Ljava/lang/String;Ljava/lang/Class;)"
            + "Ljava/lang/Object;",
        false);
    out.visitTypeInsn(Opcodes.CHECKCAST, "[Ljava/lang/Object;");
    out.visitVarInsn(Opcodes.ASTORE, 0);
    for (int i = 0; i < constants.size(); i++) {
      Type type = Type.getType(constantTypes.get(i));
      writer
          .visitField(
              Opcodes.ACC_PRIVATE | Opcodes.ACC_STATIC | Opcodes.ACC_FINAL,
              CONSTANT + i,
              type.getDescriptor(),
              null,
              null)
          .visitEnd();
      out.visitVarInsn(Opcodes.ALOAD, 0);
      out.visitLdcInsn(i);
      out.visitInsn(Opcodes.AALOAD);
      out.visitTypeInsn(Opcodes.CHECKCAST, type.getInternalName());
      out.visitFieldInsn(Opcodes.PUTSTATIC, SELF, CONSTANT + i, type.getDescriptor());
    }
    out.visitInsn(Opcodes.RETURN);
    out.visitMaxs(0, 0);
    out.visitEnd();
  }
}
