package org.nin4j.backend.onednn;

import java.util.List;
import java.util.Set;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.TrainingParity;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Precision;

/** What {@link OneDnnIsaTest} asks of a process of its own. */
final class IsaMain {
  private IsaMain() {}

  public static void main(String[] arguments) {
    try (OneDnnBackend backend = new OneDnnBackend(2)) {
      System.out.println("computes in bf16: " + backend.computesIn(Precision.BF16));
      try {
        backend.prepare(new Plan("narrow", 1, Precision.BF16, List.of(), Set.of()));
      } catch (BackendException e) {
        System.out.println(e.getMessage());
      }
      TrainingParity.check(backend, Precision.FP32, 1e-4);
      System.out.println("trained in fp32 as the reference does");
    }
  }
}
