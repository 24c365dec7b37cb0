package org.nin4j.kit;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.StepCase;
import org.nin4j.backend.StepCases;
import org.nin4j.backend.StepSuite;
import org.nin4j.backend.StepSuite.Sums;
import org.nin4j.backend.cuda.CudaBackend;
import org.nin4j.plan.Precision;

/**
 * All cases of the step suite in each precision, compared with the reference by the suite's own
 * tolerances: 1e-5 in fp32, 4e-3 for fp32 gradients of bf16 factors, 2⁻¹⁰ for products in tf32, 2⁻⁸
 * for what is stored as bf16.
 */
final class StepsPart {
  /** More say no more. */
  private static final int MOST_FAILURES = 50;

  private static final int EVERY_WHEN_SMALL = 12;

  private StepsPart() {}

  /** How the cases of one precision went; {@code worst} as a share of what is tolerated. */
  private record Tally(int cases, int done, double worst, String worstCase, List<String> failures) {
    boolean whole() {
      return done == cases && failures.isEmpty();
    }
  }

  static Outcome run(Room room) {
    long seed = System.nanoTime();
    Map<String, Object> numbers = new LinkedHashMap<>();
    numbers.put("seed", seed);
    List<String> said = new ArrayList<>();
    boolean ok = true;
    try (CudaBackend backend = room.open()) {
      for (Precision precision : Precision.values()) {
        String name = precision.name().toLowerCase(Locale.ROOT);
        if (!backend.computesIn(precision)) {
          said.add(name + ": this GPU has none");
          continue;
        }
        int left = Precision.values().length - precision.ordinal();
        Tally tally = check(room.within(1.0 / left), backend, precision, seed);
        numbers.put(name, tally);
        ok &= tally.whole();
        said.add(
            "%s: %d of %d, %d wrong, worst at %.0f %% of its tolerance"
                .formatted(
                    name,
                    tally.done(),
                    tally.cases(),
                    tally.failures().size(),
                    100 * tally.worst()));
      }
    }
    return Outcome.of(ok, String.join("; ", said), numbers);
  }

  private static Tally check(Room room, CudaBackend backend, Precision precision, long seed) {
    List<StepCase> cases = new ArrayList<>(StepCases.all(precision.activations(), seed));
    if (precision == Precision.BF16) {
      cases.addAll(StepCases.fused(seed));
    }
    if (room.small()) {
      List<StepCase> all = List.copyOf(cases);
      cases = all.stream().filter(c -> all.indexOf(c) % EVERY_WHEN_SMALL == 0).toList();
    }
    List<String> failures = new ArrayList<>();
    int done = 0;
    double worst = 0;
    String worstCase = "";
    for (StepCase stepCase : cases) {
      if (!room.timeLeft() || failures.size() == MOST_FAILURES) {
        break;
      }
      try {
        double share =
            StepSuite.check(
                backend, stepCase, precisionOf(stepCase, precision), Sums.BY_TENSOR_CORES);
        if (share > worst) {
          worst = share;
          worstCase = stepCase.name();
        }
      } catch (AssertionError | BackendException e) {
        System.out.println(precision + " " + stepCase.name() + ": " + e.getMessage());
        failures.add(stepCase.name() + ": " + e.getMessage());
      }
      done++;
    }
    return new Tally(cases.size(), done, worst, worstCase, failures);
  }

  /** A step without bf16 tensors, such as the loss, is fp32 in a bf16 plan. */
  private static Precision precisionOf(StepCase stepCase, Precision precision) {
    return precision == Precision.BF16 ? stepCase.precision() : precision;
  }
}
