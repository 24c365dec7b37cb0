package org.nin4j.backend.reference;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.Metrics;
import org.nin4j.backend.Samples;
import org.nin4j.backend.Session;
import org.nin4j.plan.PlacedPlan;
import org.nin4j.plan.step.Fused;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.HostTensor;

/** Runs the loops in plan order; {@code CheckedSession} keeps the contract around it. */
final class ReferenceSession implements Session {
  private final PlacedPlan placed;
  private final float[] arena;
  private final Map<TensorSpec, View> inner = new HashMap<>();
  private final List<Runnable> steps;
  private Optional<Samples> samples = Optional.empty();
  private Epoch epoch = new Epoch(0, 0, new int[0], new float[0]);
  private int runs;
  private Metrics metrics = Metrics.NONE;

  ReferenceSession(PlacedPlan placed, int floats) {
    this.placed = placed;
    this.arena = new float[floats];
    placed
        .plan()
        .steps(Fused.class)
        .flatMap(fused -> fused.inner().stream())
        .forEach(t -> inner.put(t, View.of(t.shape())));
    ReferenceSteps bound = new ReferenceSteps(this);
    steps = placed.plan().steps().stream().map(s -> s.accept(bound)).toList();
  }

  @Override
  public PlacedPlan placed() {
    return placed;
  }

  @Override
  public void write(TensorSpec tensor, HostTensor values) {
    View view = view(tensor);
    System.arraycopy(values.values(), 0, arena, view.offset(), view.size());
  }

  @Override
  public HostTensor read(TensorSpec tensor) {
    View view = view(tensor);
    HostTensor values = HostTensor.zeros(tensor.shape());
    System.arraycopy(arena, view.offset(), values.values(), 0, view.size());
    return values;
  }

  @Override
  public void load(Samples loaded) {
    samples = Optional.of(loaded);
  }

  @Override
  public void begin(Epoch begun) {
    epoch = begun;
    runs = 0;
    metrics = begun.before();
  }

  @Override
  public void run() {
    steps.forEach(Runnable::run);
    runs++;
  }

  @Override
  public long[] runTimed() {
    long[] times = new long[steps.size()];
    for (int i = 0; i < times.length; i++) {
      long begin = System.nanoTime();
      steps.get(i).run();
      times[i] = System.nanoTime() - begin;
    }
    runs++;
    return times;
  }

  @Override
  public Metrics metrics() {
    return metrics;
  }

  @Override
  public void close() {}

  View view(TensorSpec tensor) {
    if (inner.containsKey(tensor)) {
      return inner.get(tensor);
    }
    return new View(arena, (int) (placed.slot(tensor).offset() / Float.BYTES), tensor.shape());
  }

  Samples samples() {
    return samples.orElseThrow(() -> new BackendException("no samples are loaded for the batch"));
  }

  Epoch epoch() {
    return epoch;
  }

  /** The place of the run in the epoch. */
  int index() {
    return runs;
  }

  void count(UnaryOperator<Metrics> more) {
    metrics = more.apply(metrics);
  }
}
