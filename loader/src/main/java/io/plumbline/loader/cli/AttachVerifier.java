package io.plumbline.loader.cli;

import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.engine.Subject;
import java.io.PrintWriter;

/**
 * Says whether all engines agree on a filter. It is not part of the loader, which brings no model
 * of its own to a host; {@code plumb attach --verify} finds it where the whole of Plumbline is
 * installed.
 */
public interface AttachVerifier {
  /**
   * Runs the filter on all engines over the built-in frames.
   *
   * @return whether they agree; if not, the disagreement has been written to {@code err}
   */
  boolean agrees(Subject subject, ObjectSource objects, PrintWriter err) throws CommandException;
}
