package org.nin4j.data.shapes;

/**
 * The generator SplitMix64 (Steele, Lea, Flood 2014, "Fast Splittable Pseudorandom Number
 * Generators"), written out so that what is drawn from a seed never changes with the Java platform.
 */
final class SplitMix64 {

  private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

  private long state;

  SplitMix64(long seed) {
    state = seed;
  }

  /** A generator for one element of one stream of a seed. */
  static SplitMix64 of(long seed, int stream, int element) {
    return new SplitMix64(mix(mix(seed) ^ ((long) stream << 32 | element)));
  }

  long next() {
    state += GOLDEN_GAMMA;
    return mix(state);
  }

  /** Uniform in [low, high). */
  double uniform(double low, double high) {
    return low + (high - low) * ((next() >>> 11) * 0x1p-53);
  }

  boolean coin() {
    return next() < 0;
  }

  /**
   * Close to normal, mean 0 and variance 1, within ±3.47: the sum of four uniform numbers (variance
   * 1/12 each), which needs no logarithm.
   */
  double normal() {
    long bits = next();
    long sum = (bits & 0xFFFF) + (bits >>> 16 & 0xFFFF) + (bits >>> 32 & 0xFFFF) + (bits >>> 48);
    return (sum - 2 * 65535.0) / 65536.0 * Math.sqrt(3);
  }

  private static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
