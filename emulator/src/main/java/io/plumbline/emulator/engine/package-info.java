/** The emulator as an engine beside model and kernel. */
@NullMarked
package io.plumbline.emulator.engine;

import org.jspecify.annotations.NullMarked;
