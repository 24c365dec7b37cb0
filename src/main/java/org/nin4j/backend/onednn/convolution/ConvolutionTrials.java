package org.nin4j.backend.onednn.convolution;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.nin4j.backend.CpuOptions.Convolution;
import org.nin4j.backend.onednn.library.Buffers;
import org.nin4j.backend.onednn.library.Dnnl;
import org.nin4j.backend.onednn.library.Operation;
import org.nin4j.backend.onednn.library.Workers;
import org.nin4j.plan.Arena;
import org.nin4j.plan.PlacedPlan;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Precision;
import org.nin4j.plan.StorageRules;
import org.nin4j.plan.step.ConvolutionBackwardData;
import org.nin4j.plan.step.ConvolutionBackwardFilter;
import org.nin4j.plan.step.ConvolutionForward;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.Shape;

/**
 * Chooses by trying: each way to compute a shape runs some times on some samples, in turn with the
 * others, and the least time counts. What was chosen is kept, so that it is the same the next time:
 * the ways add their numbers in different orders.
 */
public final class ConvolutionTrials {
  /** Multiply-adds of a step that is too short for a choice to matter: some 0.1 ms. */
  private static final long SHORT = 20_000_000;

  /** Multiply-adds of a trial, by which it gets its samples: some 10 ms. */
  private static final long LONG = 1_500_000_000;

  private static final int ROUNDS = 5;

  /** What takes so many times as long as the best is not tried on. */
  private static final double HOPELESS = 1.5;

  /** A plainer way is taken unless the other takes less than this part of its time. */
  private static final double CLEARLY = 0.85;

  /** Loops of Java's are compiled while they run. */
  private static final long WARM_UP_NANOSECONDS = 600_000_000;

  private final Dnnl dnnl;
  private final Workers workers;
  private final KeptChoices kept;
  private final List<Convolution> warm = new ArrayList<>();

  /**
   * @param kept what was chosen before, and gets what is chosen now
   */
  public ConvolutionTrials(Dnnl dnnl, Workers workers, KeptChoices kept) {
    this.dnnl = dnnl;
    this.workers = workers;
    this.kept = kept;
  }

  /**
   * For the steps of a plan.
   *
   * @param constant whether no step of the plan changes weights, so that they are laid out but once
   */
  public ConvolutionChoice choice(boolean constant) {
    return (step, possible) -> {
      if (possible.size() == 1 || step.multiplyAdds() < SHORT) {
        return possible.get(0);
      }
      String key = key(step, constant);
      return kept.find(key)
          .filter(possible::contains)
          .orElseGet(() -> kept.keep(key, fastest(step, worthTrying(step, possible), constant)));
    };
  }

  /** What was chosen for a step, if it was tried. */
  public Optional<Convolution> chosen(Step step) {
    return isConvolution(step)
        ? kept.find(key(step, false)).or(() -> kept.find(key(step, true)))
        : Optional.empty();
  }

  /** Everything that was chosen, here or elsewhere. */
  public Map<String, Convolution> all() {
    return kept.all();
  }

  private static boolean isConvolution(Step step) {
    return step instanceof ConvolutionForward
        || step instanceof ConvolutionBackwardData
        || step instanceof ConvolutionBackwardFilter;
  }

  /** Whatever a choice depends on but the processor and the libraries. */
  private static String key(Step step, boolean constant) {
    StringBuilder key = new StringBuilder(step.kind());
    List<TensorSpec> tensors = new ArrayList<>(step.reads());
    tensors.addAll(step.writes());
    tensors.forEach(t -> key.append(' ').append(t.shape()).append(' ').append(t.type()));
    var convolution =
        step instanceof ConvolutionForward f
            ? f.convolution()
            : step instanceof ConvolutionBackwardData d
                ? d.convolution()
                : ((ConvolutionBackwardFilter) step).convolution();
    return key.append(" stride ")
        .append(convolution.window().stride())
        .append(" padding ")
        .append(convolution.window().padding())
        .append(" groups ")
        .append(convolution.groups())
        .append(constant ? " constant" : "")
        .toString();
  }

  private static List<Convolution> worthTrying(Step step, List<Convolution> possible) {
    return possible.stream()
        .filter(way -> way != Convolution.TILES || Winograd.tiles(step).mayPay())
        .toList();
  }

  private Convolution fastest(Step step, List<Convolution> ways, boolean constant) {
    if (ways.size() == 1) {
      return ways.get(0);
    }
    Step fewer = withSamples(step, samples(step));
    try (PointerScope temporary = new PointerScope()) {
      List<Trial> trials = new ArrayList<>();
      for (Convolution way : ways) {
        trials.add(new Trial(way, kernel(fewer, way, constant)));
      }
      trials.forEach(this::warmUp);
      for (int round = 0; round < ROUNDS; round++) {
        double least = trials.stream().mapToDouble(t -> t.least).min().orElseThrow();
        for (Trial trial : trials) {
          if (trial.least <= HOPELESS * least) {
            trial.run();
          }
        }
      }
      Trial best = trials.get(0);
      for (Trial trial : trials) {
        best = trial.least < CLEARLY * best.least ? trial : best;
      }
      return best.way;
    }
  }

  private void warmUp(Trial trial) {
    trial.run();
    boolean loops = trial.way == Convolution.TILES || trial.way == Convolution.IM2COL;
    if (loops && !warm.contains(trial.way)) {
      warm.add(trial.way);
      long end = System.nanoTime() + WARM_UP_NANOSECONDS;
      while (System.nanoTime() < end) {
        trial.run();
      }
    }
  }

  private static final class Trial {
    private final Convolution way;
    private final Operation.Kernel kernel;
    private final Operation.Run run = new Operation.Run();
    private double least = Double.MAX_VALUE;

    Trial(Convolution way, Operation.Kernel kernel) {
      this.way = way;
      this.kernel = kernel;
    }

    void run() {
      long begin = System.nanoTime();
      kernel.run(run);
      least = Math.min(least, System.nanoTime() - begin);
    }
  }

  /** The step by itself, in memory of its own full of numbers near 1. */
  private Operation.Kernel kernel(Step step, Convolution way, boolean constant) {
    Operation operation =
        new Convolutions(dnnl, workers, ConvolutionChoice.preferring(way), constant).of(step);
    Plan plan = new Plan("trial", 1, Precision.FP32, List.of(step), java.util.Set.of());
    PlacedPlan placed =
        Arena.place(
            plan,
            new StorageRules() {
              @Override
              public long bytes(TensorSpec tensor) {
                return tensor.bytes();
              }

              @Override
              public long alignment() {
                return Buffers.ALIGNMENT;
              }

              @Override
              public long workspace(Step same) {
                return operation.workspace();
              }

              @Override
              public long resident(Step same) {
                return operation.resident();
              }
            });
    BytePointer whole = new BytePointer(placed.bytes() + Buffers.ALIGNMENT);
    long gap = (Buffers.ALIGNMENT - whole.address() % Buffers.ALIGNMENT) % Buffers.ALIGNMENT;
    BytePointer arena = new BytePointer(whole.getPointer(gap));
    Pointer.memset(arena, 0x3f, placed.bytes());
    return operation.bind(new Buffers(dnnl, placed, arena, 0));
  }

  private int samples(Step step) {
    int batch = step.reads().get(0).shape().dim(0);
    int wanted = (int) Math.max(1, Math.min(batch, LONG * batch / step.multiplyAdds()));
    // Each thread has as many.
    return wanted > workers.count() ? wanted - wanted % workers.count() : wanted;
  }

  private static Step withSamples(Step step, int samples) {
    if (step instanceof ConvolutionForward s) {
      return new ConvolutionForward(
          s.layer(),
          s.convolution(),
          withSamples(s.input(), samples),
          s.weight(),
          s.bias(),
          withSamples(s.output(), samples),
          s.relu());
    } else if (step instanceof ConvolutionBackwardData s) {
      return new ConvolutionBackwardData(
          s.layer(),
          s.convolution(),
          withSamples(s.outputGradient(), samples),
          s.weight(),
          withSamples(s.inputGradient(), samples));
    } else if (step instanceof ConvolutionBackwardFilter s) {
      return new ConvolutionBackwardFilter(
          s.layer(),
          s.convolution(),
          withSamples(s.input(), samples),
          withSamples(s.outputGradient(), samples),
          s.weightGradient(),
          s.biasGradient());
    }
    throw new IllegalArgumentException(step.kind() + " is no convolution");
  }

  private static TensorSpec withSamples(TensorSpec tensor, int samples) {
    Shape shape = tensor.shape();
    return new TensorSpec(
        tensor.name(),
        Shape.of(samples, shape.dim(1), shape.dim(2), shape.dim(3)),
        tensor.type(),
        tensor.role());
  }
}
