/** Object files: ELF, BTF and relocations, read into inert specs. */
@NullMarked
package io.plumbline.emulator.object;

import org.jspecify.annotations.NullMarked;
