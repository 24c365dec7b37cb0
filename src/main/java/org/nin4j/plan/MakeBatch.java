package org.nin4j.plan;

import java.util.List;

/** Gathers, resizes, scales: see {@link BatchSpec}. */
public record MakeBatch(BatchSpec spec, TensorSpec images, TensorSpec labels) implements Step {
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
