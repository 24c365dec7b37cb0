package org.nin4j.model;

import java.util.List;
import org.nin4j.tensor.Shape;

/**
 * A two-dimensional convolution (cross-correlation, as everywhere in this field) with bias:
 * y[o,i,j] = b[o] + Σ over c,u,v of w[o,c,u,v] · x[c, i·stride+u−padding, j·stride+v−padding].
 *
 * @param outChannels how many filters
 * @param window the filters' geometry
 */
public record Conv2d(int outChannels, Window window) implements Layer.Leaf {
  public Conv2d {
    if (outChannels < 1) {
      throw new IllegalArgumentException("a convolution needs at least 1 output channel");
    }
  }

  public Conv2d(int outChannels, int kernel, int stride, int padding) {
    this(outChannels, new Window(kernel, stride, padding));
  }

  @Override
  public Shape outputShape(Shape input) {
    Layer.requireImage("a convolution", input);
    return window.slideOver("a convolution", input, outChannels);
  }

  @Override
  public List<Parameter> parameters(Shape input) {
    int inChannels = input.dim(0);
    long area = (long) window.kernel() * window.kernel();
    long fanIn = inChannels * area;
    long fanOut = outChannels * area;
    Shape weight = Shape.of(outChannels, inChannels, window.kernel(), window.kernel());
    return List.of(
        new Parameter("weight", weight, Parameter.Role.WEIGHT, fanIn, fanOut),
        new Parameter("bias", Shape.of(outChannels), Parameter.Role.BIAS, fanIn, fanOut));
  }

  @Override
  public String kind() {
    return "conv";
  }
}
