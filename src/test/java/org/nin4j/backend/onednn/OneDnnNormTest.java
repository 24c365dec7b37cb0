package org.nin4j.backend.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.nin4j.backend.Backend;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.Needs;
import org.nin4j.backend.RandomSamples;
import org.nin4j.backend.Session;
import org.nin4j.backend.StepCase;
import org.nin4j.backend.StepCases;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.model.Activation;
import org.nin4j.model.BatchNorm;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.Identity;
import org.nin4j.model.Network;
import org.nin4j.model.Sequential;
import org.nin4j.model.Sum;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.AfterNorm;
import org.nin4j.plan.step.BatchNormForward;
import org.nin4j.plan.step.BatchNormReluBackward;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.SoftmaxCrossEntropy;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;

/** Batch norms with a ReLU inside, whose mask goes from the forward step to the gradient. */
class OneDnnNormTest {
  private final OneDnnBackend backend = new OneDnnBackend(2);
  private final long seed = System.nanoTime();

  @AfterEach
  void close() {
    backend.close();
  }

  private static TensorSpec tensor(String name, DType type, Role role, int... dims) {
    return new TensorSpec(name, Shape.of(dims), type, role);
  }

  /** A norm with its ReLU, and both their gradient. */
  private static List<Step> steps(DType type, boolean input, int... s) {
    TensorSpec x = tensor("x", type, Role.ACTIVATION, s);
    TensorSpec mean = tensor("mean", DType.F32, Role.ACTIVATION, s[1]);
    TensorSpec inverse = tensor("inverse", DType.F32, Role.ACTIVATION, s[1]);
    TensorSpec weight = tensor("weight", DType.F32, Role.PARAMETER, s[1]);
    TensorSpec bias = tensor("bias", DType.F32, Role.PARAMETER, s[1]);
    int bytes = (int) ((x.shape().elements() + 7) / 8);
    TensorSpec mask = tensor("mask", DType.U8, Role.ACTIVATION, bytes);
    return List.of(
        new BatchNormForward(
            "l",
            new BatchNorm(1e-3f, 0.2f),
            x,
            weight,
            bias,
            tensor("running_mean", DType.F32, Role.STATE, s[1]),
            tensor("running_var", DType.F32, Role.STATE, s[1]),
            tensor("y", type, Role.ACTIVATION, s),
            mean,
            inverse,
            AfterNorm.RELU.keeping(mask)),
        new BatchNormReluBackward(
            "l",
            x,
            weight,
            bias,
            mean,
            inverse,
            Optional.of(mask),
            tensor("dy", type, Role.ACTIVATION, s),
            input ? Optional.of(tensor("dx", type, Role.ACTIVATION, s)) : Optional.empty(),
            tensor("weight.gradient", DType.F32, Role.PARAMETER_GRADIENT, s[1]),
            tensor("bias.gradient", DType.F32, Role.PARAMETER_GRADIENT, s[1])));
  }

  private Map<TensorSpec, float[]> run(Backend on, Precision precision, List<Step> steps) {
    Set<TensorSpec> all =
        steps.stream()
            .flatMap(s -> Stream.concat(s.reads().stream(), s.writes().stream()))
            .collect(Collectors.toSet());
    Set<TensorSpec> written =
        steps.stream().flatMap(s -> s.writes().stream()).collect(Collectors.toSet());
    Plan plan = new Plan("norm", 1, precision, steps, all);
    try (Session session = on.bind(on.prepare(plan))) {
      for (TensorSpec tensor : all) {
        if (!written.contains(tensor) || tensor.role() == Role.STATE) {
          StepCase values = StepCase.random("values", steps.get(0), seed);
          HostTensor drawn = values.inputs().get(tensor);
          if (drawn == null) {
            drawn = StepCase.random("values", steps.get(1), seed).inputs().get(tensor);
          }
          session.write(tensor, drawn);
        }
      }
      session.begin(StepCase.EPOCH);
      session.run();
      Map<TensorSpec, float[]> results = new LinkedHashMap<>();
      written.stream()
          .filter(t -> t.type() != DType.U8)
          .forEach(t -> results.put(t, session.read(t).values()));
      return results;
    }
  }

  private void compare(DType type, Precision precision, double tolerance) {
    for (int[] s : new int[][] {{2, 16, 1, 1}, {3, 32, 5, 7}, {2, 96, 9, 9}}) {
      for (boolean input : new boolean[] {true, false}) {
        List<Step> steps = steps(type, input, s);
        Map<TensorSpec, float[]> actual = run(backend, precision, steps);
        run(new ReferenceBackend(), precision, steps)
            .forEach(
                (tensor, expected) -> compare(tensor, expected, actual.get(tensor), tolerance));
      }
    }
  }

  private void compare(TensorSpec tensor, float[] expected, float[] actual, double tolerance) {
    double largest = 0;
    for (float e : expected) {
      largest = Math.max(largest, Math.abs(e));
    }
    double allowed = largest * (tensor.type() == DType.BF16 ? 0x1p-7 : tolerance);
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], actual[i], allowed, tensor + " with seed " + seed);
    }
  }

  @Test
  void theGradientTakesTheKeptMask() {
    compare(DType.F32, Precision.FP32, 2e-5);
  }

  @Test
  void theGradientTakesTheKeptMaskInBfloat16() {
    Needs.precision(backend, Precision.BF16);
    compare(DType.BF16, Precision.BF16, 1e-3);
  }

  @Test
  void whatHasNoPrimitiveIsRefused() {
    Stream<StepCase> refused =
        StepCases.summedNorms(DType.F32, seed).stream()
            .filter(c -> c.name().contains("sum") || c.name().contains("gradient"));
    refused.forEach(
        c -> {
          String name = c.name();
          BackendException e =
              assertThrows(
                  BackendException.class, () -> backend.prepare(c.plan(Precision.FP32)), name);
          assertTrue(e.getMessage().startsWith("l (BatchNorm"), e.getMessage());
        });
    List<Step> odd = steps(DType.F32, true, 2, 6, 5, 5);
    Plan plan = new Plan("odd", 1, Precision.FP32, odd, Set.of());
    BackendException e = assertThrows(BackendException.class, () -> backend.prepare(plan));
    assertTrue(e.getMessage().contains("keeps no mask"), e.getMessage());
  }

  private static Plan residual(int channels, Purpose purpose) {
    Network network =
        new Network(
            "residual",
            Sequential.of(
                new Conv2d(channels, 3, 1, 1),
                new BatchNorm(),
                Activation.RELU,
                Sum.of(
                    new Identity(), Sequential.of(new Conv2d(channels, 1, 1, 0), new BatchNorm())),
                Activation.RELU,
                new GlobalAvgPool2d(),
                new Flatten()));
    BatchSpec images = BatchSpec.unit(Shape.of(1, 12, 12), 12, 12);
    return Planner.plan(network, images, 4, Precision.FP32, purpose);
  }

  private List<String> kinds(int channels, Purpose purpose) {
    Plan prepared = backend.prepare(residual(channels, purpose)).plan();
    return prepared.steps().stream().map(Step::kind).toList();
  }

  private float[] logits(Backend on, Plan plan) {
    try (Session session = on.bind(on.prepare(plan))) {
      session.load(RandomSamples.of(Shape.of(1, 12, 12), 4, 3, seed));
      plan.tensors(Role.PARAMETER)
          .forEach(t -> session.fillRandomly(t, seed + t.name().hashCode()));
      for (TensorSpec state : plan.tensors(Role.STATE)) {
        session.fillRandomly(state, seed + state.name().hashCode());
        HostTensor values = session.read(state);
        for (int i = 0; i < values.values().length; i++) {
          values.values()[i] = 0.6f + 0.5f * values.values()[i];
        }
        session.write(state, values);
      }
      session.begin(new Epoch(seed, 0, new int[] {0, 1, 2, 3}, new float[] {0}));
      session.run();
      SoftmaxCrossEntropy loss = plan.steps(SoftmaxCrossEntropy.class).findFirst().orElseThrow();
      return session.read(loss.logits()).values();
    }
  }

  /** Norms in the weights, on the one, and steps of their own on the other. */
  @Test
  void predictionWithNormsInWeightsIsAsTheReferences() {
    for (int channels : new int[] {6, 32}) {
      Plan plan = residual(channels, new Purpose.Inference());
      TensorSpec logits = plan.steps(SoftmaxCrossEntropy.class).findFirst().orElseThrow().logits();
      compare(logits, logits(new ReferenceBackend(), plan), logits(backend, plan), 2e-5);
    }
  }

  @Test
  void aPlanHasWhatIsFasterThere() {
    Purpose training = new Purpose.Training(Optional.empty(), 0);
    List<String> wide = kinds(32, training);
    assertTrue(wide.contains("BatchNormReluForward"), wide.toString());
    assertTrue(wide.contains("BatchNormReluBackward"), wide.toString());
    assertTrue(wide.contains("SumRelu"), wide.toString());
    List<String> odd = kinds(6, training);
    assertTrue(odd.contains("BatchNormReluForward"), odd.toString());
    assertTrue(!odd.contains("BatchNormReluBackward"), odd.toString());
    List<String> inference = kinds(32, new Purpose.Inference());
    assertEquals(2, inference.stream().filter("FoldNorm"::equals).count());
    assertTrue(inference.stream().noneMatch(k -> k.startsWith("BatchNorm")), inference.toString());
  }
}
