package org.nin4j.train.diagnosis;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import org.nin4j.backend.DeviceRates;
import org.nin4j.plan.Plan;
import org.nin4j.plan.step.ForwardStep;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec.Role;

/**
 * How long the steps of a plan took, beside how long they must take.
 *
 * @param plan as the backend runs it
 * @param rates of the device
 * @param steps one for each of the plan's, in its order
 * @param runSeconds of a whole run when no step is waited for
 */
public record Profile(Plan plan, DeviceRates rates, List<StepTime> steps, double runSeconds) {

  /**
   * A step.
   *
   * @param index its place in the plan
   * @param block what it counts to, see {@link #blocks}
   * @param seconds median over the timed runs
   * @param spread of the middle half of the runs, in seconds: third quartile less first
   * @param way how it is computed, where there are several ways
   * @param multipliesLess whether it is known to be computed with fewer multiplications than it
   *     counts, as by Winograd's tiles: its rate says nothing about the device's peak
   * @param floor seconds that the device needs at least for its bytes and FLOPs, each tensor moved
   *     once; caches can beat it
   */
  public record StepTime(
      int index,
      Step step,
      String block,
      double seconds,
      double spread,
      Optional<String> way,
      boolean multipliesLess,
      double floor) {
    public long bytes() {
      return step.bytes();
    }

    /** Two for each multiply-add. */
    public long flops() {
      return 2 * step.multiplyAdds();
    }

    /** What is lost to the floor. */
    public double excess() {
      return seconds - floor;
    }
  }

  /**
   * Sums over steps.
   *
   * @param multipliesLess whether some of them does, see {@link StepTime}
   */
  public record Total(
      String name, double seconds, double floor, long bytes, long flops, boolean multipliesLess) {
    static Total of(String name, List<StepTime> steps) {
      return new Total(
          name,
          steps.stream().mapToDouble(StepTime::seconds).sum(),
          steps.stream().mapToDouble(StepTime::floor).sum(),
          steps.stream().mapToLong(StepTime::bytes).sum(),
          steps.stream().mapToLong(StepTime::flops).sum(),
          steps.stream().anyMatch(StepTime::multipliesLess));
    }
  }

  public Profile {
    steps = List.copyOf(steps);
  }

  /**
   * Puts times beside floors. A step without such a saving that was faster than the measured peak
   * shows that the peak is higher, and becomes it.
   *
   * @param planned before the backend changed it, for {@link #blocks}
   * @param run as the backend runs it
   * @param way how a step is computed, where there are several ways
   * @param multipliesLess whether a step is computed with fewer multiplications than it counts
   * @param nanoseconds of each timed run, by the step's place in {@code run}; at least one
   * @param runSeconds of a whole run when no step is waited for
   */
  static Profile of(
      Plan planned,
      Plan run,
      DeviceRates measured,
      Function<Step, Optional<String>> way,
      Predicate<Step> multipliesLess,
      List<long[]> nanoseconds,
      double runSeconds) {
    Map<String, String> blocks = blocks(planned);
    DeviceRates rates = atLeast(measured, run, multipliesLess, nanoseconds);
    List<StepTime> steps = new ArrayList<>();
    for (int i = 0; i < run.steps().size(); i++) {
      Step step = run.steps().get(i);
      double[] sorted = sorted(nanoseconds, i);
      steps.add(
          new StepTime(
              i,
              step,
              blocks.getOrDefault(outermost(step.layer()), step.layer()),
              quantile(sorted, 0.5),
              quantile(sorted, 0.75) - quantile(sorted, 0.25),
              way.apply(step),
              multipliesLess.test(step),
              rates.floor(step.bytes(), 2 * step.multiplyAdds())));
    }
    return new Profile(run, rates, steps, runSeconds);
  }

  private static double[] sorted(List<long[]> nanoseconds, int place) {
    double[] sorted = nanoseconds.stream().mapToDouble(times -> times[place] / 1e9).toArray();
    Arrays.sort(sorted);
    return sorted;
  }

  private static DeviceRates atLeast(
      DeviceRates measured, Plan run, Predicate<Step> multipliesLess, List<long[]> nanoseconds) {
    double peak = measured.flopsPerSecond();
    for (int i = 0; i < run.steps().size(); i++) {
      Step step = run.steps().get(i);
      double seconds = quantile(sorted(nanoseconds, i), 0.5);
      if (seconds > 0 && !multipliesLess.test(step)) {
        peak = Math.max(peak, 2 * step.multiplyAdds() / seconds);
      }
    }
    return new DeviceRates(measured.bytesPerSecond(), peak);
  }

  static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return quantile(sorted, 0.5);
  }

  /** The value below which a share of the sorted values lies, between two of them linearly. */
  private static double quantile(double[] sorted, double share) {
    double at = share * (sorted.length - 1);
    int below = (int) at;
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
  }

  /**
   * The block of each of the network's outermost parts: those without a convolution or a linear
   * layer belong to the one before, as a pool does.
   */
  private static Map<String, String> blocks(Plan planned) {
    List<ForwardStep> forward = planned.steps(ForwardStep.class).toList();
    Set<String> weighing = new HashSet<>();
    for (ForwardStep step : forward) {
      boolean weighs =
          step.reads().stream()
              .anyMatch(
                  t ->
                      (t.role() == Role.PARAMETER || t.role() == Role.DERIVED)
                          && t.shape().rank() > 1);
      if (weighs) {
        weighing.add(outermost(step.layer()));
      }
    }
    Map<String, String> blocks = new LinkedHashMap<>();
    String block = "";
    for (ForwardStep step : forward) {
      String part = outermost(step.layer());
      block = block.isEmpty() || weighing.contains(part) ? part : block;
      blocks.putIfAbsent(part, block);
    }
    return blocks;
  }

  private static String outermost(String path) {
    int dot = path.indexOf('.');
    return dot < 0 ? path : path.substring(0, dot);
  }

  /** The steps, those first that lose most to their floor. */
  public List<StepTime> worstFirst() {
    return steps.stream().sorted(Comparator.comparingDouble(StepTime::excess).reversed()).toList();
  }

  /**
   * Sums over the parts of the network, in plan order: the batch, blocks by the path of their first
   * layer, loss, update.
   */
  public List<Total> blocks() {
    Map<String, List<StepTime>> grouped = new LinkedHashMap<>();
    steps.forEach(s -> grouped.computeIfAbsent(s.block(), b -> new ArrayList<>()).add(s));
    return grouped.entrySet().stream().map(e -> Total.of(e.getKey(), e.getValue())).toList();
  }

  /** The sum over all steps. */
  public Total total() {
    return Total.of("all steps", steps);
  }
}
