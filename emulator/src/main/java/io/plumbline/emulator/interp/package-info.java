/** The interpreter. */
@NullMarked
package io.plumbline.emulator.interp;

import org.jspecify.annotations.NullMarked;
