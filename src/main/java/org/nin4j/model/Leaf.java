package org.nin4j.model;

import java.util.List;
import org.nin4j.tensor.Shape;

/** An operation with one input. */
public sealed interface Leaf extends Operation
    permits Conv2d,
        Linear,
        Activation,
        BatchNorm,
        MaxPool2d,
        AvgPool2d,
        GlobalAvgPool2d,
        GlobalMaxPool2d,
        Dropout,
        Flatten,
        Identity {

  /**
   * The shape that comes out when {@code input} goes in.
   *
   * @throws ShapeException if this layer cannot take such an input; the message says what would fit
   */
  Shape outputShape(Shape input);

  /** The parameters for such an input, weights before biases; none for most kinds. */
  default List<Parameter> parameters(Shape input) {
    return List.of();
  }

  /**
   * What training keeps beside the parameters and inference reads, such as running means; none for
   * most kinds.
   */
  default List<Parameter> state(Shape input) {
    return List.of();
  }
}
