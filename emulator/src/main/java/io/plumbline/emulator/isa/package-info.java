/** The instruction set: the table, and programs as bytes and as text. */
@NullMarked
package io.plumbline.emulator.isa;

import org.jspecify.annotations.NullMarked;
