package org.nin4j.bench;

import java.util.List;
import java.util.concurrent.TimeUnit;
import org.nin4j.backend.Backend;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Precision;
import org.nin4j.plan.step.MakeBatch;
import org.nin4j.plan.step.SgdUpdate;
import org.nin4j.plan.step.SoftmaxCrossEntropy;
import org.nin4j.plan.step.Step;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
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
 * Network in Network, whole: one operation is one run of a batch and the wait for it; the counter
 * {@code images} is images a second. Every pass begins with the stored bytes of other images, but
 * for {@code backward}, which begins with random activations.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 2)
@Measurement(iterations = 5, time = 2)
public class NinBenchmark {
  /** What of a training step is run. */
  public enum Pass {
    FORWARD,
    BACKWARD,
    TRAINING;

    private Bench bind(Backend backend, int pixels, int batch, Precision precision) {
      return switch (this) {
        case FORWARD ->
            Bench.bind(backend, Bench.NIN, Bench.inference(Bench.NIN, pixels, batch, precision));
        case BACKWARD -> Bench.bindPart(backend, backward(backend, pixels, batch, precision));
        case TRAINING ->
            Bench.bind(backend, Bench.NIN, Bench.training(Bench.NIN, pixels, batch, precision));
      };
    }

    private static Plan backward(Backend backend, int pixels, int batch, Precision precision) {
      Plan whole = backend.prepare(Bench.training(Bench.NIN, pixels, batch, precision)).plan();
      List<Step> steps = whole.steps();
      int loss = 0;
      while (!(steps.get(loss) instanceof SoftmaxCrossEntropy)) {
        loss++;
      }
      return whole.withSteps(
          steps.subList(loss + 1, steps.size()).stream()
              .filter(s -> !(s instanceof SgdUpdate || s instanceof MakeBatch))
              .toList());
    }
  }

  /** Images are counted, so that the result is in images a second whatever the batch. */
  @AuxCounters
  @State(Scope.Thread)
  public static class Images {
    public long images;

    @Setup(Level.Iteration)
    public void reset() {
      images = 0;
    }
  }

  /** One network on one backend. */
  @State(Scope.Benchmark)
  public static class Nin {
    @Param({"onednn"})
    public String backend;

    @Param({"FP32", "BF16"})
    public Precision precision;

    @Param({"1", "32", "128", "256"})
    public int batch;

    @Param({"224", "96"})
    public int pixels;

    @Param public Pass pass;

    private Backend device;
    private Bench bench;

    @Setup
    public void bind() {
      device = Bench.backend(backend, Runtime.getRuntime().availableProcessors());
      bench = pass.bind(device, pixels, batch, precision);
    }

    @TearDown
    public void close() {
      bench.close();
      device.close();
    }
  }

  @Benchmark
  public Object nin(Nin nin, Images counter) {
    nin.bench.run();
    counter.images += nin.batch;
    return nin.bench.await();
  }
}
