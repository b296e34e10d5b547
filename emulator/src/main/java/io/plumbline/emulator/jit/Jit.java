package io.plumbline.emulator.jit;

import io.plumbline.emulator.interp.Interpreter;
import io.plumbline.emulator.machine.Machine;
import io.plumbline.emulator.machine.Program;
import java.lang.invoke.MethodHandles;
import java.lang.reflect.InvocationTargetException;

/**
 * Compiles programs to JVM bytecode. What comes out is a class of its own for each program, bound
 * to the maps of one machine: their addresses, and the bytes of constant ones, are in the code.
 *
 * <p>Programs of more than {@link #MAX_INSNS} slots are interpreted: what compiling them takes
 * grows with their length, and a class file has room for a few hundred thousand instructions at
 * most.
 */
public final class Jit implements Program.Maker {
  /** Slots of the longest program that is compiled. */
  public static final int MAX_INSNS = 1 << 16;

  private final Machine machine;
  private final boolean context;

  /**
   * Makes a compiler.
   *
   * @param context whether programs are given the machine's context; else memory
   */
  public Jit(Machine machine, boolean context) {
    this.machine = machine;
    this.context = context;
  }

  @Override
  public Program.Executor make(Program program) {
    if (program.insns().size() > MAX_INSNS) {
      return Interpreter.of(program);
    }
    ClassWriting writing = new ClassWriting(machine, program.insns(), program.stackUse(), context);
    byte[] bytes = writing.bytes();
    try {
      return (Program.Executor)
          MethodHandles.lookup()
              .defineHiddenClassWithClassData(bytes, writing.constants(), true)
              .lookupClass()
              .getDeclaredConstructor()
              .newInstance();
    } catch (IllegalAccessException
        | InstantiationException
        | InvocationTargetException
        | NoSuchMethodException e) {
      throw new IllegalStateException("jit: " + program.name(), e);
    }
  }

  /** Returns the class file that a program is compiled to. */
  public static byte[] classFile(Machine machine, Program program, boolean context) {
    return new ClassWriting(machine, program.insns(), program.stackUse(), context).bytes();
  }
}
