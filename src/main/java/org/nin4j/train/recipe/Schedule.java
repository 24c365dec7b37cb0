package org.nin4j.train.recipe;

import java.util.List;

/**
 * The learning rate as a function of how far the run is. A schedule with warm-up rises linearly
 * over the first {@code warmUp} share of all steps, reaching {@code base} at the last of them.
 */
public sealed interface Schedule {
  /** The highest rate. */
  float base();

  /**
   * The rate of one step.
   *
   * @param step number of the step, from 0
   * @param total steps of the whole run
   */
  float rate(long step, long total);

  /** The rates of {@code steps} steps from {@code first} on. */
  default float[] rates(long first, int steps, long total) {
    float[] rates = new float[steps];
    for (int i = 0; i < steps; i++) {
      rates[i] = rate(first + i, total);
    }
    return rates;
  }

  /** The same rate throughout. */
  record Constant(float base) implements Schedule {
    public Constant {
      requireRate(base);
    }

    @Override
    public float rate(long step, long total) {
      return base;
    }
  }

  /**
   * Warm-up, then base · (1 + cos(π·t)) / 2 with t from 0 to 1. Source: Loshchilov, Hutter, "SGDR:
   * Stochastic Gradient Descent with Warm Restarts", 2017, without the restarts.
   *
   * @param warmUp share of all steps, in [0, 1)
   */
  record Cosine(float base, float warmUp) implements Schedule {
    public Cosine {
      requireRate(base);
      requireWarmUp(warmUp);
    }

    @Override
    public float rate(long step, long total) {
      long warm = warmUpSteps(warmUp, total);
      if (step < warm) {
        return warming(base, step, warm);
      }
      double t = (double) (step - warm) / (total - warm);
      return (float) (base * 0.5 * (1 + Math.cos(Math.PI * t)));
    }
  }

  /**
   * Warm-up, then base · (1 − t) with t from 0 to 1.
   *
   * @param warmUp share of all steps, in [0, 1)
   */
  record Linear(float base, float warmUp) implements Schedule {
    public Linear {
      requireRate(base);
      requireWarmUp(warmUp);
    }

    @Override
    public float rate(long step, long total) {
      long warm = warmUpSteps(warmUp, total);
      if (step < warm) {
        return warming(base, step, warm);
      }
      return (float) (base * (1 - (double) (step - warm) / (total - warm)));
    }
  }

  /**
   * One cycle: from base / 25 up to base over the first {@code warmUp} share of all steps, then
   * down to base / 250,000, both along half a cosine; as PyTorch's {@code OneCycleLR} has it.
   * Source: Smith, Topin, "Super-Convergence: Very Fast Training of Neural Networks Using Large
   * Learning Rates", 2018.
   *
   * @param warmUp share of all steps, in [0, 1)
   */
  record OneCycle(float base, float warmUp) implements Schedule {
    private static final double START = 25;
    private static final double END = START * 1e4;

    public OneCycle {
      requireRate(base);
      requireWarmUp(warmUp);
    }

    @Override
    public float rate(long step, long total) {
      double peak = Math.max((double) warmUp * total - 1, 0);
      if (step <= peak && peak > 0) {
        return between(base / START, base, step / peak);
      }
      double fall = total - 1 - peak;
      return between(base, base / END, fall > 0 ? (step - peak) / fall : 0);
    }

    private static float between(double from, double to, double t) {
      return (float) (to + (from - to) / 2 * (1 + Math.cos(Math.PI * t)));
    }
  }

  /**
   * base · factor^k where k milestones are passed.
   *
   * @param factor in (0, 1)
   * @param milestones shares of all steps, each in (0, 1)
   */
  record Steps(float base, float factor, List<Float> milestones) implements Schedule {
    public Steps {
      requireRate(base);
      milestones = List.copyOf(milestones);
      if (!(factor > 0 && factor < 1)) {
        throw new IllegalArgumentException("the rate falls by a factor in (0, 1), not " + factor);
      }
      for (float milestone : milestones) {
        if (!(milestone > 0 && milestone < 1)) {
          throw new IllegalArgumentException(
              "milestones are shares of the run in (0, 1), not " + milestones);
        }
      }
    }

    @Override
    public float rate(long step, long total) {
      long passed = milestones.stream().filter(m -> step >= Math.round((double) m * total)).count();
      return (float) (base * Math.pow(factor, passed));
    }
  }

  private static long warmUpSteps(float warmUp, long total) {
    return Math.min(Math.round((double) warmUp * total), total - 1);
  }

  private static float warming(float base, long step, long warm) {
    return (float) ((double) base * (step + 1) / warm);
  }

  private static void requireRate(float base) {
    if (!(base > 0 && base < Float.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("a learning rate is above 0 and finite, not " + base);
    }
  }

  private static void requireWarmUp(float warmUp) {
    if (!(warmUp >= 0 && warmUp < 1)) {
      throw new IllegalArgumentException("the warm-up is a share in [0, 1), not " + warmUp);
    }
  }
}
