package org.nin4j.backend.cuda.convolution;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import jcuda.driver.CUdeviceptr;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.CudaOptions;
import org.nin4j.backend.Session;
import org.nin4j.backend.StepCase;
import org.nin4j.backend.StepCases;
import org.nin4j.backend.StepSuite;
import org.nin4j.backend.cuda.CudaBackend;
import org.nin4j.backend.cuda.StandInGpu;
import org.nin4j.backend.cuda.convolution.ConvolutionCase.Kind;
import org.nin4j.backend.cuda.convolution.ConvolutionChoice.Method;
import org.nin4j.backend.cuda.device.CudaException;
import org.nin4j.backend.cuda.device.Device;
import org.nin4j.backend.cuda.device.DeviceMemory;
import org.nin4j.backend.cuda.device.DeviceMemoryException;
import org.nin4j.backend.cuda.device.Scope;
import org.nin4j.backend.cuda.device.Work;
import org.nin4j.backend.cuda.kernel.DiskCache;
import org.nin4j.backend.cuda.kernel.KernelCompiler;
import org.nin4j.backend.cuda.kernel.KernelLibrary;
import org.nin4j.backend.cuda.library.CudnnTarget;
import org.nin4j.backend.cuda.library.CudnnValues;
import org.nin4j.backend.cuda.step.Convolutions;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Window;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Precision;
import org.nin4j.plan.step.ConvolutionBackwardData;
import org.nin4j.plan.step.ConvolutionBackwardFilter;
import org.nin4j.plan.step.ConvolutionForward;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.standin.StandIn;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

/** Convolutions by cuDNN's graph API, on the stand-in. */
class ConvolutionGraphTest {
  private static final List<String> OLDER_CALLS =
      List.of(
          "cudnnConvolutionForward",
          "cudnnConvolutionBiasActivationForward",
          "cudnnConvolutionBackwardData",
          "cudnnConvolutionBackwardFilter",
          "cublasGemmEx");

  @TempDir private Path cache;

  private final long seed = System.nanoTime();
  private final List<String> warnings = new ArrayList<>();

  @BeforeEach
  void available() throws IOException {
    StandIn.assumeAvailable();
    try (CudaBackend backend = StandInGpu.open()) {
      run(backend, filterGradient());
    }
    StandInGpu.copyKernels(cache);
    StandIn.reset();
  }

  @AfterEach
  void nothingLeft() {
    StandInGpu.assertNoComplaint();
    StandInGpu.assertNothingLeft("a convolution by the graph API");
  }

  private CudaOptions options() {
    return StandInGpu.options().withCache(cache).withWarnings(warnings::add);
  }

  /** Computes convolutions by the graph API or not at all. */
  private CudaBackend graphs() {
    return CudaBackend.open(0, options(), method -> method == Method.CUDNN_GRAPH);
  }

  private static boolean isConvolution(Step step) {
    return step instanceof ConvolutionForward
        || step instanceof ConvolutionBackwardData
        || step instanceof ConvolutionBackwardFilter;
  }

  /** All shapes, strides and paddings of the step cases; the first time chosen, then recalled. */
  @TestFactory
  Stream<DynamicTest> everyConvolutionIsRight() {
    System.out.println("convolutions by the graph API, seed " + seed);
    List<StepCase> cases =
        StepCases.all(DType.BF16, seed).stream()
            .filter(c -> isConvolution(c.step()))
            // Groups are the older API's alone.
            .filter(c -> !c.name().contains(" groups"))
            .toList();
    assertTrue(cases.size() > 50, cases.size() + " cases");
    return Stream.of("chosen: ", "recalled: ")
        .flatMap(
            how ->
                cases.stream()
                    .map(c -> DynamicTest.dynamicTest(how + c.name(), () -> isRight(how, c))));
  }

  /**
   * Folded and padded, in both types, against the reference; the first time chosen, then recalled.
   */
  @TestFactory
  Stream<DynamicTest> everySubstituteIsRight() {
    System.out.println("convolutions in the place of others, seed " + seed);
    List<DynamicTest> tests = new ArrayList<>();
    for (Method method : List.of(Method.CUDNN_GRAPH_FOLDED, Method.CUDNN_GRAPH_PADDED)) {
      for (DType type : List.of(DType.F32, DType.BF16)) {
        List<StepCase> cases =
            StepCases.all(type, seed).stream()
                .filter(c -> caseOf(c.step()).filter(k -> methods(k).contains(method)).isPresent())
                .toList();
        assertTrue(cases.size() >= 10, cases.size() + " cases of " + method);
        for (String how : List.of("chosen", "recalled")) {
          for (StepCase c : cases) {
            String name = Text.of("%s in %s, %s: %s", method, type, how, c.name());
            tests.add(DynamicTest.dynamicTest(name, () -> isRight(how, c, method)));
          }
        }
      }
    }
    return tests.stream();
  }

  private static Optional<ConvolutionCase> caseOf(Step step) {
    if (step instanceof ConvolutionForward s) {
      return Optional.of(Convolutions.caseOf(s, true));
    } else if (step instanceof ConvolutionBackwardData s) {
      return Optional.of(Convolutions.caseOf(s, true));
    } else if (step instanceof ConvolutionBackwardFilter s) {
      return Optional.of(Convolutions.caseOf(s, true));
    }
    return Optional.empty();
  }

  private static List<Method> methods(ConvolutionCase c) {
    return ConvolutionGraphs.methods(c);
  }

  /** The first convolution and the last block's, as they are computed. */
  @Test
  void substitutesHaveTheShapesThatTensorCoresTake() {
    ConvolutionCase first = nin(1, 224, 96, new Window(11, 4, 0));
    assertEquals(
        new ConvolutionCase(
            Kind.FORWARD, DType.BF16, true, 128, 16, 56, 56, 96, new Window(3, 1, 0), true),
        new FoldedImages(first).inner());
    ConvolutionCase last = nin(384, 5, 10, new Window(3, 1, 1));
    assertEquals(nin(384, 5, 16, new Window(3, 1, 1)), new PaddedFilters(last).inner());
    assertEquals(List.of(Method.CUDNN_GRAPH, Method.CUDNN_GRAPH_FOLDED), methods(first));
    assertEquals(List.of(Method.CUDNN_GRAPH, Method.CUDNN_GRAPH_PADDED), methods(last));
    // Copies between two layers of ten would take longer than the products.
    assertEquals(List.of(Method.CUDNN_GRAPH), methods(nin(10, 5, 10, new Window(1, 1, 0))));
    assertThrows(IllegalArgumentException.class, () -> new FoldedImages(last));
    assertThrows(IllegalArgumentException.class, () -> new PaddedFilters(first));
  }

  private static ConvolutionCase nin(int channels, int pixels, int filters, Window window) {
    return new ConvolutionCase(
        Kind.FORWARD, DType.BF16, true, 128, channels, pixels, pixels, filters, window, true);
  }

  private void isRight(String how, StepCase c) {
    isRight(how, c, Method.CUDNN_GRAPH);
  }

  private void isRight(String how, StepCase c, Method by) {
    StandIn.reset();
    try (CudaBackend backend = CudaBackend.open(0, options(), method -> method == by)) {
      StepSuite.check(backend, c);
    }
    assertTrue(StandIn.calls("cudnnBackendExecute") > 0, "not by the graph API");
    for (String call : OLDER_CALLS) {
      assertEquals(0, StandIn.calls(call), call);
    }
    if (how.startsWith("recalled")) {
      assertEquals(0, StandIn.calls("cuEventElapsedTime"), "measured again");
    }
    assertEquals(List.of(), warnings);
    StandInGpu.assertNoComplaint();
    StandInGpu.assertNothingLeft(c.name());
  }

  private static TensorSpec tensor(String name, DType type, Role role, int... dims) {
    return new TensorSpec(name, Shape.of(dims), type, role);
  }

  private static Plan plan(Step step) {
    Set<TensorSpec> kept = new HashSet<>(step.reads());
    kept.addAll(step.writes());
    return new Plan("graph", 2, Precision.BF16, List.of(step), kept);
  }

  private static Plan filterGradient() {
    return plan(
        new ConvolutionBackwardFilter(
            "conv1",
            new Conv2d(16, new Window(3, 1, 1)),
            tensor("x", DType.BF16, Role.ACTIVATION, 2, 8, 5, 5),
            tensor("dy", DType.BF16, Role.ACTIVATION, 2, 16, 5, 5),
            tensor("dw", DType.F32, Role.PARAMETER_GRADIENT, 16, 8, 3, 3),
            Optional.empty()));
  }

  private static final ConvolutionCase FILTER_GRADIENT =
      new ConvolutionCase(
          Kind.BACKWARD_FILTER, DType.BF16, true, 80, 8, 5, 5, 16, new Window(3, 1, 1), false);

  private static void run(CudaBackend backend, Plan plan) {
    try (Session session = backend.bind(backend.prepare(plan))) {
      session.run();
    }
  }

  private List<ConvolutionChoice> candidates(ConvolutionCase c, CudaOptions options) {
    try (Scope scope = new Scope()) {
      return graphs(scope, scope.add(new Device(0, false)), options).candidates(c);
    }
  }

  private ConvolutionGraphs graphs(Scope scope, Device device, CudaOptions options) {
    DiskCache disk = new DiskCache(options.cache().orElseThrow(), options.warnings());
    KernelLibrary kernels =
        scope.add(new KernelLibrary(device, new KernelCompiler(disk, device.capability())));
    return scope.add(new ConvolutionGraphs(device, kernels, disk, "a test", options));
  }

  /**
   * The heuristics' order of the stand-in's engines is 2, which adds in any order; 1, which takes
   * channels in eights, once with its sum split; 3, which rounds its sums; 0, without tensor cores.
   */
  @Test
  void enginesThatMayNotOrCannotComputeAreLeftOut() {
    CudaOptions any = options().withDeterministic(false);
    for (Method method : List.of(Method.CUDNN_GRAPH, Method.CUDNN_GRAPH_ROUNDED)) {
      assertEquals(List.of(0, 1, 4), places(FILTER_GRADIENT, method, any));
      assertEquals(List.of(1, 4), places(FILTER_GRADIENT, method, options()));
      assertEquals(List.of(4), places(FILTER_GRADIENT, method, options().withWorkspaceBytes(1000)));
      assertEquals(List.of(4), places(filterGradient(DType.BF16, true, 7), method, options()));
    }
    // Tensor cores would round fp32 factors to TF32.
    assertEquals(
        List.of(1, 4), places(filterGradient(DType.F32, true, 8), Method.CUDNN_GRAPH, options()));
    assertEquals(
        List.of(4), places(filterGradient(DType.F32, false, 8), Method.CUDNN_GRAPH, options()));
    assertEquals(List.of(), warnings);
  }

  private static ConvolutionCase filterGradient(DType type, boolean rounding, int channels) {
    return new ConvolutionCase(
        Kind.BACKWARD_FILTER, type, rounding, 80, channels, 5, 5, 16, new Window(3, 1, 1), false);
  }

  private List<Integer> places(ConvolutionCase c, Method method, CudaOptions options) {
    return candidates(c, options).stream()
        .filter(choice -> choice.method() == method)
        .map(ConvolutionChoice::algorithm)
        .toList();
  }

  /** The sum over the batch is split so that all multiprocessors have a part of it. */
  @Test
  void theSumOfAFilterGradientIsSplitAsTheGpuIsWide() {
    for (int multiprocessors : List.of(2, 7)) {
      StandIn.set("multiprocessors", multiprocessors);
      try (Scope scope = new Scope()) {
        Device device = scope.add(new Device(0, false));
        CudnnValues values = scope.add(new CudnnValues());
        ConvolutionGraph graph =
            scope.add(new ConvolutionGraph(CudnnTarget.of(device), values, FILTER_GRADIENT, false));
        // One tile of 128×128 holds all 16 filters of 72 weights.
        assertEquals(Map.of(17, (long) multiprocessors), graph.engines().get(1).knobs());
        assertEquals(Map.of(17, 1L), graph.engines().get(2).knobs());
        // Each part has 256 terms at the least: 3 parts of 31 samples' 775, none of 20 samples'
        // 500.
        for (int[] most : new int[][] {{31, 3}, {20, 1}}) {
          ConvolutionGraph small =
              scope.add(
                  new ConvolutionGraph(
                      CudnnTarget.of(device), values, FILTER_GRADIENT.withSamples(most[0]), false));
          assertEquals(
              Math.min(multiprocessors, most[1]),
              small.engines().stream()
                  .mapToLong(engine -> engine.knobs().getOrDefault(17, 1L))
                  .max()
                  .orElseThrow());
        }
      }
    }
  }

  /** Where rounding to bf16 and back is faster than summing in fp32 to the end. */
  @Test
  void aFilterGradientMayBeRoundedToItsOperandsType() {
    StepCase filter = filterCase();
    try (CudaBackend backend =
        CudaBackend.open(0, options(), method -> method == Method.CUDNN_GRAPH_ROUNDED)) {
      // The trial finds it right; the suite expects more digits than bf16 has.
      AssertionError off =
          assertThrows(AssertionError.class, () -> StepSuite.check(backend, filter));
      assertTrue(off.getMessage().contains("w.gradient"), off.getMessage());
    }
    assertTrue(StandIn.calls("cudnnBackendExecute") > 0, "not by the graph API");
    assertEquals(List.of(), warnings);
  }

  /** The next start takes the plan from the disk: nothing is described, nothing is compiled. */
  @Test
  void aPlanIsRestoredFromItsText() throws IOException {
    StepCase filter = filterCase();
    try (CudaBackend backend = graphs()) {
      StepSuite.check(backend, filter);
    }
    StandIn.reset();
    try (CudaBackend backend = graphs()) {
      StepSuite.check(backend, filter);
    }
    assertTrue(StandIn.calls("cudnnBackendExecute") > 0, "not by the graph API");
    // The plan, and the tensors' places.
    assertEquals(2, StandIn.calls("cudnnBackendFinalize"));
    // A text that this cuDNN does not take: the plan is made anew.
    StandIn.reset();
    StandIn.fail("cudnnBackendFinalize", 1, 1003);
    try (CudaBackend backend = graphs()) {
      StepSuite.check(backend, filter);
    }
    assertTrue(StandIn.calls("cudnnBackendFinalize") > 3, "nothing was described");
    assertTrue(StandIn.calls("cudnnBackendExecute") > 0, "not by the graph API");
    assertEquals(0, StandIn.calls("cuEventElapsedTime"), "measured again");
    assertEquals(List.of(), warnings);
  }

  @Test
  void theOlderApiAddsCandidatesUnlessOnlyWhatIsReadyIsAskedFor() {
    try (Scope scope = new Scope()) {
      Device device = scope.add(new Device(0, false));
      ConvolutionGraphs graphs = graphs(scope, device, options());
      ConvolutionCandidates candidates = new ConvolutionCandidates(device, graphs, options());
      List<Method> methods =
          candidates.of(FILTER_GRADIENT).stream().map(ConvolutionChoice::method).toList();
      assertTrue(methods.contains(Method.CUDNN_GRAPH), methods.toString());
      assertTrue(methods.contains(Method.CUDNN_WIDENED), methods.toString());
      assertFalse(
          candidates.ready(FILTER_GRADIENT).stream()
              .anyMatch(choice -> choice.method() == Method.CUDNN_GRAPH));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"graph", "heuristics", "plan"})
  void whereCudnnDeclinesTheOlderApiIsUsed(String declined) {
    StandIn.set("declined", declined);
    try (CudaBackend backend = CudaBackend.open(0, options())) {
      run(backend, filterGradient());
    }
    assertTrue(StandIn.calls("cudnnBackendFinalize") > 0, "the graph API was not asked");
    assertEquals(0, StandIn.calls("cudnnBackendExecute"));
    assertEquals(List.of(), warnings);
    try (CudaBackend backend = graphs()) {
      BackendException e =
          assertThrows(BackendException.class, () -> backend.prepare(filterGradient()));
      assertTrue(e.getMessage().contains("offers no algorithm"), e.getMessage());
    }
  }

  /** What cuDNN takes for a mistake of ours is reported, once, and not in the way. */
  @Test
  void aGraphThatCudnnTakesForWrongIsAWarning() {
    StandIn.fail("cudnnBackendSetAttribute", 1, 2010);
    try (CudaBackend backend =
        CudaBackend.open(0, options(), method -> method != Method.CUDNN_GRAPH_ROUNDED)) {
      run(backend, filterGradient());
    }
    assertEquals(0, StandIn.calls("cudnnBackendExecute"));
    assertEquals(1, warnings.size(), warnings.toString());
    assertTrue(warnings.get(0).contains("graph API is left out"), warnings.get(0));
    assertTrue(warnings.get(0).contains("cudnnBackendSetAttribute"), warnings.get(0));
  }

  /** A kernel that does not compile is no candidate; any other failure is one. */
  @Test
  void aFailureOfAPlanIsAFailureUnlessItIsTheCompilers() {
    ConvolutionCase odd = filterGradient(DType.F32, true, 7);
    assertEquals(List.of(4), places(odd, Method.CUDNN_GRAPH, options()));
    long plan = StandIn.calls("cudnnBackendFinalize");
    StandIn.fail("cudnnBackendFinalize", plan, 4001);
    assertEquals(List.of(), places(odd, Method.CUDNN_GRAPH, options()));
    StandIn.fail("cudnnBackendFinalize", plan, 5000);
    assertThrows(CudaException.class, () -> places(odd, Method.CUDNN_GRAPH, options()));
  }

  /** Neither the plan nor its work knows beforehand which stream it goes to. */
  @Test
  void forkedWorkGoesToTheSecondStream() {
    try (Scope scope = new Scope()) {
      Device device = scope.add(new Device(0, true));
      ConvolutionGraphs graphs = graphs(scope, device, options());
      DeviceMemory memory = scope.add(new DeviceMemory(1 << 20));
      ConvolutionChoice choice = graphs.candidates(FILTER_GRADIENT.withSamples(2)).get(0);
      CUdeviceptr none = memory.at(0);
      CUdeviceptr dw = memory.at(64 << 10);
      ConvolutionWork.Operands at =
          new ConvolutionWork.Operands(
              memory.at(0), dw, none, none, memory.at(32 << 10), none, memory.at(128 << 10));
      memory.fill(device, (byte) 0, 0, 64 << 10);
      memory.fill(device, (byte) -1, 64 << 10, 64 << 10);
      device.synchronize();
      Work work = graphs.work(scope, FILTER_GRADIENT.withSamples(2), choice, at);
      StandIn.set("lazy", 1);
      device.fork(work);
      assertTrue(Float.isNaN(first(device, dw)), "it ran in the first stream");
      device.join();
      assertEquals(0, first(device, dw));
      device.synchronize();
    }
  }

  private static float first(Device device, CUdeviceptr place) {
    float[] value = new float[1];
    device
        .staging()
        .download(place, Float.BYTES, (buffer, offset) -> value[0] = buffer.getFloat(0));
    return value[0];
  }

  @Test
  void anEngineThatComputesWronglyIsPassedOver() {
    StandIn.set("wrong_algorithm", "filter_graph:1");
    StepCase filter = filterCase();
    try (CudaBackend backend = graphs()) {
      StepSuite.check(backend, filter);
    }
    for (String warning : warnings) {
      assertTrue(warning.startsWith("Passed over: ConvolutionChoice[method=CUDNN_GRAPH"), warning);
    }
    StandIn.set("wrong_algorithm", "filter_graph:0,filter_graph:1");
    try (CudaBackend backend =
        CudaBackend.open(0, options().withWorkspaceBytes(1 << 20), m -> m == Method.CUDNN_GRAPH)) {
      BackendException e =
          assertThrows(BackendException.class, () -> StepSuite.check(backend, filter));
      assertTrue(e.getMessage().contains("no algorithm gives the right result"), e.getMessage());
      assertTrue(warnings.size() >= 2, warnings.toString());
    }
    try (CudaBackend backend = CudaBackend.open(0, options().withWorkspaceBytes(2 << 20))) {
      StepSuite.check(backend, filter);
    }
  }

  /** Also where cuDNN's notes say that it does not. */
  @Test
  void anEngineWhoseBitsChangeIsPassedOverIfTheyMayNot() {
    StandIn.set("unsteady_algorithm", "filter_graph:0,filter_graph:1");
    try (CudaBackend backend = graphs()) {
      BackendException e =
          assertThrows(BackendException.class, () -> run(backend, filterGradient()));
      assertTrue(e.getMessage().contains("no algorithm gives the right result"), e.getMessage());
    }
    assertTrue(warnings.size() >= 2, warnings.toString());
    for (String warning : warnings) {
      assertTrue(warning.contains("its bits change from run to run"), warning);
    }
    warnings.clear();
    CudaOptions any = options().withDeterministic(false);
    try (CudaBackend backend = CudaBackend.open(0, any, m -> m == Method.CUDNN_GRAPH)) {
      run(backend, filterGradient());
    }
    assertEquals(List.of(), warnings);
  }

  /** Every algorithm of the older API is run twice as well. */
  @Test
  void theOlderApiIsTriedTwiceToo() {
    StandIn.set(
        "unsteady_algorithm",
        IntStream.range(0, 8).mapToObj(i -> "filter:" + i).collect(Collectors.joining(",")));
    try (CudaBackend backend = CudaBackend.open(0, options(), m -> m == Method.CUDNN_WIDENED)) {
      assertThrows(BackendException.class, () -> run(backend, filterGradient()));
    }
    assertTrue(warnings.stream().anyMatch(w -> w.contains("its bits change")), warnings.toString());
  }

  /** Of channels in eights, so that two engines compute it. */
  private StepCase filterCase() {
    return StepCases.all(DType.BF16, seed).stream()
        .filter(c -> c.step() instanceof ConvolutionBackwardFilter)
        .filter(c -> c.step().reads().get(0).shape().dim(1) == 16)
        .findFirst()
        .orElseThrow();
  }

  @Test
  void aChoiceThatCannotBeHadAnyMoreIsMadeAnew() throws IOException {
    for (String gone : List.of("graph", "plan")) {
      StandInGpu.forgetAlgorithms(cache);
      StandIn.reset();
      try (CudaBackend backend = graphs()) {
        run(backend, filterGradient());
      }
      StandIn.reset();
      StandIn.set("declined", gone);
      if (gone.equals("graph")) {
        // From its text the plan could be had without a graph.
        StandInGpu.forget(cache, "plans");
      }
      try (CudaBackend backend = CudaBackend.open(0, options())) {
        run(backend, filterGradient());
      }
      assertTrue(StandIn.calls("cuEventElapsedTime") > 0, "not measured again");
      assertEquals(0, StandIn.calls("cudnnBackendExecute"));
      // What is kept now is a choice of the older API.
      StandIn.reset();
      try (CudaBackend backend = CudaBackend.open(0, options())) {
        run(backend, filterGradient());
      }
      assertEquals(0, StandIn.calls("cuEventElapsedTime"), "measured again");
      assertEquals(0, StandIn.calls("cudnnBackendExecute"));
    }
    assertEquals(List.of(), warnings);
  }

  /** Two sessions at once share a plan, which outlives both. */
  @Test
  void aPlanIsMadeOnceAndARunMakesNothing() {
    CudaOptions options = options().withGraph(false);
    try (CudaBackend backend =
        CudaBackend.open(0, options, method -> method == Method.CUDNN_GRAPH)) {
      run(backend, filterGradient());
      long finished = StandIn.calls("cudnnBackendFinalize");
      try (Session one = backend.bind(backend.prepare(filterGradient()));
          Session two = backend.bind(backend.prepare(filterGradient()))) {
        assertEquals(finished + 2, StandIn.calls("cudnnBackendFinalize"), "only variant packs");
        one.run();
        two.run();
        long calls = StandIn.calls();
        long live = StandIn.live("");
        one.run();
        // The convolution and the kernel that counts runs.
        assertEquals(calls + 2, StandIn.calls());
        assertEquals(live, StandIn.live(""));
      }
    }
  }

  @Test
  void aCapturedRunIsOneCall() {
    try (CudaBackend backend = graphs();
        Session session = backend.bind(backend.prepare(filterGradient()))) {
      session.run();
      long calls = StandIn.calls();
      session.run();
      assertEquals(calls + 1, StandIn.calls());
    }
  }

  /**
   * Calls in turn fail, from the first question to the run: it is told, by a warning where only a
   * candidate fails, and nothing is left.
   */
  @Test
  void everyCallOfAFirstStartMayFail() throws IOException {
    start();
    StandIn.reset();
    start();
    long calls = StandIn.calls();
    long stride = Math.max(1, calls / 40);
    // How many calls there are depends on what was measured; the last may not come.
    for (long call = 1 + seed % stride; call <= calls * 9 / 10; call += stride) {
      warnings.clear();
      StandIn.reset();
      StandIn.set("quiet", 1);
      StandIn.failAt(call);
      String at = "call " + call;
      Optional<BackendException> failure = Optional.empty();
      try {
        start();
      } catch (BackendException e) {
        failure = Optional.of(e);
      }
      String failed = StandIn.failedFunction();
      List<String> told = new ArrayList<>(warnings);
      failure.ifPresent(e -> told.add(e.getMessage()));
      assertTrue(
          told.stream().anyMatch(line -> line.contains(failed))
              || failure.filter(e -> e instanceof DeviceMemoryException).isPresent(),
          at + ", " + failed + ": " + told);
      StandInGpu.assertNothingLeft(at + ", " + failed);
    }
  }

  private void start() throws IOException {
    StandInGpu.forgetAlgorithms(cache);
    try (CudaBackend backend = graphs()) {
      run(backend, filterGradient());
    }
  }
}
