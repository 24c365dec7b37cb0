package org.nin4j.train.diagnosis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.nin4j.backend.DeviceRates;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.data.shapes.Shapes;
import org.nin4j.model.Network;
import org.nin4j.model.zoo.Networks;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.rewrite.Fusion;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.ConvolutionForward;
import org.nin4j.plan.step.Learning;
import org.nin4j.plan.step.Sgd;
import org.nin4j.plan.step.Step;
import org.nin4j.tensor.Shape;
import org.nin4j.train.diagnosis.Profile.StepTime;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Recipes;

class ProfileTest {
  /** Exact in binary, so that floors can be compared exactly. */
  private static final DeviceRates RATES = new DeviceRates(1 << 20, 1 << 24);

  private static Plan plan(Precision precision) {
    Network network = Networks.named("nin-mini").network(10);
    return Planner.plan(
        network,
        BatchSpec.unit(Shape.of(1, 28, 28), 28, 28),
        3,
        precision,
        new Purpose.Training(Optional.of(Learning.by(Sgd.PLAIN)), 0));
  }

  /** Of 3 runs, step i takes i + 1, 3 (i + 1) and 2 (i + 1) microseconds. */
  private static Profile profile(Plan planned, Plan run) {
    // Nothing shows that the device is faster than measured.
    return profile(planned, run, step -> true);
  }

  private static Profile profile(Plan planned, Plan run, Predicate<Step> multipliesLess) {
    List<long[]> times =
        IntStream.of(1, 3, 2)
            .mapToObj(
                factor ->
                    IntStream.range(0, run.steps().size())
                        .mapToLong(i -> 1000L * factor * (i + 1))
                        .toArray())
            .toList();
    return Profile.of(planned, run, RATES, step -> Optional.empty(), multipliesLess, times, 1);
  }

  private static StepTime step(Profile profile, String layer, String kind) {
    return profile.steps().stream()
        .filter(s -> s.step().layer().equals(layer) && s.step().kind().equals(kind))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void aFloorIsTheLongerOfMovingAndMultiplying() {
    DeviceRates rates = new DeviceRates(100, 1000);
    assertEquals(2, rates.floor(200, 1999));
    assertEquals(3, rates.floor(200, 3000));
    assertEquals(0, rates.floor(0, 0));
    assertThrows(IllegalArgumentException.class, () -> new DeviceRates(0, 1));
    assertThrows(IllegalArgumentException.class, () -> new DeviceRates(1, Double.NaN));
  }

  @Test
  void stepsHaveMediansAndTheSpreadOfTheirMiddleHalf() {
    Plan plan = plan(Precision.FP32);
    for (StepTime s : profile(plan, plan).steps()) {
      assertEquals(2e-6 * (s.index() + 1), s.seconds(), 1e-15);
      // Of 1, 2, 3 the quartiles are 1.5 and 2.5.
      assertEquals(1e-6 * (s.index() + 1), s.spread(), 1e-15);
    }
    assertEquals(2.5, Profile.median(new double[] {4, 1, 3, 2}));
  }

  @Test
  void bytesAndFlopsAreThoseOfTheShapes() {
    Plan plan = plan(Precision.FP32);
    Profile profile = profile(plan, plan);
    StepTime convolution = step(profile, "0.0", "ConvolutionForward");
    // 3 images of 28×28, 16 filters of 5×5 with biases, 3 outputs of 16×14×14.
    assertEquals(4 * (3 * 784 + 16 * 25 + 16 + 3 * 3136), convolution.bytes());
    assertEquals(2L * 3 * 3136 * 25, convolution.flops());
    assertEquals(
        Math.max(convolution.bytes() / (double) (1 << 20), 470_400 / (double) (1 << 24)),
        convolution.floor());
    assertEquals(3 * 4 * 3 * 3136, step(profile, "0.1", "ReluBackward").bytes());
    // A byte for each stored pixel and label, 4 for each made.
    assertEquals(3 * 785 + 4 * 3 * 785, step(profile, "batch", "MakeBatch").bytes());
    Plan half = plan(Precision.BF16);
    assertEquals(3 * 2 * 3 * 3136, step(profile(half, half), "0.1", "ReluBackward").bytes());
  }

  /** 470,400 FLOPs in 4 µs, far above the 16.8 MFLOP/s that were measured. */
  @Test
  void aPlainStepAboveThePeakIsThePeak() {
    Plan plan = plan(Precision.FP32);
    Predicate<Step> wide =
        s -> s instanceof ConvolutionForward c && c.convolution().window().kernel() == 3;
    Profile profile = profile(plan, plan, wide);
    double peak = profile.rates().flopsPerSecond();
    assertEquals(RATES.bytesPerSecond(), profile.rates().bytesPerSecond());
    boolean reached = false;
    for (StepTime s : profile.steps()) {
      assertEquals(wide.test(s.step()), s.multipliesLess());
      double rate = s.flops() / s.seconds();
      assertTrue(s.multipliesLess() || rate <= peak, s.toString());
      reached |= !s.multipliesLess() && rate == peak;
      assertEquals(
          Math.max(s.bytes() / RATES.bytesPerSecond(), s.flops() / peak), s.floor(), 1e-12);
    }
    assertTrue(reached);
    // A peak above everything that the steps reach stays as it was measured.
    DeviceRates fast = new DeviceRates(1, 1e18);
    List<long[]> slow = List.of(LongStream.range(0, plan.steps().size()).map(i -> 1000).toArray());
    assertEquals(
        fast,
        Profile.of(plan, plan, fast, step -> Optional.empty(), step -> false, slow, 1).rates());
  }

  @Test
  void blocksAddUpToTheWhole() {
    Plan plan = plan(Precision.FP32);
    Plan fused = Fusion.RELU_AFTER_POOL.apply(Fusion.CONVOLUTION_RELU.apply(plan));
    for (Plan run : List.of(plan, fused)) {
      Profile profile = profile(plan, run);
      List<Profile.Total> blocks = profile.blocks();
      assertEquals(
          List.of("batch", "0", "2", "4", "loss", "update"),
          blocks.stream().map(Profile.Total::name).toList());
      Profile.Total all = profile.total();
      int n = run.steps().size();
      assertEquals(1e-6 * n * (n + 1), all.seconds(), 1e-12);
      assertEquals(all.seconds(), blocks.stream().mapToDouble(b -> b.seconds()).sum(), 1e-12);
      assertEquals(all.floor(), blocks.stream().mapToDouble(b -> b.floor()).sum(), 1e-9);
      assertEquals(all.bytes(), blocks.stream().mapToLong(b -> b.bytes()).sum());
      assertEquals(all.flops(), blocks.stream().mapToLong(b -> b.flops()).sum());
      assertEquals(2 * run.multiplyAdds(), all.flops());
      assertTrue(
          profile.steps().stream()
              .filter(s -> List.of("0.4", "0.5", "1").contains(s.step().layer()))
              .allMatch(s -> s.block().equals("0")));
    }
  }

  @Test
  void theWorstLosesMostToItsFloor() {
    Plan plan = plan(Precision.FP32);
    Profile profile = profile(plan, plan);
    List<StepTime> worst = profile.worstFirst();
    assertEquals(List.copyOf(plan.steps()).size(), worst.size());
    for (int i = 1; i < worst.size(); i++) {
      assertTrue(worst.get(i - 1).excess() >= worst.get(i).excess());
    }
    assertFalse(worst.equals(profile.steps()));
  }

  @Test
  void profilesTrainingAndInference() {
    Recipe recipe =
        Recipes.standard().toBuilder()
            .network("nin-mini")
            .size(12)
            .batch(2)
            .precision(Precision.FP32)
            .build();
    for (boolean inference : List.of(false, true)) {
      // 5 images in 7 runs of 2: the data begins again.
      Profile profile =
          Profiler.profile(
              new ReferenceBackend(),
              recipe,
              recipe.network(10),
              Shapes.draw(1, 5, 1, 1).train(),
              inference,
              RATES,
              1,
              3);
      assertEquals(profile.plan().steps().size(), profile.steps().size());
      assertTrue(profile.steps().stream().allMatch(s -> s.seconds() >= 0));
      assertTrue(profile.runSeconds() > 0);
      assertEquals(
          inference
              ? List.of("batch", "0", "2", "4", "loss")
              : List.of("batch", "0", "2", "4", "loss", "update"),
          profile.blocks().stream().map(Profile.Total::name).toList());
    }
  }
}
