/** libbpf, libc and bpf(2) through JNA, under their C names. */
@NullMarked
package io.plumbline.loader.libbpf;

import org.jspecify.annotations.NullMarked;
