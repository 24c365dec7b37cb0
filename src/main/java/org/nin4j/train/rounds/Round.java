package org.nin4j.train.rounds;

import java.io.Serializable;
import java.util.Arrays;
import java.util.List;
import org.nin4j.backend.Metrics;

/**
 * What all tasks of a round are told. Not changed by anyone.
 *
 * @param seed of dropout and augmentation
 * @param firstStep number of its first step, counted over the whole training
 * @param batch samples of a step, over all tasks
 * @param order sample numbers, step after step, −1 for none: steps · batch
 * @param rates a learning rate for each step
 * @param values parameters, state and, where tasks update, the optimizer's state, in the order of
 *     the task's plan
 */
public record Round(long seed, int firstStep, int batch, int[] order, float[] rates, float[] values)
    implements Serializable {
  private static final int TOGETHER = 2048;

  /**
   * What a task returns.
   *
   * @param values gradients and state, or parameters, state and the optimizer's state, in the order
   *     of the task's plan
   * @param metrics sums over its samples
   */
  public record Part(float[] values, Metrics metrics) implements Serializable {}

  /** How many steps each task takes. */
  public int steps() {
    return rates.length;
  }

  /** The samples of one task, step after step. */
  int[] order(int task, int part) {
    int[] own = new int[steps() * part];
    for (int step = 0; step < steps(); step++) {
      System.arraycopy(order, step * batch + task * part, own, step * part, part);
    }
    return own;
  }

  /**
   * The mean over all samples, in double, added in the order of the tasks. A task without samples
   * counts for nothing.
   */
  static float[] mean(List<Part> parts) {
    double samples = parts.stream().mapToLong(part -> part.metrics().samples()).sum();
    float[] mean = new float[parts.get(0).values().length];
    // Some values at a time, whose sums stay in the processor's cache.
    double[] sums = new double[Math.min(mean.length, TOGETHER)];
    for (int first = 0; first < mean.length; first += TOGETHER) {
      int count = Math.min(TOGETHER, mean.length - first);
      Arrays.fill(sums, 0);
      for (Part part : parts) {
        double weight = part.metrics().samples();
        float[] values = part.values();
        for (int i = 0; i < count; i++) {
          sums[i] += weight * values[first + i];
        }
      }
      for (int i = 0; i < count; i++) {
        mean[first + i] = (float) (sums[i] / samples);
      }
    }
    return mean;
  }

  /** The sums of all tasks, added to those before in the order of the tasks. */
  static Metrics sum(Metrics before, List<Part> parts) {
    Metrics sums = before;
    for (Part part : parts) {
      sums = sums.plus(part.metrics());
    }
    return sums;
  }
}
