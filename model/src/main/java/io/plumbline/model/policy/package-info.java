/**
 * Intent policies: text, syntax, normalised policy, packet sets, and the bytes the kernel reads.
 */
@NullMarked
package io.plumbline.model.policy;

import org.jspecify.annotations.NullMarked;
