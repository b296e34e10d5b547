/** Where a program is attached and what its verdicts mean there. */
@NullMarked
package io.plumbline.model.hook;

import org.jspecify.annotations.NullMarked;
