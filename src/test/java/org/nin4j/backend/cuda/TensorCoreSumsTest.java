package org.nin4j.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.backend.StepCase;
import org.nin4j.backend.StepSuite;
import org.nin4j.backend.StepSuite.Sums;
import org.nin4j.backend.cuda.convolution.ConvolutionChoice.Method;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Window;
import org.nin4j.plan.Precision;
import org.nin4j.plan.step.ConvolutionBackwardFilter;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.standin.StandIn;
import org.nin4j.tensor.Bfloat16;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;

/** Long sums that tensor cores truncate, as the stand-in then does, are right. */
class TensorCoreSumsTest {
  @TempDir private Path cache;

  private final long seed = System.nanoTime();
  private final List<String> warnings = new ArrayList<>();

  @BeforeEach
  void available() throws IOException {
    StandIn.assumeAvailable();
    System.out.println("sums of tensor cores, seed " + seed);
  }

  @AfterEach
  void nothingLeft() {
    assertEquals(List.of(), warnings);
    StandInGpu.assertNothingLeft("long sums");
  }

  /** By one method, since others may multiply without tensor cores. */
  private CudaBackend open(Method method) {
    return CudaBackend.open(
        0, StandInGpu.options().withCache(cache).withWarnings(warnings::add), m -> m == method);
  }

  /** A filter gradient whose elements are sums of 65,536 products. */
  private StepCase longSums(DType type, boolean windowed) {
    TensorSpec x = tensor("x", type, Role.ACTIVATION, 4, 3, 128, 128);
    TensorSpec dy = tensor("dy", type, Role.ACTIVATION, 4, 2, 128, 128);
    Window window = windowed ? new Window(3, 1, 1) : new Window(1, 1, 0);
    TensorSpec dw =
        tensor("dw", DType.F32, Role.PARAMETER_GRADIENT, 2, 3, window.kernel(), window.kernel());
    Map<TensorSpec, HostTensor> inputs = new LinkedHashMap<>();
    SplittableRandom random = new SplittableRandom(seed);
    for (TensorSpec tensor : List.of(x, dy)) {
      HostTensor values = HostTensor.zeros(tensor.shape());
      for (int i = 0; i < values.values().length; i++) {
        values.values()[i] = Bfloat16.round(random.nextInt() * 0x1p-31f);
      }
      inputs.put(tensor, values);
    }
    return new StepCase(
        "long sums",
        new ConvolutionBackwardFilter("conv1", new Conv2d(2, window), x, dy, dw, Optional.empty()),
        inputs,
        Optional.empty(),
        StepCase.EPOCH);
  }

  private static TensorSpec tensor(String name, DType type, Role role, int... dims) {
    return new TensorSpec(name, Shape.of(dims), type, role);
  }

  @Test
  void theTrialTakesThemAndTheSuiteToo() {
    StandIn.set("truncate", 1);
    for (boolean windowed : new boolean[] {false, true}) {
      StepCase narrow = longSums(DType.BF16, windowed);
      try (CudaBackend backend = open(windowed ? Method.CUDNN_GRAPH : Method.PRODUCT)) {
        StepSuite.check(backend, narrow, Precision.BF16, Sums.BY_TENSOR_CORES);
        assertThrows(
            AssertionError.class,
            () -> StepSuite.check(backend, narrow, Precision.BF16, Sums.ROUNDED),
            "nothing was truncated");
      }
      try (CudaBackend backend = open(windowed ? Method.CUDNN : Method.PRODUCT)) {
        StepSuite.check(backend, longSums(DType.F32, windowed), Precision.TF32);
      }
    }
  }

  /** Exact sums of fp32 stay as exact as they are. */
  @Test
  void otherSumsAreHeldToTheTighterTolerance() {
    StandIn.set("truncate", 1);
    try (CudaBackend backend = open(Method.PRODUCT)) {
      StepSuite.check(backend, longSums(DType.F32, false), Precision.FP32);
    }
  }
}
