package org.nin4j.backend;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.nin4j.model.Activation;
import org.nin4j.model.Conv2d;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Precision;
import org.nin4j.plan.step.ActivationBackward;
import org.nin4j.plan.step.ConvolutionForward;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

/**
 * How fast a device moves and multiplies at best. Source: Williams, Waterman, Patterson, "Roofline:
 * an insightful visual performance model", 2009.
 *
 * @param bytesPerSecond to and from memory, both counted
 * @param flopsPerSecond two for each multiply-add of a matrix product
 */
public record DeviceRates(double bytesPerSecond, double flopsPerSecond) {
  /** Of each tensor of the memory test: more than any cache holds. */
  private static final long TENSOR_BYTES = 128L << 20;

  /**
   * A convolution whose multiply-adds outweigh its bytes several hundred times. With its stride of
   * 2 there is no algorithm with fewer of them.
   */
  private static final Conv2d CONVOLUTION = new Conv2d(256, 3, 2, 1);

  /** As plain a product as there is, which some processors multiply fastest. */
  private static final Conv2d POINTWISE = new Conv2d(256, 1, 1, 0);

  private static final int SIDE = 48;
  private static final int[] BATCHES = {1, 8, 64, 512};

  /** A step that takes as long hides what it costs to start it. */
  private static final double LONG = 5e-3;

  /** A peak is a best of many: so long after the last gain, at most so long in all; in seconds. */
  private static final double PATIENCE = 0.5;

  private static final double LONGEST = 2;

  /** What counts as a gain: less is the clock's unrest. */
  private static final double GAIN = 1.005;

  public DeviceRates {
    if (!(bytesPerSecond > 0 && flopsPerSecond > 0)) {
      throw new IllegalArgumentException(
          Text.of(
              "rates are above 0, not %s bytes/s and %s FLOP/s", bytesPerSecond, flopsPerSecond));
    }
  }

  /**
   * Measures a device with steps of its own: the gradient of a ReLU over tensors far larger than
   * its caches, 3×3 convolutions with 256 channels and stride 2 and 1×1 convolutions with as many
   * in the precision's type; the best until nothing better has come for a while.
   *
   * @throws BackendException if the device has too little memory for that, or not this precision
   */
  public static DeviceRates measure(Backend backend, Precision precision) {
    return new DeviceRates(bytesPerSecond(backend, precision), flopsPerSecond(backend, precision));
  }

  /** Seconds below which the device cannot do so much. */
  public double floor(long bytes, long flops) {
    return Math.max(bytes / bytesPerSecond, flops / flopsPerSecond);
  }

  private static double bytesPerSecond(Backend backend, Precision precision) {
    DType type = precision.activations();
    int elements = Math.toIntExact(TENSOR_BYTES / type.bytes());
    Shape shape = Shape.of(64, 64, 64, elements / (64 * 64 * 64));
    TensorSpec y = new TensorSpec("y", shape, type, Role.ACTIVATION);
    TensorSpec dy = new TensorSpec("dy", shape, type, Role.ACTIVATION);
    TensorSpec dx = new TensorSpec("dx", shape, type, Role.ACTIVATION);
    Step step = new ActivationBackward("relu", Activation.RELU, y, dy, dx);
    return step.bytes()
        / seconds(backend, new Plan("memory", 64, precision, List.of(step), Set.of(y)));
  }

  private static double flopsPerSecond(Backend backend, Precision precision) {
    return Math.max(
        flopsPerSecond(backend, precision, CONVOLUTION),
        flopsPerSecond(backend, precision, POINTWISE));
  }

  private static double flopsPerSecond(Backend backend, Precision precision, Conv2d convolution) {
    double best = 0;
    for (int batch : BATCHES) {
      Step step = step(convolution, precision.activations(), batch);
      double seconds =
          seconds(backend, new Plan("products", batch, precision, List.of(step), Set.of()));
      best = Math.max(best, 2 * step.multiplyAdds() / seconds);
      if (seconds > LONG) {
        break;
      }
    }
    return best;
  }

  private static Step step(Conv2d convolution, DType type, int batch) {
    int channels = convolution.outChannels();
    int kernel = convolution.window().kernel();
    Shape images = Shape.of(batch, channels, SIDE, SIDE);
    int extent = convolution.window().outputExtent(SIDE);
    Shape results = Shape.of(batch, channels, extent, extent);
    Shape filters = Shape.of(channels, channels, kernel, kernel);
    return new ConvolutionForward(
        "convolution",
        convolution,
        new TensorSpec("x", images, type, Role.ACTIVATION),
        new TensorSpec("weight", filters, DType.F32, Role.PARAMETER),
        Optional.of(new TensorSpec("bias", Shape.of(channels), DType.F32, Role.PARAMETER)),
        new TensorSpec("y", results, type, Role.ACTIVATION),
        false);
  }

  /** The shortest time of a plan's steps, on random data: zeros would need less power. */
  private static double seconds(Backend backend, Plan plan) {
    try (Session session = backend.bind(backend.prepare(plan))) {
      for (TensorSpec tensor : plan.steps().get(0).reads()) {
        session.fillRandomly(tensor, 1);
      }
      long first = session.runTimed()[0];
      if (first > LONGEST * 1e9) {
        return first / 1e9; // So long a step needs no warming up.
      }
      long best = Long.MAX_VALUE;
      long begin = System.nanoTime();
      long gained = begin;
      long now = begin;
      do {
        long time = session.runTimed()[0];
        now = System.nanoTime();
        gained = time * GAIN < best ? now : gained;
        best = Math.min(best, time);
      } while (now - gained < PATIENCE * 1e9 && now - begin < LONGEST * 1e9);
      return best / 1e9;
    }
  }
}
