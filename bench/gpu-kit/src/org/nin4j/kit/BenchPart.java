package org.nin4j.kit;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;
import org.nin4j.backend.Backend;
import org.nin4j.backend.DeviceRates;
import org.nin4j.backend.cuda.CudaBackend;
import org.nin4j.backend.cuda.CudaOptions.Fusions;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.Shapes;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.Sgd;
import org.nin4j.train.Profile;
import org.nin4j.train.Profiler;
import org.nin4j.train.Recipe;
import org.nin4j.train.Recipes;

/**
 * Images a second of the whole network, training and inference, in each precision: medians over
 * rounds after a warm-up, each round long enough not to measure the waiting at its end; the memory
 * that a session takes beside what its plan says; the time of each step beside its floor; and in
 * bf16 the same speed with kernels for several steps nowhere, and wherever there is one.
 */
final class BenchPart {
  private static final int ROUNDS = 7;
  private static final double ROUND_SECONDS = 0.3;
  private static final int PROFILED_RUNS = 20;

  /** The driver allocates in pieces of 2 MiB, and keeps some for a graph. */
  private static final long MEMORY_SLACK = 32L << 20;

  private static final List<Purpose> PURPOSES =
      List.of(new Purpose.Training(Sgd.PLAIN), new Purpose.Inference());

  private BenchPart() {}

  static Outcome run(Room room) {
    Map<String, Object> numbers = new LinkedHashMap<>();
    List<String> said = new ArrayList<>();
    boolean ok = true;
    try (CudaBackend backend = room.open()) {
      System.out.println(backend.description());
      for (Precision precision : Precision.values()) {
        if (!backend.computesIn(precision)) {
          continue;
        }
        String name = name(precision);
        for (Purpose purpose : PURPOSES) {
          String what = name(purpose);
          if (!room.timeLeft()) {
            said.add(what + " " + name + " left out for want of time");
            ok = false;
            continue;
          }
          Measured measured = measure(room, backend, precision, purpose);
          numbers.put(what + " " + name, measured.numbers());
          said.add(what + " " + name + " " + measured.timings());
          if (!measured.memoryAsPlanned()) {
            said.add("which takes other memory than its plan says");
            ok = false;
          }
        }
      }
      for (Precision precision : List.of(Precision.BF16, Precision.FP32)) {
        if (backend.computesIn(precision) && room.timeLeft()) {
          Measured measured = secondStream(room, precision);
          numbers.put("training " + name(precision) + " on two streams", measured.numbers());
          said.add("training " + name(precision) + " on two streams " + measured.timings());
        }
      }
      for (Precision precision : List.of(Precision.BF16, Precision.FP32)) {
        if (backend.computesIn(precision) && room.timeLeft()) {
          DeviceRates rates = rates(room, backend, precision);
          Profile profile = profile(room, backend, precision, rates);
          numbers.put("steps " + precision, steps(precision, profile));
          numbers.put("blocks " + precision, blocks(profile));
        }
      }
    }
    // As measured is what stands above.
    for (Fusions fusions : List.of(Fusions.NEVER, Fusions.ALWAYS)) {
      try (CudaBackend backend = room.open(fusions)) {
        for (Purpose purpose : PURPOSES) {
          if (backend.computesIn(Precision.BF16) && room.timeLeft()) {
            String what =
                "%s bf16, fusions %s"
                    .formatted(name(purpose), fusions.name().toLowerCase(Locale.ROOT));
            Measured measured = measure(room, backend, Precision.BF16, purpose);
            numbers.put(what, measured.numbers());
            said.add(what + " " + measured.timings());
          }
        }
      }
    }
    return Outcome.of(ok, String.join("; ", said), numbers);
  }

  private static String name(Purpose purpose) {
    return purpose instanceof Purpose.Training ? "training" : "inference";
  }

  /**
   * Speed and memory of one plan.
   *
   * @param coldSeconds for binding the first time: compiling, choosing algorithms
   * @param warmSeconds for binding again, with all of that kept
   * @param plannedBytes the plan's arena and the data
   * @param takenBytes what the GPU had less after binding and running
   * @param grownBytes what it had less after the rounds than before them
   */
  private record Measured(
      Timings timings,
      double coldSeconds,
      double warmSeconds,
      long plannedBytes,
      long takenBytes,
      long grownBytes) {
    boolean memoryAsPlanned() {
      return Math.abs(takenBytes - plannedBytes) <= MEMORY_SLACK && grownBytes == 0;
    }

    Map<String, Object> numbers() {
      Map<String, Object> numbers = timings.numbers();
      numbers.put("coldBindSeconds", coldSeconds);
      numbers.put("warmBindSeconds", warmSeconds);
      numbers.put("plannedBytes", plannedBytes);
      numbers.put("takenBytes", takenBytes);
      numbers.put("grownBytes", grownBytes);
      return numbers;
    }
  }

  private static String name(Precision precision) {
    return precision.name().toLowerCase(Locale.ROOT);
  }

  /** Training with filter gradients beside the other steps. */
  private static Measured secondStream(Room room, Precision precision) {
    try (CudaBackend backend = room.openWithSecondStream()) {
      return measure(room, backend, precision, new Purpose.Training(Sgd.PLAIN));
    }
  }

  private static Measured measure(
      Room room, Backend backend, Precision precision, Purpose purpose) {
    int pixels = Nin.pixels(room);
    int batch = Nin.batch(room);
    long begin = System.nanoTime();
    // The libraries load their code now, which takes memory that is not the session's.
    try (Nin nin = Nin.bind(backend, precision, pixels, batch, purpose)) {
      nin.run(1);
    }
    double coldSeconds = (System.nanoTime() - begin) / 1e9;
    long freeBefore = freeBytes();
    begin = System.nanoTime();
    try (Nin nin = Nin.bind(backend, precision, pixels, batch, purpose)) {
      double warmSeconds = (System.nanoTime() - begin) / 1e9;
      nin.run(1);
      int warmUp = room.small() ? 1 : 20;
      double step = nin.run(warmUp) / warmUp;
      int steps = room.small() ? 1 : Math.max(10, (int) (ROUND_SECONDS / step));
      // The driver may take something for so many launches at once, but only now.
      nin.run(steps);
      long freeBound = freeBytes();
      Timings timings = new Timings(batch);
      for (int round = 0; round < ROUNDS; round++) {
        timings.add(nin.run(steps) / steps);
      }
      return new Measured(
          timings,
          coldSeconds,
          warmSeconds,
          nin.planBytes() + nin.dataBytes(),
          freeBefore - freeBound,
          freeBound - freeBytes());
    }
  }

  /** What the GPU has left, as its driver says. */
  private static long freeBytes() {
    long[] free = new long[1];
    int result = JCudaDriver.cuMemGetInfo(free, new long[1]);
    if (result != CUresult.CUDA_SUCCESS) {
      throw new IllegalStateException("cuMemGetInfo: " + CUresult.stringFor(result));
    }
    return free[0];
  }

  private static DeviceRates rates(Room room, Backend backend, Precision precision) {
    // On the processor the rates would take minutes to measure, and say nothing.
    return room.small() ? new DeviceRates(1e9, 1e9) : DeviceRates.measure(backend, precision);
  }

  private static Profile profile(
      Room room, Backend backend, Precision precision, DeviceRates rates) {
    Recipe recipe =
        Recipes.d2l().toBuilder()
            .precision(precision)
            .size(Nin.pixels(room))
            .batch(Nin.batch(room))
            .build();
    ImageDataset images = Shapes.draw(1, 2 * recipe.batch(), recipe.batch(), 1).train();
    int runs = room.small() ? 1 : PROFILED_RUNS;
    return Profiler.profile(backend, recipe, images, false, rates, runs, runs);
  }

  /** Each step of training in the order of the plan, times in microseconds; printed too. */
  private static List<Map<String, Object>> steps(Precision precision, Profile profile) {
    System.out.printf(
        Locale.ROOT,
        "%n%s: %.0f GB/s, %.1f TFLOP/s, %.1f µs a step in one go, %.1f µs step by step%n",
        precision,
        profile.rates().bytesPerSecond() / 1e9,
        profile.rates().flopsPerSecond() / 1e12,
        profile.runSeconds() * 1e6,
        profile.total().seconds() * 1e6);
    List<Map<String, Object>> table = new ArrayList<>();
    for (Profile.StepTime step : profile.steps()) {
      System.out.printf(
          Locale.ROOT,
          "%-34s %10.1f µs ± %8.1f  floor %10.1f µs%n",
          step.step().layer() + " " + step.step().kind(),
          step.seconds() * 1e6,
          step.spread() * 1e6,
          step.floor() * 1e6);
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("layer", step.step().layer());
      row.put("kind", step.step().kind());
      row.put("microseconds", step.seconds() * 1e6);
      row.put("spread", step.spread() * 1e6);
      row.put("floor", step.floor() * 1e6);
      row.put("bytes", step.bytes());
      row.put("flops", step.flops());
      table.add(row);
    }
    return table;
  }

  /** The sums by block of the network, beside the floor and the measured peak; printed too. */
  private static List<Map<String, Object>> blocks(Profile profile) {
    List<Map<String, Object>> table = new ArrayList<>();
    List<Profile.Total> totals = new ArrayList<>(profile.blocks());
    totals.add(profile.total());
    for (Profile.Total block : totals) {
      double rate = block.flops() == 0 ? 0 : block.flops() / block.seconds();
      double peak = 100 * rate / profile.rates().flopsPerSecond();
      System.out.printf(
          Locale.ROOT,
          "%-34s %10.1f µs  floor %10.1f µs, %6.2f times  %8.1f GFLOP/s, %5.1f %% of the peak%n",
          block.name(),
          block.seconds() * 1e6,
          block.floor() * 1e6,
          block.seconds() / block.floor(),
          rate / 1e9,
          peak);
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("block", block.name());
      row.put("microseconds", block.seconds() * 1e6);
      row.put("floor", block.floor() * 1e6);
      row.put("bytes", block.bytes());
      row.put("flops", block.flops());
      row.put("percentOfPeak", peak);
      table.add(row);
    }
    return table;
  }
}
