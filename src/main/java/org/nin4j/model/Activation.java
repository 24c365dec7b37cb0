package org.nin4j.model;

import org.nin4j.tensor.Shape;

/**
 * A function applied to each element. The gradient of each follows from its output alone, so the
 * input need not be stored.
 */
public enum Activation implements Leaf {
  /** y = max(x, 0); dy/dx = 1 where y &gt; 0, else 0. */
  RELU("relu"),
  /** y = 1 / (1 + e^−x); dy/dx = y · (1 − y). */
  SIGMOID("sigmoid"),
  /** y = tanh x; dy/dx = 1 − y². */
  TANH("tanh"),
  /** y = x where x &gt; 0, else {@link #LEAK} · x; dy/dx = 1 where y &gt; 0, else LEAK. */
  LEAKY_RELU("leakyrelu");

  /**
   * PyTorch's and ONNX's default: small, yet no unit whose input is negative everywhere is lost.
   */
  public static final float LEAK = 0.01f;

  private final String kind;

  Activation(String kind) {
    this.kind = kind;
  }

  @Override
  public Shape outputShape(Shape input) {
    return input;
  }

  @Override
  public <R> R accept(OperationVisitor<R> visitor) {
    return visitor.visit(this);
  }

  @Override
  public String kind() {
    return kind;
  }
}
