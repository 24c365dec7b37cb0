/** Benchmarks: steps and whole networks under JMH, and our side of the race with the peers. */
package org.nin4j.bench;
