/** Benchmarks, one question per class. */
package io.plumbline.bench;
