package io.plumbline.loader.kernel;

import com.sun.jna.Pointer;
import io.plumbline.model.engine.EngineException;

/**
 * A program that pushes a VLAN tag outside the frame's bytes, as offload does, and then calls a
 * subject. A test run cannot be given such a tag, but {@code bpf_skb_vlan_push} makes one (kernel
 * {@code net/core/skbuff.c}, skb_vlan_push).
 */
public final class TagPusher implements AutoCloseable {
  private static final int HELPER_SKB_VLAN_PUSH = 18;

  private final SharedArray tag;
  private final SplicedProgram program;

  TagPusher(byte[] subject) throws EngineException {
    tag = new SharedArray(8, 1);
    Assembly code =
        new Assembly()
            .mov(6, 1)
            .loadMapValue(7, tag.fd())
            .load16(2, 7, 0)
            .load16(3, 7, 4)
            .call(HELPER_SKB_VLAN_PUSH)
            .jumpNeImm(0, 0, "refused")
            .mov(1, 6)
            .callSubject()
            .exit()
            .label("refused")
            .movImm(0, -1)
            .exit();
    try {
      program = new SplicedProgram("kernel", ProgramType.SCHED_CLS, code, subject);
    } catch (EngineException e) {
      tag.close();
      throw e;
    }
  }

  private TagPusher() throws EngineException {
    tag = new SharedArray(8, 1);
    Assembly code =
        new Assembly()
            .loadMapValue(7, tag.fd())
            .load16(2, 7, 0)
            .load16(3, 7, 4)
            .jumpEqImm(2, 0, "out")
            .call(HELPER_SKB_VLAN_PUSH)
            .label("out")
            .movImm(0, ProgramType.SCHED_CLS.hook().next().orElseThrow())
            .exit();
    try {
      program = new SplicedProgram("kernel", ProgramType.SCHED_CLS, code, new byte[0]);
    } catch (EngineException e) {
      tag.close();
      throw e;
    }
  }

  /** Makes one that lets the next program on its hook do the rest. */
  public static TagPusher onHook() throws EngineException {
    return new TagPusher();
  }

  /** Returns the fd of the program. */
  public int programFd() {
    return program.fd();
  }

  /** Sets the tag of the next run, as {@code VlanTag.word()} gives it; 0 is none. */
  public void setTag(int word) {
    Pointer memory = tag.memory();
    // The helper takes the protocol in network order.
    memory.setShort(0, Short.reverseBytes((short) (word >>> 16)));
    memory.setShort(4, (short) word);
  }

  @Override
  public void close() {
    program.close();
    tag.close();
  }
}
