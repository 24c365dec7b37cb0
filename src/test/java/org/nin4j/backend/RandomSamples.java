package org.nin4j.backend;

import java.nio.ByteBuffer;
import org.nin4j.tensor.Philox;
import org.nin4j.tensor.Shape;

/** Noise with labels, for tests of mechanics. */
public final class RandomSamples {
  private RandomSamples() {}

  public static Samples of(Shape image, int count, int classes, long seed) {
    byte[] pixels = new byte[(int) (count * image.elements())];
    byte[] labels = new byte[count];
    Philox.Sequence random = new Philox.Sequence(seed, 4, 4);
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (byte) random.nextBits();
    }
    for (int i = 0; i < count; i++) {
      labels[i] = (byte) random.nextBelow(classes);
    }
    return new Samples(ByteBuffer.wrap(pixels), ByteBuffer.wrap(labels), count, image);
  }
}
