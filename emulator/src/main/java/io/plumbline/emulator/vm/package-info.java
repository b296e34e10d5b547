/** Objects bound to a machine: maps made, references resolved, programs ready to run. */
@NullMarked
package io.plumbline.emulator.vm;

import org.jspecify.annotations.NullMarked;
