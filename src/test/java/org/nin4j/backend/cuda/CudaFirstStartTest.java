package org.nin4j.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import jcuda.driver.CUresult;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.CudaOptions;
import org.nin4j.backend.Session;
import org.nin4j.backend.cuda.device.CudaException;
import org.nin4j.backend.cuda.kernel.DiskCache;
import org.nin4j.backend.cuda.kernel.KernelCompiler;
import org.nin4j.backend.cuda.kernel.KernelSource;
import org.nin4j.model.Activation;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Window;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Precision;
import org.nin4j.plan.step.ActivationForward;
import org.nin4j.plan.step.ConvolutionForward;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.standin.StandIn;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;

/** Compiling kernels and choosing algorithms, and remembering both, on the stand-in. */
class CudaFirstStartTest {
  private final List<String> warnings = new ArrayList<>();

  @BeforeEach
  void available() {
    StandIn.assumeAvailable();
  }

  @AfterEach
  void nothingLeft() {
    StandInGpu.assertNothingLeft("a start");
  }

  private CudaOptions options(Path cache) {
    return StandInGpu.options().withCache(cache).withWarnings(warnings::add);
  }

  private static TensorSpec tensor(String name, Role role, int... dims) {
    return new TensorSpec(name, Shape.of(dims), DType.F32, role);
  }

  private static Plan plan(Step step) {
    Set<TensorSpec> kept = new HashSet<>(step.reads());
    kept.addAll(step.writes());
    return new Plan("start", 2, Precision.FP32, List.of(step), kept);
  }

  private static Plan relu() {
    return plan(
        new ActivationForward(
            "relu1",
            Activation.RELU,
            tensor("x", Role.ACTIVATION, 2, 3, 4, 4),
            tensor("y", Role.ACTIVATION, 2, 3, 4, 4)));
  }

  /** By cuDNN's estimate the fastest for this one wants the FFT's large workspace. */
  private static Plan convolution() {
    return plan(
        new ConvolutionForward(
            "conv1",
            new Conv2d(4, new Window(3, 1, 1)),
            tensor("x", Role.ACTIVATION, 2, 3, 6, 6),
            tensor("w", Role.PARAMETER, 4, 3, 3, 3),
            Optional.of(tensor("b", Role.PARAMETER, 4)),
            tensor("y", Role.ACTIVATION, 2, 4, 6, 6),
            true));
  }

  private static Plan pointwise() {
    return plan(
        new ConvolutionForward(
            "conv2",
            new Conv2d(4, new Window(1, 1, 0)),
            tensor("x", Role.ACTIVATION, 2, 3, 6, 6),
            tensor("w", Role.PARAMETER, 4, 3, 1, 1),
            Optional.of(tensor("b", Role.PARAMETER, 4)),
            tensor("y", Role.ACTIVATION, 2, 4, 6, 6),
            true));
  }

  /** Binds and runs relu; whether it computes is what matters here. */
  private void runRelu(CudaOptions options) {
    Plan plan = relu();
    try (CudaBackend backend = CudaBackend.open(0, options);
        Session session = backend.bind(backend.prepare(plan))) {
      float[] x = new float[96];
      x[5] = -1;
      x[7] = 3;
      session.write(plan.tensor("x"), new HostTensor(Shape.of(2, 3, 4, 4), x));
      session.run();
      x[5] = 0;
      assertArrayEquals(x, session.read(plan.tensor("y")).values());
    }
  }

  private static List<Path> files(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.toList();
    }
  }

  @Test
  void kernelsAreCompiledOnceAndAgainWhenDamaged(@TempDir Path cache) throws IOException {
    runRelu(options(cache));
    long compiled = StandIn.calls("nvrtcCompileProgram");
    assertTrue(compiled > 0);
    runRelu(options(cache));
    assertEquals(compiled, StandIn.calls("nvrtcCompileProgram"), "compiled again");

    for (Path kernel : files(cache.resolve("kernels"))) {
      byte[] content = Files.readAllBytes(kernel);
      content[content.length / 3] ^= 0x10;
      Files.write(kernel, content);
    }
    runRelu(options(cache));
    assertEquals(2 * compiled, StandIn.calls("nvrtcCompileProgram"), "damaged, and not compiled");
    runRelu(options(cache));
    assertEquals(2 * compiled, StandIn.calls("nvrtcCompileProgram"), "not mended");
    assertEquals(List.of(), warnings);
  }

  /** Whole, but not what this driver takes. */
  @Test
  void kernelsThatTheDriverRefusesAreCompiledAnew(@TempDir Path cache) {
    runRelu(options(cache));
    long compiled = StandIn.calls("nvrtcCompileProgram");
    StandIn.fail("cuModuleLoadData", 1, CUresult.CUDA_ERROR_INVALID_IMAGE);
    runRelu(options(cache));
    assertEquals(compiled + 1, StandIn.calls("nvrtcCompileProgram"));
  }

  @Test
  void kernelsOfOneArchitectureAreNotThoseOfAnother(@TempDir Path cache) throws IOException {
    runRelu(options(cache));
    int files = files(cache.resolve("kernels")).size();
    StandIn.reset();
    StandIn.set("compute_capability", 80);
    runRelu(options(cache));
    assertEquals(2 * files, files(cache.resolve("kernels")).size());
  }

  @Test
  void aCacheThatCannotBeWrittenIsOneWarning(@TempDir Path folder) throws IOException {
    Files.writeString(folder.resolve("kernels"), "in the way");
    runRelu(options(folder));
    assertEquals(1, warnings.size(), warnings.toString());
    assertTrue(warnings.get(0).contains("not kept"), warnings.get(0));
  }

  @Test
  void aKernelThatDoesNotCompileIsNamedWithItsFirstError() {
    CudaBackend.open(0, StandInGpu.options()).close();
    KernelCompiler compiler =
        new KernelCompiler(new DiskCache(StandInGpu.cache(), warnings::add), 90);
    KernelSource broken =
        new KernelSource(
            "broken.cu",
            "#include \"part.cuh\"\nextern \"C\" __global__ void k(int* x) { *x = MISSING; }\n",
            Map.of("part.cuh", "#pragma once\n"));
    BackendException e = assertThrows(BackendException.class, () -> compiler.compile(broken));
    assertTrue(e.getMessage().contains("broken.cu does not compile"), e.getMessage());
    assertTrue(e.getMessage().contains("MISSING"), e.getMessage());
    assertEquals(1, e.getMessage().lines().count(), e.getMessage());
  }

  @Test
  void algorithmsAreChosenOnce(@TempDir Path cache) {
    CudaOptions options = options(cache);
    bind(options, convolution());
    assertTrue(StandIn.calls("cuEventElapsedTime") > 0, "nothing was measured");
    StandIn.reset();
    bind(options, convolution());
    assertEquals(0, StandIn.calls("cuEventElapsedTime"), "measured again");
    assertEquals(0, StandIn.calls("cudnnGetConvolutionForwardAlgorithm_v7"), "asked again");
    assertEquals(List.of(), warnings);
  }

  private static long bind(CudaOptions options, Plan plan) {
    try (CudaBackend backend = CudaBackend.open(0, options)) {
      backend.bind(backend.prepare(plan)).close();
      return backend.prepare(plan).bytes();
    }
  }

  @Test
  void theWorkspaceIsBounded(@TempDir Path cache) {
    try (CudaBackend free = CudaBackend.open(0, options(cache).withWorkspaceBytes(512 << 20));
        CudaBackend bounded = CudaBackend.open(0, options(cache).withWorkspaceBytes(1 << 20))) {
      long large = free.prepare(convolution()).bytes();
      long small = bounded.prepare(convolution()).bytes();
      assertTrue(large > 256 << 20, "the FFT's workspace is in " + large);
      assertTrue(small < 2 << 20, "no large workspace is in " + small);
      bounded.bind(bounded.prepare(convolution())).close();
    }
  }

  /** The stand-in spoils the results of some algorithms; others are taken. */
  @Test
  void anAlgorithmThatComputesWronglyIsPassedOver(@TempDir Path cache) {
    StandIn.set("wrong_algorithm", "forward:0,forward:1,forward:4");
    Plan plan = convolution();
    try (CudaBackend backend = CudaBackend.open(0, options(cache));
        Session session = backend.bind(backend.prepare(plan))) {
      HostTensor ones = HostTensor.zeros(Shape.of(4));
      Arrays.fill(ones.values(), 1);
      session.write(plan.tensor("b"), ones);
      session.write(plan.tensor("x"), HostTensor.zeros(Shape.of(2, 3, 6, 6)));
      session.run();
      for (float y : session.read(plan.tensor("y")).values()) {
        assertEquals(1, y);
      }
    }
  }

  /** Of any library with any status: it is told, and another way is taken. */
  @Test
  void aCandidateThatFailsIsLeftOut(@TempDir Path cache) {
    for (int status : new int[] {4000, 5000, 5003}) {
      warnings.clear();
      StandIn.fail("cudnnConvolutionForward", 1, status);
      StandIn.fail("cudnnConvolutionBiasActivationForward", 1, status);
      bind(options(cache.resolve("cudnn" + status)), convolution());
      assertEquals(2, warnings.size(), warnings.toString());
      for (String warning : warnings) {
        assertTrue(warning.startsWith("Left out: ConvolutionChoice[method=CUDNN"), warning);
        assertTrue(warning.contains("(" + status + ")"), warning);
      }
    }
    for (int status : new int[] {13, 14, 15}) {
      warnings.clear();
      StandIn.fail("cublasGemmEx", 1, status);
      bind(options(cache.resolve("cublas" + status)), pointwise());
      assertEquals(1, warnings.size(), warnings.toString());
      assertTrue(warnings.get(0).startsWith("Left out: ConvolutionChoice[method=PRODUCT"));
      assertTrue(warnings.get(0).contains("(" + status + ")"), warnings.get(0));
    }
  }

  @Test
  void aQuestionThatFailsIsLeftOut(@TempDir Path cache) {
    StandIn.fail("cudnnGetConvolutionForwardAlgorithm_v7", 1, 5000);
    bind(options(cache), pointwise());
    assertEquals(1, warnings.size(), warnings.toString());
    assertTrue(warnings.get(0).startsWith("Left out for ConvolutionCase"), warnings.get(0));
    StandIn.fail("cudnnGetConvolutionForwardAlgorithm_v7", 1, 5000);
    // What the graph API offers is left.
    bind(options(cache), convolution());
    assertEquals(2, warnings.size(), warnings.toString());
  }

  /** What cannot be captured cannot be replayed. */
  @Test
  void aCandidateThatCannotBeCapturedIsLeftOut(@TempDir Path cache) {
    StandIn.fail("cuStreamEndCapture", 1, CUresult.CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    bind(options(cache), convolution());
    assertEquals(1, warnings.size(), warnings.toString());
    assertTrue(warnings.get(0).contains("cuStreamEndCapture"), warnings.get(0));
  }

  /** Libraries answer with statuses of theirs; the driver says that the device is gone. */
  @Test
  void aLostDeviceEndsTheSearch(@TempDir Path cache) {
    StandIn.set("quiet", 1);
    StandIn.fail("cudnnConvolutionForward", 1, 5000);
    StandIn.fail("cudnnConvolutionBiasActivationForward", 1, 5000);
    StandIn.fail("cuStreamSynchronize", 2, CUresult.CUDA_ERROR_ILLEGAL_ADDRESS);
    CudaException e = assertThrows(CudaException.class, () -> bind(options(cache), convolution()));
    assertTrue(e.deviceLost(), e.getMessage());
  }

  @Test
  void noRightAlgorithmIsAnErrorThatNamesTheConvolution(@TempDir Path cache) {
    StandIn.set(
        "wrong_algorithm",
        "forward:0,forward:1,forward:2,forward:4,forward:5,forward:6,forward:7,"
            + "forward_graph:0,forward_graph:1,forward_graph:3");
    try (CudaBackend backend = CudaBackend.open(0, options(cache))) {
      BackendException e =
          assertThrows(BackendException.class, () -> backend.bind(backend.prepare(convolution())));
      assertTrue(e.getMessage().contains("no algorithm gives the right result"), e.getMessage());
      assertTrue(warnings.get(0).startsWith("Passed over"), warnings.toString());
    }
  }

  /** A replayed run is one call and nothing else. */
  @Test
  void aRunIsOneCall() {
    Plan plan = convolution();
    try (CudaBackend backend = StandInGpu.open();
        Session session = backend.bind(backend.prepare(plan))) {
      session.run();
      long calls = StandIn.calls();
      long launches = StandIn.calls("cuGraphLaunch");
      session.run();
      session.run();
      assertEquals(calls + 2, StandIn.calls());
      assertEquals(launches + 2, StandIn.calls("cuGraphLaunch"));
    }
  }
}
