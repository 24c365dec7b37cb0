package org.nin4j.data;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Mean and standard deviation of each channel's pixels over a whole set, pixels in [0, 1].
 *
 * @param mean by channel
 * @param deviation by channel: the root of the mean squared distance from the mean
 */
public record ChannelStatistics(List<Double> mean, List<Double> deviation) {

  /** Copies the lists. */
  public ChannelStatistics {
    mean = List.copyOf(mean);
    deviation = List.copyOf(deviation);
  }

  /** Counts how often each channel has each of the 256 values, so that nothing is rounded. */
  public static ChannelStatistics of(ImageDataset data) {
    long[][] counts = new long[data.channels()][256];
    byte[] plane = new byte[data.height() * data.width()];
    ByteBuffer pixels = data.pixels();
    for (int i = 0; i < data.count(); i++) {
      for (long[] channel : counts) {
        pixels.get(plane);
        for (byte pixel : plane) {
          channel[pixel & 0xff]++;
        }
      }
    }
    List<Double> means = new ArrayList<>();
    List<Double> deviations = new ArrayList<>();
    for (long[] channel : counts) {
      // 2^31 pixels of at most 255² have sums below 2^47.
      long count = 0;
      long sum = 0;
      long squares = 0;
      for (int value = 0; value < channel.length; value++) {
        count += channel[value];
        sum += value * channel[value];
        squares += (long) value * value * channel[value];
      }
      double mean = (double) sum / count;
      means.add(mean / 255);
      deviations.add(Math.sqrt(Math.max(0, (double) squares / count - mean * mean)) / 255);
    }
    return new ChannelStatistics(means, deviations);
  }
}
