package org.nin4j.bench;

import com.google.gson.Gson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;
import org.nin4j.backend.Backend;
import org.nin4j.backend.cuda.device.DeviceMemoryException;
import org.nin4j.plan.PlacedPlan;
import org.nin4j.plan.Plan;
import org.nin4j.text.Text;

/**
 * Measures one batch and image size, in a process of its own: start-up, steps, memory. Prints a
 * line of JSON, a {@link Result}; {@link Scaling} reads it.
 */
final class ScalingPoint {
  private static final int LEAST_ROUNDS = 3;
  private static final int MOST_ROUNDS = 15;

  /** A round takes as long at least, so that the waiting at its end does not count. */
  private static final double ROUND_SECONDS = 0.1;

  /** Memory beside the plan's that a session may need: the data, and some reserve. */
  private static final long RESERVE = 256L << 20;

  /**
   * What was measured; zeros and no rounds where the point has no room.
   *
   * @param description of the backend
   * @param refusal why nothing was measured, else empty
   * @param launchSeconds from the command to this program's first line: the Java machine
   * @param openSeconds for opening the backend: loading libraries
   * @param prepareSeconds for planning, and placing by the backend's layout
   * @param bindSeconds for allocating, choosing algorithms, compiling kernels, writing parameters
   *     and data
   * @param firstStepSeconds for the first step and the wait for its end
   * @param secondsPerStep of each round
   * @param plannedBytes the plan's arena
   * @param dataBytes stored images, labels, order of an epoch, learning rates
   * @param takenBytes what a session took at its peak
   * @param processBytes the whole process's peak in main memory
   */
  record Result(
      String description,
      String refusal,
      double launchSeconds,
      double openSeconds,
      double prepareSeconds,
      double bindSeconds,
      double firstStepSeconds,
      List<Double> secondsPerStep,
      long plannedBytes,
      long dataBytes,
      long takenBytes,
      long processBytes) {

    static Result refused(String description, String reason, long plannedBytes) {
      return new Result(description, reason, 0, 0, 0, 0, 0, List.of(), plannedBytes, 0, 0, 0);
    }

    boolean measured() {
      return refusal.isEmpty();
    }

    double startSeconds() {
      return launchSeconds + openSeconds + prepareSeconds + bindSeconds + firstStepSeconds;
    }

    double median() {
      List<Double> sorted = secondsPerStep.stream().sorted().toList();
      int middle = sorted.size() / 2;
      return sorted.size() % 2 == 1
          ? sorted.get(middle)
          : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
    }

    double least() {
      return secondsPerStep.stream().mapToDouble(Double::doubleValue).min().orElseThrow();
    }

    double most() {
      return secondsPerStep.stream().mapToDouble(Double::doubleValue).max().orElseThrow();
    }

    /** What was taken beyond the plan and the data; below 0 if it was less. */
    long excessBytes() {
      return takenBytes - plannedBytes - dataBytes;
    }
  }

  /** Seconds between calls. */
  private static final class Laps {
    private long last = System.nanoTime();

    double lap() {
      long before = last;
      last = System.nanoTime();
      return (last - before) * 1e-9;
    }
  }

  private ScalingPoint() {}

  /**
   * @param arguments those of {@link NetworkStep}, {@code seconds} to measure for, and {@code
   *     launched}, when the process was started, in milliseconds since 1970
   */
  public static void main(String[] arguments) throws IOException {
    double launch =
        (System.currentTimeMillis()
                - Long.parseLong(NetworkStep.options(arguments).get("launched")))
            * 1e-3;
    System.out.println(new Gson().toJson(measure(NetworkStep.options(arguments), launch)));
  }

  private static Result measure(Map<String, String> options, double launch) throws IOException {
    int threads = Integer.parseInt(options.get("threads"));
    double seconds = Double.parseDouble(options.get("seconds"));
    Laps laps = new Laps();
    try (Backend backend = Bench.backend(options.get("backend"), threads)) {
      double open = laps.lap();
      String description = backend.description();
      Plan plan = NetworkStep.plan(options);
      if (!backend.computesIn(plan.precision())) {
        return Result.refused(description, "the device has no such arithmetic", 0);
      }
      PlacedPlan placed = backend.prepare(plan);
      double prepare = laps.lap();
      boolean gpu = backend.name().equals("cuda");
      long free = gpu ? freeOnGpu() : inMemory("/proc/meminfo", "MemAvailable");
      if (placed.bytes() + RESERVE > free) {
        // Main memory is promised to everyone and missing when it is used: it is not asked for.
        return noRoom(description, placed, free);
      }
      long before = inMemory("/proc/self/status", "VmRSS");
      laps.lap();
      double bind;
      double firstStep;
      List<Double> rounds;
      long data;
      try (Bench bench = Bench.bind(backend, NetworkStep.network(options), placed)) {
        bind = laps.lap();
        firstStep = run(bench, 1);
        rounds = rounds(bench, seconds, firstStep);
        data = bench.dataBytes();
      } catch (DeviceMemoryException e) {
        return noRoom(description, placed, e.freeBytes());
      }
      long process = inMemory("/proc/self/status", "VmHWM");
      return new Result(
          description,
          "",
          launch,
          open,
          prepare,
          bind,
          firstStep,
          rounds,
          placed.bytes(),
          data,
          gpu ? takenOnGpu(backend, options, placed) : process - before,
          process);
    }
  }

  private static Result noRoom(String description, PlacedPlan placed, long free) {
    String reason =
        Text.of("no room: takes %.2f GB, and %.2f GB are free", placed.bytes() / 1e9, free / 1e9);
    return Result.refused(description, reason, placed.bytes());
  }

  /**
   * Seconds a step of each round, for the given number of seconds, but never fewer than three
   * rounds; before them a warm-up of a third of that, unless the first step took as long.
   */
  private static List<Double> rounds(Bench bench, double seconds, double firstStep) {
    double step = firstStep;
    for (double spent = firstStep; spent < seconds / 3; spent += step) {
      step = run(bench, 1);
    }
    int steps = Math.max(1, (int) Math.ceil(ROUND_SECONDS / step));
    List<Double> rounds = new ArrayList<>();
    double spent = 0;
    while (rounds.size() < LEAST_ROUNDS || rounds.size() < MOST_ROUNDS && spent < seconds) {
      double round = run(bench, steps);
      rounds.add(round / steps);
      spent += round;
    }
    return rounds;
  }

  /** Does the given number of steps and waits for them; seconds. */
  private static double run(Bench bench, int steps) {
    long begin = System.nanoTime();
    for (int i = 0; i < steps; i++) {
      bench.run();
    }
    double loss = bench.await().lossSum();
    double seconds = (System.nanoTime() - begin) * 1e-9;
    if (!Double.isFinite(loss)) {
      throw new IllegalStateException("the loss is " + loss);
    }
    return seconds;
  }

  /**
   * What a second session takes of the GPU's memory while it runs: at the first the libraries load
   * their code, which stays when the session is gone.
   */
  private static long takenOnGpu(Backend backend, Map<String, String> options, PlacedPlan placed) {
    long before = freeOnGpu();
    try (Bench bench = Bench.bind(backend, NetworkStep.network(options), placed)) {
      rounds(bench, 0, run(bench, 1));
      return before - freeOnGpu();
    }
  }

  private static long freeOnGpu() {
    long[] free = new long[1];
    int result = JCudaDriver.cuMemGetInfo(free, new long[1]);
    if (result != CUresult.CUDA_SUCCESS) {
      throw new IllegalStateException("cuMemGetInfo: " + CUresult.stringFor(result));
    }
    return free[0];
  }

  /** A number of kB in one of Linux's tables, in bytes. */
  private static long inMemory(String table, String name) throws IOException {
    return Files.readAllLines(Path.of(table)).stream()
        .filter(line -> line.startsWith(name + ":"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10)
        .findFirst()
        .orElseThrow(() -> new IOException(table + " has no line " + name));
  }
}
