package org.nin4j.plan.step;

import org.nin4j.tensor.DType;
import org.nin4j.tensor.Shape;

/**
 * A tensor of a plan: what it is, not where. Equal only to itself within a plan, since no two have
 * the same name.
 *
 * @param name unique in the plan, such as {@code conv4}, {@code conv4.weight} or {@code
 *     conv4.gradient}
 * @param shape in logical order (samples, channels, height, width); backends store in their own
 * @param type of the elements
 * @param role what it is for, which decides how long it lives
 */
public record TensorSpec(String name, Shape shape, DType type, Role role) {
  /** What a tensor is for. */
  public enum Role {
    /** Trained values; fp32; lives as long as the session, all side by side in layer order. */
    PARAMETER,
    /** The loss's gradient by a parameter; fp32; side by side in the parameters' order. */
    PARAMETER_GRADIENT,
    /** The optimizer's memory of a parameter; fp32; side by side in the parameters' order. */
    OPTIMIZER_STATE,
    /**
     * What training keeps beside the parameters and inference reads, such as running means; fp32;
     * lives as long as the session, and no optimizer changes it.
     */
    STATE,
    /** Anything between steps: activations, their gradients, labels, pooling positions. */
    ACTIVATION,
    /**
     * What a run computes from parameters for use in their place, such as weights with a batch norm
     * folded into them; fp32, laid out as parameters are, and lives only as long as it is needed.
     */
    DERIVED
  }

  /** Whether it lives only from the step that writes it to the last that reads it. */
  public boolean isTemporary() {
    return role == Role.ACTIVATION || role == Role.DERIVED;
  }

  /** Bytes in plain storage, without a backend's padding. */
  public long bytes() {
    return shape.elements() * type.bytes();
  }

  /** The same for another number of samples, the first dimension. */
  TensorSpec withSamples(int samples) {
    int[] dims = shape.dims().stream().mapToInt(Integer::intValue).toArray();
    dims[0] = samples;
    return new TensorSpec(name, Shape.of(dims), type, role);
  }

  @Override
  public String toString() {
    return name + "[" + shape + " " + type + "]";
  }
}
