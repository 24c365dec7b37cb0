package org.nin4j.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.plan.SoftmaxCrossEntropy;
import org.nin4j.plan.TensorSpec;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.HostTensor;

/**
 * Compares a backend with the reference on every {@link StepCases case}.
 *
 * <p>Tolerances are shares of the largest magnitude in the tensor. F32: 1e-5, since sums of up to
 * some thousand products, each rounded to 24 bits, err by about √thousands · 2⁻²⁴ ≈ 4e-6. BF16:
 * 2⁻⁸, the rounding of the result to 8 bits; inputs are rounded before both sides see them.
 * Gradients in F32 of BF16 factors: 1e-5 too, since products of two 8-bit factors are exact in F32.
 * Labels and winning positions are exact. The loss's gradient is a difference of numbers up to 1,
 * divided by the number of samples: where all of it is tiny, the share is of that size.
 */
public final class StepSuite {
  private static final double F32 = 1e-5;
  private static final double BF16 = 0x1p-8;

  private StepSuite() {}

  /** One test for each case. */
  public static Stream<DynamicTest> tests(Backend backend, DType type, long seed) {
    System.out.println("step cases of " + backend.name() + " in " + type + ", seed " + seed);
    return StepCases.all(type, seed).stream()
        .map(c -> DynamicTest.dynamicTest(type + " " + c.name(), () -> check(backend, c)));
  }

  /** Runs a case on both and compares everything written. */
  public static void check(Backend backend, StepCase stepCase) {
    StepCase.Outcome expected = stepCase.run(new ReferenceBackend());
    StepCase.Outcome actual = stepCase.run(backend);
    for (TensorSpec tensor : stepCase.step().writes()) {
      double least =
          stepCase.step() instanceof SoftmaxCrossEntropy ? 1.0 / tensor.shape().dim(0) : 0;
      compare(
          stepCase.name(),
          tensor,
          least,
          expected.written().get(tensor),
          actual.written().get(tensor));
    }
    Metrics e = expected.metrics();
    Metrics a = actual.metrics();
    assertEquals(e.samples(), a.samples(), stepCase.name() + ": samples");
    assertEquals(e.top1(), a.top1(), stepCase.name() + ": top 1");
    assertEquals(e.top5(), a.top5(), stepCase.name() + ": top 5");
    assertEquals(e.lossSum(), a.lossSum(), F32 * Math.max(1, Math.abs(e.lossSum())));
  }

  private static void compare(
      String name, TensorSpec tensor, double least, HostTensor expected, HostTensor actual) {
    double tolerance =
        switch (tensor.type()) {
          case F32 -> F32;
          case BF16 -> BF16;
          case I32, U8 -> 0;
        };
    double largest = least;
    double error = 0;
    int worst = 0;
    for (int i = 0; i < expected.values().length; i++) {
      float e = expected.values()[i];
      float a = actual.values()[i];
      double difference = Float.isNaN(a) ? Double.POSITIVE_INFINITY : Math.abs(e - a);
      if (difference > error) {
        error = difference;
        worst = i;
      }
      largest = Math.max(largest, Math.abs(e));
    }
    String message =
        "%s: %s differs most at element %d: expected %s, was %s; largest magnitude %s"
            .formatted(
                name, tensor, worst, expected.values()[worst], actual.values()[worst], largest);
    assertTrue(error <= tolerance * largest, message);
  }
}
