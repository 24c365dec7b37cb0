package org.nin4j.model;

import java.util.Arrays;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Philox;
import org.nin4j.tensor.Shape;

/** How parameters start. */
public enum Initialisation {
  /**
   * Weights uniform within ±√(6 / (fanIn + fanOut)), biases 0. Source: Glorot, Bengio,
   * "Understanding the difficulty of training deep feedforward neural networks", 2010.
   */
  XAVIER_UNIFORM,
  /**
   * Weights uniform within ±√(6 / fanIn), biases 0. Source: He, Zhang, Ren, Sun, "Delving Deep into
   * Rectifiers", 2015.
   */
  HE_UNIFORM,
  /**
   * Weights and biases uniform within ±√(1 / fanIn): what PyTorch's layers do when not told
   * otherwise.
   */
  PYTORCH,
  /**
   * What the published training code of the book's networks starts from: weights as {@link
   * #XAVIER_UNIFORM}, biases as {@link #PYTORCH}, which its function leaves alone.
   */
  XAVIER_PYTORCH_BIAS,
  /**
   * For networks with ReLU after every layer, the last included:
   *
   * <ul>
   *   <li>A convolution with as many outputs as inputs passes its input on: 1 at its kernel's
   *       centre, 0 elsewhere, biases 0. So the network starts as a shallow one. Source: Le,
   *       Jaitly, Hinton, "A Simple Way to Initialize Recurrent Networks of Rectified Linear
   *       Units", 2015.
   *   <li>Other weights are uniform within half of He's bound, less their filter's mean, so that no
   *       filter answers to a constant. Both keep small what all images have in common by the last
   *       layers: a step moves a class's score there by the rate times that vector's squared
   *       length, for all images at once.
   *   <li>A layer with fewer outputs than inputs has biases of 1: the scores start alike, and each
   *       has room to fall before its ReLU is silent. Source: Krizhevsky, Sutskever, Hinton,
   *       "ImageNet Classification with Deep Convolutional Neural Networks", 2012.
   * </ul>
   */
  IDENTITY,
  /**
   * Weights normal with mean 0 and deviation 0.05, biases 0: what the paper on Network in Network
   * starts from.
   */
  GAUSSIAN;

  private static final float NARROWING_BIAS = 1;
  private static final double GAUSSIAN_DEVIATION = 0.05;

  /**
   * The initial values of a parameter.
   *
   * @param parameter what to initialise
   * @param index its place among the network's parameters
   * @param seed the run's seed: the same one gives the same values
   */
  public HostTensor draw(Parameter parameter, int index, long seed) {
    HostTensor tensor = HostTensor.zeros(parameter.shape());
    float[] values = tensor.values();
    switch (parameter.role()) {
      case SCALE, RUNNING_VARIANCE -> Arrays.fill(values, 1);
      case SHIFT, RUNNING_MEAN -> Arrays.fill(values, 0);
      case WEIGHT, BIAS -> fill(tensor, parameter, index, seed);
    }
    return tensor;
  }

  private void fill(HostTensor tensor, Parameter parameter, int index, long seed) {
    float[] values = tensor.values();
    Philox.Sequence random = new Philox.Sequence(seed, 0, Philox.Stream.INITIALISATION + index);
    boolean weight = parameter.role() == Parameter.Role.WEIGHT;
    double he = Math.sqrt(6.0 / parameter.fanIn());
    switch (this) {
      case XAVIER_UNIFORM -> {
        if (weight) {
          fill(values, Math.sqrt(6.0 / (parameter.fanIn() + parameter.fanOut())), random);
        }
      }
      case HE_UNIFORM -> {
        if (weight) {
          fill(values, he, random);
        }
      }
      case PYTORCH -> fill(values, Math.sqrt(1.0 / parameter.fanIn()), random);
      case XAVIER_PYTORCH_BIAS ->
          fill(
              values,
              weight
                  ? Math.sqrt(6.0 / (parameter.fanIn() + parameter.fanOut()))
                  : Math.sqrt(1.0 / parameter.fanIn()),
              random);
      case GAUSSIAN -> {
        if (weight) {
          fillNormal(values, GAUSSIAN_DEVIATION, random);
        }
      }
      case IDENTITY -> {
        if (!weight) {
          Arrays.fill(values, parameter.fanOut() < parameter.fanIn() ? NARROWING_BIAS : 0);
        } else if (isSquareConvolution(parameter.shape())) {
          passOn(values, parameter.shape());
        } else {
          fill(values, he / 2, random);
          centre(values, parameter.shape().dim(0));
        }
      }
    }
  }

  private static void fill(float[] values, double bound, Philox.Sequence random) {
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (bound * (2.0 * random.nextUniform() - 1.0));
    }
  }

  /**
   * With u and v uniform in [0, 1): deviation · √(−2 ln(1 − u)) · cos 2πv. Source: Box, Muller, "A
   * Note on the Generation of Random Normal Deviates", 1958.
   */
  private static void fillNormal(float[] values, double deviation, Philox.Sequence random) {
    for (int i = 0; i < values.length; i++) {
      double radius = Math.sqrt(-2 * StrictMath.log(1.0 - random.nextUniform()));
      double angle = 2 * Math.PI * random.nextUniform();
      values[i] = (float) (deviation * radius * StrictMath.cos(angle));
    }
  }

  private static boolean isSquareConvolution(Shape weight) {
    return weight.rank() == 4 && weight.dim(0) == weight.dim(1);
  }

  private static void passOn(float[] values, Shape weight) {
    int area = weight.dim(2) * weight.dim(3);
    int centre = weight.dim(2) / 2 * weight.dim(3) + weight.dim(3) / 2;
    for (int channel = 0; channel < weight.dim(0); channel++) {
      values[(channel * weight.dim(1) + channel) * area + centre] = 1;
    }
  }

  private static void centre(float[] values, int filters) {
    int size = values.length / filters;
    for (int from = 0; from < values.length; from += size) {
      double sum = 0;
      for (int i = from; i < from + size; i++) {
        sum += values[i];
      }
      for (int i = from; i < from + size; i++) {
        values[i] -= (float) (sum / size);
      }
    }
  }
}
