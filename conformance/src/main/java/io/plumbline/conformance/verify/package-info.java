/** Engines side by side over corpora, with what a person needs to see when they differ. */
@NullMarked
package io.plumbline.conformance.verify;

import org.jspecify.annotations.NullMarked;
