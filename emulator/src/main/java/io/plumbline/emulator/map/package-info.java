/** Maps with the kernel's semantics. */
@NullMarked
package io.plumbline.emulator.map;

import org.jspecify.annotations.NullMarked;
