/** The compiler to JVM bytecode. */
@NullMarked
package io.plumbline.emulator.jit;

import org.jspecify.annotations.NullMarked;
