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
}
