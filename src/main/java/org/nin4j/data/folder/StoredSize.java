package org.nin4j.data.folder;

/**
 * The size that the pictures of a folder are stored at. Where they are of another one, the largest
 * part around the centre that has these proportions is resized to it.
 *
 * @param height rows
 * @param width pixels per row
 * @param unlessCommon whether pictures that all have one size keep it, if they are not too many
 */
public record StoredSize(int height, int width, boolean unlessCommon) {
  /** Checks the sizes. */
  public StoredSize {
    if (height < 1 || width < 1) {
      throw new IllegalArgumentException(
          "pictures have at least one pixel, not " + height + "×" + width);
    }
  }

  /** Squares of the given side, but for pictures that all have one size. */
  public static StoredSize squareUnlessCommon(int side) {
    return new StoredSize(side, side, true);
  }

  /** This size, whatever the pictures' is. */
  public static StoredSize exactly(int height, int width) {
    return new StoredSize(height, width, false);
  }
}
