package org.nin4j.train;

/** Says when it is time to report again: a few times a second, however fast the steps are. */
final class Pace {
  private static final long NANOSECONDS = 250_000_000;

  private long last = System.nanoTime();

  boolean due() {
    long now = System.nanoTime();
    if (now - last < NANOSECONDS) {
      return false;
    }
    last = now;
    return true;
  }
}
