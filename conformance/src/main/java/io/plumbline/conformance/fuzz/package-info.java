/** Generated programs that every engine must run alike. */
@NullMarked
package io.plumbline.conformance.fuzz;

import org.jspecify.annotations.NullMarked;
