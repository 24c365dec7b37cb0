package org.nin4j.plan.step;

import java.util.List;
import java.util.function.Function;

/** How a step follows from gradients. */
public sealed interface Optimizer permits Sgd, Adam {
  /** What every parameter is drawn towards 0 by, see the optimizer; at least 0 and finite. */
  float weightDecay();

  /** The same optimizer without weight decay. */
  Optimizer withoutDecay();

  /**
   * The step that updates a group.
   *
   * @param beside makes tensors to remember, one like each parameter, by what they are
   */
  Update update(UpdateGroup group, Function<String, List<TensorSpec>> beside);

  static void requireDecay(float weightDecay) {
    if (!(weightDecay >= 0 && weightDecay < Float.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "weight decay is at least 0 and finite, not " + weightDecay);
    }
  }
}
