/** Policy files, and names resolved for them. */
@NullMarked
package io.plumbline.loader.policy;

import org.jspecify.annotations.NullMarked;
