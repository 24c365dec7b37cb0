package org.nin4j.model;

import org.nin4j.tensor.Shape;

/** y = max(x, 0), element by element; the gradient at 0 is 0. */
public record Relu() implements Layer.Leaf {
  @Override
  public Shape outputShape(Shape input) {
    return input;
  }

  @Override
  public String kind() {
    return "relu";
  }
}
