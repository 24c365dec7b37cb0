package org.nin4j.data.picture;

import org.nin4j.tensor.BilinearResize;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

/**
 * A picture that was read and stands upright.
 *
 * @param channels 1 (grey) or 3 (red, green, blue), as its file has them
 * @param planes unsigned bytes [channels, height, width]; not copied
 */
public record Picture(int channels, int height, int width, byte[] planes) {

  /** How a picture of other proportions is brought to a shape. */
  public enum Fit {
    /** All of it, stretched. */
    STRETCH,
    /** The largest part around its centre that has the shape's proportions. */
    CROP
  }

  /** Checks the sizes. */
  public Picture {
    if (channels != 1 && channels != 3 || planes.length != channels * height * width) {
      throw new IllegalArgumentException(
          Text.of("%d bytes are no picture of %d×%d×%d", planes.length, channels, height, width));
    }
  }

  /** Whether it has no colours: one channel, or three that are the same. */
  public boolean isGrey() {
    int plane = height * width;
    for (int i = plane; i < planes.length; i++) {
      if (planes[i] != planes[i - plane]) {
        return false;
      }
    }
    return true;
  }

  /** With dark and light swapped. */
  public Picture inverted() {
    byte[] inverse = new byte[planes.length];
    for (int i = 0; i < planes.length; i++) {
      inverse[i] = (byte) (255 - (planes[i] & 0xff));
    }
    return new Picture(channels, height, width, inverse);
  }

  /**
   * The pixels for a shape. Grey is ITU-R BT.601 luma, 0.299 red + 0.587 green + 0.114 blue; of a
   * grey picture all three channels are the same.
   *
   * @param shape (1 or 3, height, width)
   * @return unsigned bytes [channels, height, width]
   */
  public byte[] pixels(Shape shape, Fit fit) {
    byte[] wanted = planes(shape.dim(0));
    int outHeight = shape.dim(1);
    int outWidth = shape.dim(2);
    if (outHeight == height && outWidth == width) {
      return wanted;
    }
    int partHeight = height;
    int partWidth = width;
    if (fit == Fit.CROP) {
      partHeight = part(height, width, outHeight, outWidth);
      partWidth = part(width, height, outWidth, outHeight);
    }
    BilinearResize resize = BilinearResize.of(partHeight, partWidth, outHeight, outWidth);
    byte[] part = new byte[partHeight * partWidth];
    byte[] result = new byte[shape.dim(0) * outHeight * outWidth];
    for (int c = 0; c < shape.dim(0); c++) {
      int top = c * height + (height - partHeight) / 2;
      for (int y = 0; y < partHeight; y++) {
        System.arraycopy(
            wanted, (top + y) * width + (width - partWidth) / 2, part, y * partWidth, partWidth);
      }
      resize.resize(part, 0, result, c * outHeight * outWidth);
    }
    return result;
  }

  /** The most pixels along an axis in the proportion of out to outOther: side or less. */
  private static int part(int side, int other, int out, int outOther) {
    long proportional = Math.round((double) other * out / outOther);
    return (int) Math.max(1, Math.min(side, proportional));
  }

  private byte[] planes(int wanted) {
    if (wanted == channels) {
      return planes;
    }
    int plane = height * width;
    byte[] result = new byte[wanted * plane];
    for (int i = 0; i < result.length; i++) {
      result[i] = wanted == 3 ? planes[i % plane] : luma(i, plane);
    }
    return result;
  }

  private byte luma(int pixel, int plane) {
    int red = planes[pixel] & 0xff;
    int green = planes[plane + pixel] & 0xff;
    int blue = planes[2 * plane + pixel] & 0xff;
    return (byte) ((299 * red + 587 * green + 114 * blue + 500) / 1000);
  }
}
