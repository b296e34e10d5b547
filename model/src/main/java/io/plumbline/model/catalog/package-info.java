/** The list of all programs, and the chain grammar that looks names up in it. */
@NullMarked
package io.plumbline.model.catalog;

import org.jspecify.annotations.NullMarked;
