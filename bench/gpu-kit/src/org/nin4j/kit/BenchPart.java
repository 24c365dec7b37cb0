package org.nin4j.kit;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;
import org.nin4j.backend.Backend;
import org.nin4j.backend.CudaOptions.Fusions;
import org.nin4j.backend.DeviceRates;
import org.nin4j.backend.cuda.CudaBackend;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.shapes.Shapes;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.Sgd;
import org.nin4j.train.diagnosis.Profile;
import org.nin4j.train.diagnosis.Profiler;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Recipes;

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
  private static final int STEPS_FOR_MEMORY = 100;

  /** The driver allocates in pieces of 2 MiB, and keeps some for a graph. */
  private static final long MEMORY_SLACK = 32L << 20;

  private static final Purpose TRAINING = new Purpose.Training(Sgd.PLAIN);
  private static final Purpose INFERENCE = new Purpose.Inference();

  private BenchPart() {}

  static List<Figure> figures(Room room) {
    List<Figure> figures = new ArrayList<>();
    figures.add(speed(Precision.BF16, TRAINING));
    figures.add(profile(Precision.BF16));
    figures.add(speed(TRAINING, Fusions.ALWAYS));
    figures.add(speed(TRAINING, Fusions.NEVER));
    figures.add(speed(Precision.BF16, INFERENCE));
    figures.add(speedOnTwoStreams(Precision.BF16));
    figures.add(memory(Precision.BF16, TRAINING));
    figures.add(speed(Precision.FP32, TRAINING));
    figures.add(speed(Precision.TF32, TRAINING));
    if (!room.small()) {
      figures.add(profile(Precision.FP32));
      figures.add(memory(Precision.FP32, TRAINING));
      figures.add(speed(Precision.FP32, INFERENCE));
      figures.add(speed(Precision.TF32, INFERENCE));
      figures.add(memory(Precision.BF16, INFERENCE));
      figures.add(memory(Precision.FP32, INFERENCE));
      figures.add(speedOnTwoStreams(Precision.FP32));
      figures.add(speed(INFERENCE, Fusions.ALWAYS));
      figures.add(speed(INFERENCE, Fusions.NEVER));
    }
    return figures;
  }

  private static Figure speed(Precision precision, Purpose purpose) {
    String what = name(purpose) + " " + name(precision);
    return new Figure(
        what, (r, findings) -> speed(r, findings, what, r.open(), precision, purpose));
  }

  /** In bf16, which alone has kernels for several steps. */
  private static Figure speed(Purpose purpose, Fusions fusions) {
    String what =
        "%s bf16, fusions %s".formatted(name(purpose), fusions.name().toLowerCase(Locale.ROOT));
    return new Figure(
        what, (r, findings) -> speed(r, findings, what, r.open(fusions), Precision.BF16, purpose));
  }

  /** Training with filter gradients beside the other steps. */
  private static Figure speedOnTwoStreams(Precision precision) {
    String what = "training " + name(precision) + " on two streams";
    return new Figure(
        what,
        (r, findings) -> speed(r, findings, what, r.openWithSecondStream(), precision, TRAINING));
  }

  private static Figure memory(Precision precision, Purpose purpose) {
    String what = "memory of " + name(purpose) + " " + name(precision);
    return new Figure(what, (r, findings) -> memory(r, findings, what, precision, purpose));
  }

  private static Figure profile(Precision precision) {
    return new Figure("steps " + name(precision), (r, findings) -> profile(r, findings, precision));
  }

  private static String name(Purpose purpose) {
    return purpose instanceof Purpose.Training ? "training" : "inference";
  }

  private static String name(Precision precision) {
    return precision.name().toLowerCase(Locale.ROOT);
  }

  /** Closes the backend. */
  private static void speed(
      Room room,
      Findings findings,
      String what,
      CudaBackend opened,
      Precision precision,
      Purpose purpose) {
    try (CudaBackend backend = opened) {
      System.out.println(backend.description());
      if (!backend.computesIn(precision)) {
        return;
      }
      long begin = System.nanoTime();
      try (Nin nin = Nin.bind(backend, precision, Nin.pixels(room), Nin.batch(room), purpose)) {
        nin.run(1);
        double bindSeconds = (System.nanoTime() - begin) / 1e9;
        int warmUp = room.small() ? 1 : 20;
        double step = nin.run(warmUp) / warmUp;
        int steps = room.small() ? 1 : Math.max(10, (int) (ROUND_SECONDS / step));
        Timings timings = new Timings(nin.batch());
        for (int round = 0; round < (room.small() ? 1 : ROUNDS); round++) {
          timings.add(nin.run(steps) / steps);
          Map<String, Object> numbers = timings.numbers();
          numbers.put("bindSeconds", bindSeconds);
          findings.put(what, numbers);
        }
        Map<String, Object> numbers = timings.numbers();
        numbers.put("bindSeconds", bindSeconds);
        findings.put(what, numbers, what + " " + timings);
      }
    }
  }

  /**
   * What a session takes beside what its plan says, and what it takes more while it runs; seconds
   * for binding again, with all kept that the first time computed.
   */
  private static void memory(
      Room room, Findings findings, String what, Precision precision, Purpose purpose) {
    int pixels = Nin.pixels(room);
    int batch = Nin.batch(room);
    try (CudaBackend backend = room.open()) {
      if (!backend.computesIn(precision)) {
        return;
      }
      // The libraries load their code now, which takes memory that is not the session's.
      try (Nin nin = Nin.bind(backend, precision, pixels, batch, purpose)) {
        nin.run(1);
      }
      long freeBefore = freeBytes();
      long begin = System.nanoTime();
      try (Nin nin = Nin.bind(backend, precision, pixels, batch, purpose)) {
        double warmSeconds = (System.nanoTime() - begin) / 1e9;
        int steps = room.small() ? 1 : STEPS_FOR_MEMORY;
        // The driver may take something for so many launches at once, but only now.
        nin.run(steps);
        long freeBound = freeBytes();
        nin.run(steps);
        long plannedBytes = nin.planBytes() + nin.dataBytes();
        long takenBytes = freeBefore - freeBound;
        long grownBytes = freeBound - freeBytes();
        String sentence =
            String.format(
                Locale.ROOT,
                "%s: %.1f MB of %.1f planned, %.1f more while it ran; bound again in %.1f s",
                what,
                takenBytes / 1e6,
                plannedBytes / 1e6,
                grownBytes / 1e6,
                warmSeconds);
        findings.put(
            what,
            Map.of(
                "warmBindSeconds", warmSeconds,
                "plannedBytes", plannedBytes,
                "takenBytes", takenBytes,
                "grownBytes", grownBytes),
            sentence);
        if (Math.abs(takenBytes - plannedBytes) > MEMORY_SLACK || grownBytes != 0) {
          findings.wrong(what, what + " is other than its plan says");
        }
      }
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

  private static void profile(Room room, Findings findings, Precision precision) {
    try (CudaBackend backend = room.open()) {
      if (!backend.computesIn(precision)) {
        return;
      }
      DeviceRates rates = rates(room, backend, precision);
      findings.put("rates " + name(precision), rates);
      Recipe recipe =
          Recipes.d2l().toBuilder()
              .precision(precision)
              .size(Nin.pixels(room))
              .batch(Nin.batch(room))
              .build();
      ImageDataset images = Shapes.draw(1, 2 * recipe.batch(), recipe.batch(), 1).train();
      int runs = room.small() ? 1 : PROFILED_RUNS;
      Profile profile =
          Profiler.profile(backend, recipe, recipe.network(10), images, false, rates, runs, runs);
      findings.put("blocks " + name(precision), blocks(profile));
      findings.put(
          "steps " + name(precision),
          steps(precision, profile),
          String.format(
              Locale.ROOT,
              "steps %s: %.2f ms in one go, %.2f ms step by step, floor %.2f ms at %.0f GB/s and"
                  + " %.0f TFLOP/s",
              name(precision),
              profile.runSeconds() * 1e3,
              profile.total().seconds() * 1e3,
              profile.total().floor() * 1e3,
              rates.bytesPerSecond() / 1e9,
              rates.flopsPerSecond() / 1e12));
    }
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
