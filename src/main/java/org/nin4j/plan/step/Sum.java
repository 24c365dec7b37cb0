package org.nin4j.plan.step;

import java.util.List;
import java.util.Optional;

/**
 * y = the sum of all inputs, element by element: a layer of its own, or a tensor's gradient.
 *
 * @param relu whether a ReLU follows
 */
public record Sum(String layer, List<TensorSpec> inputs, TensorSpec output, boolean relu)
    implements ForwardStep {
  public Sum {
    inputs = List.copyOf(inputs);
    if (inputs.isEmpty()) {
      throw new IllegalArgumentException("a sum has at least one input");
    }
    TensorRules.of(layer, Sum.class).alike(output, inputs.toArray(TensorSpec[]::new));
  }

  @Override
  public List<TensorSpec> reads() {
    return inputs;
  }

  @Override
  public List<TensorSpec> writes() {
    return List.of(output);
  }

  /** Over the first input, unless that is added twice. */
  @Override
  public Optional<InPlace> inPlace() {
    TensorSpec first = inputs.get(0);
    return inputs.lastIndexOf(first) == 0
        ? Optional.of(new InPlace(first, output))
        : Optional.empty();
  }

  @Override
  public String kind() {
    return relu ? "SumRelu" : "Sum";
  }

  /** The gradient by each input is the one by the output. */
  @Override
  public List<Step> backward(TensorSpec outputGradient, Gradients gradients) {
    if (relu) {
      throw new IllegalStateException("gradients are stated before fusion");
    }
    inputs.forEach(input -> gradients.pass(input, outputGradient));
    return List.of();
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
