package org.nin4j.plan;

import java.util.List;
import org.nin4j.model.MaxPool2d;
import org.nin4j.tensor.DType;

/** dx = at each element the sum of dy over the windows that it won. */
public record MaxPoolBackward(
    String layer,
    MaxPool2d pool,
    TensorSpec position,
    TensorSpec outputGradient,
    TensorSpec inputGradient)
    implements Step {
  public MaxPoolBackward {
    TensorRules.of(layer, MaxPoolBackward.class)
        .rank(inputGradient, 4)
        .windowed(pool.window(), inputGradient, outputGradient, inputGradient.shape().dim(1))
        .oneType(inputGradient, outputGradient)
        .windowed(pool.window(), inputGradient, position, inputGradient.shape().dim(1))
        .type(DType.U8, position);
  }

  @Override
  public List<TensorSpec> reads() {
    return List.of(position, outputGradient);
  }

  @Override
  public List<TensorSpec> writes() {
    return List.of(inputGradient);
  }
}
