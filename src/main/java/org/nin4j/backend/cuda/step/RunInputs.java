package org.nin4j.backend.cuda.step;

/**
 * Arguments of kernels that change between epochs, each in a box that {@link
 * org.nin4j.backend.cuda.kernel.Launch} reads when it starts. A captured graph keeps the values
 * that it was captured with, so a change makes it stale.
 */
public final class RunInputs {
  private final long[] images = {0};
  private final long[] labels = {0};
  private final long[] order = {0};
  private final long[] orderLength = {0};
  private final long[] rates = {0};
  private final int[] rateCount = {1};
  private final long[] seed = {0};
  private boolean changed = true;

  public void set(long[] box, long value) {
    changed |= box[0] != value;
    box[0] = value;
  }

  public void set(int[] box, int value) {
    changed |= box[0] != value;
    box[0] = value;
  }

  /** Whether something has changed since this was last asked. */
  public boolean takeChanged() {
    boolean was = changed;
    changed = false;
    return was;
  }

  public int[] rateCount() {
    return rateCount;
  }

  public long[] images() {
    return images;
  }

  public long[] labels() {
    return labels;
  }

  public long[] order() {
    return order;
  }

  public long[] orderLength() {
    return orderLength;
  }

  public long[] rates() {
    return rates;
  }

  public long[] seed() {
    return seed;
  }
}
