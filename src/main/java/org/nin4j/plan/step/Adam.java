package org.nin4j.plan.step;

import java.util.List;
import java.util.function.Function;

/**
 * Adam, with PyTorch's meaning of its settings. In step t, from 1: g ← g + weightDecay·w, unless
 * decoupled; m ← β₁m + (1 − β₁)g; v ← β₂v + (1 − β₂)g²; where decoupled, w ← w −
 * rate·weightDecay·w; then w ← w − rate / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε). m and v start at
 * 0.
 *
 * <p>Sources: Kingma, Ba, "Adam: A Method for Stochastic Optimization", 2015; decoupled:
 * Loshchilov, Hutter, "Decoupled Weight Decay Regularization", 2019 (AdamW).
 *
 * @param beta1 in [0, 1)
 * @param beta2 in [0, 1)
 * @param epsilon above 0 and finite
 * @param weightDecay at least 0 and finite; acts on every parameter, biases too
 * @param decoupled whether the decay stays out of the gradient's moments
 */
public record Adam(double beta1, double beta2, float epsilon, float weightDecay, boolean decoupled)
    implements Optimizer {
  /** The usual settings, without decay. */
  public static final Adam USUAL = new Adam(0.9, 0.999, 1e-8f, 0, false);

  public Adam {
    requireBeta(beta1);
    requireBeta(beta2);
    if (!(epsilon > 0 && epsilon < Float.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("epsilon is above 0 and finite, not " + epsilon);
    }
    Optimizer.requireDecay(weightDecay);
  }

  private static void requireBeta(double beta) {
    if (!(beta >= 0 && beta < 1)) {
      throw new IllegalArgumentException("beta is in [0, 1), not " + beta);
    }
  }

  @Override
  public Adam withoutDecay() {
    return new Adam(beta1, beta2, epsilon, 0, decoupled);
  }

  @Override
  public Update update(UpdateGroup group, Function<String, List<TensorSpec>> beside) {
    return new AdamUpdate(this, group, beside.apply("mean"), beside.apply("square"));
  }

  /** 1 − β₁ᵗ in step t, from 1. */
  public double correction1(long step) {
    return 1 - Math.pow(beta1, step);
  }

  /** 1 − β₂ᵗ in step t, from 1. */
  public double correction2(long step) {
    return 1 - Math.pow(beta2, step);
  }
}
