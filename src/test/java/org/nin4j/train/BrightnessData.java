package org.nin4j.train;

import java.util.List;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.TrainTest;
import org.nin4j.tensor.Philox;

/** Noisy images of 8×8 that are dark (class 0) or light (class 1). */
final class BrightnessData {
  private BrightnessData() {}

  static TrainTest draw(int train, int test) {
    return new TrainTest(draw(train, 1, 0), draw(test, 1, 1), "drawn");
  }

  private static ImageDataset draw(int count, long seed, int stream) {
    Philox.Sequence random = new Philox.Sequence(seed, 0, stream);
    byte[] pixels = new byte[count * 64];
    byte[] labels = new byte[count];
    for (int i = 0; i < count; i++) {
      labels[i] = (byte) (i % 2);
      for (int p = 0; p < 64; p++) {
        pixels[i * 64 + p] = (byte) (random.nextBelow(128) + 128 * labels[i]);
      }
    }
    return new ImageDataset("brightness", List.of("dark", "light"), 1, 8, 8, pixels, labels);
  }
}
