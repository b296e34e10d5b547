package io.plumbline.loader.process;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * The wish that this process ends: SIGINT, SIGTERM, SIGHUP. The thread that made a change undoes it
 * itself, because network namespace and privileges are that thread's, and then ends the process
 * with {@link #exit}.
 */
public final class Stop implements AutoCloseable {
  private static volatile boolean ending;
  private static volatile boolean stopping;

  private final CountDownLatch wish = new CountDownLatch(1);

  private final Thread hook = new Thread(this::hold, "stop");

  /** Begins to listen. */
  public Stop() {
    Runtime.getRuntime().addShutdownHook(hook);
  }

  /** Keeps the JVM from ending before the other thread has cleaned up. */
  private void hold() {
    if (ending) {
      return;
    }
    stopping = true;
    wish.countDown();
    try {
      Thread.sleep(Long.MAX_VALUE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Waits for the wish; returns whether it came. */
  public boolean await(long millis) {
    try {
      return wish.await(millis, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return true;
    }
  }

  /** Listens no more. */
  @Override
  public void close() {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The process is ending.
    }
  }

  /** Ends the process, also when something else has begun to end it. */
  public static void exit(int status) {
    if (stopping) {
      Runtime.getRuntime().halt(status);
    }
    ending = true;
    System.exit(status);
  }
}
