/** What makes the commands start fast. */
@NullMarked
package io.plumbline.loader.start;

import org.jspecify.annotations.NullMarked;
