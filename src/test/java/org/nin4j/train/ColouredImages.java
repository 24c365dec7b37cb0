package org.nin4j.train;

import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.TrainTest;

/** Small images in colour for tests: ten classes by the direction of a slope, with noise. */
public final class ColouredImages {
  private static final int CLASSES = 10;

  private ColouredImages() {}

  /** Of the given side, in pixels. */
  public static TrainTest draw(long seed, int train, int test, int side) {
    Random random = new Random(seed);
    return new TrainTest(set(random, train, side), set(random, test, side), "drawn");
  }

  private static ImageDataset set(Random random, int count, int side) {
    byte[] pixels = new byte[count * 3 * side * side];
    byte[] labels = new byte[count];
    int at = 0;
    for (int image = 0; image < count; image++) {
      labels[image] = (byte) (image % CLASSES);
      double angle = 2 * Math.PI * labels[image] / CLASSES;
      for (int channel = 0; channel < 3; channel++) {
        double tint = 40 * random.nextGaussian();
        for (int i = 0; i < side; i++) {
          for (int j = 0; j < side; j++) {
            double along = (Math.cos(angle) * i + Math.sin(angle) * j) / side;
            double value = 128 + tint + 60 * along + 10 * random.nextGaussian();
            pixels[at++] = (byte) Math.max(0, Math.min(255, Math.round(value)));
          }
        }
      }
    }
    List<String> names = IntStream.range(0, CLASSES).mapToObj(c -> "slope " + c).toList();
    return new ImageDataset("coloured", names, 3, side, side, pixels, labels);
  }
}
