package org.nin4j.plan.step;

import java.util.List;
import java.util.Optional;
import org.nin4j.tensor.DType;

/**
 * The loss of a batch, its gradient by the logits, and the counts of right answers, in one pass.
 * With p = softmax(logits), q[k] = (1 − s)·[k = label] + s / classes and V the number of labels
 * that are not −1: loss = −Σ q·log p over the samples (added to the session's sum, not divided),
 * gradient = (p − q) / V, 0 where the label is −1. A sample counts as right among the first k if
 * fewer than k classes stand before its own, where a larger logit stands before a smaller and, of
 * equal ones, the lower class before the higher.
 *
 * @param smoothing s, in [0, 1)
 * @param gradient empty in inference
 */
public record SoftmaxCrossEntropy(
    TensorSpec logits, TensorSpec labels, Optional<TensorSpec> gradient, float smoothing)
    implements Step {
  public SoftmaxCrossEntropy {
    if (!(smoothing >= 0 && smoothing < 1)) {
      throw new IllegalArgumentException("label smoothing is in [0, 1), not " + smoothing);
    }
    TensorRules.of("loss", SoftmaxCrossEntropy.class)
        .rank(logits, 2)
        .type(DType.F32, logits)
        .type(DType.I32, labels)
        .shape(labels, logits.shape().dim(0));
    gradient.ifPresent(g -> TensorRules.of("loss", SoftmaxCrossEntropy.class).alike(logits, g));
  }

  @Override
  public String layer() {
    return "loss";
  }

  @Override
  public List<TensorSpec> reads() {
    return List.of(logits, labels);
  }

  @Override
  public List<TensorSpec> writes() {
    return gradient.stream().toList();
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
