package org.nin4j.backend.cuda.natives.doctor;

import org.nin4j.text.Text;

/**
 * A GPU as the driver describes it.
 *
 * @param index its number among those that CUDA shows
 * @param name its product name
 * @param computeMajor first number of its compute capability
 * @param computeMinor second number of its compute capability
 * @param memoryBytes its memory
 */
public record Gpu(int index, String name, int computeMajor, int computeMinor, long memoryBytes) {

  /** Whether the backend's kernels run on it: compute capability 7.5 (Turing) or newer. */
  public boolean supported() {
    return computeMajor * 10 + computeMinor >= 75;
  }

  /** As a line of a report. */
  @Override
  public String toString() {
    return Text.of(
        "%s, compute capability %d.%d, %.1f GiB%s",
        name,
        computeMajor,
        computeMinor,
        memoryBytes / (double) (1L << 30),
        supported() ? "" : " (too old: 7.5 is needed)");
  }
}
