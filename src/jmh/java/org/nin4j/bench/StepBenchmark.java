package org.nin4j.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.nin4j.backend.Backend;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Precision;
import org.nin4j.plan.step.Step;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Each kind of step of NiN's training on its own, as the backend fuses it, on random values. Small
 * steps take turns over several copies of their tensors, so that no cache holds them.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
@State(Scope.Benchmark)
public class StepBenchmark {
  /** More than any cache of today. */
  private static final long ROTATED_BYTES = 256L << 20;

  private static final int MOST_COPIES = 16;

  /** The layer and the end of the step's kind. */
  @Param({
    "batch/MakeBatch",
    "conv1/Forward",
    "conv1/BackwardFilter",
    "conv2/Forward",
    "conv2/BackwardData",
    "conv2/BackwardFilter",
    "conv4/Forward",
    "conv4/BackwardData",
    "conv4/BackwardFilter",
    "conv5/Forward",
    "conv5/BackwardData",
    "conv5/BackwardFilter",
    "conv7/Forward",
    "conv7/BackwardData",
    "conv7/BackwardFilter",
    "conv8/Forward",
    "conv8/BackwardData",
    "conv8/BackwardFilter",
    "relu4/Backward",
    "pool1/Forward",
    "pool1/Backward",
    "dropout1/Forward",
    "dropout1/Backward",
    "average1/Forward",
    "average1/Backward",
    "loss/SoftmaxCrossEntropy",
    "update/SgdUpdate",
  })
  public String step;

  @Param({"onednn"})
  public String backend;

  @Param({"FP32", "BF16"})
  public Precision precision;

  @Param({"128"})
  public int batch;

  @Param({"224"})
  public int pixels;

  private Backend device;
  private final List<Bench> copies = new ArrayList<>();
  private int turn;

  @Setup
  public void bind() {
    device = Bench.backend(backend, Runtime.getRuntime().availableProcessors());
    Plan whole = device.prepare(Bench.training(Bench.NIN, pixels, batch, precision)).plan();
    Plan part = whole.withSteps(List.of(find(whole)));
    copies.add(Bench.bindPart(device, part));
    long more = Math.min(MOST_COPIES - 1, ROTATED_BYTES / copies.get(0).bytes());
    for (int i = 0; i < more; i++) {
      copies.add(Bench.bindPart(device, part));
    }
  }

  private Step find(Plan plan) {
    String layer = step.substring(0, step.indexOf('/'));
    String kind = step.substring(step.indexOf('/') + 1);
    return plan.steps().stream()
        .filter(s -> s.layer().equals(layer))
        .filter(s -> s.getClass().getSimpleName().endsWith(kind))
        .findFirst()
        .orElseThrow(
            () -> new IllegalArgumentException("the plan on " + backend + " has no step " + step));
  }

  @TearDown
  public void close() {
    copies.forEach(Bench::close);
    device.close();
  }

  @Benchmark
  public Object step() {
    turn = turn + 1 == copies.size() ? 0 : turn + 1;
    Bench copy = copies.get(turn);
    copy.run();
    return copy.await();
  }
}
