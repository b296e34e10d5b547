/** What a process that holds an attachment has to do about signals and privileges. */
@NullMarked
package io.plumbline.loader.process;

import org.jspecify.annotations.NullMarked;
