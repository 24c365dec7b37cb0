package org.nin4j.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import jcuda.driver.CUresult;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.backend.Backend;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.CudaOptions;
import org.nin4j.backend.CudaOptions.Fusions;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.RandomSamples;
import org.nin4j.backend.Session;
import org.nin4j.backend.TrainingParity;
import org.nin4j.backend.TrainingParity.Trained;
import org.nin4j.backend.cuda.convolution.ConvolutionSearch;
import org.nin4j.backend.cuda.device.Device;
import org.nin4j.backend.cuda.device.Scope;
import org.nin4j.backend.cuda.fusion.FusionSearch;
import org.nin4j.backend.cuda.fusion.FusionTrial;
import org.nin4j.backend.cuda.kernel.DiskCache;
import org.nin4j.backend.cuda.kernel.KernelCompiler;
import org.nin4j.backend.cuda.kernel.KernelLibrary;
import org.nin4j.backend.cuda.norm.NormGraphs;
import org.nin4j.backend.cuda.session.Branches;
import org.nin4j.backend.cuda.session.CudaSession;
import org.nin4j.backend.cuda.session.CudaStorage;
import org.nin4j.backend.cuda.step.FirstBlock;
import org.nin4j.backend.cuda.step.FusedSteps;
import org.nin4j.backend.cuda.step.Operations;
import org.nin4j.backend.cuda.step.SampleCount;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.model.Activation;
import org.nin4j.model.BatchNorm;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.Identity;
import org.nin4j.model.Initialisation;
import org.nin4j.model.MaxPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.NinBlock;
import org.nin4j.model.Parameter;
import org.nin4j.model.Sequential;
import org.nin4j.model.Sum;
import org.nin4j.model.Window;
import org.nin4j.plan.Arena;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.rewrite.KernelFusion.Replacement;
import org.nin4j.plan.step.AfterNorm;
import org.nin4j.plan.step.BatchNormBackward;
import org.nin4j.plan.step.BatchNormForward;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.ConvolutionBackwardData;
import org.nin4j.plan.step.ConvolutionForward;
import org.nin4j.plan.step.Fused;
import org.nin4j.plan.step.ReluBiasBackward;
import org.nin4j.plan.step.Sgd;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.standin.StandIn;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;

/** Kernels that compute several steps: where they are used, and that they compute the same. */
class CudaFusionTest {
  /** Every shape that there is a kernel for. */
  private static final Network NETWORK =
      new Network(
          "wide-nin",
          Sequential.of(
              NinBlock.of(96, 11, 4, 0),
              new MaxPool2d(3, 2),
              NinBlock.of(256, 3, 1, 1),
              NinBlock.of(384, 3, 1, 1),
              NinBlock.of(5, 3, 1, 1),
              new GlobalAvgPool2d(),
              new Flatten()));

  private static final BatchSpec IMAGES = BatchSpec.unit(Shape.of(1, 12, 12), 27, 27);

  private final List<String> warnings = new ArrayList<>();

  @BeforeEach
  void available() {
    StandIn.assumeAvailable();
  }

  @AfterEach
  void nothingLeft() {
    StandInGpu.assertNothingLeft("fusions");
  }

  private CudaOptions options(Path cache, Fusions fusions) {
    return StandInGpu.options().withCache(cache).withWarnings(warnings::add).withFusions(fusions);
  }

  private static CudaBackend open(Fusions fusions) {
    return CudaBackend.open(0, StandInGpu.options().withFusions(fusions));
  }

  private static TensorSpec activation(String name) {
    return new TensorSpec(name, Shape.of(2, 96, 5, 3), DType.BF16, Role.ACTIVATION);
  }

  private static ConvolutionForward convolution(
      String layer, TensorSpec x, String weight, String bias, TensorSpec y) {
    return new ConvolutionForward(
        layer,
        new Conv2d(96, new Window(1, 1, 0)),
        x,
        new TensorSpec(weight, Shape.of(96, 96, 1, 1), DType.F32, Role.PARAMETER),
        Optional.of(new TensorSpec(bias, Shape.of(96), DType.F32, Role.PARAMETER)),
        y,
        true);
  }

  /** Two 1×1 convolutions, as steps of their own. */
  private static Plan pair() {
    TensorSpec x = activation("x");
    TensorSpec y = activation("y");
    List<Step> steps =
        List.of(
            convolution("0.2", x, "w2", "b2", activation("between")),
            convolution("0.4", activation("between"), "w3", "b3", y));
    return new Plan("pair", 2, Precision.BF16, steps, Set.of(x, y));
  }

  private static Plan plan(Purpose purpose) {
    return plan(6, purpose);
  }

  private static Plan plan(int batch, Purpose purpose) {
    return Planner.plan(NETWORK, IMAGES, batch, Precision.BF16, purpose);
  }

  private static List<String> fused(Plan plan) {
    return plan.steps(Fused.class).map(f -> f.layer() + " " + f.kind()).toList();
  }

  private static List<String> choices(Path cache) throws IOException {
    List<String> choices = new ArrayList<>();
    Path folder = cache.resolve("fusions");
    if (Files.exists(folder)) {
      try (Stream<Path> files = Files.list(folder)) {
        for (Path file : files.toList()) {
          byte[] content = Files.readAllBytes(file);
          choices.add(new String(content, 32, content.length - 32));
        }
      }
    }
    return choices;
  }

  @Test
  void whatThereAreKernelsForIsFused() {
    try (CudaBackend always = open(Fusions.ALWAYS);
        CudaBackend never = open(Fusions.NEVER)) {
      List<String> rest =
          List.of("2.2 PointwisePairForward", "3.2 PointwisePairForward", "4.2 HeadForward");
      List<String> inference = fused(always.prepare(plan(new Purpose.Inference())).plan());
      assertEquals("0.0 NinBlockForward", inference.get(0));
      assertEquals(rest, inference.subList(1, inference.size()));
      List<String> training = fused(always.prepare(plan(training())).plan());
      assertEquals("0.0 NinBlockForward", training.get(0));
      assertEquals(rest, training.subList(1, 4));
      assertEquals("6 HeadBackward", training.get(4));
      // The last block has no dropout before it here; the first has its own gradients in one.
      List<String> gradients = dataGradients("4.0", "3.4", "3.2", "3.0", "2.4", "2.2");
      assertEquals(gradients, training.subList(5, 11));
      assertEquals(List.of("0.0 NinBlockBackward"), training.subList(11, training.size()));
      assertEquals(List.of(), fused(never.prepare(plan(training())).plan()));
      // Our own kernels take bf16 alone.
      Plan single = Planner.plan(NETWORK, IMAGES, 6, Precision.FP32, training());
      List<String> all =
          Stream.of(dataGradients("4.4", "4.2"), gradients, dataGradients("2.0", "0.4", "0.2"))
              .flatMap(List::stream)
              .toList();
      assertEquals(all, fused(always.prepare(single).plan()));
    }
  }

  /** There are kernels for up to 32 channels, and for as many in both convolutions. */
  @Test
  void headsOfOtherChannelsStayApart() {
    try (CudaBackend backend = open(Fusions.ALWAYS)) {
      for (int channels : new int[] {1, 16, 17, 32, 33}) {
        boolean fits = channels <= 32;
        assertEquals(fits ? 2 : 0, heads(backend, channels, channels), channels + " channels");
        assertEquals(0, heads(backend, channels, channels + 1), channels + " channels and more");
      }
    }
  }

  private static long heads(CudaBackend backend, int channels, int last) {
    Network network =
        new Network(
            "head",
            Sequential.of(
                new Conv2d(channels, 3, 1, 1),
                Activation.RELU,
                new Conv2d(channels, 1, 1, 0),
                Activation.RELU,
                new Conv2d(last, 1, 1, 0),
                Activation.RELU,
                new GlobalAvgPool2d(),
                new Flatten()));
    Plan plan = Planner.plan(network, IMAGES, 6, Precision.BF16, training());
    return fused(backend.prepare(plan).plan()).stream().filter(s -> s.contains("Head")).count();
  }

  private static List<String> dataGradients(String... layers) {
    return Stream.of(layers).map(layer -> layer + " ConvolutionBackwardDataRelu").toList();
  }

  private static Purpose training() {
    return new Purpose.Training(new Sgd(0.9f, true, 5e-4f));
  }

  /** As {@link CudaTrainingTest#trainsNearlySoInBfloat16}, with and without. */
  @TestFactory
  Stream<DynamicTest> trainingIsTheSame() {
    Trained expected = TrainingParity.train(new ReferenceBackend(), NETWORK, Precision.BF16, 3);
    return Stream.of(Fusions.NEVER, Fusions.ALWAYS)
        .map(
            fusions ->
                DynamicTest.dynamicTest(
                    fusions.toString(),
                    () -> {
                      try (CudaBackend backend = open(fusions)) {
                        assertNear(
                            expected, TrainingParity.train(backend, NETWORK, Precision.BF16, 3));
                      }
                    }));
  }

  private static void assertNear(Trained expected, Trained actual) {
    for (int step = 0; step < expected.losses().length; step++) {
      double loss = expected.losses()[step];
      assertEquals(loss, actual.losses()[step], 0.03 * loss, "step " + step);
    }
    for (int p = 0; p < expected.parameters().size(); p++) {
      float[] e = expected.parameters().get(p);
      float[] a = actual.parameters().get(p);
      double largest =
          IntStream.range(0, e.length).mapToDouble(i -> Math.abs(e[i])).max().orElse(0);
      for (int i = 0; i < e.length; i++) {
        assertEquals(e[i], a[i], 0.03 * Math.max(largest, 0.01), "parameter " + p);
      }
    }
  }

  /** Logits within 2⁻⁶ of the largest: nine layers of 8-bit activations. */
  @Test
  void inferenceIsTheSame() {
    HostTensor expected = logits(new ReferenceBackend());
    for (Fusions fusions : List.of(Fusions.NEVER, Fusions.ALWAYS)) {
      try (CudaBackend backend = open(fusions)) {
        HostTensor actual = logits(backend);
        float largest = 0;
        for (float value : expected.values()) {
          largest = Math.max(largest, Math.abs(value));
        }
        assertTrue(largest > 0);
        for (int i = 0; i < expected.values().length; i++) {
          assertEquals(expected.values()[i], actual.values()[i], largest * 0x1p-6, "logit " + i);
        }
      }
    }
  }

  private static HostTensor logits(Backend backend) {
    Plan plan = plan(new Purpose.Inference());
    try (Session session = backend.bind(backend.prepare(plan))) {
      session.load(RandomSamples.of(IMAGES.source(), 6, 5, 9));
      List<Parameter> parameters = NETWORK.parameters(IMAGES.output());
      for (int i = 0; i < parameters.size(); i++) {
        session.write(
            plan.tensor(parameters.get(i).name()),
            Initialisation.HE_UNIFORM.draw(parameters.get(i), i, 9));
      }
      session.begin(new Epoch(1, 0, new int[] {0, 1, 2, 3, 4, 5}, new float[] {0}));
      session.run();
      return session.read(
          plan.kept().stream().filter(t -> t.type() == DType.F32).findFirst().orElseThrow());
    }
  }

  /** Which of the two is faster says nothing here, but that it is tried once and remembered. */
  @Test
  void theChoiceIsMadeOnce(@TempDir Path cache) throws IOException {
    Plan first = prepare(options(cache, Fusions.MEASURED), pair());
    assertTrue(StandIn.calls("cuEventElapsedTime") > 0, "nothing was measured");
    List<String> choices = choices(cache);
    assertEquals(1, choices.size());
    boolean fused = choices.get(0).startsWith("fused");
    assertTrue(choices.get(0).matches("(fused|apart) \\S+ \\S+"), choices.get(0));
    assertEquals(fused ? 1 : 2, first.steps().size());
    StandIn.reset();
    assertEquals(first, prepare(options(cache, Fusions.MEASURED), pair()));
    assertEquals(0, StandIn.calls("cuEventElapsedTime"), "measured again");
    assertEquals(List.of(), warnings);
  }

  @Test
  void everyKernelPassesItsTrial(@TempDir Path cache) throws IOException {
    prepare(StandInGpu.options(), plan(1, training()));
    Path kernels = Files.createDirectory(cache.resolve("kernels"));
    try (Stream<Path> compiled = Files.list(StandInGpu.cache().resolve("kernels"))) {
      for (Path kernel : compiled.toList()) {
        Files.copy(kernel, kernels.resolve(kernel.getFileName()));
      }
    }
    CudaOptions options = options(cache, Fusions.MEASURED).withWorkspaceBytes(1 << 20);
    prepare(options, plan(1, new Purpose.Inference()));
    prepare(options, plan(1, training()));
    List<String> choices = choices(cache);
    assertEquals(List.of(), warnings);
    assertTrue(choices.size() >= 10, choices.toString());
    assertTrue(choices.stream().noneMatch(c -> c.startsWith("wrong")), choices.toString());
  }

  private static Plan prepare(CudaOptions options, Plan plan) {
    try (CudaBackend backend = CudaBackend.open(0, options)) {
      return backend.prepare(plan).plan();
    }
  }

  /** A kernel that takes the weights, or only the biases, in the wrong order. */
  @TestFactory
  Stream<DynamicTest> aKernelThatComputesWronglyIsPassedOver(@TempDir Path cache) {
    return Stream.of(
            List.of("w2", "b2", "w3", "b3"),
            List.of("w3", "b2", "w2", "b3"),
            List.of("w2", "b3", "w3", "b2"))
        .map(
            names ->
                DynamicTest.dynamicTest(
                    names.toString(),
                    () -> {
                      warnings.clear();
                      boolean right = names.get(0).equals("w2") && names.get(1).equals("b2");
                      assertEquals(right ? 0 : 1, tried(cache, names), warnings.toString());
                    }));
  }

  /** Warnings of a trial with those parameters in the kernel; what is told is what is kept. */
  private int tried(Path cache, List<String> names) throws IOException {
    Plan pair = pair();
    List<Step> others =
        List.of(
            convolution("0.2", activation("x"), names.get(0), names.get(1), activation("between")),
            convolution("0.4", activation("between"), names.get(2), names.get(3), activation("y")));
    Fused fused = new Fused(Fused.Kernel.POINTWISE_PAIR, others, List.of(activation("y")));
    CudaOptions options = options(cache.resolve(String.join("", names)), Fusions.MEASURED);
    CudaBackend.open(0, options).close();
    try (Scope scope = new Scope()) {
      Device device = scope.add(new Device(0, false));
      DiskCache disk = new DiskCache(options.cache().orElseThrow(), warnings::add);
      KernelLibrary kernels = scope.add(new KernelLibrary(device, new KernelCompiler(disk, 90)));
      ConvolutionSearch search =
          scope.add(new ConvolutionSearch(device, kernels, disk, "", options, method -> true));
      NormGraphs norms = scope.add(new NormGraphs(device, disk, "", options));
      FusionTrial trial =
          new FusionTrial(
              device,
              kernels,
              0,
              plan ->
                  session(
                      device, kernels, new Operations(plan, device, kernels, search, norms), plan));
      FusionSearch fusions =
          new FusionSearch(
              new FusedSteps(device, kernels, search, norms), trial, disk, "", options);
      boolean wins =
          fusions.wins(
              pair, List.of(new Replacement(pair.steps(), fused)), UnaryOperator.identity());
      if (!warnings.isEmpty()) {
        assertFalse(wins);
        assertTrue(warnings.get(0).startsWith("Passed over: 0.2 (PointwisePair"), warnings.get(0));
        assertEquals(List.of("wrong"), choices(options.cache().orElseThrow()));
      }
      return warnings.size();
    }
  }

  private static CudaSession session(
      Device device, KernelLibrary kernels, Operations operations, Plan plan) {
    Branches branches = Branches.none(plan);
    SampleCount count = SampleCount.asPlanned(plan.batch());
    return new CudaSession(
        device,
        kernels,
        operations,
        true,
        branches,
        Arena.place(plan, new CudaStorage(plan, count, operations, branches)));
  }

  /** A data gradient and the ReLU before it. */
  private static Plan gradients() {
    return gradients(Precision.BF16);
  }

  private static Plan gradients(Precision precision) {
    UnaryOperator<TensorSpec> typed =
        t -> new TensorSpec(t.name(), t.shape(), precision.activations(), t.role());
    TensorSpec y = typed.apply(activation("y"));
    TensorSpec dy = typed.apply(activation("dy"));
    TensorSpec dx = typed.apply(activation("dx"));
    TensorSpec dz = typed.apply(activation("dz"));
    TensorSpec db = new TensorSpec("db", Shape.of(96), DType.F32, Role.PARAMETER_GRADIENT);
    TensorSpec w = new TensorSpec("w", Shape.of(96, 96, 1, 1), DType.F32, Role.PARAMETER);
    List<Step> steps =
        List.of(
            new ConvolutionBackwardData("0.2", new Conv2d(96, new Window(1, 1, 0)), dz, w, dy),
            new ReluBiasBackward("0.1", y, dy, dx, db));
    return new Plan("gradients", 2, precision, steps, Set.of(y, dz, dx));
  }

  /** In fp32 no step reads parameters in bf16, and there is no copy of them. */
  @Test
  void aDataGradientIsTriedInEveryPrecision(@TempDir Path cache) throws IOException {
    for (Precision precision : Precision.values()) {
      prepare(options(cache, Fusions.MEASURED), gradients(precision));
    }
    assertEquals(List.of(), warnings);
    List<String> choices = choices(cache);
    assertEquals(Precision.values().length, choices.size(), choices.toString());
    assertTrue(
        choices.stream().allMatch(c -> c.matches("(fused|apart) \\S+ \\S+")), choices.toString());
  }

  /** Chosen by an engine that gave the same bits twice, and then does not. */
  @Test
  void whatGivesOtherBitsInATrialIsPassedOverIfResultsMustRepeat(@TempDir Path cache)
      throws IOException {
    prepare(options(cache, Fusions.ALWAYS), gradients());
    try (CudaBackend backend = CudaBackend.open(0, options(cache, Fusions.ALWAYS))) {
      Plan fused = backend.prepare(gradients()).plan();
      assertEquals(1, fused.steps().size());
      backend.bind(backend.prepare(gradients())).close();
    }
    assertEquals(List.of(), warnings);
    StandIn.set("unsteady_algorithm", "data_graph:0,data_graph:1");
    assertEquals(gradients(), prepare(options(cache, Fusions.MEASURED), gradients()));
    List<String> told =
        warnings.stream().filter(w -> w.contains("(ConvolutionBackwardDataRelu)")).toList();
    assertEquals(
        List.of("Passed over: 0.2 (ConvolutionBackwardDataRelu) gives other bits from run to run"),
        told);
    assertEquals(List.of("wrong"), choices(cache));
  }

  /** Without an engine for it the steps stay apart, and nothing is said. */
  @Test
  void aDataGradientNeedsAnEngineThatTakesTheRelu(@TempDir Path cache) {
    StandIn.set("declined", "graph");
    for (Fusions fusions : List.of(Fusions.ALWAYS, Fusions.MEASURED)) {
      assertEquals(gradients(), prepare(options(cache, fusions), gradients()));
    }
    assertEquals(List.of(), warnings);
  }

  /** A batch norm with a ReLU, and the gradients of one without. */
  private static Plan norms(Precision precision, int channels) {
    Shape shape = Shape.of(2, channels, 5, 3);
    Function<String, TensorSpec> activation =
        name -> new TensorSpec(name, shape, precision.activations(), Role.ACTIVATION);
    BiFunction<String, Role, TensorSpec> byChannel =
        (name, role) -> new TensorSpec(name, Shape.of(channels), DType.F32, role);
    TensorSpec x = activation.apply("x");
    TensorSpec y = activation.apply("y");
    TensorSpec dy = activation.apply("dy");
    TensorSpec dx = activation.apply("dx");
    TensorSpec weight = byChannel.apply("w", Role.PARAMETER);
    TensorSpec bias = byChannel.apply("b", Role.PARAMETER);
    TensorSpec mean = byChannel.apply("mean", Role.ACTIVATION);
    TensorSpec inverse = byChannel.apply("inverse", Role.ACTIVATION);
    List<Step> steps =
        List.of(
            new BatchNormForward(
                "1",
                new BatchNorm(),
                x,
                weight,
                bias,
                byChannel.apply("running_mean", Role.STATE),
                byChannel.apply("running_var", Role.STATE),
                y,
                mean,
                inverse,
                AfterNorm.RELU),
            new BatchNormBackward(
                "1",
                x,
                weight,
                mean,
                inverse,
                dy,
                Optional.of(dx),
                byChannel.apply("dw", Role.PARAMETER_GRADIENT),
                byChannel.apply("db", Role.PARAMETER_GRADIENT)));
    return new Plan("norms", 2, precision, steps, Set.of(x, y, dy, dx));
  }

  /** Forward and backward each by itself; running statistics, which change, repeat too. */
  @Test
  void aNormIsTriedInEveryPrecision(@TempDir Path cache) throws IOException {
    for (Precision precision : List.of(Precision.FP32, Precision.BF16)) {
      prepare(options(cache, Fusions.MEASURED), norms(precision, 16));
    }
    // The same shapes without the ReLU are another norm.
    BatchNormForward norm =
        norms(Precision.FP32, 16).steps(BatchNormForward.class).findFirst().orElseThrow();
    Step plain = norm.then(AfterNorm.NOTHING, norm.output());
    Set<TensorSpec> kept = Set.of(norm.input(), norm.output());
    prepare(
        options(cache, Fusions.MEASURED),
        new Plan("plain", 2, Precision.FP32, List.of(plain), kept));
    assertEquals(List.of(), warnings);
    List<String> choices = choices(cache);
    assertEquals(5, choices.size(), choices.toString());
    assertTrue(
        choices.stream().allMatch(c -> c.matches("(fused|apart) \\S+ \\S+")), choices.toString());
  }

  @Test
  void aNormThatComputesWronglyOrNotAlwaysTheSameIsPassedOver(@TempDir Path cache)
      throws IOException {
    StandIn.set("unsteady_algorithm", "norm_graph:0");
    StandIn.set("wrong_algorithm", "norm_gradient_graph:0");
    Plan plan = norms(Precision.BF16, 16);
    assertEquals(plan, prepare(options(cache, Fusions.MEASURED), plan));
    assertEquals(2, warnings.size(), warnings.toString());
    assertEquals(
        "Passed over: 1 (OnePassNormForward) gives other bits from run to run", warnings.get(0));
    assertTrue(
        warnings.get(1).startsWith("Passed over: 1 (OnePassNormBackward) gives a wrong result: dx"),
        warnings.get(1));
    assertEquals(List.of("wrong", "wrong"), choices(cache));
  }

  /** Channels that are no eights, a cuDNN that has no such graphs, a GPU too old for them. */
  @Test
  void whereCudnnHasNoNormOursStays(@TempDir Path cache) {
    Plan odd = norms(Precision.FP32, 12);
    assertEquals(odd, prepare(options(cache, Fusions.ALWAYS), odd));
    assertEquals(0, StandIn.calls("cudnnBackendCreateDescriptor"), "asked for nothing");
    Plan plan = norms(Precision.FP32, 16);
    StandIn.set("compute_capability", 75);
    assertEquals(plan, prepare(options(cache, Fusions.ALWAYS), plan));
    StandIn.reset();
    for (String what : List.of("graph", "heuristics", "plan")) {
      StandIn.set("declined", what);
      assertEquals(plan, prepare(options(cache, Fusions.ALWAYS), plan), what);
    }
    StandIn.reset();
    // As a cuDNN that does not know the descriptor.
    StandIn.fail("cudnnBackendCreateDescriptor", 1, 3000);
    assertEquals(
        "1 OnePassNormBackward", fused(prepare(options(cache, Fusions.ALWAYS), plan)).get(0));
    assertEquals(List.of(), warnings);
  }

  /** The text of a plan is all that the next start needs. */
  @Test
  void plansOfNormsAreKept(@TempDir Path cache) {
    Plan plan = norms(Precision.BF16, 16);
    Plan first = prepare(options(cache, Fusions.ALWAYS), plan);
    assertEquals(List.of("1 OnePassNormForward", "1 OnePassNormBackward"), fused(first));
    StandIn.reset();
    assertEquals(first, prepare(options(cache, Fusions.ALWAYS), plan));
    assertEquals(2, StandIn.calls("cudnnBackendCreateDescriptor"));
  }

  private static Network residual() {
    return new Network(
        "norms",
        Sequential.of(
            new Conv2d(8, 3, 1, 1),
            new BatchNorm(),
            Activation.RELU,
            Sum.of(new Identity(), Sequential.of(new Conv2d(8, 3, 1, 1), new BatchNorm())),
            Activation.RELU,
            new Conv2d(8, 1, 1, 0),
            new BatchNorm(),
            new GlobalAvgPool2d(),
            new Flatten()));
  }

  /** Three norms, and the gradient of that without a ReLU: behind one they are computed by ours. */
  @Test
  void trainingWithNormsInOnePassIsTheSame() {
    Trained expected = TrainingParity.train(new ReferenceBackend(), residual(), Precision.FP32, 3);
    try (CudaBackend backend = open(Fusions.ALWAYS)) {
      Plan plan = Planner.plan(residual(), IMAGES, 6, Precision.FP32, training());
      long norms =
          fused(backend.prepare(plan).plan()).stream()
              .filter(step -> step.contains("OnePassNorm"))
              .count();
      assertEquals(4, norms);
      assertNear(expected, TrainingParity.train(backend, residual(), Precision.FP32, 3));
    }
  }

  /**
   * In bf16 a rounding that turns out otherwise is amplified by the norms from step to step: what
   * can be asked is that one pass is as near to the reference as our kernels are.
   */
  @Test
  void inBfloat16NormsInOnePassAreAsNearAsOurs() {
    Trained expected = TrainingParity.train(new ReferenceBackend(), residual(), Precision.BF16, 3);
    double[] distances = new double[2];
    for (int i = 0; i < distances.length; i++) {
      try (CudaBackend backend = open(i == 0 ? Fusions.NEVER : Fusions.ALWAYS)) {
        distances[i] =
            distance(expected, TrainingParity.train(backend, residual(), Precision.BF16, 3));
      }
    }
    System.out.printf(
        Locale.ROOT,
        "from the reference: ours %.3f, in one pass %.3f%n",
        distances[0],
        distances[1]);
    assertTrue(
        distances[1] <= 2 * distances[0], distances[1] + " is more than 2 * " + distances[0]);
  }

  /** Of the parameters in the end, the Euclidean one as a share of their norm. */
  private static double distance(Trained expected, Trained actual) {
    double squares = 0;
    double norm = 0;
    for (int p = 0; p < expected.parameters().size(); p++) {
      float[] e = expected.parameters().get(p);
      float[] a = actual.parameters().get(p);
      for (int i = 0; i < e.length; i++) {
        squares += Math.pow((double) e[i] - a[i], 2);
        norm += Math.pow(e[i], 2);
      }
    }
    return Math.sqrt(squares / norm);
  }

  /** Whatever fails in a trial, there is another way to compute; the next start tries again. */
  @Test
  void aTrialThatFailsLeavesTheStepsApart(@TempDir Path cache) throws IOException {
    for (String call :
        List.of("cuFuncSetAttribute", "cuOccupancyMaxActiveBlocksPerMultiprocessor")) {
      warnings.clear();
      StandIn.fail(call, 1, CUresult.CUDA_ERROR_INVALID_VALUE);
      assertEquals(pair(), prepare(options(cache, Fusions.MEASURED), pair()));
      assertEquals(1, warnings.size());
      assertTrue(warnings.get(0).startsWith("Not used: 0.2 (PointwisePair"), warnings.get(0));
      assertTrue(warnings.get(0).contains(call), warnings.get(0));
      assertEquals(List.of(), choices(cache));
    }
  }

  @Test
  void aTrialNeedsNoMemoryThatThereIsNot(@TempDir Path cache) throws IOException {
    try (CudaBackend backend = CudaBackend.open(0, options(cache, Fusions.MEASURED))) {
      StandIn.set("memory", StandIn.memoryUsed() + 1000);
      assertEquals(pair(), backend.prepare(pair()).plan());
      assertEquals(pair(), backend.prepare(pair()).plan());
      assertEquals(1, warnings.size(), "told once");
      assertTrue(warnings.get(0).contains("no room"), warnings.get(0));
    }
    assertEquals(List.of(), choices(cache));
  }

  @Test
  void aPlanWithAKernelThatThereIsNotIsRefused() {
    List<Step> parts = pair().steps();
    Plan fused =
        pair()
            .withSteps(
                List.of(new Fused(Fused.Kernel.POINTWISE_PAIR, parts, parts.get(1).writes())));
    StandIn.set("compute_capability", 80);
    prepare(StandInGpu.options(), fused);
    TensorSpec y = single("y");
    List<Step> singles =
        List.of(
            convolution("0.2", single("x"), "w2", "b2", single("between")),
            convolution("0.4", single("between"), "w3", "b3", y));
    Plan other =
        pair().withSteps(List.of(new Fused(Fused.Kernel.POINTWISE_PAIR, singles, List.of(y))));
    BackendException e =
        assertThrows(BackendException.class, () -> prepare(StandInGpu.options(), other));
    assertTrue(e.getMessage().contains("no kernel for 0.2 (PointwisePair"), e.getMessage());
  }

  private static TensorSpec single(String name) {
    return new TensorSpec(name, Shape.of(2, 96, 5, 3), DType.F32, Role.ACTIVATION);
  }

  /** 128 images of 26 pooled rows: whole on 132 blocks, in parts where there are fewer. */
  @Test
  void imagesAreCutSoThatNoBlockWaitsLong() {
    assertEquals(1, FirstBlock.strips(128, 26, 132));
    assertEquals(4, FirstBlock.strips(128, 26, 108));
    assertEquals(26, FirstBlock.strips(1, 26, 132));
    assertEquals(1, FirstBlock.strips(1, 1, 4));
  }
}
