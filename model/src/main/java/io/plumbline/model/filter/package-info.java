/** One reference model per filter program, written from the specification. */
@NullMarked
package io.plumbline.model.filter;

import org.jspecify.annotations.NullMarked;
