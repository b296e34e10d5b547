/** What a program would do to the traffic of a capture. */
@NullMarked
package io.plumbline.conformance.replay;

import org.jspecify.annotations.NullMarked;
