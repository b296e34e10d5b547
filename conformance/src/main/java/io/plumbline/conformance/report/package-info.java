/** The report of a verification as a page for people. */
@NullMarked
package io.plumbline.conformance.report;

import org.jspecify.annotations.NullMarked;
