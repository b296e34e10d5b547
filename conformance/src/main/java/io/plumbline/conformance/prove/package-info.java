/** Programs and their decision lists compared for all frames and inputs, by a solver. */
@NullMarked
package io.plumbline.conformance.prove;

import org.jspecify.annotations.NullMarked;
