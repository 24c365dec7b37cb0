package org.nin4j.plan.step;

/**
 * Stochastic gradient descent, with PyTorch's meaning of its settings: g ← g + weightDecay·w; v ← g
 * in the first step, momentum·v + g after; d = v, or g + momentum·v with Nesterov; w ← w − rate·d.
 * The state v starts at 0, which makes the first step no special case.
 *
 * @param momentum in [0, 1); 0 needs no state
 * @param nesterov look ahead along the momentum
 * @param weightDecay at least 0 and finite; acts on every parameter, biases too
 */
public record Sgd(float momentum, boolean nesterov, float weightDecay) {
  /** No momentum, no decay. */
  public static final Sgd PLAIN = new Sgd(0, false, 0);

  public Sgd {
    if (!(momentum >= 0 && momentum < 1)) {
      throw new IllegalArgumentException("momentum is in [0, 1), not " + momentum);
    }
    if (!(weightDecay >= 0 && weightDecay < Float.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "weight decay is at least 0 and finite, not " + weightDecay);
    }
    if (nesterov && momentum == 0) {
      throw new IllegalArgumentException("Nesterov needs a momentum above 0");
    }
  }
}
