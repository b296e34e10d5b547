/**
 * Rule sets over a table of fields: decisions, and set algebra over all packets.
 *
 * <p>A language of rules chooses its fields and how its rules combine; deciding, indexing, checking
 * and comparing rule sets is here, for every language.
 */
@NullMarked
package io.plumbline.model.ruleset;

import org.jspecify.annotations.NullMarked;
