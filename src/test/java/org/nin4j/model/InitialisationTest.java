package org.nin4j.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.nin4j.tensor.Shape;

class InitialisationTest {
  private static Parameter parameter(Parameter.Role role, int... dims) {
    return new Parameter("0." + role, Shape.of(dims), role, 75, 4800);
  }

  /** Mean, deviation and how many lie within one and two deviations, of a normal distribution. */
  @Test
  void gaussianWeightsAreNormal() {
    long seed = new Random().nextLong();
    System.out.println("seed " + seed);
    Parameter weight = parameter(Parameter.Role.WEIGHT, 192, 96, 5, 5);
    float[] values = Initialisation.GAUSSIAN.draw(weight, 6, seed).values();
    double sum = 0;
    double squares = 0;
    double one = 0;
    double two = 0;
    for (float value : values) {
      sum += value;
      squares += (double) value * value;
      one += Math.abs(value) < 0.05 ? 1 : 0;
      two += Math.abs(value) < 0.1 ? 1 : 0;
    }
    int n = values.length;
    // Six deviations of each statistic over n values.
    double root = Math.sqrt(n);
    assertEquals(0, sum / n, 6 * 0.05 / root);
    assertEquals(0.05, Math.sqrt(squares / n), 6 * 0.05 / Math.sqrt(2) / root);
    assertEquals(0.682689, one / n, 6 * 0.4654 / root);
    assertEquals(0.954500, two / n, 6 * 0.2084 / root);
    assertArrayEquals(values, Initialisation.GAUSSIAN.draw(weight, 6, seed).values());
    assertNotEquals(values[0], Initialisation.GAUSSIAN.draw(weight, 7, seed).values()[0]);
  }

  @Test
  void gaussianBiasesAreZero() {
    assertArrayEquals(
        new float[10],
        Initialisation.GAUSSIAN.draw(parameter(Parameter.Role.BIAS, 10), 1, 3).values());
  }
}
