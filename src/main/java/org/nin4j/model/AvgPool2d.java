package org.nin4j.model;

import org.nin4j.tensor.Shape;

/**
 * The mean of each window. As in PyTorch, what a window in ceil mode has beyond the padded image
 * never counts.
 *
 * @param window the windows' geometry; padding at most half the kernel
 * @param ceil whether a last window that is only partly filled counts, see {@link
 *     Window#outputExtent}
 * @param countPadding whether the padding's zeros count among the elements that are averaged
 */
public record AvgPool2d(Window window, boolean ceil, boolean countPadding) implements Leaf {
  public AvgPool2d {
    window.requirePooling("average pooling");
  }

  public AvgPool2d(int kernel, int stride) {
    this(new Window(kernel, stride, 0), false, true);
  }

  @Override
  public Shape outputShape(Shape input) {
    Layer.requireImage("average pooling", input);
    return window.slideOver("average pooling", input, input.dim(0), ceil);
  }

  @Override
  public <R> R accept(OperationVisitor<R> visitor) {
    return visitor.visit(this);
  }

  @Override
  public String kind() {
    return "avgpool";
  }
}
