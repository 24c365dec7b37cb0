package org.nin4j.plan.step;

import java.util.List;
import java.util.function.Function;

/**
 * Stochastic gradient descent, with PyTorch's meaning of its settings: g ← g + weightDecay·w; v ← g
 * in the first step, momentum·v + g after; d = v, or g + momentum·v with Nesterov; w ← w − rate·d.
 * The state v starts at 0, which makes the first step no special case.
 *
 * @param momentum in [0, 1); 0 needs no state
 * @param nesterov look ahead along the momentum
 * @param weightDecay at least 0 and finite; acts on every parameter, biases too
 */
public record Sgd(float momentum, boolean nesterov, float weightDecay) implements Optimizer {
  /** No momentum, no decay. */
  public static final Sgd PLAIN = new Sgd(0, false, 0);

  public Sgd {
    if (!(momentum >= 0 && momentum < 1)) {
      throw new IllegalArgumentException("momentum is in [0, 1), not " + momentum);
    }
    Optimizer.requireDecay(weightDecay);
    if (nesterov && momentum == 0) {
      throw new IllegalArgumentException("Nesterov needs a momentum above 0");
    }
  }

  @Override
  public Sgd withoutDecay() {
    return new Sgd(momentum, nesterov, 0);
  }

  @Override
  public Update update(UpdateGroup group, Function<String, List<TensorSpec>> beside) {
    return new SgdUpdate(this, group, momentum == 0 ? List.of() : beside.apply("velocity"));
  }
}
