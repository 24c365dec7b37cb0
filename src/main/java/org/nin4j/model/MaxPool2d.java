package org.nin4j.model;

import org.nin4j.tensor.Shape;

/**
 * The maximum of each window; the first one in row-major order where several are equal, which is
 * where the gradient goes. Padding never wins.
 *
 * @param window the windows' geometry; padding at most half the kernel, kernel at most 15 so that a
 *     position in the window fits one byte
 * @param ceil whether a last window that is only partly filled counts, see {@link
 *     Window#outputExtent}
 */
public record MaxPool2d(Window window, boolean ceil) implements Leaf {
  public MaxPool2d {
    window.requirePooling("max pooling");
    if (window.kernel() > 15) {
      throw new IllegalArgumentException("max pooling takes a kernel of at most 15, not " + window);
    }
  }

  public MaxPool2d(int kernel, int stride) {
    this(new Window(kernel, stride, 0), false);
  }

  public MaxPool2d(int kernel, int stride, int padding) {
    this(new Window(kernel, stride, padding), false);
  }

  @Override
  public Shape outputShape(Shape input) {
    Layer.requireImage("max pooling", input);
    return window.slideOver("max pooling", input, input.dim(0), ceil);
  }

  @Override
  public <R> R accept(OperationVisitor<R> visitor) {
    return visitor.visit(this);
  }

  @Override
  public String kind() {
    return "maxpool";
  }
}
