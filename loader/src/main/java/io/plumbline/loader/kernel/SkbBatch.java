package io.plumbline.loader.kernel;

/**
 * Batches of programs that are given a socket buffer. {@code skb->protocol} stays that of the test
 * run's first frame, so a batch is of one EtherType. Of tc programs a VLAN tag outside the frame is
 * pushed before the subject runs, and popped afterwards. Where programs see no Ethernet header,
 * what follows it is written.
 *
 * @param type that of the programs
 */
record SkbBatch(ProgramType type) implements BatchWrapper {
  private static final int HELPER_SKB_STORE_BYTES = 9;
  private static final int HELPER_SKB_VLAN_PUSH = 18;
  private static final int HELPER_SKB_VLAN_POP = 19;
  private static final int HELPER_SKB_CHANGE_TAIL = 38;
  private static final int SKB_LEN = 0;

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
    int hidden = type.hook().hidden();
    Assembly code =
        nextFrame(slots, state, maxLength)
            .addImm(9, -hidden)
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
            .addImm(3, BatchProgram.HEADER + hidden)
            .mov(4, 9)
            .movImm(5, 0)
            .call(HELPER_SKB_STORE_BYTES)
            .jumpNeImm(0, 0, "out");
    return type.hook().testRunLimits().tags()
        ? tagged(code)
        : run(code).label("out").movImm(0, 0).exit();
  }

  private static Assembly run(Assembly code) {
    return code.mov(1, 6)
        .callSubject()
        .store32(8, BatchProgram.VERDICT, 0)
        .movImm(1, 1)
        .store32(8, BatchProgram.RAN, 1);
  }

  private static Assembly tagged(Assembly code) {
    return run(code.load32(1, 8, BatchProgram.TAG)
            .jumpEqImm(1, 0, "run")
            .mov(1, 6)
            .load16(2, 8, BatchProgram.TAG)
            .load16(3, 8, BatchProgram.TAG + 2)
            .call(HELPER_SKB_VLAN_PUSH)
            .jumpNeImm(0, 0, "out")
            .label("run"))
        .load32(1, 8, BatchProgram.TAG)
        .jumpEqImm(1, 0, "out")
        .mov(1, 6)
        .call(HELPER_SKB_VLAN_POP)
        .label("out")
        .movImm(0, 0)
        .exit();
  }
}
