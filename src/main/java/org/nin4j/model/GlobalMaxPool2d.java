package org.nin4j.model;

import org.nin4j.tensor.Shape;

/**
 * The maximum of each channel's pixels: (channels, height, width) → (channels, 1, 1); the first one
 * in row-major order where several are equal, which is where the gradient goes.
 */
public record GlobalMaxPool2d() implements Leaf {
  @Override
  public Shape outputShape(Shape input) {
    return Shape.of(Layer.requireImage("global max pooling", input).dim(0), 1, 1);
  }

  @Override
  public <R> R accept(OperationVisitor<R> visitor) {
    return visitor.visit(this);
  }

  @Override
  public String kind() {
    return "globalmax";
  }
}
