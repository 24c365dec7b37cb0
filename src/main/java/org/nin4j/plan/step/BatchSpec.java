package org.nin4j.plan.step;

import java.util.List;
import org.nin4j.tensor.Shape;

/**
 * How a batch is made from stored bytes: gather by index, perhaps flip, shift and cut out, enlarge
 * to the network's size (bilinear, on 8-bit pixels, see {@link org.nin4j.tensor.ResizeAxis}), scale
 * to (pixel / 255 − mean) / std.
 *
 * @param source (channels, height, width) of the stored images
 * @param height of the images made
 * @param width of the images made
 * @param mean by channel, in units of [0, 1]
 * @param std by channel, above 0
 * @param border stored value, 0 to 255, of the pixels around the stored image
 * @param augmentation what is varied at random
 */
public record BatchSpec(
    Shape source,
    int height,
    int width,
    List<Float> mean,
    List<Float> std,
    int border,
    Augmentation augmentation) {

  /**
   * Random variation of training images, drawn anew for each sample of each step, on the stored
   * image before it is enlarged. Of the block of (seed, step, {@code Stream.AUGMENTATION}) with the
   * sample's place in the batch (the whole one, where this is a part) as its number, output 0
   * decides the flip (its lowest bit), outputs 1 and 2 the vertical and horizontal shift: (output
   * modulo (2·shift + 1)) − shift as unsigned numbers; pixel (i, j) is the stored pixel (i +
   * vertical, j' + horizontal), where j' is width − 1 − j if flipped and j if not; the border's
   * value where there is none. Output 3 modulo (height · width) is the centre of the cut-out, a
   * pixel counted row by row.
   *
   * <p>A shift by up to n is a crop of the image's own size out of the image with n pixels of
   * border on each side, as PyTorch's {@code RandomCrop(size, padding=n)} makes it; the border's 0
   * is PyTorch's too, which fills before it normalises.
   *
   * <p>A cut-out of n sets the pixels (i, j) with −⌊n/2⌋ ≤ i − row, j − column &lt; n − ⌊n/2⌋
   * around its centre, as far as there are any, to the stored value that is nearest the mean, by
   * channel, and so to 0 once scaled, to within half a step of stored values. Source: DeVries,
   * Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", 2017.
   *
   * @param flip mirror left and right with probability ½
   * @param shift by up to n stored pixels, along each axis
   * @param cutout side of the square, in stored pixels; 0: none
   */
  public record Augmentation(boolean flip, int shift, int cutout) {
    public static final Augmentation NONE = new Augmentation(false, 0, 0);

    public Augmentation {
      if (shift < 0) {
        throw new IllegalArgumentException("a shift is at least 0 pixels, not " + shift);
      }
      if (cutout < 0) {
        throw new IllegalArgumentException("a cut-out is at least 0 pixels, not " + cutout);
      }
    }
  }

  public BatchSpec {
    mean = List.copyOf(mean);
    std = List.copyOf(std);
    int channels = source.dim(0);
    if (source.rank() != 3 || mean.size() != channels || std.size() != channels) {
      throw new IllegalArgumentException(
          "stored images are (channels × height × width) with a mean and a deviation for each"
              + " channel");
    }
    if (border < 0 || border > 255) {
      throw new IllegalArgumentException("a border's value is a byte, not " + border);
    }
    for (float s : std) {
      if (!(s > 0)) {
        throw new IllegalArgumentException("deviations are above 0, not " + std);
      }
    }
  }

  /** Pixels scaled to [0, 1] and nothing more. */
  public static BatchSpec unit(Shape source, int height, int width) {
    return new BatchSpec(
        source,
        height,
        width,
        java.util.Collections.nCopies(source.dim(0), 0f),
        java.util.Collections.nCopies(source.dim(0), 1f),
        0,
        Augmentation.NONE);
  }

  public BatchSpec with(Augmentation other) {
    return new BatchSpec(source, height, width, mean, std, border, other);
  }

  /**
   * The stored value, 0 to 255, that is nearest to a channel's mean: what is cut out becomes it.
   */
  public int nearestToMean(int channel) {
    return Math.max(0, Math.min(255, Math.round(255 * mean.get(channel))));
  }

  /** (channels, height, width) of the images made. */
  public Shape output() {
    return Shape.of(source.dim(0), height, width);
  }
}
