/** What a filter program is: its name, layer, input and decision list; chains of programs. */
@NullMarked
package io.plumbline.model.program;

import org.jspecify.annotations.NullMarked;
