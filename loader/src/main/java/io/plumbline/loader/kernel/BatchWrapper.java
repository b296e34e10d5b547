package io.plumbline.loader.kernel;

import io.plumbline.model.engine.EngineException;
import io.plumbline.model.hook.Hook;

/** What differs between hooks in a {@link BatchProgram}. */
interface BatchWrapper {
  int HELPER_MAP_LOOKUP_ELEM = 1;

  /** Returns the wrapper of a hook. */
  static BatchWrapper of(Hook hook) {
    ProgramType type = ProgramType.inTestRuns(hook);
    return type.equals(ProgramType.XDP) ? new XdpBatch() : new SkbBatch(type);
  }

  /** Returns the program type. */
  ProgramType type();

  /** Returns the length of the longest frame that it can take, in bytes. */
  int maxLength();

  /** Returns whether a batch must be of one EtherType, which is that of its first frame. */
  boolean groupsByEtherType();

  /**
   * Returns instructions that take the next frame and call the subject.
   *
   * @param slots the array of frames, as {@link BatchProgram} describes it
   * @param state the array with the number of the next slot
   * @param maxLength of a frame
   */
  Assembly code(int slots, int state, int maxLength);

  /** Prepares a loaded program for fast runs; the result is closed with the program. */
  AutoCloseable prepare(int program) throws EngineException;

  /** Returns the start: r6 is the context, r8 the frame's slot, r9 its length, within bounds. */
  default Assembly nextFrame(int slots, int state, int maxLength) {
    return new Assembly()
        .mov(6, 1)
        .loadMapValue(7, state)
        .load32(1, 7, 0)
        .store32(10, -4, 1)
        .addImm(1, 1)
        .store32(7, 0, 1)
        .loadMap(1, slots)
        .mov(2, 10)
        .addImm(2, -4)
        .call(HELPER_MAP_LOOKUP_ELEM)
        .jumpEqImm(0, 0, "out")
        .mov(8, 0)
        .load32(9, 8, 0)
        .jumpLtImm(9, type().hook().testRunLimits().min(), "out")
        .jumpGtImm(9, maxLength, "out");
  }
}
