/**
 * Captures as files, a packet builder, and generators of packets that reach what a program
 * distinguishes.
 */
@NullMarked
package io.plumbline.pcaps;

import org.jspecify.annotations.NullMarked;
