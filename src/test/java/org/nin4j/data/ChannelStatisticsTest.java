package org.nin4j.data;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ChannelStatisticsTest {

  /** Two passes in double precision: the mean, then the distances from it. */
  @Test
  void areThoseOfTwoPasses() {
    long seed = System.nanoTime();
    System.out.println("pixels from seed " + seed);
    Random random = new Random(seed);
    int count = 1 + random.nextInt(40);
    int plane = 5 * 7;
    byte[] pixels = new byte[count * 3 * plane];
    random.nextBytes(pixels);
    // The second channel is darker than the others.
    for (int i = 0; i < pixels.length; i++) {
      if (i / plane % 3 == 1) {
        pixels[i] = (byte) ((pixels[i] & 0xff) / 4);
      }
    }
    ImageDataset data =
        new ImageDataset("random", List.of("a", "b"), 3, 5, 7, pixels, new byte[count]);
    ChannelStatistics found = ChannelStatistics.of(data);
    for (int c = 0; c < 3; c++) {
      double sum = 0;
      for (int i = 0; i < pixels.length; i++) {
        sum += i / plane % 3 == c ? (pixels[i] & 0xff) / 255.0 : 0;
      }
      double mean = sum / (count * plane);
      double squares = 0;
      for (int i = 0; i < pixels.length; i++) {
        double distance = (pixels[i] & 0xff) / 255.0 - mean;
        squares += i / plane % 3 == c ? distance * distance : 0;
      }
      assertEquals(mean, found.mean().get(c), 1e-12);
      assertEquals(Math.sqrt(squares / (count * plane)), found.deviation().get(c), 1e-12);
    }
  }

  @Test
  void oneValueHasNoDeviation() {
    ImageDataset data =
        new ImageDataset("one", List.of("a"), 1, 1, 3, new byte[] {51, 51, 51}, new byte[] {0});
    assertEquals(List.of(0.2), ChannelStatistics.of(data).mean());
    assertEquals(List.of(0.0), ChannelStatistics.of(data).deviation());
  }
}
