package org.nin4j.plan.step;

import java.util.Optional;

/**
 * How the parameters change in each step.
 *
 * @param optimizer by what rule
 * @param factors where rates and decay differ from the rule's
 * @param clip the largest common norm of all gradients, see {@link ClipFactor}
 * @param average decay of a running average of the parameters, see {@link UpdateGroup.Average}
 */
public record Learning(
    Optimizer optimizer, Factors factors, Optional<Float> clip, Optional<Float> average) {

  /**
   * What the learning rate is multiplied by for some parameters, and what decays. A bias of the
   * last layer gets both factors.
   *
   * @param bias for biases of convolutions and linear layers
   * @param norm for scales and shifts of batch normalisation
   * @param last for the last layer that has weights
   * @param decayWeightsOnly whether weight decay leaves biases, scales and shifts alone
   */
  public record Factors(float bias, float norm, float last, boolean decayWeightsOnly) {
    /** The same rate and decay for everything. */
    public static final Factors NONE = new Factors(1, 1, 1, false);

    public Factors {
      requireFactor(bias);
      requireFactor(norm);
      requireFactor(last);
    }

    private static void requireFactor(float factor) {
      if (!(factor >= 0 && factor < Float.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException(
            "a rate's factor is at least 0 and finite, not " + factor);
      }
    }
  }

  public Learning {
    clip.ifPresent(ClipFactor::requireNorm);
    average.ifPresent(UpdateGroup.Average::requireDecay);
  }

  /** By that rule alone. */
  public static Learning by(Optimizer optimizer) {
    return new Learning(optimizer, Factors.NONE, Optional.empty(), Optional.empty());
  }
}
