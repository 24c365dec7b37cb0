package org.nin4j.plan.step;

import java.util.List;
import java.util.Optional;

/** dx[e] = dy[e] / (1 − p) where {@link DropoutForward} kept e, else 0: the mask is drawn again. */
public record DropoutBackward(
    String layer,
    float probability,
    int stream,
    TensorSpec outputGradient,
    TensorSpec inputGradient)
    implements Step {
  public DropoutBackward {
    TensorRules.of(layer, DropoutBackward.class)
        .dropped(probability, outputGradient, inputGradient);
  }

  @Override
  public List<TensorSpec> reads() {
    return List.of(outputGradient);
  }

  @Override
  public List<TensorSpec> writes() {
    return List.of(inputGradient);
  }

  @Override
  public Optional<InPlace> inPlace() {
    return Optional.of(new InPlace(outputGradient, inputGradient));
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
