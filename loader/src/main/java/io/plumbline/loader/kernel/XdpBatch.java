package io.plumbline.loader.kernel;

import io.plumbline.loader.libbpf.Bpf;
import io.plumbline.loader.libbpf.BpfSyscall;
import io.plumbline.loader.libbpf.LibC;
import io.plumbline.loader.netlink.NetworkNamespace;
import io.plumbline.model.engine.EngineException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/** Batches of XDP programs. A frame's bytes are all that they see of it. */
final class XdpBatch implements BatchWrapper {
  private static final int HELPER_XDP_ADJUST_TAIL = 65;
  private static final int HELPER_XDP_STORE_BYTES = 190;
  private static final int DATA = 0;
  private static final int DATA_END = 4;
  private static final int LOOPBACK = 1;

  @Override
  public ProgramType type() {
    return ProgramType.XDP;
  }

  @Override
  public int maxLength() {
    return type().hook().testRunLimits().shown();
  }

  @Override
  public boolean groupsByEtherType() {
    return false;
  }

  @Override
  public Assembly code(int slots, int state, int maxLength) {
    return nextFrame(slots, state, maxLength)
        .load32(2, 6, DATA)
        .load32(3, 6, DATA_END)
        .sub(3, 2)
        .mov(2, 9)
        .sub(2, 3)
        .jumpEqImm(2, 0, "fill")
        .mov(1, 6)
        .call(HELPER_XDP_ADJUST_TAIL)
        .jumpNeImm(0, 0, "out")
        .label("fill")
        .mov(1, 6)
        .movImm(2, 0)
        .mov(3, 8)
        .addImm(3, BatchProgram.HEADER)
        .mov(4, 9)
        .call(HELPER_XDP_STORE_BYTES)
        .jumpNeImm(0, 0, "out")
        .mov(1, 6)
        .callSubject()
        .store32(8, BatchProgram.VERDICT, 0)
        .movImm(1, 1)
        .store32(8, BatchProgram.RAN, 1)
        .label("out")
        .movImm(0, 0)
        .exit();
  }

  /**
   * Attaches the program to the loopback of a network namespace of its own, where no packet passes:
   * a test run of a program that is attached nowhere changes the kernel's XDP dispatcher, which
   * costs some 15 ms (kernel {@code net/bpf/test_run.c}, bpf_prog_test_run_xdp).
   */
  @Override
  public AutoCloseable prepare(int program) throws EngineException {
    CountDownLatch closed = new CountDownLatch(1);
    CountDownLatch attached = new CountDownLatch(1);
    FutureTask<Void> holding =
        new FutureTask<>(
            () -> {
              try {
                NetworkNamespace.enterNew();
                int link =
                    Bpf.linkCreate(program, LOOPBACK, Bpf.ATTACH_XDP, Bpf.XDP_FLAGS_SKB_MODE, 0);
                if (link < 0) {
                  throw new IllegalStateException(BpfSyscall.describe(-link));
                }
                attached.countDown();
                closed.await();
                LibC.close(link);
                return null;
              } finally {
                attached.countDown();
              }
            });
    Thread thread = new Thread(holding, "xdp-batch");
    thread.setDaemon(true);
    thread.start();
    try {
      attached.await();
      if (holding.isDone()) {
        holding.get();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException e) {
      throw new EngineException("kernel-batch: attach to lo: " + e.getMessage());
    }
    return () -> {
      closed.countDown();
      thread.join();
    };
  }
}
