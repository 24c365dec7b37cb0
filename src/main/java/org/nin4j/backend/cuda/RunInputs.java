package org.nin4j.backend.cuda;

/**
 * Arguments of kernels that change between epochs, each in a box that {@link Launch} reads when it
 * starts. A captured graph keeps the values that it was captured with, so a change makes it stale.
 */
final class RunInputs {
  final long[] images = {0};
  final long[] labels = {0};
  final long[] order = {0};
  final long[] orderLength = {0};
  final long[] rates = {0};
  final int[] rateCount = {1};
  final long[] seed = {0};
  private boolean changed = true;

  void set(long[] box, long value) {
    changed |= box[0] != value;
    box[0] = value;
  }

  void set(int[] box, int value) {
    changed |= box[0] != value;
    box[0] = value;
  }

  /** Whether something has changed since this was last asked. */
  boolean takeChanged() {
    boolean was = changed;
    changed = false;
    return was;
  }
}
