/** The command line of traffico (its specification, sections b to e). */
@NullMarked
package io.plumbline.loader.traffico;

import org.jspecify.annotations.NullMarked;
