package org.nin4j.plan.step;

import java.util.List;
import org.nin4j.text.Text;

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
      TensorSpec dx = slice.inputGradient();
      int channels = dx.shape().dim(1);
      boolean fits =
          slice.firstChannel() >= 0
              && slice.firstChannel() + channels <= outputGradient.shape().dim(1)
              && dx.shape().equals(outputGradient.shape().withDim(1, channels));
      TensorRules.of(layer, ConcatBackward.class)
          .oneType(outputGradient, dx)
          .require(
              fits,
              Text.of(
                  "%s from channel %d on is no slice of %s",
                  dx, slice.firstChannel(), outputGradient));
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
