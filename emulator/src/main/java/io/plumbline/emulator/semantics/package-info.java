/** What instructions compute: the one definition that interpreter and JIT share. */
@NullMarked
package io.plumbline.emulator.semantics;

import org.jspecify.annotations.NullMarked;
