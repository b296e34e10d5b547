/** The kernel as an engine: objects loaded by libbpf, run by BPF_PROG_TEST_RUN. */
@NullMarked
package io.plumbline.loader.kernel;

import org.jspecify.annotations.NullMarked;
