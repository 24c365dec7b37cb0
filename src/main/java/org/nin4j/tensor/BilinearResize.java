package org.nin4j.tensor;

/**
 * Bilinear resize of 8-bit planes, equal to Pillow's {@code Image.resize(size, BILINEAR)}: first
 * along the rows, rounded to 8 bits, then along the columns; an axis whose size stays is not
 * touched. {@link ResizeAxis} has the arithmetic.
 *
 * @param vertical height to height
 * @param horizontal width to width
 */
public record BilinearResize(ResizeAxis vertical, ResizeAxis horizontal) {

  /** The resize of planes [inHeight, inWidth] to [outHeight, outWidth], all at least 1. */
  public static BilinearResize of(int inHeight, int inWidth, int outHeight, int outWidth) {
    return new BilinearResize(ResizeAxis.of(inHeight, outHeight), ResizeAxis.of(inWidth, outWidth));
  }

  /**
   * Resizes one plane of unsigned bytes.
   *
   * @param source holds the plane [inHeight, inWidth]
   * @param sourceOffset index of its first pixel
   * @param target receives the plane [outHeight, outWidth]; may not be {@code source}
   * @param targetOffset index of its first pixel
   */
  public void resize(byte[] source, int sourceOffset, byte[] target, int targetOffset) {
    int inHeight = vertical.inSize();
    int inWidth = horizontal.inSize();
    int outWidth = horizontal.outSize();
    byte[] rows = new byte[inHeight * outWidth];
    if (horizontal.isIdentity()) {
      System.arraycopy(source, sourceOffset, rows, 0, rows.length);
    } else {
      for (int y = 0; y < inHeight; y++) {
        horizontal.resizeLine(source, sourceOffset + y * inWidth, 1, rows, y * outWidth, 1);
      }
    }
    if (vertical.isIdentity()) {
      System.arraycopy(rows, 0, target, targetOffset, rows.length);
    } else {
      for (int x = 0; x < outWidth; x++) {
        vertical.resizeLine(rows, x, outWidth, target, targetOffset + x, outWidth);
      }
    }
  }
}
