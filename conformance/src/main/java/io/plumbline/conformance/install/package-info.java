/** What is installed beside the programs: manual pages and shell completion. */
@NullMarked
package io.plumbline.conformance.install;

import org.jspecify.annotations.NullMarked;
