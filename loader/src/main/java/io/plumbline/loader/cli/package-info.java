/** The commands of production: attach, status, stats, events, detach, confirm, doctor. */
@NullMarked
package io.plumbline.loader.cli;

import org.jspecify.annotations.NullMarked;
