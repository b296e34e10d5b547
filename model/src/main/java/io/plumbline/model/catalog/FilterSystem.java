package io.plumbline.model.catalog;

import io.plumbline.model.engine.Subject;
import io.plumbline.model.policy.PolicyException;
import io.plumbline.model.program.InputException;
import java.util.Map;

/**
 * A kind of filter.
 *
 * @param name under which {@link SystemCatalog} finds it
 * @param reader reads what its subjects describe themselves as
 */
public record FilterSystem(String name, Reader reader) {
  /** Makes a subject of what one was described as. */
  public interface Reader {
    /**
     * Reads {@link Subject#describe}.
     *
     * @param where what it comes from, for messages
     * @throws IllegalArgumentException if it names what there is not
     */
    Subject read(Map<String, String> description, String where)
        throws InputException, PolicyException;
  }
}
