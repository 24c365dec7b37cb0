package org.nin4j.model;

import org.nin4j.tensor.Shape;

/** The mean over each channel's pixels: (channels, height, width) → (channels, 1, 1). */
public record GlobalAvgPool2d() implements Leaf {
  @Override
  public Shape outputShape(Shape input) {
    return Shape.of(Layer.requireImage("global average pooling", input).dim(0), 1, 1);
  }

  @Override
  public <R> R accept(OperationVisitor<R> visitor) {
    return visitor.visit(this);
  }

  @Override
  public String kind() {
    return "globalavg";
  }
}
