package org.nin4j.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.plan.Precision;
import org.nin4j.plan.step.ConvolutionForward;
import org.nin4j.plan.step.Fused;
import org.nin4j.plan.step.SoftmaxCrossEntropy;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.HostTensor;
import org.nin4j.text.Text;

/**
 * Compares a backend with the reference on every {@link StepCases case}.
 *
 * <p>Tolerances are shares of the largest magnitude in the tensor. F32: 1e-5, since sums of up to
 * some thousand products, each rounded to 24 bits, err by about √thousands · 2⁻²⁴ ≈ 4e-6. BF16:
 * 2⁻⁸, the rounding of the result to 8 bits; inputs are rounded before both sides see them.
 * Gradients in F32 of BF16 factors: 1e-5 too, since products of two 8-bit factors are exact in F32,
 * but 4e-3 where tensor cores sum them, see {@link Sums}. Labels and winning positions are exact.
 * Fused steps round to BF16 between their parts too, where the reference does not: twice the
 * tolerance. The loss's gradient is a difference of numbers up to 1, divided by the number of
 * samples: where all of it is tiny, the share is of that size.
 *
 * <p>Products in TF32: 2⁻¹⁰ of the largest magnitude, at least of 2, since a product of two factors
 * below 1, each cut to 10 fraction bits, errs by up to 2⁻⁹ however small a sum with it turns out.
 *
 * <p>Numbers of either sign up to 1 are added, which may leave next to nothing of a sum: where a
 * tensor has but a few values, the share is of 1 at least.
 *
 * <p>The norm of all differences is held to the same share of the tensor's norm, which is less than
 * the largest magnitude in every place.
 */
public final class StepSuite {
  private static final double F32 = 1e-5;
  private static final double BF16 = 0x1p-8;
  private static final double TF32 = 0x1p-10;
  private static final double TF32_LEAST = 2;

  /** Fewer values than these may all happen to be tiny. */
  private static final int FEW = 8;

  /** How a backend sums products of narrow factors. */
  public enum Sums {
    /** Rounded to F32, or better. */
    ROUNDED(F32),
    /**
     * By tensor cores, which truncate a sum towards zero every 4 to 16 products, to 24 bits: n
     * products lose up to n 2⁻²⁵ of the root of the sum of their squares, 1e-4 with the some
     * thousand products of a case; and a way that rounds the gradient to BF16 loses up to 2⁻⁹ of it
     * besides. The same 4e-3 as in the trial of algorithms leaves room for both.
     */
    BY_TENSOR_CORES(4e-3);

    private final double tolerance;

    Sums(double tolerance) {
      this.tolerance = tolerance;
    }
  }

  private StepSuite() {}

  /** One test for each case. */
  public static Stream<DynamicTest> tests(Backend backend, DType type, long seed) {
    return tests(backend, type, F32, seed);
  }

  /**
   * One test for each case.
   *
   * @param single tolerance of F32, as a share of the largest magnitude
   */
  public static Stream<DynamicTest> tests(Backend backend, DType type, double single, long seed) {
    return tests(backend, type, single, Sums.ROUNDED, seed);
  }

  /** One test for each case. */
  public static Stream<DynamicTest> tests(Backend backend, DType type, Sums sums, long seed) {
    return tests(backend, type, F32, sums, seed);
  }

  /** One test for each of some cases that not every backend has. */
  public static Stream<DynamicTest> tests(Backend backend, List<StepCase> cases) {
    return cases.stream().map(c -> DynamicTest.dynamicTest(c.name(), () -> check(backend, c)));
  }

  private static Stream<DynamicTest> tests(
      Backend backend, DType type, double single, Sums sums, long seed) {
    System.out.println("step cases of " + backend.name() + " in " + type + ", seed " + seed);
    return StepCases.all(type, seed).stream()
        .map(
            c ->
                DynamicTest.dynamicTest(
                    type + " " + c.name(), () -> check(backend, c, c.precision(), single, sums)));
  }

  /** One test for each case of several steps as one, see {@link StepCases#fused}. */
  public static Stream<DynamicTest> fusedTests(Backend backend, long seed) {
    return fusedTests(backend, seed, fused -> true);
  }

  /** Those of some kernels only. */
  public static Stream<DynamicTest> fusedTests(
      Backend backend, long seed, Predicate<Fused.Kernel> kernels) {
    System.out.println("fused cases of " + backend.name() + ", seed " + seed);
    return StepCases.fused(seed).stream()
        .filter(c -> c.step() instanceof Fused fused && kernels.test(fused.kernel()))
        .map(c -> DynamicTest.dynamicTest(c.name(), () -> check(backend, c)));
  }

  /** Runs a case on both and compares everything written. */
  public static void check(Backend backend, StepCase stepCase) {
    check(backend, stepCase, stepCase.precision());
  }

  /**
   * Like {@link #check(Backend, StepCase)}, in TF32 too.
   *
   * @return the largest difference as a share of what is tolerated, at most 1
   */
  public static double check(Backend backend, StepCase stepCase, Precision precision) {
    return check(backend, stepCase, precision, Sums.ROUNDED);
  }

  /** Like {@link #check(Backend, StepCase, Precision)}, for a backend that sums in such a way. */
  public static double check(Backend backend, StepCase stepCase, Precision precision, Sums sums) {
    return check(backend, stepCase, precision, F32, sums);
  }

  private static double check(
      Backend backend, StepCase stepCase, Precision precision, double single, Sums sums) {
    StepCase.Outcome expected = stepCase.run(new ReferenceBackend(), precision);
    StepCase.Outcome actual = stepCase.run(backend, precision);
    double worst = 0;
    for (TensorSpec tensor : stepCase.step().writes()) {
      HostTensor e = expected.written().get(tensor);
      HostTensor a = actual.written().get(tensor);
      worst = Math.max(worst, compare(stepCase, precision, single, sums, tensor, e, a));
    }
    Metrics e = expected.metrics();
    Metrics a = actual.metrics();
    assertEquals(e.samples(), a.samples(), stepCase.name() + ": samples");
    assertEquals(e.top1(), a.top1(), stepCase.name() + ": top 1");
    assertEquals(e.top5(), a.top5(), stepCase.name() + ": top 5");
    assertEquals(e.lossSum(), a.lossSum(), F32 * Math.max(1, Math.abs(e.lossSum())));
    return worst;
  }

  /**
   * Several steps in one may round otherwise than one by one; and a convolution that a library
   * computes without its bias is rounded before it, and again with it.
   */
  private static boolean isRoundedTwice(Step step) {
    return step instanceof Fused
        || step instanceof ConvolutionForward convolution && convolution.bias().isPresent();
  }

  /** The magnitude of what is added up, where the sum may be far smaller. */
  private static double least(Step step, TensorSpec tensor, boolean rounds) {
    if (step instanceof SoftmaxCrossEntropy) {
      return 1.0 / tensor.shape().dim(0);
    }
    double few = tensor.shape().elements() < FEW ? 1 : 0;
    return Math.max(few, rounds ? TF32_LEAST : 0);
  }

  private static double compare(
      StepCase stepCase,
      Precision precision,
      double single,
      Sums sums,
      TensorSpec tensor,
      HostTensor expected,
      HostTensor actual) {
    boolean rounds = precision == Precision.TF32 && stepCase.step().multiplyAdds() > 0;
    boolean narrowFactors =
        stepCase.step().multiplyAdds() > 0
            && stepCase.step().reads().stream().anyMatch(t -> t.type() == DType.BF16);
    double tolerance =
        switch (tensor.type()) {
          case F32 -> rounds ? TF32 : narrowFactors ? Math.max(single, sums.tolerance) : single;
          case BF16 -> isRoundedTwice(stepCase.step()) ? 2 * BF16 : BF16;
          case I32, U8 -> 0;
        };
    double least = least(stepCase.step(), tensor, rounds);
    double largest = least;
    double error = 0;
    double squaredErrors = 0;
    double squares = 0;
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
      squaredErrors += difference * difference;
      squares += (double) e * e;
    }
    String message =
        Text.of(
            "%s: %s differs most at element %d: expected %s, was %s; largest magnitude %s",
            stepCase.name(),
            tensor,
            worst,
            expected.values()[worst],
            actual.values()[worst],
            largest);
    assertTrue(error <= tolerance * largest, message);
    double norm = Math.max(Math.sqrt(squares), least * Math.sqrt(expected.values().length));
    assertTrue(
        Math.sqrt(squaredErrors) <= tolerance * norm,
        Text.of(
            "%s: %s differs by a norm of %s from one of %s",
            stepCase.name(), tensor, Math.sqrt(squaredErrors), norm));
    return error == 0 ? 0 : error / (tolerance * largest);
  }
}
