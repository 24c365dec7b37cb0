package org.nin4j.model;

import java.util.ArrayList;
import java.util.List;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

/**
 * A two-dimensional convolution (cross-correlation, as everywhere in this field): y[o,i,j] = b[o] +
 * Σ over c,u,v of w[o,c,u,v] · x[c, i·stride+u−padding, j·stride+v−padding]. With groups, the
 * channels of input and output are cut into as many equal runs, and each run of outputs sees only
 * its run of inputs.
 *
 * @param outChannels how many filters; a multiple of {@code groups}
 * @param window the filters' geometry
 * @param groups at least 1; 1 is the ordinary convolution
 * @param bias whether there is a b
 */
public record Conv2d(int outChannels, Window window, int groups, boolean bias) implements Leaf {
  public Conv2d {
    if (outChannels < 1) {
      throw new IllegalArgumentException("a convolution needs at least 1 output channel");
    }
    if (groups < 1 || outChannels % groups != 0) {
      throw new IllegalArgumentException(
          Text.of(
              "the %d output channels of a convolution cannot be cut into %d groups",
              outChannels, groups));
    }
  }

  /** One group, with bias. */
  public Conv2d(int outChannels, Window window) {
    this(outChannels, window, 1, true);
  }

  /** One group, with bias. */
  public Conv2d(int outChannels, int kernel, int stride, int padding) {
    this(outChannels, new Window(kernel, stride, padding));
  }

  /** The same without bias. */
  public Conv2d withoutBias() {
    return new Conv2d(outChannels, window, groups, false);
  }

  @Override
  public Shape outputShape(Shape input) {
    Layer.requireImage("a convolution", input);
    if (input.dim(0) % groups != 0) {
      throw new ShapeException(
          Text.of(
              "a convolution in %d groups takes a multiple of that many channels, but %s reaches it",
              groups, input));
    }
    return window.slideOver("a convolution", input, outChannels, false);
  }

  @Override
  public List<Parameter> parameters(Shape input) {
    int inChannels = input.dim(0) / groups;
    long area = (long) window.kernel() * window.kernel();
    long fanIn = inChannels * area;
    // As PyTorch counts it: all filters of the layer, whatever their group.
    long fanOut = outChannels * area;
    Shape weight = Shape.of(outChannels, inChannels, window.kernel(), window.kernel());
    List<Parameter> parameters = new ArrayList<>();
    parameters.add(new Parameter("weight", weight, Parameter.Role.WEIGHT, fanIn, fanOut));
    if (bias) {
      parameters.add(
          new Parameter("bias", Shape.of(outChannels), Parameter.Role.BIAS, fanIn, fanOut));
    }
    return parameters;
  }

  @Override
  public <R> R accept(OperationVisitor<R> visitor) {
    return visitor.visit(this);
  }

  @Override
  public String kind() {
    return "conv";
  }
}
