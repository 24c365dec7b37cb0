package org.nin4j.model;

import org.nin4j.tensor.Shape;

/** (channels, height, width) → (features), channels outermost. */
public record Flatten() implements Leaf {
  @Override
  public Shape outputShape(Shape input) {
    return Shape.of(Math.toIntExact(input.elements()));
  }

  @Override
  public <R> R accept(OperationVisitor<R> visitor) {
    return visitor.visit(this);
  }

  @Override
  public String kind() {
    return "flatten";
  }
}
