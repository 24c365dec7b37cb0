package org.nin4j.backend.onednn;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.nin4j.backend.CpuOptions;
import org.nin4j.backend.CpuOptions.Convolution;
import org.nin4j.backend.Needs;
import org.nin4j.backend.StepCases;
import org.nin4j.backend.StepSuite;
import org.nin4j.plan.Precision;
import org.nin4j.tensor.DType;

/** Every step in every way that some processor or shape would have it computed. */
class OneDnnStepsTest {
  /**
   * Of the largest magnitude in fp32. In tiles of 8×8 a result errs by 4e-6 of the root of the sum
   * of its products' squares on the average and 3e-5 at worst (simulated, 96 channels), and the
   * largest of few results may be no larger than that root.
   */
  private static final double BY_TILES = 4e-5;

  private static final List<OneDnnBackend> OPEN = new ArrayList<>();

  @AfterAll
  static void close() {
    OPEN.forEach(OneDnnBackend::close);
  }

  private static DynamicContainer suite(DType type, Convolution chosen) {
    // Three threads: more than there are parts in some cases, and no divisor of most.
    OneDnnBackend backend = new OneDnnBackend(CpuOptions.of(3).withConvolutions(chosen));
    OPEN.add(backend);
    String name = type + " " + chosen;
    if (type == DType.BF16 && !backend.computesIn(Precision.BF16)) {
      return DynamicContainer.dynamicContainer(
          name,
          Stream.of(
              DynamicTest.dynamicTest(
                  "not on this processor", () -> Needs.precision(backend, Precision.BF16))));
    }
    long seed = System.nanoTime();
    return DynamicContainer.dynamicContainer(
        name,
        chosen == Convolution.TILES
            ? StepSuite.tests(backend, type, BY_TILES, seed)
            : StepSuite.tests(backend, type, seed));
  }

  private static DynamicContainer foldedNorms() {
    OneDnnBackend backend = new OneDnnBackend(3);
    OPEN.add(backend);
    return DynamicContainer.dynamicContainer(
        "norms in weights", StepSuite.tests(backend, StepCases.foldedNorms(System.nanoTime())));
  }

  @TestFactory
  Stream<DynamicContainer> everyStep() {
    return Stream.of(
        foldedNorms(),
        suite(DType.F32, Convolution.DIRECT),
        suite(DType.F32, Convolution.TILES),
        suite(DType.F32, Convolution.IM2COL),
        suite(DType.BF16, Convolution.DIRECT),
        suite(DType.BF16, Convolution.WIDENED),
        suite(DType.BF16, Convolution.TILES),
        suite(DType.BF16, Convolution.IM2COL));
  }
}
