/** Classic BPF: its forms, its interpreter and its translation. */
@NullMarked
package io.plumbline.emulator.classic;

import org.jspecify.annotations.NullMarked;
