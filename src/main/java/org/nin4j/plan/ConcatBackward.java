package org.nin4j.plan;

import java.util.List;

/** dx of each input = its own channels of dy. */
public record ConcatBackward(String layer, TensorSpec outputGradient, List<Slice> slices)
    implements Step {
  /**
   * The gradient by one input.
   *
   * @param firstChannel where its channels begin in dy
   * @param inputGradient how many there are, its shape says
   */
  public record Slice(int firstChannel, TensorSpec inputGradient) {}

  public ConcatBackward {
    slices = List.copyOf(slices);
    for (Slice slice : slices) {
      int end = slice.firstChannel() + slice.inputGradient().shape().dim(1);
      if (slice.firstChannel() < 0 || end > outputGradient.shape().dim(1)) {
        throw new IllegalArgumentException(
            "%s from channel %d on is no slice of %s"
                .formatted(slice.inputGradient(), slice.firstChannel(), outputGradient));
      }
    }
  }

  @Override
  public List<TensorSpec> reads() {
    return List.of(outputGradient);
  }

  @Override
  public List<TensorSpec> writes() {
    return slices.stream().map(Slice::inputGradient).toList();
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
