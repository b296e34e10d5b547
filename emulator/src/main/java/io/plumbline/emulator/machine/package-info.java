/** What a program runs in: memory, packet, context, maps and events. */
@NullMarked
package io.plumbline.emulator.machine;

import org.jspecify.annotations.NullMarked;
