/** Engines run programs on frames; the model is the first of them. */
@NullMarked
package io.plumbline.model.engine;

import org.jspecify.annotations.NullMarked;
