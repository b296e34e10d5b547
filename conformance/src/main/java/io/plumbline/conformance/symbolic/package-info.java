/** Every way through a program at once: execution over terms instead of numbers. */
@NullMarked
package io.plumbline.conformance.symbolic;

import org.jspecify.annotations.NullMarked;
