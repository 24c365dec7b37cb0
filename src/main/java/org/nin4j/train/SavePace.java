package org.nin4j.train;

import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * Says when a checkpoint within an epoch is due: a time after the last one, and only as long as all
 * of them, with the one that comes, take no more than a hundredth of the training's time. What the
 * first one takes is not known before, unless an epoch has ended. The clock is one that never goes
 * back.
 */
final class SavePace {
  /** Of the training's time, for checkpoints within epochs. */
  static final double MOST_SHARE = 0.01;

  private final long every;
  private final LongSupplier nanoseconds;
  private final long start;
  private long began;
  private long last;
  private long lastTook;
  private long allTook;

  /**
   * Begins to count.
   *
   * @param every zero: never within an epoch
   * @param nanoseconds a clock
   */
  SavePace(Duration every, LongSupplier nanoseconds) {
    this.every = every.toNanos();
    this.nanoseconds = nanoseconds;
    start = nanoseconds.getAsLong();
    last = start;
  }

  boolean due() {
    if (every == 0) {
      return false;
    }
    long now = nanoseconds.getAsLong();
    return now - last >= every && allTook + lastTook <= MOST_SHARE * (now - start);
  }

  /** A checkpoint is about to be read and written. */
  void begin() {
    began = nanoseconds.getAsLong();
  }

  /** It was written because an epoch ended, or the training: that has no share to keep to. */
  void endedEpoch() {
    last = nanoseconds.getAsLong();
    lastTook = last - began;
  }

  /**
   * It was written within an epoch.
   *
   * @return the nanoseconds it took
   */
  long endedWithin() {
    endedEpoch();
    allTook += lastTook;
    return lastTook;
  }
}
