package org.nin4j.model;

import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

/**
 * A square window that slides over an image: the common geometry of convolution and pooling.
 *
 * @param kernel its side in pixels
 * @param stride how far it moves
 * @param padding how many pixels are thought around the image on each side
 */
public record Window(int kernel, int stride, int padding) {
  /** More than any image has pixels; extents stay far below what an int holds. */
  private static final int MOST = 1 << 16;

  public Window {
    if (kernel < 1 || stride < 1 || padding < 0) {
      throw new IllegalArgumentException(
          Text.of(
              "a window needs kernel ≥ 1, stride ≥ 1 and padding ≥ 0, not kernel %d, stride %d, padding %d",
              kernel, stride, padding));
    }
    if (kernel > MOST || stride > MOST || padding > MOST) {
      throw new IllegalArgumentException(
          Text.of(
              "a window's kernel, stride and padding are at most %d, not %d, %d and %d",
              MOST, kernel, stride, padding));
    }
  }

  /** How many windows there are along an extent: ⌊(extent + 2·padding − kernel) / stride⌋ + 1. */
  public int outputExtent(int extent) {
    return Math.toIntExact(Math.floorDiv(extent + 2L * padding - kernel, (long) stride) + 1);
  }

  /**
   * The same, rounded up if {@code ceil}: a last window may reach past the padding's end, unless it
   * would begin there. As in PyTorch.
   */
  public int outputExtent(int extent, boolean ceil) {
    int whole = outputExtent(extent);
    boolean rest = Math.floorMod(extent + 2L * padding - kernel, (long) stride) != 0;
    boolean begins = (long) whole * stride < (long) extent + padding;
    return ceil && rest && begins ? whole + 1 : whole;
  }

  /** Checks that padding never fills a window of a pool. */
  void requirePooling(String kind) {
    if (padding * 2L > kernel) {
      throw new IllegalArgumentException(
          kind + " takes padding of at most half its kernel, not " + this);
    }
  }

  /**
   * The image that comes out of {@code channels} such windows over {@code input}.
   *
   * @throws ShapeException if the window does not fit
   */
  Shape slideOver(String kind, Shape input, int channels, boolean ceil) {
    int height = input.dim(1);
    int width = input.dim(2);
    long least = Math.max(1, kernel - 2L * padding);
    if (height < least || width < least) {
      throw new ShapeException(
          Text.of(
              "%s has a %d×%d window with padding %d, but %s reaches it; it needs at least %d×%d pixels, so use a larger image, a smaller kernel or more padding",
              kind, kernel, kernel, padding, input, least, least));
    }
    return Shape.of(channels, outputExtent(height, ceil), outputExtent(width, ceil));
  }

  @Override
  public String toString() {
    return Text.of("%d×%d", kernel, kernel)
        + (stride == 1 ? "" : "/" + stride)
        + (padding == 0 ? "" : " pad " + padding);
  }
}
