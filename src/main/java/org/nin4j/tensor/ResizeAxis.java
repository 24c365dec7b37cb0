package org.nin4j.tensor;

/**
 * One axis of a bilinear resize of 8-bit images, as integer tables that a backend can upload.
 *
 * <p>Output position {@code o} is
 *
 * <pre>
 *   clip((2^21 + Σ_{i &lt; count[o]} source[start[o] + i] · coefficients[o · maxCount + i]) &gt;&gt; 22)
 * </pre>
 *
 * with the clip to 0…255. Pixel centres lie at half-integers: output {@code o} looks at {@code c =
 * (o + 0.5) · in / out} and weighs source pixel {@code i} by {@code max(0, 1 - |i + 0.5 - c| / s)},
 * normalised to sum 1, where {@code s = max(1, in / out)}, so that shrinking averages all source
 * pixels. These are the tables of {@code Image.resize(size, BILINEAR)} in Pillow (the method and
 * its fixed-point form are those of its {@code Resample.c}), which the published Fashion-MNIST
 * set-ups resize with; results are equal to Pillow's byte for byte.
 *
 * <p>The arrays are shared, not copied; nobody may change them. Two axes are equal only if they
 * hold the same arrays.
 *
 * @param inSize source pixels along the axis
 * @param outSize output pixels along the axis
 * @param start first source pixel of each output pixel [outSize]
 * @param count source pixels that each output pixel weighs [outSize], 1 to {@code maxCount}
 * @param coefficients weights times 2^22, rounded [outSize, maxCount]; zero past the count
 * @param maxCount the largest count
 */
public record ResizeAxis(
    int inSize, int outSize, int[] start, int[] count, int[] coefficients, int maxCount) {

  /** Bits behind the binary point of a coefficient: 8 go to the pixel, 2 to sign and overflow. */
  public static final int PRECISION_BITS = 32 - 8 - 2;

  /** Checks that every tap lies inside the source. */
  public ResizeAxis {
    if (inSize < 1 || outSize < 1 || maxCount < 1) {
      throw new IllegalArgumentException(
          "A resize needs at least one pixel on each side, not " + inSize + " to " + outSize);
    }
    if (start.length != outSize
        || count.length != outSize
        || coefficients.length != outSize * maxCount) {
      throw new IllegalArgumentException("Resize tables do not fit " + outSize + " output pixels");
    }
    for (int o = 0; o < outSize; o++) {
      if (start[o] < 0 || count[o] < 1 || count[o] > maxCount || start[o] + count[o] > inSize) {
        throw new IllegalArgumentException("Resize tables reach outside the source at pixel " + o);
      }
    }
  }

  /** The tables for resizing {@code inSize} pixels to {@code outSize}, both at least 1. */
  public static ResizeAxis of(int inSize, int outSize) {
    if (inSize < 1 || outSize < 1) {
      throw new IllegalArgumentException(
          "A resize needs at least one pixel on each side, not " + inSize + " to " + outSize);
    }
    double scale = (double) inSize / outSize;
    double support = Math.max(1.0, scale);
    int[] start = new int[outSize];
    int[] count = new int[outSize];
    int maxCount = 0;
    for (int o = 0; o < outSize; o++) {
      double centre = (o + 0.5) * scale;
      start[o] = Math.max(0, (int) (centre - support + 0.5));
      count[o] = Math.min(inSize, (int) (centre + support + 0.5)) - start[o];
      maxCount = Math.max(maxCount, count[o]);
    }
    int[] coefficients = new int[Math.multiplyExact(outSize, maxCount)];
    double[] weights = new double[maxCount];
    for (int o = 0; o < outSize; o++) {
      double centre = (o + 0.5) * scale;
      double sum = 0;
      for (int i = 0; i < count[o]; i++) {
        weights[i] = triangle((i + start[o] - centre + 0.5) * (1.0 / support));
        sum += weights[i];
      }
      for (int i = 0; i < count[o]; i++) {
        coefficients[o * maxCount + i] = (int) (0.5 + weights[i] / sum * (1 << PRECISION_BITS));
      }
    }
    return new ResizeAxis(inSize, outSize, start, count, coefficients, maxCount);
  }

  /** Whether the size stays as it is, so that the axis needs no pass. */
  public boolean isIdentity() {
    return inSize == outSize;
  }

  /**
   * Resizes one line of pixels: {@code outSize} output pixels from {@code inSize} source pixels.
   *
   * @param source unsigned bytes
   * @param sourceOffset index of the line's first pixel in {@code source}
   * @param sourceStride distance between neighbouring pixels of the line in {@code source}
   * @param target receives unsigned bytes
   * @param targetOffset index of the line's first pixel in {@code target}
   * @param targetStride distance between neighbouring pixels of the line in {@code target}
   */
  void resizeLine(
      byte[] source,
      int sourceOffset,
      int sourceStride,
      byte[] target,
      int targetOffset,
      int targetStride) {
    for (int o = 0; o < outSize; o++) {
      int sum = 1 << (PRECISION_BITS - 1);
      for (int i = 0; i < count[o]; i++) {
        int pixel = source[sourceOffset + (start[o] + i) * sourceStride] & 0xFF;
        sum += pixel * coefficients[o * maxCount + i];
      }
      // Weights are positive, but rounded they may sum to a little over 1.
      target[targetOffset + o * targetStride] = (byte) Math.min(255, sum >> PRECISION_BITS);
    }
  }

  private static double triangle(double x) {
    return Math.max(0, 1 - Math.abs(x));
  }
}
