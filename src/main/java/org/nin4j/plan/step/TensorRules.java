package org.nin4j.plan.step;

import java.util.Arrays;
import java.util.List;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Window;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

/**
 * What the kinds of steps demand of their tensors, so that no backend meets a step that it would
 * compute wrongly: every check refuses with an {@link IllegalArgumentException} that names the
 * step.
 *
 * @param step for people
 */
record TensorRules(String step) {
  static TensorRules of(String layer, Class<? extends Step> kind) {
    return new TensorRules(layer + " (" + kind.getSimpleName() + ")");
  }

  /** All are of one shape and one type that is computed in: such a step converts nothing. */
  TensorRules alike(TensorSpec first, TensorSpec... others) {
    require(isFloat(first), first + " is of a type that is not computed in");
    for (TensorSpec other : others) {
      require(
          other.type() == first.type() && other.shape().equals(first.shape()),
          Text.of("%s and %s must be of one shape and type", first, other));
    }
    return this;
  }

  /** The second list has one like it for each of the first. */
  TensorRules alikeOneByOne(List<TensorSpec> first, List<TensorSpec> second) {
    require(
        first.size() == second.size(), Text.of("%d and %d tensors", first.size(), second.size()));
    for (int i = 0; i < first.size(); i++) {
      alike(first.get(i), second.get(i));
    }
    return this;
  }

  /** Both are of one type. */
  TensorRules oneType(TensorSpec first, TensorSpec second) {
    require(isFloat(first), first + " is of a type that is not computed in");
    require(first.type() == second.type(), Text.of("%s and %s must be of one type", first, second));
    return this;
  }

  TensorRules type(DType type, TensorSpec... tensors) {
    for (TensorSpec tensor : tensors) {
      require(tensor.type() == type, tensor + " must be of type " + type);
    }
    return this;
  }

  TensorRules shape(TensorSpec tensor, int... dims) {
    require(
        tensor.shape().dims().equals(Arrays.stream(dims).boxed().toList()),
        Text.of("%s must be of shape %s", tensor, Shape.of(dims)));
    return this;
  }

  TensorRules rank(TensorSpec tensor, int rank) {
    require(tensor.shape().rank() == rank, tensor + " must have " + rank + " axes");
    return this;
  }

  /** (N, C, H, W) and the window's outputs over it, with {@code channels} of them. */
  TensorRules windowed(
      Window window, boolean ceil, TensorSpec input, TensorSpec output, int channels) {
    rank(input, 4);
    int height = window.outputExtent(input.shape().dim(2), ceil);
    int width = window.outputExtent(input.shape().dim(3), ceil);
    require(height > 0 && width > 0, "a " + window + " window does not fit into " + input);
    return shape(output, input.shape().dim(0), channels, height, width);
  }

  /** As {@link #windowed}, with as many channels as there are. */
  TensorRules pooled(Window window, boolean ceil, TensorSpec input, TensorSpec output) {
    rank(input, 4);
    return windowed(window, ceil, input, output, input.shape().dim(1));
  }

  /** As {@link #windowed}, with fp32 weights (O, C / groups, k, k). */
  TensorRules convolved(
      Conv2d convolution, TensorSpec input, TensorSpec weight, TensorSpec output) {
    rank(weight, 4).rank(input, 4).type(DType.F32, weight);
    Window window = convolution.window();
    int channels = input.shape().dim(1);
    int groups = convolution.groups();
    require(channels % groups == 0, Text.of("%s has no %d groups", input, groups));
    int filters = weight.shape().dim(0);
    shape(weight, filters, channels / groups, window.kernel(), window.kernel());
    return windowed(window, false, input, output, filters).oneType(input, output);
  }

  /** (N, inputs) and (N, outputs), with fp32 weights (outputs, inputs). */
  TensorRules multiplied(TensorSpec input, TensorSpec weight, TensorSpec output) {
    rank(weight, 2).rank(input, 2).type(DType.F32, weight);
    shape(weight, weight.shape().dim(0), input.shape().dim(1));
    shape(output, input.shape().dim(0), weight.shape().dim(0));
    return oneType(input, output);
  }

  /** fp32 values, one for each of the given number of channels. */
  TensorRules channels(TensorSpec values, int channels) {
    return type(DType.F32, values).shape(values, channels);
  }

  /** (N, C, H, W) and (N, C, 1, 1). */
  TensorRules pooledWhole(TensorSpec input, TensorSpec output) {
    rank(input, 4);
    shape(output, input.shape().dim(0), input.shape().dim(1), 1, 1);
    return oneType(input, output);
  }

  /** (N, C, H, W) and (N, C·H·W), or the same twice. */
  TensorRules flattened(TensorSpec image, TensorSpec flat) {
    rank(flat, 2);
    int samples = image.shape().dim(0);
    shape(flat, samples, Math.toIntExact(image.shape().elements() / samples));
    return oneType(image, flat);
  }

  /** The same shape twice, of images or of features. */
  TensorRules dropped(float probability, TensorSpec from, TensorSpec to) {
    int rank = from.shape().rank();
    require(rank == 2 || rank == 4, from + " must have 2 or 4 axes");
    require(probability >= 0 && probability < 1, "a probability is in [0, 1), not " + probability);
    return alike(from, to);
  }

  /** One bit for each element of another tensor. */
  TensorRules bits(TensorSpec mask, TensorSpec of) {
    return type(DType.U8, mask).shape(mask, Math.toIntExact((of.shape().elements() + 7) / 8));
  }

  private static boolean isFloat(TensorSpec tensor) {
    return tensor.type() == DType.F32 || tensor.type() == DType.BF16;
  }

  TensorRules require(boolean holds, String rule) {
    if (!holds) {
      throw new IllegalArgumentException(Text.of("%s: %s", step, rule));
    }
    return this;
  }
}
