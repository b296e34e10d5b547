/** Decision lists: ordered, named clauses over header fields. */
@NullMarked
package io.plumbline.model.decision;

import org.jspecify.annotations.NullMarked;
