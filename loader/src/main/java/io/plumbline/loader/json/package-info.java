/** JSON read and written with the order of its keys. */
@NullMarked
package io.plumbline.loader.json;

import org.jspecify.annotations.NullMarked;
