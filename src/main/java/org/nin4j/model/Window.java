package org.nin4j.model;

import org.nin4j.tensor.Shape;

/**
 * A square window that slides over an image: the common geometry of convolution and pooling.
 *
 * @param kernel its side in pixels
 * @param stride how far it moves
 * @param padding how many pixels are thought around the image on each side
 */
public record Window(int kernel, int stride, int padding) {
  public Window {
    if (kernel < 1 || stride < 1 || padding < 0) {
      throw new IllegalArgumentException(
          "a window needs kernel ≥ 1, stride ≥ 1 and padding ≥ 0, not kernel %d, stride %d, padding %d"
              .formatted(kernel, stride, padding));
    }
  }

  /**
   * How many places the window has along an extent: ⌊(extent + 2·padding − kernel) / stride⌋ + 1.
   */
  public int places(int extent) {
    return Math.floorDiv(extent + 2 * padding - kernel, stride) + 1;
  }

  /**
   * The image that comes out of {@code channels} such windows over {@code input}.
   *
   * @throws ShapeException if the window does not fit
   */
  Shape slideOver(String kind, Shape input, int channels) {
    int height = input.dim(1);
    int width = input.dim(2);
    int least = kernel - 2 * padding;
    if (height < least || width < least) {
      throw new ShapeException(
          "%s has a %d×%d window with padding %d, but %s reaches it; it needs at least %d×%d pixels, so use a larger image, a smaller kernel or more padding"
              .formatted(kind, kernel, kernel, padding, input, least, least));
    }
    return Shape.of(channels, places(height), places(width));
  }

  @Override
  public String toString() {
    return "%d×%d".formatted(kernel, kernel)
        + (stride == 1 ? "" : "/" + stride)
        + (padding == 0 ? "" : " pad " + padding);
  }
}
