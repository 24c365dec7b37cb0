package org.nin4j.backend.reference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.RandomNetworks;
import org.nin4j.backend.RandomSamples;
import org.nin4j.backend.Session;
import org.nin4j.model.Activation;
import org.nin4j.model.BatchNorm;
import org.nin4j.model.Concat;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.Identity;
import org.nin4j.model.Initialisation;
import org.nin4j.model.Network;
import org.nin4j.model.Parameter;
import org.nin4j.model.Sequential;
import org.nin4j.model.Sum;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.rewrite.Fusion;
import org.nin4j.plan.rewrite.NormMasks;
import org.nin4j.plan.step.ActivationForward;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.FoldNorm;
import org.nin4j.plan.step.Learning;
import org.nin4j.plan.step.Sgd;
import org.nin4j.plan.step.SoftmaxCrossEntropy;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;

/** Networks with branches: gradients, memory that is shared, and rewrites with several readers. */
class GraphTest {
  private static final int CLASSES = 3;
  private static final int BATCH = 4;
  private static final BatchSpec IMAGES = BatchSpec.unit(Shape.of(2, 8, 8), 9, 9);

  private final ReferenceBackend backend = new ReferenceBackend();
  private final long seed = System.nanoTime();

  private Stream<DynamicTest> networks(int count, java.util.function.Consumer<Network> check) {
    System.out.println("random networks from seed " + seed);
    return LongStream.range(seed, seed + count)
        .mapToObj(s -> RandomNetworks.draw(s, CLASSES))
        .map(n -> DynamicTest.dynamicTest(n.name(), () -> check.accept(n)));
  }

  private static Plan plan(Network network, Optional<Sgd> optimizer) {
    return Planner.plan(
        network,
        IMAGES,
        BATCH,
        Precision.FP32,
        new Purpose.Training(optimizer.map(Learning::by), 0));
  }

  private Epoch epoch() {
    return new Epoch(seed, 5, new int[] {2, 0, 1, 3, 3, 1, 0, 2}, new float[] {0.1f, 0.1f});
  }

  private Map<TensorSpec, HostTensor> drawn(Network network, Plan plan) {
    List<Parameter> parameters = new ArrayList<>(network.parameters(IMAGES.output()));
    parameters.addAll(network.state(IMAGES.output()));
    Map<TensorSpec, HostTensor> values = new LinkedHashMap<>();
    for (int i = 0; i < parameters.size(); i++) {
      TensorSpec tensor = plan.tensor(parameters.get(i).name());
      values.put(tensor, Initialisation.PYTORCH.draw(parameters.get(i), i, seed));
    }
    return values;
  }

  @TestFactory
  Stream<DynamicTest> aPlannedNetworkHasTheGradientOfItsLoss() {
    return networks(12, this::checkGradients);
  }

  private void checkGradients(Network network) {
    checkGradients(network, plan(network, Optional.empty()));
  }

  private void checkGradients(Network network, Plan plan) {
    Map<TensorSpec, HostTensor> values = drawn(network, plan);
    try (Session session = backend.bind(backend.prepare(plan))) {
      session.load(RandomSamples.of(IMAGES.source(), 4, CLASSES, seed));
      values.forEach(session::write);
      double[] ignored = {loss(session)};
      List<TensorSpec> tensors = plan.tensors(Role.PARAMETER);
      Map<TensorSpec, HostTensor> stated = new LinkedHashMap<>();
      tensors.forEach(t -> stated.put(t, session.read(plan.tensor(t.name() + ".gradient"))));
      assertTrue(ignored[0] > 0);
      int checked = 0;
      int apart = 0;
      for (TensorSpec tensor : tensors) {
        HostTensor value = values.get(tensor);
        int stride = Math.max(1, value.values().length / 6);
        for (int e = 0; e < value.values().length; e += stride) {
          checked++;
          apart += agrees(session, tensor, value, e, stated.get(tensor).values()[e]) ? 0 : 1;
        }
      }
      assertTrue(apart <= checked / 3, apart + " of " + checked + " disagree");
    }
  }

  /**
   * Whether a difference of losses gives the gradient. A batch norm of values that hardly vary
   * makes their fp32 rounding large, which a wider difference divides away; a ReLU or a maximum may
   * switch within a wide one. Of 1400 networks one had neither for a fifth of its values, the
   * others for far fewer; a wrong gradient has neither anywhere below its layer.
   */
  private boolean agrees(
      Session session, TensorSpec tensor, HostTensor value, int e, double gradient) {
    float before = value.values()[e];
    boolean agrees = false;
    for (float h = 0x1p-14f; h <= 0x1p-10f && !agrees; h *= 4) {
      double[] losses = new double[2];
      for (int side = 0; side < 2; side++) {
        value.values()[e] = before + (side == 0 ? h : -h);
        session.write(tensor, value);
        losses[side] = loss(session);
      }
      double difference = (losses[0] - losses[1]) / ((double) (before + h) - (double) (before - h));
      agrees = Math.abs(difference - gradient) <= 4e-3 * Math.max(1, Math.abs(gradient));
    }
    value.values()[e] = before;
    session.write(tensor, value);
    return agrees;
  }

  private double loss(Session session) {
    session.begin(epoch());
    session.run();
    return session.metrics().loss();
  }

  /** Every rewrite, and memory that is shared or not, gives the same training. */
  @TestFactory
  Stream<DynamicTest> rewritesAndSharedMemoryChangeNothing() {
    return networks(30, this::checkRewrites);
  }

  private void checkRewrites(Network network) {
    Plan plan = plan(network, Optional.of(new Sgd(0.9f, true, 1e-3f)));
    List<HostTensor> apart = trained(network, plan.keeping(activations(plan)));
    compare("shared memory", apart, trained(network, plan));
    Plan all = plan;
    for (Fusion fusion : Fusion.values()) {
      compare(fusion.name(), apart, trained(network, fusion.apply(plan)));
      all = fusion.apply(all);
    }
    compare("all fusions", apart, trained(network, all));
    Plan masked = NormMasks.apply(Fusion.NORM_RELU.apply(plan), norm -> true);
    compare("masks", apart, trained(network, masked));
  }

  private Stream<Network> normed(int count) {
    System.out.println("random networks with norms from seed " + seed);
    return LongStream.range(seed, seed + count)
        .mapToObj(s -> RandomNetworks.drawNormed(s, CLASSES));
  }

  @TestFactory
  Stream<DynamicTest> rewritesOfNormsChangeNothing() {
    return normed(20).map(n -> DynamicTest.dynamicTest(n.name(), () -> checkRewrites(n)));
  }

  /** Else the test before this one would show nothing. */
  @Test
  void theNetworksWithNormsHaveEveryKindOfFusedNorm() {
    Set<String> kinds = new HashSet<>();
    Consumer<Plan> count = p -> p.steps().forEach(s -> kinds.add(s.kind()));
    LongStream.range(0, 20)
        .mapToObj(s -> RandomNetworks.drawNormed(s, CLASSES))
        .forEach(
            network -> {
              Plan plan = plan(network, Optional.empty());
              count.accept(fused(plan));
              count.accept(NormMasks.apply(Fusion.NORM_RELU.apply(plan), norm -> true));
              count.accept(fused(inference(network)));
            });
    assertTrue(
        kinds.containsAll(
            List.of(
                "SumRelu",
                "BatchNormReluForward",
                "BatchNormSumReluForward",
                "BatchNormReluBackward",
                "BatchNormSumReluBackward",
                "BatchNormReluInference",
                "BatchNormSumReluInference",
                "FoldNorm")),
        kinds.toString());
  }

  private static Plan inference(Network network) {
    return Planner.plan(network, IMAGES, BATCH, Precision.FP32, new Purpose.Inference());
  }

  private static Plan fused(Plan plan) {
    Plan all = plan;
    for (Fusion fusion : Fusion.values()) {
      all = fusion.apply(all);
    }
    return all;
  }

  /** Weights that a norm has been put into are rounded once more. */
  @TestFactory
  Stream<DynamicTest> rewritesOfInferenceChangeNothing() {
    return normed(20)
        .map(
            network ->
                DynamicTest.dynamicTest(
                    network.name(),
                    () -> {
                      Plan plan = inference(network);
                      float[] apart = outputs(network, plan);
                      assertArrayEquals(apart, outputs(network, fused(plan)), 2e-5f);
                      for (Fusion fusion : Fusion.values()) {
                        float[] actual = outputs(network, fusion.apply(plan));
                        assertArrayEquals(apart, actual, 2e-5f, fusion.name());
                      }
                    }));
  }

  /** The logits with running statistics that are no one's default. */
  private float[] outputs(Network network, Plan plan) {
    try (Session session = backend.bind(backend.prepare(plan))) {
      session.load(RandomSamples.of(IMAGES.source(), 4, CLASSES, seed));
      drawn(network, plan).forEach(session::write);
      for (TensorSpec state : plan.tensors(Role.STATE)) {
        session.fillRandomly(state, seed);
        HostTensor values = session.read(state);
        for (int i = 0; i < values.values().length; i++) {
          values.values()[i] = 0.5f + 0.25f * values.values()[i];
        }
        session.write(state, values);
      }
      session.begin(epoch());
      session.run();
      SoftmaxCrossEntropy loss = plan.steps(SoftmaxCrossEntropy.class).findFirst().orElseThrow();
      return session.read(loss.logits()).values();
    }
  }

  private static Network residual() {
    return new Network(
        "residual",
        Sequential.of(
            new Conv2d(3, 3, 1, 1),
            new BatchNorm(),
            Activation.RELU,
            Sum.of(
                new Identity(),
                Sequential.of(
                    new Conv2d(3, 3, 1, 1),
                    new BatchNorm(),
                    Activation.RELU,
                    new Conv2d(3, 3, 1, 1),
                    new BatchNorm())),
            Activation.RELU,
            new GlobalAvgPool2d(),
            new Flatten()));
  }

  /** A residual block as one says it, in steps of its own. */
  @Test
  void aResidualBlockIsFused() {
    List<String> kinds =
        fused(plan(residual(), Optional.empty())).steps().stream().map(Step::kind).toList();
    assertEquals(
        List.of(
            "MakeBatch",
            "ConvolutionForward",
            "BatchNormReluForward",
            "ConvolutionForward",
            "BatchNormReluForward",
            "ConvolutionForward",
            "BatchNormSumReluForward"),
        kinds.subList(0, 7));
    assertEquals(1, kinds.stream().filter("BatchNormSumReluBackward"::equals).count());
    assertEquals(2, kinds.stream().filter("BatchNormReluBackward"::equals).count());
    assertTrue(kinds.stream().noneMatch(kind -> kind.startsWith("Relu")), kinds.toString());
    List<String> predicting =
        fused(inference(residual())).steps().stream().map(Step::kind).toList();
    assertEquals(
        List.of("FoldNorm", "ConvolutionReluForward", "FoldNorm", "ConvolutionReluForward"),
        predicting.subList(1, 5));
    assertEquals(List.of("FoldNorm", "ConvolutionForward", "SumRelu"), predicting.subList(5, 8));
  }

  /** The gradients of fused steps, against differences of the loss. */
  @Test
  void fusedNormsHaveTheGradientOfTheLoss() {
    Plan plan = plan(residual(), Optional.empty());
    checkGradients(residual(), fused(plan));
    checkGradients(residual(), NormMasks.apply(Fusion.NORM_RELU.apply(plan), norm -> true));
  }

  /** A batch norm that two read keeps its ReLU apart; so does a convolution its batch norm. */
  @Test
  void normsWithTwoReadersStayApart() {
    Network network =
        new Network(
            "two-readers",
            Sequential.of(
                new Conv2d(3, 3, 1, 1),
                Concat.of(
                    Sequential.of(new BatchNorm(), Concat.of(Activation.RELU, new Identity())),
                    new Identity()),
                new GlobalAvgPool2d(),
                new Flatten()));
    Plan plan = fused(inference(network));
    assertEquals(1, plan.steps(ActivationForward.class).count());
    assertEquals(0, plan.steps(FoldNorm.class).count());
    assertArrayEquals(outputs(network, inference(network)), outputs(network, plan), 1e-6f);
  }

  private static List<TensorSpec> activations(Plan plan) {
    return plan.tensors(Role.ACTIVATION);
  }

  private List<HostTensor> trained(Network network, Plan plan) {
    try (Session session = backend.bind(backend.prepare(plan))) {
      session.load(RandomSamples.of(IMAGES.source(), 4, CLASSES, seed));
      drawn(network, plan).forEach(session::write);
      session.begin(epoch());
      session.run();
      session.run();
      List<HostTensor> values = new ArrayList<>();
      plan.tensors(Role.PARAMETER).forEach(t -> values.add(session.read(t)));
      plan.tensors(Role.STATE).forEach(t -> values.add(session.read(t)));
      return values;
    }
  }

  private static void compare(String what, List<HostTensor> expected, List<HostTensor> actual) {
    assertEquals(expected.size(), actual.size());
    for (int i = 0; i < expected.size(); i++) {
      assertArrayEquals(expected.get(i).values(), actual.get(i).values(), 1e-6f, what + " " + i);
    }
  }

  /** The value before a ReLU is needed by a second branch: putting both into one would lose it. */
  @Test
  void aConvolutionWithTwoReadersKeepsItsReluApart() {
    Network network =
        new Network(
            "two-readers",
            Sequential.of(
                new Conv2d(3, 3, 1, 1),
                Concat.of(Activation.RELU, new Identity()),
                new GlobalAvgPool2d(),
                new Flatten()));
    Plan plan = Planner.plan(network, IMAGES, BATCH, Precision.FP32, new Purpose.Inference());
    Plan fused = Fusion.CONVOLUTION_RELU.apply(plan);
    assertEquals(1, fused.steps(ActivationForward.class).count());
    assertArrayEquals(logits(network, plan), logits(network, fused), 1e-6f);
    float[] logits = logits(network, plan);
    boolean negative = false;
    for (float value : logits) {
      negative |= value < 0;
    }
    assertTrue(negative, "no value below 0 got past the ReLU: the test shows nothing");
  }

  private float[] logits(Network network, Plan plan) {
    try (Session session = backend.bind(backend.prepare(plan))) {
      session.load(RandomSamples.of(IMAGES.source(), 4, CLASSES, seed));
      drawn(network, plan).forEach(session::write);
      // So low a bias that the first channel is below 0 everywhere, whatever the weights.
      TensorSpec bias = plan.tensor("0.bias");
      session.write(bias, new HostTensor(bias.shape(), new float[] {-5, 0, 0.5f}));
      session.begin(epoch());
      session.run();
      return session.read(plan.tensor("3")).values();
    }
  }
}
