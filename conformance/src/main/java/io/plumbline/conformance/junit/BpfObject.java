package io.plumbline.conformance.junit;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Marks a parameter of type {@link BpfProgram} of a test: the program of an object file. A relative
 * path is looked for among the test's resources, then from the working directory.
 */
@Target(ElementType.PARAMETER)
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(BpfObjectResolver.class)
public @interface BpfObject {
  /** The file. */
  String value();

  /** The program's name; needed if the object has several. */
  String program() default "";
}
