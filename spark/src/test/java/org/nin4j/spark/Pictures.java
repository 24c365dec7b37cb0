package org.nin4j.spark;

import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.TrainTest;

/** Images of other sizes and colours than the usual ones. */
final class Pictures {
  private Pictures() {}

  /** Noise, in 10 classes, wider than high. */
  static TrainTest wide(int count) {
    return new TrainTest(noise(count, 1, 20, 30), noise(count, 1, 20, 30), "noise");
  }

  static ImageDataset noise(int count, int channels, int height, int width) {
    byte[] pixels = new byte[count * channels * height * width];
    new Random(3).nextBytes(pixels);
    byte[] labels = new byte[count];
    List<String> names = IntStream.range(0, 10).mapToObj(String::valueOf).toList();
    return new ImageDataset("noise", names, channels, height, width, pixels, labels);
  }
}
