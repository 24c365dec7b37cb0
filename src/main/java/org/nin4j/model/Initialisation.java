package org.nin4j.model;

import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Philox;

/** How parameters start: each is uniform in (−bound, bound). */
public enum Initialisation {
  /**
   * Weights within √(6 / (fanIn + fanOut)), biases 0. Source: Glorot, Bengio, "Understanding the
   * difficulty of training deep feedforward neural networks", 2010.
   */
  XAVIER_UNIFORM,
  /**
   * Weights within √(6 / fanIn), biases 0. Source: He, Zhang, Ren, Sun, "Delving Deep into
   * Rectifiers", 2015.
   */
  HE_UNIFORM,
  /** Weights and biases within √(1 / fanIn): what PyTorch's layers do when not told otherwise. */
  PYTORCH;

  private double bound(Parameter parameter) {
    if (this == PYTORCH) {
      return Math.sqrt(1.0 / parameter.fanIn());
    }
    if (parameter.role() == Parameter.Role.BIAS) {
      return 0;
    }
    return this == HE_UNIFORM
        ? Math.sqrt(6.0 / parameter.fanIn())
        : Math.sqrt(6.0 / (parameter.fanIn() + parameter.fanOut()));
  }

  /**
   * The initial values of a parameter.
   *
   * @param parameter what to initialise
   * @param index its place among the network's parameters
   * @param seed the run's seed: the same one gives the same values
   */
  public HostTensor draw(Parameter parameter, int index, long seed) {
    double bound = bound(parameter);
    HostTensor tensor = HostTensor.zeros(parameter.shape());
    if (bound == 0) {
      return tensor;
    }
    Philox.Sequence random = new Philox.Sequence(seed, 0, Philox.Stream.INITIALISATION + index);
    float[] values = tensor.values();
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (bound * (2.0 * random.nextUniform() - 1.0));
    }
    return tensor;
  }
}
