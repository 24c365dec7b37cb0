package org.nin4j.plan.step;

import java.util.List;
import java.util.Optional;

/**
 * What becomes of a batch norm's result before it is stored: nothing, a ReLU, or a sum and its
 * ReLU. The rewrites put it there.
 *
 * @param added is added before the ReLU; like the output
 * @param relu whether a ReLU follows
 * @param mask what let values through, for the gradient: one bit for each element, set where the
 *     output is above 0, in an order of the backend's own; empty where the gradient finds out
 *     itself
 */
public record AfterNorm(Optional<TensorSpec> added, boolean relu, Optional<TensorSpec> mask) {
  /** The result is stored as it is. */
  public static final AfterNorm NOTHING = new AfterNorm(Optional.empty(), false, Optional.empty());

  /** A ReLU. */
  public static final AfterNorm RELU = new AfterNorm(Optional.empty(), true, Optional.empty());

  public AfterNorm {
    if (!relu && (added.isPresent() || mask.isPresent())) {
      throw new IllegalArgumentException("only a ReLU takes a sum, and only a ReLU masks");
    }
  }

  /** A sum with another tensor, and a ReLU. */
  public static AfterNorm sumRelu(TensorSpec added) {
    return new AfterNorm(Optional.of(added), true, Optional.empty());
  }

  /** The same, with the mask kept. */
  public AfterNorm keeping(TensorSpec kept) {
    return new AfterNorm(added, relu, Optional.of(kept));
  }

  /** A norm's kind with what follows it, for tables. */
  String kind(String norm, String direction) {
    return norm + (added.isPresent() ? "Sum" : "") + (relu ? "Relu" : "") + direction;
  }

  List<TensorSpec> reads() {
    return added.stream().toList();
  }

  TensorRules check(TensorRules rules, TensorSpec output) {
    added.ifPresent(a -> rules.alike(output, a));
    mask.ifPresent(m -> rules.bits(m, output));
    return rules;
  }
}
