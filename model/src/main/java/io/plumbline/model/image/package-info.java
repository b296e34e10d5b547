/** What filters are lowered to: exact bytes, inert. */
@NullMarked
package io.plumbline.model.image;

import org.jspecify.annotations.NullMarked;
