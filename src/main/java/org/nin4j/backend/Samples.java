package org.nin4j.backend;

import java.nio.ByteBuffer;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

/**
 * Stored images and their labels, as bytes.
 *
 * @param images unsigned pixels, (count × channels × height × width), from position 0; not copied
 * @param labels one unsigned class number for each image, from position 0; not copied
 * @param count how many
 * @param image (channels, height, width) of one
 */
public record Samples(ByteBuffer images, ByteBuffer labels, int count, Shape image) {
  public Samples {
    if (images.capacity() != count * image.elements() || labels.capacity() != count) {
      throw new IllegalArgumentException(
          Text.of(
              "%d images of %s need %d pixel bytes and %d label bytes, not %d and %d",
              count, image, count * image.elements(), count, images.capacity(), labels.capacity()));
    }
  }
}
