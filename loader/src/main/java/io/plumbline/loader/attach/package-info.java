/** Programs on interfaces: attached, found again, replaced, removed. */
@NullMarked
package io.plumbline.loader.attach;

import org.jspecify.annotations.NullMarked;
