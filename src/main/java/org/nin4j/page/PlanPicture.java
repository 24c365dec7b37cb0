package org.nin4j.page;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import org.nin4j.backend.DeviceRates;
import org.nin4j.plan.Plan;
import org.nin4j.plan.step.SoftmaxCrossEntropy;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;

/**
 * The steps of a plan with the share of the time that each takes.
 *
 * @param basis where the shares are from
 * @param seconds of all steps; 0 where no times are known
 */
record PlanPicture(Basis basis, double seconds, List<Row> rows) {
  /** Where shares are from. */
  enum Basis {
    /** Median of some of the training's own steps. */
    MEASURED,
    /** The least that each must take, by rates that were measured on this device before. */
    FLOOR,
    /** Multiply-adds, which say little about the time of what has none. */
    WORK
  }

  /** Which part of a training step. */
  enum Part {
    BATCH,
    FORWARD,
    LOSS,
    BACKWARD,
    UPDATE
  }

  /**
   * A step.
   *
   * @param output shape of the largest tensor that it writes; empty where it writes parameters
   * @param share of all steps, in [0, 1]
   */
  record Row(
      String layer,
      String kind,
      Part part,
      String output,
      double share,
      long multiplyAdds,
      long bytes) {}

  static PlanPicture predicted(Plan plan, Optional<DeviceRates> rates) {
    return rates
        .map(r -> of(plan, Basis.FLOOR, weights(plan, s -> r.floor(s.bytes(), flops(s)))))
        .orElseGet(() -> of(plan, Basis.WORK, weights(plan, PlanPicture::flops)));
  }

  /** From times of some runs, in nanoseconds, by the step's place in the plan. */
  static PlanPicture measured(Plan plan, List<long[]> times) {
    double[] medians = new double[plan.steps().size()];
    for (int i = 0; i < medians.length; i++) {
      int place = i;
      long[] sorted = times.stream().mapToLong(run -> run[place]).sorted().toArray();
      medians[i] = sorted[sorted.length / 2] / 1e9;
    }
    return of(plan, Basis.MEASURED, medians);
  }

  private static double[] weights(Plan plan, ToDoubleFunction<Step> weight) {
    return plan.steps().stream().mapToDouble(weight).toArray();
  }

  private static long flops(Step step) {
    return 2 * step.multiplyAdds();
  }

  private static PlanPicture of(Plan plan, Basis basis, double[] weights) {
    double all = Arrays.stream(weights).sum();
    List<Row> rows = new ArrayList<>();
    boolean afterLoss = false;
    for (int i = 0; i < weights.length; i++) {
      Step step = plan.steps().get(i);
      rows.add(
          new Row(
              step.layer(),
              step.kind(),
              part(step, afterLoss),
              output(step),
              all > 0 ? weights[i] / all : 0,
              step.multiplyAdds(),
              step.bytes()));
      afterLoss |= step instanceof SoftmaxCrossEntropy;
    }
    return new PlanPicture(basis, basis == Basis.WORK ? 0 : all, List.copyOf(rows));
  }

  private static Part part(Step step, boolean afterLoss) {
    return switch (step.layer()) {
      case "batch" -> Part.BATCH;
      case "loss" -> Part.LOSS;
      case "update" -> Part.UPDATE;
      default -> afterLoss ? Part.BACKWARD : Part.FORWARD;
    };
  }

  private static String output(Step step) {
    return step.writes().stream().anyMatch(t -> t.role() == Role.PARAMETER)
        ? ""
        : step.writes().stream()
            .max(Comparator.comparingLong(TensorSpec::bytes))
            .map(t -> t.shape().toString())
            .orElse("");
  }
}
