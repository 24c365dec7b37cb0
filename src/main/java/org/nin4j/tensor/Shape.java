package org.nin4j.tensor;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * The extent of each axis of a tensor, outermost first. Images are (channels, height, width),
 * batches of them (samples, channels, height, width), convolution weights (output channels, input
 * channels, kernel height, kernel width); storage order is the backend's business.
 *
 * @param dims the extents, each at least 1
 */
public record Shape(List<Integer> dims) {
  public Shape {
    dims = List.copyOf(dims);
    for (int dim : dims) {
      if (dim < 1) {
        throw new IllegalArgumentException("every extent of a shape is at least 1, not " + dims);
      }
    }
  }

  public static Shape of(int... dims) {
    return new Shape(Arrays.stream(dims).boxed().toList());
  }

  public int rank() {
    return dims.size();
  }

  public int dim(int axis) {
    return dims.get(axis);
  }

  /** The number of elements: the product of all extents. */
  public long elements() {
    long product = 1;
    for (int dim : dims) {
      product = Math.multiplyExact(product, (long) dim);
    }
    return product;
  }

  /** This shape with one more axis in front: a batch of {@code samples} such tensors. */
  public Shape batched(int samples) {
    int[] all = new int[rank() + 1];
    all[0] = samples;
    for (int axis = 0; axis < rank(); axis++) {
      all[axis + 1] = dim(axis);
    }
    return of(all);
  }

  /** The same with another extent of one axis. */
  public Shape withDim(int axis, int extent) {
    List<Integer> changed = new ArrayList<>(dims);
    changed.set(axis, extent);
    return new Shape(changed);
  }

  /** For example {@code 96×54×54}. */
  @Override
  public String toString() {
    return dims.stream().map(String::valueOf).collect(Collectors.joining("×"));
  }
}
