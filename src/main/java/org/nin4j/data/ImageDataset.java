package org.nin4j.data;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import org.nin4j.text.Text;

/**
 * Labelled images as bytes: what is kept in memory, in a mapped file or on a device, and gathered
 * from.
 *
 * <p>Pixels are unsigned bytes in the order [count, channels, height, width]; labels are unsigned
 * bytes, indices into the class names. Immutable, and so free to share between threads.
 */
public final class ImageDataset {

  private final String name;
  private final List<String> classNames;
  private final int channels;
  private final int height;
  private final int width;
  private final ByteBuffer pixels;
  private final byte[] labels;

  /**
   * Takes over the two arrays without copying them: the caller must not change them any more.
   *
   * @param name the name shown
   * @param classNames one name per class, 1 to 256
   * @param channels planes per image
   * @param height rows per plane
   * @param width pixels per row
   * @param pixels [count, channels, height, width]
   * @param labels [count], each below the number of classes; at least one
   * @throws IllegalArgumentException if sizes do not fit or a label has no class
   */
  public ImageDataset(
      String name,
      List<String> classNames,
      int channels,
      int height,
      int width,
      byte[] pixels,
      byte[] labels) {
    this(name, classNames, channels, height, width, ByteBuffer.wrap(pixels), labels);
  }

  /**
   * The same over a buffer, such as a mapped file: all of it, whatever its position. Its content
   * must not change any more.
   *
   * @throws IllegalArgumentException if sizes do not fit or a label has no class
   */
  public ImageDataset(
      String name,
      List<String> classNames,
      int channels,
      int height,
      int width,
      ByteBuffer pixels,
      byte[] labels) {
    this.name = name;
    this.classNames = List.copyOf(classNames);
    this.channels = channels;
    this.height = height;
    this.width = width;
    this.pixels = pixels.asReadOnlyBuffer().clear().slice();
    this.labels = labels;
    if (this.classNames.isEmpty() || this.classNames.size() > 256) {
      throw new IllegalArgumentException(
          name + ": 1 to 256 classes expected, found " + this.classNames.size());
    }
    if (channels < 1 || height < 1 || width < 1 || labels.length < 1) {
      throw new IllegalArgumentException(
          name + ": empty: " + labels.length + " images of " + shape());
    }
    if ((long) labels.length * channels * height * width != this.pixels.capacity()) {
      throw new IllegalArgumentException(
          Text.of(
              "%s: %d images of %s do not make %d bytes",
              name, labels.length, shape(), this.pixels.capacity()));
    }
    for (int i = 0; i < labels.length; i++) {
      if (label(i) >= this.classNames.size()) {
        throw new IllegalArgumentException(
            Text.of(
                "%s: image %d has label %d, but there are %d classes",
                name, i, label(i), this.classNames.size()));
      }
    }
  }

  /** The name shown. */
  public String name() {
    return name;
  }

  /** The classes by label. */
  public List<String> classNames() {
    return classNames;
  }

  /** Number of images. */
  public int count() {
    return labels.length;
  }

  /** Planes per image. */
  public int channels() {
    return channels;
  }

  /** Rows per plane. */
  public int height() {
    return height;
  }

  /** Pixels per row. */
  public int width() {
    return width;
  }

  /** Bytes per image: channels × height × width. */
  public int imageSize() {
    return channels * height * width;
  }

  /** The label of one image. */
  public int label(int image) {
    return labels[image] & 0xFF;
  }

  /** Copies one image [channels, height, width] into {@code target}. */
  public void copyImage(int image, byte[] target, int targetOffset) {
    pixels.get(image * imageSize(), target, targetOffset, imageSize());
  }

  /** All pixels, read-only, to copy from in bulk; each call gives a buffer of its own. */
  public ByteBuffer pixels() {
    return pixels.duplicate();
  }

  /** All labels, read-only, to copy from in bulk; each call gives a buffer of its own. */
  public ByteBuffer labels() {
    return ByteBuffer.wrap(labels).asReadOnlyBuffer();
  }

  /** The first images of this set, which share its pixels: for trials on less data. */
  public ImageDataset first(int images) {
    if (images < 1 || images > count()) {
      throw new IllegalArgumentException(
          name + " has " + count() + " images; cannot take the first " + images);
    }
    return new ImageDataset(
        name,
        classNames,
        channels,
        height,
        width,
        pixels.slice(0, images * imageSize()),
        Arrays.copyOf(labels, images));
  }

  /** A copy of some images in memory, in the given order. */
  public ImageDataset only(int[] images) {
    byte[] chosen = new byte[Math.multiplyExact(images.length, imageSize())];
    byte[] chosenLabels = new byte[images.length];
    for (int i = 0; i < images.length; i++) {
      copyImage(images[i], chosen, i * imageSize());
      chosenLabels[i] = labels[images[i]];
    }
    return new ImageDataset(name, classNames, channels, height, width, chosen, chosenLabels);
  }

  /** Such as "Fashion-MNIST: 60000 images of 1×28×28 in 10 classes". */
  @Override
  public String toString() {
    return Text.of("%s: %d images of %s in %d classes", name, count(), shape(), classNames.size());
  }

  private String shape() {
    return channels + "×" + height + "×" + width;
  }
}
