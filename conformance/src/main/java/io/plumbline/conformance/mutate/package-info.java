/** Programs and models that are wrong in one place: does anything notice? */
@NullMarked
package io.plumbline.conformance.mutate;

import org.jspecify.annotations.NullMarked;
