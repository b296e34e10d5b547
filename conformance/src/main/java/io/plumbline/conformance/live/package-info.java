/** Real frames on a real interface, as an engine. */
@NullMarked
package io.plumbline.conformance.live;

import org.jspecify.annotations.NullMarked;
