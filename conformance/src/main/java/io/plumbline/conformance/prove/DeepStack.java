package io.plumbline.conformance.prove;

import io.plumbline.conformance.symbolic.SymbolicException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/** Runs work on terms in a thread with a large stack: a long program makes deep terms. */
final class DeepStack {
  static final long BYTES = 1L << 30;

  /** Work on terms. */
  interface Work<T> {
    T run() throws SymbolicException;
  }

  private DeepStack() {}

  static <T> T run(Work<T> work) throws SymbolicException {
    FutureTask<T> task = new FutureTask<>(work::run);
    new Thread(null, task, "terms", BYTES).start();
    try {
      return task.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new SymbolicException("interrupted");
    } catch (ExecutionException e) {
      if (e.getCause() instanceof StackOverflowError) {
        throw new SymbolicException("the program is too large");
      } else if (e.getCause() instanceof SymbolicException cause) {
        throw cause;
      } else if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new IllegalStateException(e.getCause());
    }
  }
}
