package org.nin4j.train;

import java.util.Arrays;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;

/**
 * What leaves a layer for one image, or the filters of one.
 *
 * @param layer its path in the network
 * @param values [channels, …]; not copied
 */
public record FeatureMaps(String layer, HostTensor values) {

  /** How many there are. */
  public int count() {
    return values.shape().dim(0);
  }

  /** One of them, a copy, without the first axis. */
  public HostTensor map(int index) {
    int[] dims = values.shape().dims().stream().skip(1).mapToInt(d -> d).toArray();
    Shape shape = Shape.of(dims);
    int size = Math.toIntExact(shape.elements());
    return new HostTensor(
        shape, Arrays.copyOfRange(values.values(), index * size, (index + 1) * size));
  }
}
