/**
 * Benchmarks: steps and whole networks under JMH, our side of the race with the peers, and what
 * comes of other batches and image sizes.
 */
package org.nin4j.bench;
