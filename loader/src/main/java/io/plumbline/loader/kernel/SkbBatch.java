package io.plumbline.loader.kernel;

/**
 * Batches of tc programs. {@code skb->protocol} stays that of the test run's first frame, so a
 * batch is of one EtherType; a VLAN tag outside the frame is pushed before the subject runs, and
 * popped afterwards.
 */
final class SkbBatch implements BatchWrapper {
  private static final int HELPER_SKB_STORE_BYTES = 9;
  private static final int HELPER_SKB_VLAN_PUSH = 18;
  private static final int HELPER_SKB_VLAN_POP = 19;
  private static final int HELPER_SKB_CHANGE_TAIL = 38;
  private static final int SKB_LEN = 0;

  @Override
  public ProgramType type() {
    return ProgramType.SCHED_CLS;
  }

  @Override
  public int maxLength() {
    return type().hook().testRunLimits().max();
  }

  @Override
  public boolean groupsByEtherType() {
    return true;
  }

  @Override
  public AutoCloseable prepare(int program) {
    return () -> {};
  }

  @Override
  public Assembly code(int slots, int state, int maxLength) {
    return nextFrame(slots, state, maxLength)
        .load32(2, 6, SKB_LEN)
        .jumpEq(2, 9, "fill")
        .mov(1, 6)
        .mov(2, 9)
        .movImm(3, 0)
        .call(HELPER_SKB_CHANGE_TAIL)
        .jumpNeImm(0, 0, "out")
        .label("fill")
        .mov(1, 6)
        .movImm(2, 0)
        .mov(3, 8)
        .addImm(3, BatchProgram.HEADER)
        .mov(4, 9)
        .movImm(5, 0)
        .call(HELPER_SKB_STORE_BYTES)
        .jumpNeImm(0, 0, "out")
        .load32(1, 8, BatchProgram.TAG)
        .jumpEqImm(1, 0, "run")
        .mov(1, 6)
        .load16(2, 8, BatchProgram.TAG)
        .load16(3, 8, BatchProgram.TAG + 2)
        .call(HELPER_SKB_VLAN_PUSH)
        .jumpNeImm(0, 0, "out")
        .label("run")
        .mov(1, 6)
        .callSubject()
        .store32(8, BatchProgram.VERDICT, 0)
        .movImm(1, 1)
        .store32(8, BatchProgram.RAN, 1)
        .load32(1, 8, BatchProgram.TAG)
        .jumpEqImm(1, 0, "out")
        .mov(1, 6)
        .call(HELPER_SKB_VLAN_POP)
        .label("out")
        .movImm(0, 0)
        .exit();
  }
}
