/**
 * A CNI plugin (CNI specification 0.3.1 to 1.1.0) that filters the interface of a container;
 * traffico's on ADD (its specification, section f).
 */
@NullMarked
package io.plumbline.loader.cni;

import org.jspecify.annotations.NullMarked;
