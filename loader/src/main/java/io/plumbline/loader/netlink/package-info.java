/** Interfaces, qdiscs and filters through rtnetlink (RFC 3549; kernel {@code net/sched}). */
@NullMarked
package io.plumbline.loader.netlink;

import org.jspecify.annotations.NullMarked;
