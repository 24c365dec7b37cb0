package org.nin4j.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Precision;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.Bfloat16;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Philox;
import org.nin4j.text.Text;

/**
 * One step with its inputs, to be run on any backend.
 *
 * @param name for people: the step and its shapes
 * @param step what runs
 * @param inputs values for everything the step reads
 * @param samples for a step that makes a batch
 * @param epoch seed, step number, learning rate and order
 */
public record StepCase(
    String name,
    Step step,
    Map<TensorSpec, HostTensor> inputs,
    Optional<Samples> samples,
    Epoch epoch) {

  /** A step whose inputs are drawn from (−1, 1); all rounded to bf16 if any tensor is. */
  public static StepCase random(String name, Step step, long seed) {
    Map<TensorSpec, HostTensor> inputs = new LinkedHashMap<>();
    boolean bf16 =
        Stream.concat(step.reads().stream(), step.writes().stream())
            .anyMatch(t -> t.type() == DType.BF16);
    int stream = 0;
    for (TensorSpec tensor : step.reads()) {
      inputs.put(tensor, uniform(tensor, bf16, seed, stream++));
    }
    return new StepCase(name, step, inputs, Optional.empty(), EPOCH);
  }

  /** Any epoch of one run. */
  public static final Epoch EPOCH =
      new Epoch(0x1234_5678_9abcL, 7, new int[0], new float[] {0.125f});

  StepCase with(TensorSpec tensor, float... values) {
    Map<TensorSpec, HostTensor> changed = new LinkedHashMap<>(inputs);
    changed.put(tensor, new HostTensor(tensor.shape(), values));
    return new StepCase(name, step, changed, samples, epoch);
  }

  /** The same in another step of the training. */
  StepCase atStep(int step) {
    return new StepCase(
        name + ", step " + step,
        this.step,
        inputs,
        samples,
        new Epoch(epoch.seed(), step, epoch.order(), epoch.learningRates()));
  }

  /** The same without signs in those tensors. */
  StepCase withMagnitudes(List<TensorSpec> tensors) {
    StepCase changed = this;
    for (TensorSpec tensor : tensors) {
      float[] values = inputs.get(tensor).values().clone();
      for (int i = 0; i < values.length; i++) {
        values[i] = Math.abs(values[i]);
      }
      changed = changed.with(tensor, values);
    }
    return changed;
  }

  private static HostTensor uniform(TensorSpec tensor, boolean bf16, long seed, int stream) {
    HostTensor values = HostTensor.zeros(tensor.shape());
    Philox.Sequence random = new Philox.Sequence(seed, 1, stream);
    for (int i = 0; i < values.values().length; i++) {
      float value = 2 * random.nextUniform() - 1;
      values.values()[i] = bf16 ? Bfloat16.round(value) : value;
    }
    return values;
  }

  /** BF16 if any tensor is, else FP32. */
  public Precision precision() {
    return tensors().anyMatch(t -> t.type() == DType.BF16) ? Precision.BF16 : Precision.FP32;
  }

  private Stream<TensorSpec> tensors() {
    return Stream.concat(step.reads().stream(), step.writes().stream());
  }

  /** The plan of this one step, everything kept. */
  public Plan plan(Precision precision) {
    int batch = samples.isPresent() ? epoch.order().length : 1;
    return new Plan("case", batch, precision, List.of(step), tensors().collect(Collectors.toSet()));
  }

  /** What the step wrote, and the metrics after it. */
  public record Outcome(Map<TensorSpec, HostTensor> written, Metrics metrics) {}

  /** Runs the step once, its outputs poisoned before; what it only reads is unchanged after. */
  public Outcome run(Backend backend, Precision precision) {
    try (Session session = backend.bind(backend.prepare(plan(precision)))) {
      for (TensorSpec tensor : step.writes()) {
        if (!inputs.containsKey(tensor)) {
          HostTensor poison = HostTensor.zeros(tensor.shape());
          float value =
              tensor.type() == DType.U8 ? 255 : tensor.type() == DType.I32 ? -7 : Float.NaN;
          Arrays.fill(poison.values(), value);
          session.write(tensor, poison);
        }
      }
      inputs.forEach(session::write);
      samples.ifPresent(session::load);
      List<TensorSpec> onlyRead =
          step.reads().stream().filter(t -> !step.writes().contains(t)).distinct().toList();
      List<HostTensor> before = onlyRead.stream().map(session::read).toList();
      session.begin(epoch);
      session.run();
      for (int i = 0; i < before.size(); i++) {
        TensorSpec tensor = onlyRead.get(i);
        assertArrayEquals(
            before.get(i).values(),
            session.read(tensor).values(),
            () -> Text.of("%s changes %s, which it only reads", name, tensor));
      }
      Map<TensorSpec, HostTensor> written = new LinkedHashMap<>();
      step.writes().forEach(t -> written.put(t, session.read(t)));
      return new Outcome(written, session.metrics());
    }
  }

  @Override
  public String toString() {
    return name;
  }
}
