package org.nin4j.page;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.nin4j.backend.DeviceRates;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.Sgd;
import org.nin4j.tensor.Shape;
import org.nin4j.train.Trial;

class PlanPictureTest {
  private static final Plan PLAN =
      Planner.plan(
          Trial.NETWORK,
          BatchSpec.unit(Shape.of(1, 8, 8), 8, 8),
          4,
          Precision.FP32,
          new Purpose.Training(new Sgd(0, false, 0)));

  @Test
  void sharesMakeAWholeOnEveryBasis() {
    long[] times = new long[PLAN.steps().size()];
    times[3] = 3_000;
    times[4] = 1_000;
    PlanPicture measured =
        PlanPicture.measured(PLAN, List.of(new long[times.length], times, times));
    for (PlanPicture picture :
        List.of(
            measured,
            PlanPicture.predicted(PLAN, Optional.empty()),
            PlanPicture.predicted(PLAN, Optional.of(new DeviceRates(1e9, 1e10))))) {
      assertEquals(PLAN.steps().size(), picture.rows().size());
      assertEquals(1, picture.rows().stream().mapToDouble(PlanPicture.Row::share).sum(), 1e-12);
    }
    assertEquals(0.75, measured.rows().get(3).share(), 1e-12);
    assertEquals(4e-6, measured.seconds(), 1e-15);
  }

  @Test
  void withoutRatesOnlyWorkIsShared() {
    PlanPicture picture = PlanPicture.predicted(PLAN, Optional.empty());
    assertEquals(PlanPicture.Basis.WORK, picture.basis());
    assertEquals(0, picture.seconds());
    assertTrue(
        picture.rows().stream().allMatch(row -> (row.share() > 0) == (row.multiplyAdds() > 0)));
  }

  @Test
  void partsComeInTheirOrder() {
    List<PlanPicture.Part> parts =
        PlanPicture.predicted(PLAN, Optional.empty()).rows().stream()
            .map(PlanPicture.Row::part)
            .distinct()
            .toList();
    assertEquals(Stream.of(PlanPicture.Part.values()).toList(), parts);
  }
}
