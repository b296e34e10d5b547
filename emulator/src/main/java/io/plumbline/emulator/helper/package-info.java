/** Helper functions, a table row each. */
@NullMarked
package io.plumbline.emulator.helper;

import org.jspecify.annotations.NullMarked;
