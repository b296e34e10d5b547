/** The command line: one class per command, thin over the packages beside it. */
@NullMarked
package io.plumbline.conformance.cli;

import org.jspecify.annotations.NullMarked;
