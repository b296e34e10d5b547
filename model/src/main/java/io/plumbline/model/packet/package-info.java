/** Frames as bytes with what the kernel keeps beside them, one at a time and in batches. */
@NullMarked
package io.plumbline.model.packet;

import org.jspecify.annotations.NullMarked;
