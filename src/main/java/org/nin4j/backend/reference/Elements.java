package org.nin4j.backend.reference;

import java.util.List;
import org.nin4j.model.Activation;
import org.nin4j.tensor.Philox;

/** What looks at one element at a time. */
final class Elements {
  private Elements() {}

  static void activate(Activation function, View x, View y) {
    for (int e = 0; e < x.size(); e++) {
      y.set(e, value(function, x.get(e)));
    }
  }

  private static double value(Activation function, double x) {
    return switch (function) {
      case RELU -> Math.max(x, 0);
      case SIGMOID -> 1 / (1 + Math.exp(-x));
      case TANH -> Math.tanh(x);
      case LEAKY_RELU -> x > 0 ? x : Activation.LEAK * x;
    };
  }

  static void activateBackward(Activation function, View y, View dy, View dx) {
    for (int e = 0; e < y.size(); e++) {
      double slope = slope(function, y.get(e));
      dx.set(e, slope == 0 ? 0 : dy.get(e) * slope);
    }
  }

  /** The derivative where the function's value is y. */
  private static double slope(Activation function, double y) {
    return switch (function) {
      case RELU -> y > 0 ? 1 : 0;
      case SIGMOID -> y * (1 - y);
      case TANH -> 1 - y * y;
      case LEAKY_RELU -> y > 0 ? 1 : Activation.LEAK;
    };
  }

  static void fill(View x, float value) {
    for (int e = 0; e < x.size(); e++) {
      x.set(e, value);
    }
  }

  static void sum(List<View> inputs, View y, boolean relu) {
    for (int e = 0; e < y.size(); e++) {
      double sum = 0;
      for (View input : inputs) {
        sum += input.get(e);
      }
      y.set(e, relu && sum <= 0 ? 0 : sum);
    }
  }

  /**
   * Forward and backward alike: what was dropped stays 0, what was kept is scaled.
   *
   * @param first which element of the sequence is the first of x
   */
  static void dropout(
      float probability, long seed, long first, int step, int stream, View x, View y) {
    Philox.Sequence random = new Philox.Sequence(seed, first, step, stream);
    for (int e = 0; e < x.size(); e++) {
      boolean keep = random.nextUniform() >= probability;
      y.set(e, keep ? x.get(e) / (1.0 - probability) : 0);
    }
  }

  static void copy(View x, View y) {
    System.arraycopy(x.arena(), x.offset(), y.arena(), y.offset(), x.size());
  }
}
