package org.nin4j.plan.step;

import java.util.ArrayList;
import java.util.List;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

/** y = the channels of all inputs, one input's after the other's. */
public record ConcatForward(String layer, List<TensorSpec> inputs, TensorSpec output)
    implements ForwardStep {
  public ConcatForward {
    inputs = List.copyOf(inputs);
    TensorRules rules = TensorRules.of(layer, ConcatForward.class);
    int channels = 0;
    for (TensorSpec input : inputs) {
      channels += input.shape().dim(1);
      Shape fitting = output.shape().withDim(1, input.shape().dim(1));
      rules
          .oneType(input, output)
          .require(input.shape().equals(fitting), input + " does not fit into " + output);
    }
    rules.require(
        channels == output.shape().dim(1),
        Text.of("inputs of %d channels in all do not make %s", channels, output));
  }

  @Override
  public List<TensorSpec> reads() {
    return inputs;
  }

  @Override
  public List<TensorSpec> writes() {
    return List.of(output);
  }

  @Override
  public List<Step> backward(TensorSpec outputGradient, Gradients gradients) {
    List<ConcatBackward.Slice> slices = new ArrayList<>();
    int channel = 0;
    for (TensorSpec input : inputs) {
      int first = channel;
      gradients.of(input).ifPresent(dx -> slices.add(new ConcatBackward.Slice(first, dx)));
      channel += input.shape().dim(1);
    }
    return slices.isEmpty()
        ? List.of()
        : List.of(new ConcatBackward(layer, outputGradient, slices));
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
