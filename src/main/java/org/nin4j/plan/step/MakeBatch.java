package org.nin4j.plan.step;

import java.util.List;
import org.nin4j.tensor.DType;

/** Gathers, resizes, scales: see {@link BatchSpec}. */
public record MakeBatch(BatchSpec spec, TensorSpec images, TensorSpec labels) implements Step {
  public MakeBatch {
    TensorRules.of("batch", MakeBatch.class)
        .rank(images, 4)
        .oneType(images, images)
        .type(DType.I32, labels)
        .rank(labels, 1)
        .require(
            images.shape().equals(spec.output().batched(labels.shape().dim(0))),
            images + " must hold a batch of " + spec.output());
  }

  @Override
  public String layer() {
    return "batch";
  }

  @Override
  public List<TensorSpec> reads() {
    return List.of();
  }

  @Override
  public List<TensorSpec> writes() {
    return List.of(images, labels);
  }

  /** What is written, and the stored image and label of each sample, a byte for each value. */
  @Override
  public long bytes() {
    long stored = (spec.source().elements() + 1) * images.shape().dim(0);
    return images.bytes() + labels.bytes() + stored;
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
