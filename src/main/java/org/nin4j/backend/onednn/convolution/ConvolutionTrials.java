package org.nin4j.backend.onednn.convolution;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerScope;
import org.nin4j.backend.CpuOptions.Convolution;
import org.nin4j.backend.onednn.library.Buffers;
import org.nin4j.backend.onednn.library.Dnnl;
import org.nin4j.backend.onednn.library.Operation;
import org.nin4j.backend.onednn.library.OperationStorage;
import org.nin4j.backend.onednn.library.Workers;
import org.nin4j.model.Conv2d;
import org.nin4j.plan.Arena;
import org.nin4j.plan.PlacedPlan;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Precision;
import org.nin4j.plan.step.ConvolutionBackwardFilter;
import org.nin4j.plan.step.ConvolutionStep;
import org.nin4j.plan.step.TensorSpec;

/**
 * Chooses by trying: each way to compute a shape runs some times on some samples, in turn with the
 * others, and the second least of its times counts. A virtual processor may be three times as slow
 * from one moment to the next: the least time of all may have met the one moment of speed, and so
 * many runs are made that a way that is tried to the end has met it twice. What was chosen is kept,
 * so that it is the same the next time: the ways add their numbers in different orders.
 */
public final class ConvolutionTrials {
  /** Multiply-adds of a step that is too short for a choice to matter: some 0.1 ms. */
  private static final long SHORT = 20_000_000;

  /** Multiply-adds of a trial, by which it gets its samples: some 4 ms. */
  private static final long LONG = 500_000_000;

  /**
   * The same where tiles are tried. They go some samples at a time: the first of these fill the
   * caches, and a filter gradient is put together once for all, so that few tell too little.
   */
  private static final long LONG_BY_TILES = 4_000_000_000L;

  /** Rounds at least and, while times differ, at most. */
  private static final int LEAST_ROUNDS = 4;

  private static final int MOST_ROUNDS = 10;

  /** A way's two least times lie that near to each other when there are enough of them. */
  private static final double NEAR = 1.1;

  /** A way that takes so many times as long as the best is not tried on, after three rounds. */
  private static final double HOPELESS = 1.5;

  private static final int ROUNDS_FOR_ALL = 3;

  /** Nor after one, if it takes longer than a processor's change of speed could make of it. */
  private static final double HOPELESS_AT_ONCE = 5;

  /** A plainer way is taken unless the other takes less than this part of its time. */
  private static final double CLEARLY = 0.9;

  /** A byte of which a float or bf16 is near 0.75: zeros might be multiplied in no time. */
  private static final int NEAR_ONE = 0x3f;

  /** Loops of Java's are compiled while they run. */
  private static final long WARM_UP_NANOSECONDS = 300_000_000;

  private final Dnnl dnnl;
  private final Workers workers;
  private final KeptChoices kept;

  /** Loops that were run long enough. */
  private final Set<String> warm = new HashSet<>();

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
      List<Convolution> ways = worthTrying(step, possible);
      Tried tried = tried(step, ways, constant);
      String key = key(tried);
      return kept.find(key)
          .filter(possible::contains)
          .orElseGet(() -> kept.keep(key, fastest(tried, ways)));
    };
  }

  /** What was chosen for a step of a plan, if it was tried; else the plainest. Tries nothing. */
  public ConvolutionChoice known(boolean constant) {
    return (step, possible) ->
        kept.find(key(tried(step, worthTrying(step, possible), constant)))
            .filter(possible::contains)
            .orElse(possible.get(0));
  }

  /** Everything that was chosen, here or elsewhere. */
  public Map<String, Convolution> all() {
    return kept.all();
  }

  /**
   * What is tried in place of a step.
   *
   * @param step the same for some samples, if there are more than a trial needs
   * @param constant whether its weights are laid out before the clock starts: where they are laid
   *     out but once for all runs, and where the step has so many more samples that this takes no
   *     time worth counting
   */
  private record Tried(ConvolutionStep step, boolean constant) {}

  private Tried tried(ConvolutionStep step, List<Convolution> ways, boolean constant) {
    int batch = step.images().shape().dim(0);
    long enough = ways.contains(Convolution.TILES) ? LONG_BY_TILES : LONG;
    long wanted = Math.max(1, Math.min(batch, enough * batch / step.multiplyAdds()));
    // So that batches of many sizes share a choice, and threads have equal parts.
    int samples = wanted == batch ? batch : Math.toIntExact(Long.highestOneBit(wanted));
    boolean weights = !(step instanceof ConvolutionBackwardFilter);
    return new Tried(step.withSamples(samples), weights && (constant || samples < batch));
  }

  /** Whatever a choice depends on but the processor and the libraries. */
  private static String key(Tried tried) {
    ConvolutionStep step = tried.step();
    StringBuilder key = new StringBuilder(step.kind());
    List<TensorSpec> tensors = new ArrayList<>(step.reads());
    tensors.addAll(step.writes());
    tensors.forEach(t -> key.append(' ').append(t.shape()).append(' ').append(t.type()));
    Conv2d convolution = step.convolution();
    return key.append(" stride ")
        .append(convolution.window().stride())
        .append(" padding ")
        .append(convolution.window().padding())
        .append(" groups ")
        .append(convolution.groups())
        .append(tried.constant() ? " constant" : "")
        .toString();
  }

  private static List<Convolution> worthTrying(ConvolutionStep step, List<Convolution> possible) {
    return possible.stream()
        .filter(way -> way != Convolution.TILES || Winograd.tiles(step).mayPay())
        .toList();
  }

  private Convolution fastest(Tried tried, List<Convolution> ways) {
    if (ways.size() == 1) {
      return ways.get(0);
    }
    try (PointerScope temporary = new PointerScope()) {
      List<Trial> trials = new ArrayList<>();
      for (Convolution way : ways) {
        trials.add(new Trial(way, kernel(tried, way)));
      }
      trials.forEach(trial -> warmUp(trial, tried.step()));
      List<Trial> going = trials;
      for (int round = 1; round <= MOST_ROUNDS; round++) {
        going.forEach(Trial::run);
        if (round >= LEAST_ROUNDS && going.stream().allMatch(Trial::sure)) {
          break;
        }
        double limit = round < ROUNDS_FOR_ALL ? HOPELESS_AT_ONCE : HOPELESS;
        double best = trials.stream().mapToDouble(Trial::seconds).min().orElseThrow();
        going = going.stream().filter(trial -> trial.least <= limit * best).toList();
      }
      Trial best = trials.get(0);
      for (Trial trial : trials) {
        best = trial.seconds() < CLEARLY * best.seconds() ? trial : best;
      }
      return best.way;
    }
  }

  private void warmUp(Trial trial, ConvolutionStep step) {
    trial.run();
    if (loops(step, trial.way).filter(warm::add).isPresent()) {
      long end = System.nanoTime() + WARM_UP_NANOSECONDS;
      while (System.nanoTime() < end) {
        trial.run();
      }
    }
  }

  /** Java's loops that a way goes through, if any. */
  private Optional<String> loops(ConvolutionStep step, Convolution way) {
    return switch (way) {
      case DIRECT, WIDENED -> Optional.empty();
      case TILES -> Optional.of("transforms");
      case IM2COL ->
          Optional.of(Im2col.of(workers, step))
              .filter(Im2col::copies)
              .map(im2col -> "copies " + im2col.howCopied() + im2col.ones());
    };
  }

  private static final class Trial {
    private final Convolution way;
    private final Operation.Kernel kernel;
    private final Operation.Run run = new Operation.Run();
    private double least = Double.MAX_VALUE;
    private double second = Double.MAX_VALUE;

    Trial(Convolution way, Operation.Kernel kernel) {
      this.way = way;
      this.kernel = kernel;
    }

    void run() {
      long begin = System.nanoTime();
      kernel.run(run);
      double seconds = (System.nanoTime() - begin) * 1e-9;
      second = Math.min(second, Math.max(least, seconds));
      least = Math.min(least, seconds);
    }

    double seconds() {
      return second;
    }

    boolean sure() {
      return second <= NEAR * least;
    }
  }

  /** The step by itself, in memory of its own. */
  private Operation.Kernel kernel(Tried tried, Convolution way) {
    ConvolutionChoice choice = ConvolutionChoice.preferring(way);
    Operation operation =
        new Convolutions(dnnl, workers, choice, tried.constant()).of(tried.step());
    Plan plan = new Plan("trial", 1, Precision.FP32, List.of(tried.step()), Set.of());
    PlacedPlan placed = Arena.place(plan, new OperationStorage(same -> operation));
    BytePointer arena = Buffers.arena(placed.bytes(), NEAR_ONE);
    return operation.bind(new Buffers(dnnl, placed, arena, 0));
  }
}
