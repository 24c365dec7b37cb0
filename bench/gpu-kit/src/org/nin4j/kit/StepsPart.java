package org.nin4j.kit;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.StepCase;
import org.nin4j.backend.StepCases;
import org.nin4j.backend.StepSuite;
import org.nin4j.backend.StepSuite.Sums;
import org.nin4j.backend.cuda.CudaBackend;
import org.nin4j.backend.cuda.device.CudaException;
import org.nin4j.plan.Precision;
import org.nin4j.plan.step.Fused;

/**
 * All cases of the step suite in each precision, compared with the reference by the suite's own
 * tolerances: 1e-5 in fp32, 4e-3 for fp32 gradients of bf16 factors, 2⁻¹⁰ for products in tf32, 2⁻⁸
 * for what is stored as bf16.
 */
final class StepsPart {
  /** More say no more. */
  private static final int MOST_FAILURES = 50;

  private static final int EVERY_WHEN_SMALL = 24;

  /** So many figures a precision: an error of the GPU costs the rest of one. */
  private static final int CHUNKS = 4;

  private StepsPart() {}

  /** How the cases of one precision went; {@code worst} as a share of what is tolerated. */
  private record Tally(
      int cases,
      int done,
      double worst,
      String worstCase,
      List<String> failures,
      List<String> declined) {
    @Override
    public String toString() {
      return String.format(
          Locale.ROOT,
          "%d of %d, %d wrong, worst at %.0f %% of its tolerance%s",
          done,
          cases,
          failures.size(),
          100 * worst,
          declined.isEmpty() ? "" : "; cuDNN declines %d".formatted(declined.size()));
    }
  }

  static List<Figure> figures(Room room) {
    List<Figure> figures = new ArrayList<>();
    for (Precision precision : List.of(Precision.BF16, Precision.FP32, Precision.TF32)) {
      int parts = room.small() ? 1 : CHUNKS;
      for (int chunk = 0; chunk < parts; chunk++) {
        int number = chunk;
        figures.add(
            new Figure(
                "%s %d/%d".formatted(name(precision), number + 1, parts),
                (r, findings) -> check(r, findings, precision, number, parts)));
      }
    }
    return figures;
  }

  private static String name(Precision precision) {
    return precision.name().toLowerCase(Locale.ROOT);
  }

  private static void check(
      Room room, Findings findings, Precision precision, int chunk, int chunks) {
    long seed = findings.keep("seed", System.nanoTime());
    String name = "%s %d/%d".formatted(name(precision), chunk + 1, chunks);
    List<StepCase> all = cases(room, precision, seed);
    int from = all.size() * chunk / chunks;
    List<StepCase> cases = all.subList(from, all.size() * (chunk + 1) / chunks);
    try (CudaBackend backend = room.open()) {
      if (!backend.computesIn(precision)) {
        findings.put(name, "none", name + ": this GPU has none");
        return;
      }
      List<String> failures = new ArrayList<>();
      List<String> declined = new ArrayList<>();
      double worst = 0;
      String worstCase = "";
      for (int done = 0; done < cases.size(); done++) {
        StepCase stepCase = cases.get(done);
        // What runs out of time here is named by how many are done.
        if (!room.timeLeft() || failures.size() == MOST_FAILURES) {
          findings.wrong(
              name, "%s: only %d of %d cases were done".formatted(name, done, cases.size()));
          return;
        }
        try {
          double share =
              StepSuite.check(
                  backend, stepCase, precisionOf(stepCase, precision), Sums.BY_TENSOR_CORES);
          if (share > worst) {
            worst = share;
            worstCase = stepCase.name();
          }
        } catch (BackendException e) {
          // One kernel for several steps is an offer, which not every shape gets.
          if (!(stepCase.step() instanceof Fused) || e instanceof CudaException) {
            throw e;
          }
          declined.add(stepCase.name());
        } catch (AssertionError e) {
          failures.add(stepCase.name() + ": " + e.getMessage());
          findings.wrong(name + " " + stepCase.name(), name + ": " + e.getMessage());
        }
        Tally tally = new Tally(cases.size(), done + 1, worst, worstCase, failures, declined);
        if (done + 1 < cases.size()) {
          findings.put(name, tally);
        } else {
          findings.put(name, tally, name + ": " + tally);
        }
      }
    }
  }

  private static List<StepCase> cases(Room room, Precision precision, long seed) {
    List<StepCase> cases = new ArrayList<>();
    if (precision == Precision.BF16) {
      cases.addAll(StepCases.fused(seed));
    }
    cases.addAll(StepCases.all(precision.activations(), seed));
    return room.small()
        ? IntStream.range(0, cases.size())
            .filter(i -> i % EVERY_WHEN_SMALL == 0)
            .mapToObj(cases::get)
            .toList()
        : cases;
  }

  /** A step without bf16 tensors, such as the loss, is fp32 in a bf16 plan. */
  private static Precision precisionOf(StepCase stepCase, Precision precision) {
    return precision == Precision.BF16 ? stepCase.precision() : precision;
  }
}
