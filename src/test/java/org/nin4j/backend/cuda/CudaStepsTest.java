package org.nin4j.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.CudaOptions.Fusions;
import org.nin4j.backend.StepCases;
import org.nin4j.backend.StepSuite;
import org.nin4j.backend.StepSuite.Sums;
import org.nin4j.plan.step.Fused;
import org.nin4j.standin.StandIn;
import org.nin4j.tensor.DType;

/** Every step case on the stand-in. */
class CudaStepsTest {
  private final long seed = System.nanoTime();
  private CudaBackend backend;

  @BeforeEach
  void open() {
    StandIn.assumeAvailable();
    backend = ownKernels();
  }

  /** Whose choice is never another kernel than that of the step itself. */
  private static CudaBackend ownKernels() {
    return CudaBackend.open(0, StandInGpu.options().withFusions(Fusions.NEVER));
  }

  @AfterEach
  void close() {
    backend.close();
    StandInGpu.assertNoComplaint();
    StandInGpu.assertNothingLeft("all step cases");
  }

  @TestFactory
  Stream<DynamicTest> inSinglePrecision() {
    return StepSuite.tests(backend, DType.F32, seed);
  }

  @TestFactory
  Stream<DynamicTest> inBfloat16() {
    return StepSuite.tests(backend, DType.BF16, Sums.BY_TENSOR_CORES, seed);
  }

  @TestFactory
  Stream<DynamicTest> normsWithSums() {
    return Stream.of(DType.F32, DType.BF16)
        .flatMap(type -> StepSuite.tests(backend, StepCases.summedNorms(type, seed)));
  }

  @TestFactory
  Stream<DynamicTest> fused() {
    return StepSuite.fusedTests(backend, seed);
  }

  @TestFactory
  Stream<DynamicTest> fusedLateAndShuffled() {
    StandIn.set("lazy", 1);
    StandIn.set("order", "shuffle");
    StandIn.set("seed", (int) (seed & 0xffff));
    return StepSuite.fusedTests(backend, seed);
  }

  /**
   * So little shared memory that blocks are smaller, or one row is pooled at a time, and that the
   * first block's gradients are computed one by one.
   */
  @TestFactory
  Stream<DynamicTest> fusedOnASmallerGpu() {
    backend.close();
    StandIn.reset();
    StandIn.set("compute_capability", 86);
    backend = ownKernels();
    return StepSuite.fusedTests(backend, seed, kernel -> kernel != Fused.Kernel.NIN_BLOCK_BACKWARD);
  }

  /** Work starts only when something waits for it, threads and blocks in any order. */
  @TestFactory
  Stream<DynamicTest> lateAndShuffled() {
    StandIn.set("lazy", 1);
    StandIn.set("order", "shuffle");
    StandIn.set("seed", (int) (seed & 0xffff));
    return StepSuite.tests(backend, DType.BF16, Sums.BY_TENSOR_CORES, seed);
  }

  /**
   * Which candidate is the fastest differs from time to time, and only that one is checked: here
   * each of cuDNN's algorithms is the wrong one in turn, so that others have their turn, too, and
   * no other is passed over. In groups and without a bias, where there are few.
   */
  @TestFactory
  Stream<DynamicTest> whateverAlgorithmIsTheFastest(@TempDir Path cache) throws IOException {
    StandInGpu.copyKernels(cache);
    return IntStream.of(0, 1, 7)
        .mapToObj(
            algorithm ->
                DynamicTest.dynamicTest("forward:" + algorithm, () -> spoiled(cache, algorithm)));
  }

  private void spoiled(Path cache, int algorithm) {
    backend.close();
    StandIn.reset();
    StandIn.set("wrong_algorithm", "forward:" + algorithm);
    List<String> warnings = new ArrayList<>();
    backend =
        CudaBackend.open(
            0,
            StandInGpu.options()
                .withFusions(Fusions.NEVER)
                .withCache(cache.resolve("spoiled" + algorithm))
                .withWarnings(warnings::add));
    List<DynamicTest> cases =
        StepSuite.tests(backend, DType.BF16, Sums.BY_TENSOR_CORES, seed)
            .filter(test -> test.getDisplayName().matches(".* forward .* groups, no bias.*"))
            .toList();
    assertTrue(cases.size() >= 2, "only " + cases.size() + " cases");
    for (DynamicTest one : cases) {
      try {
        one.getExecutable().execute();
      } catch (BackendException e) {
        assertTrue(e.getMessage().contains("no algorithm gives the right result"), e.getMessage());
      } catch (Throwable e) {
        throw new AssertionError(one.getDisplayName(), e);
      }
    }
    assertTrue(
        warnings.stream().allMatch(w -> w.contains("algorithm=" + algorithm + ",")),
        warnings.toString());
  }
}
