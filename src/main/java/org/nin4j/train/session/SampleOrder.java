package org.nin4j.train.session;

import java.util.Arrays;
import org.nin4j.tensor.Philox;

/** In which order samples are seen. */
public final class SampleOrder {
  private SampleOrder() {}

  /**
   * A random order, each with the same probability, drawn from Philox by (seed, epoch, {@code
   * Stream.SHUFFLE}). Source: Fisher–Yates in Durstenfeld's form, "Algorithm 235: Random
   * permutation", 1964.
   *
   * @return [steps · batch], padded with −1
   */
  public static int[] shuffled(int samples, int batch, long seed, int epoch) {
    int[] order = inOrder(samples, batch);
    Philox.Sequence random = new Philox.Sequence(seed, epoch, Philox.Stream.SHUFFLE);
    for (int i = samples - 1; i > 0; i--) {
      int j = random.nextBelow(i + 1);
      int swapped = order[i];
      order[i] = order[j];
      order[j] = swapped;
    }
    return order;
  }

  /**
   * As they are stored.
   *
   * @return [steps · batch], padded with −1
   */
  public static int[] inOrder(int samples, int batch) {
    int[] order = new int[Math.multiplyExact((samples + batch - 1) / batch, batch)];
    for (int i = 0; i < samples; i++) {
      order[i] = i;
    }
    Arrays.fill(order, samples, order.length, -1);
    return order;
  }
}
