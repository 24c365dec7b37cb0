package org.nin4j.backend.onednn;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.nin4j.backend.BackendException;
import org.nin4j.model.Conv2d;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Precision;
import org.nin4j.plan.step.ConvolutionForward;
import org.nin4j.plan.step.Fused;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Shape;

/** The CPU makes no kernels of several steps, and says so where a plan asks for one. */
class OneDnnFusedTest {
  private static TensorSpec tensor(String name, Role role, int... dims) {
    return new TensorSpec(name, Shape.of(dims), DType.F32, role);
  }

  private static Step convolution(String x, String y) {
    return new ConvolutionForward(
        y,
        new Conv2d(4, 1, 1, 0),
        tensor(x, Role.ACTIVATION, 1, 4, 3, 3),
        tensor(y + ".w", Role.PARAMETER, 4, 4, 1, 1),
        Optional.of(tensor(y + ".b", Role.PARAMETER, 4)),
        tensor(y, Role.ACTIVATION, 1, 4, 3, 3),
        true);
  }

  @Test
  void severalStepsInOneAreRefused() {
    List<Step> parts = List.of(convolution("x", "between"), convolution("between", "y"));
    Step fused = new Fused(Fused.Kernel.POINTWISE_PAIR, parts, parts.get(1).writes());
    Plan plan = new Plan("pair", 1, Precision.FP32, List.of(fused), Set.of());
    try (OneDnnBackend backend = new OneDnnBackend(1)) {
      BackendException e = assertThrows(BackendException.class, () -> backend.prepare(plan));
      assertTrue(e.getMessage().contains("between (PointwisePairForward)"), e.getMessage());
    }
  }
}
