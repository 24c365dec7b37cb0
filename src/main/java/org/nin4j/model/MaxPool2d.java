package org.nin4j.model;

import org.nin4j.tensor.Shape;

/**
 * The maximum of each window; the first one in row-major order where several are equal, which is
 * where the gradient goes. Padding never wins.
 *
 * @param window the windows' geometry; padding at most half the kernel, kernel at most 15 so that a
 *     position in the window fits one byte
 */
public record MaxPool2d(Window window) implements Layer.Leaf {
  public MaxPool2d {
    if (window.padding() * 2 > window.kernel()) {
      throw new IllegalArgumentException(
          "max pooling takes padding of at most half its kernel, not " + window);
    }
    if (window.kernel() > 15) {
      throw new IllegalArgumentException("max pooling takes a kernel of at most 15, not " + window);
    }
  }

  public MaxPool2d(int kernel, int stride) {
    this(new Window(kernel, stride, 0));
  }

  @Override
  public Shape outputShape(Shape input) {
    Layer.requireImage("max pooling", input);
    return window.slideOver("max pooling", input, input.dim(0));
  }

  @Override
  public String kind() {
    return "pool";
  }
}
