package org.nin4j.backend.reference;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.RandomSamples;
import org.nin4j.backend.Session;
import org.nin4j.backend.StepCase;
import org.nin4j.backend.StepCases;
import org.nin4j.model.Activation;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Dropout;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.Initialisation;
import org.nin4j.model.MaxPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.NinBlock;
import org.nin4j.model.Parameter;
import org.nin4j.model.Sequential;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.ActivationForward;
import org.nin4j.plan.step.BatchNormForward;
import org.nin4j.plan.step.BatchNormInference;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.ForwardStep;
import org.nin4j.plan.step.GlobalMaxPoolForward;
import org.nin4j.plan.step.Gradients;
import org.nin4j.plan.step.LinearForward;
import org.nin4j.plan.step.MaxPoolForward;
import org.nin4j.plan.step.SoftmaxCrossEntropy;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.Sum;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Philox;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

/**
 * The gradients that steps state, computed by the reference, against central differences (f(x + h)
 * − f(x − h)) / 2h summed in double.
 */
class GradientTest {
  /** Straight on both sides of 0. */
  private static final Set<Activation> BENT = EnumSet.of(Activation.RELU, Activation.LEAKY_RELU);

  private final ReferenceBackend backend = new ReferenceBackend();
  private final long seed = System.nanoTime();

  /** Checks at most n elements of each input, evenly spread: cases are many. */
  private static final int MOST = 40;

  /** Fewer where they take more multiply-adds than that, but not fewer than {@link #LEAST}. */
  private static final long WORK = 200_000_000;

  private static final int LEAST = 6;

  @TestFactory
  Stream<DynamicTest> everyForwardStepHasTheGradientItStates() {
    System.out.println("gradients against differences, seed " + seed);
    return StepCases.all(DType.F32, seed).stream()
        .filter(c -> c.step() instanceof ForwardStep && !c.name().contains("ties"))
        .filter(c -> !(c.step() instanceof org.nin4j.plan.step.ConvolutionForward f && f.relu()))
        .filter(c -> !(c.step() instanceof LinearForward f && f.relu()))
        .filter(c -> !(c.step() instanceof Sum s && s.relu()))
        .filter(c -> !(c.step() instanceof BatchNormForward b && b.after().relu()))
        .filter(c -> !(c.step() instanceof BatchNormInference))
        // Over a few values the norm is nearly a step function, of which differences say little.
        .filter(c -> !(c.step() instanceof BatchNormForward b && values(b) < 30))
        .filter(c -> !(c.step() instanceof MaxPoolForward p && p.position().isEmpty()))
        .filter(c -> !(c.step() instanceof GlobalMaxPoolForward p && p.position().isEmpty()))
        .map(c -> DynamicTest.dynamicTest(c.name(), () -> check(c)));
  }

  private static long values(BatchNormForward step) {
    return step.input().shape().elements() / step.input().shape().dim(1);
  }

  private void check(StepCase stepCase) {
    ForwardStep step = (ForwardStep) stepCase.step();
    Map<TensorSpec, HostTensor> inputs = new LinkedHashMap<>(stepCase.inputs());
    boolean kinks =
        step instanceof MaxPoolForward
            || step instanceof GlobalMaxPoolForward
            || (step instanceof ActivationForward a && BENT.contains(a.function()));
    boolean curved =
        step instanceof BatchNormForward
            || (step instanceof ActivationForward a && !BENT.contains(a.function()));
    if (kinks) {
      TensorSpec x = step.inputs().get(0);
      inputs.put(x, distinct(x.shape()));
    }
    TensorSpec dy = derived(step.output(), Role.ACTIVATION);
    Map<TensorSpec, List<TensorSpec>> gradientOf = new LinkedHashMap<>();
    Gradients gradients =
        new Gradients() {
          @Override
          public Optional<TensorSpec> of(TensorSpec input) {
            TensorSpec gradient = derived(input, Role.ACTIVATION);
            pass(input, gradient);
            return Optional.of(gradient);
          }

          @Override
          public void pass(TensorSpec input, TensorSpec gradient) {
            gradientOf.computeIfAbsent(input, t -> new ArrayList<>()).add(gradient);
          }

          @Override
          public TensorSpec parameter(TensorSpec parameter) {
            TensorSpec gradient = derived(parameter, Role.PARAMETER_GRADIENT);
            pass(parameter, gradient);
            return gradient;
          }
        };
    List<Step> steps = new ArrayList<>(List.of(step));
    steps.addAll(step.backward(dy, gradients));
    HostTensor weights = weights(dy.shape());
    Map<TensorSpec, HostTensor> stated = new LinkedHashMap<>();
    try (Session session = session(steps)) {
      inputs.forEach(session::write);
      boolean read = steps.stream().anyMatch(s -> s.reads().contains(dy));
      if (read) {
        session.write(dy, weights);
      }
      session.begin(StepCase.EPOCH);
      session.run();
      gradientOf.forEach((of, shares) -> stated.put(of, sum(session, shares, dy, weights)));
    }
    try (Session session = session(List.of(step))) {
      inputs.forEach(session::write);
      // Most of these functions are linear between kinks: the larger h, the less rounding counts.
      // Distinct values reach 972, where a leaky ReLU rounds ±2^-21 twice: over 2h, 1.53e-5.
      float h = kinks ? 0x1p-5f : curved ? 0x1p-8f : 0.5f;
      for (TensorSpec of : gradientOf.keySet()) {
        compare(
            session, step, of, inputs.get(of), stated.get(of), weights, h, curved ? 2e-4 : 2e-5);
      }
    }
  }

  private void compare(
      Session session,
      ForwardStep step,
      TensorSpec of,
      HostTensor values,
      HostTensor stated,
      HostTensor weights,
      float h,
      double tolerance) {
    double largest = 0;
    for (float g : stated.values()) {
      largest = Math.max(largest, Math.abs(g));
    }
    int n = values.values().length;
    long affordable = WORK / Math.max(1, step.multiplyAdds());
    int stride = Math.max(1, n / (int) Math.max(LEAST, Math.min(MOST, affordable)));
    for (int e = 0; e < n; e += stride) {
      float before = values.values()[e];
      double up = value(session, step, of, values, e, before + h, weights);
      double down = value(session, step, of, values, e, before - h, weights);
      values.values()[e] = before;
      double difference = (up - down) / ((double) (before + h) - (double) (before - h));
      float gradient = stated.values()[e];
      int element = e;
      assertTrue(
          Math.abs(difference - gradient) <= tolerance * Math.max(1, largest),
          () -> Text.of("%s [%d]: gradient %s, difference %s", of, element, gradient, difference));
    }
    session.write(of, values);
  }

  /** Σ weights · output, with one element of one input changed. */
  private double value(
      Session session,
      ForwardStep step,
      TensorSpec of,
      HostTensor values,
      int element,
      float value,
      HostTensor weights) {
    values.values()[element] = value;
    session.write(of, values);
    session.begin(StepCase.EPOCH);
    session.run();
    float[] y = session.read(step.output()).values();
    double sum = 0;
    for (int i = 0; i < y.length; i++) {
      sum += (double) y[i] * weights.values()[i];
    }
    return sum;
  }

  /** The shares of a gradient; one may be the gradient by the output itself. */
  private static HostTensor sum(
      Session session, List<TensorSpec> shares, TensorSpec dy, HostTensor weights) {
    HostTensor sum = HostTensor.zeros(shares.get(0).shape());
    for (TensorSpec share : shares) {
      float[] values = (share.equals(dy) ? weights : session.read(share)).values();
      for (int e = 0; e < values.length; e++) {
        sum.values()[e] += values[e];
      }
    }
    return sum;
  }

  private Session session(List<Step> steps) {
    Set<TensorSpec> all = new java.util.HashSet<>();
    steps.forEach(
        s -> {
          all.addAll(s.reads());
          all.addAll(s.writes());
        });
    Plan plan = new Plan("gradient", 1, Precision.FP32, steps, all);
    return backend.bind(backend.prepare(plan));
  }

  private static TensorSpec derived(TensorSpec of, Role role) {
    return new TensorSpec("d." + of.name(), of.shape(), DType.F32, role);
  }

  private HostTensor weights(Shape shape) {
    HostTensor weights = HostTensor.zeros(shape);
    Philox.Sequence random = new Philox.Sequence(seed, 9, 9);
    for (int i = 0; i < weights.values().length; i++) {
      weights.values()[i] = 2 * random.nextUniform() - 1;
    }
    return weights;
  }

  /** Shuffled values that differ by at least 1/16 from each other and from 0: no kink within h. */
  private HostTensor distinct(Shape shape) {
    HostTensor values = HostTensor.zeros(shape);
    int n = values.values().length;
    for (int i = 0; i < n; i++) {
      values.values()[i] = (i - n / 2 + 0.5f) / 8;
    }
    Philox.Sequence random = new Philox.Sequence(seed, 8, 8);
    for (int i = n - 1; i > 0; i--) {
      int j = random.nextBelow(i + 1);
      float swap = values.values()[i];
      values.values()[i] = values.values()[j];
      values.values()[j] = swap;
    }
    return values;
  }

  @Test
  void theLossHasTheGradientItStates() {
    for (float smoothing : new float[] {0, 0.1f}) {
      TensorSpec logits = new TensorSpec("z", Shape.of(4, 10), DType.F32, Role.ACTIVATION);
      TensorSpec labels = new TensorSpec("labels", Shape.of(4), DType.I32, Role.ACTIVATION);
      TensorSpec gradient = derived(logits, Role.ACTIVATION);
      Step loss = new SoftmaxCrossEntropy(logits, labels, Optional.of(gradient), smoothing);
      HostTensor z = weights(logits.shape());
      try (Session session = session(List.of(loss))) {
        session.write(labels, new HostTensor(labels.shape(), new float[] {3, -1, 0, 9}));
        session.write(logits, z);
        session.begin(StepCase.EPOCH);
        session.run();
        float[] stated = session.read(gradient).values();
        float h = 0x1p-9f;
        for (int e = 0; e < stated.length; e++) {
          double[] sums = new double[2];
          float before = z.values()[e];
          for (int side = 0; side < 2; side++) {
            z.values()[e] = before + (side == 0 ? h : -h);
            session.write(logits, z);
            session.begin(StepCase.EPOCH);
            session.run();
            sums[side] = session.metrics().loss();
          }
          z.values()[e] = before;
          double difference = (sums[0] - sums[1]) / ((double) (before + h) - (double) (before - h));
          // The third derivative is below 1, so the difference errs by less than h²/6 = 7e-7.
          int at = e;
          assertTrue(
              Math.abs(difference - stated[e]) < 2e-6,
              () -> "logit " + at + ": " + difference + " and " + stated[at]);
        }
      }
    }
  }

  /** The chain of steps, with memory shared: every parameter's gradient of the whole loss. */
  @Test
  void aPlannedNetworkHasTheGradientOfItsLoss() {
    Network network =
        new Network(
            "small",
            Sequential.of(
                NinBlock.of(4, 3, 2, 1),
                new MaxPool2d(2, 2),
                new Dropout(0.3f),
                new Conv2d(3, 3, 1, 1),
                new GlobalAvgPool2d(),
                new Flatten()));
    BatchSpec images = BatchSpec.unit(Shape.of(2, 6, 6), 9, 9);
    Plan plan =
        Planner.plan(network, images, 3, Precision.FP32, new Purpose.Training(Optional.empty(), 0));
    List<Parameter> parameters = network.parameters(images.output());
    Epoch epoch = new Epoch(seed, 5, new int[] {2, 0, 1}, new float[] {0});
    try (Session session = backend.bind(backend.prepare(plan))) {
      session.load(RandomSamples.of(images.source(), 4, 3, seed));
      Map<TensorSpec, HostTensor> values = new LinkedHashMap<>();
      List<TensorSpec> tensors = plan.tensors(Role.PARAMETER);
      for (int i = 0; i < tensors.size(); i++) {
        HostTensor drawn = Initialisation.PYTORCH.draw(parameters.get(i), i, seed);
        values.put(tensors.get(i), drawn);
        session.write(tensors.get(i), drawn);
      }
      session.begin(epoch);
      session.run();
      double loss = session.metrics().loss();
      Map<TensorSpec, HostTensor> stated = new LinkedHashMap<>();
      tensors.forEach(t -> stated.put(t, session.read(plan.tensor(t.name() + ".gradient"))));
      float h = 0x1p-10f;
      int checked = 0;
      int apart = 0;
      for (TensorSpec tensor : tensors) {
        HostTensor value = values.get(tensor);
        for (int e = 0; e < value.values().length; e += 3) {
          double[] losses = new double[2];
          float before = value.values()[e];
          for (int side = 0; side < 2; side++) {
            value.values()[e] = before + (side == 0 ? h : -h);
            session.write(tensor, value);
            session.begin(epoch);
            session.run();
            losses[side] = session.metrics().loss();
          }
          value.values()[e] = before;
          session.write(tensor, value);
          double width = (double) (before + h) - (double) (before - h);
          double difference = (losses[0] - losses[1]) / width;
          // A ReLU or a maximum that switches at a distance d < h, where the slope s becomes s',
          // puts the difference (s' - s)(h - d) / 2h beside s: just what the second one shows.
          double kink = Math.abs(losses[0] + losses[1] - 2 * loss) / width;
          checked++;
          apart += Math.abs(difference - stated.get(tensor).values()[e]) > 2e-4 + kink ? 1 : 0;
        }
      }
      // Switches on both sides may cancel in the second difference; a wrong gradient is not so
      // rare.
      assertTrue(apart <= checked / 20, apart + " of " + checked + " disagree");
    }
  }
}
