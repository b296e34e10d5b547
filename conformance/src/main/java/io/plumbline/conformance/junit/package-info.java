/** For tests of other people's programs, with JUnit 5. */
@NullMarked
package io.plumbline.conformance.junit;

import org.jspecify.annotations.NullMarked;
