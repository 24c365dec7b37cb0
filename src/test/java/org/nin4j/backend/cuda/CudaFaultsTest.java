package org.nin4j.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.Metrics;
import org.nin4j.backend.RandomSamples;
import org.nin4j.backend.Session;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Flatten;
import org.nin4j.model.Linear;
import org.nin4j.model.MaxPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.Relu;
import org.nin4j.model.Sequential;
import org.nin4j.plan.BatchSpec;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.Sgd;
import org.nin4j.plan.TensorSpec;
import org.nin4j.plan.TensorSpec.Role;
import org.nin4j.standin.StandIn;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;

/** What happens when something fails, on the stand-in. */
class CudaFaultsTest {
  private static final int BATCH = 2;

  private static final Network NETWORK =
      new Network(
          "tiny",
          Sequential.of(
              new Conv2d(8, 3, 1, 1),
              new Relu(),
              new MaxPool2d(2, 2),
              new Flatten(),
              new Linear(3)));

  @BeforeEach
  void available() {
    StandIn.assumeAvailable();
  }

  private static Plan plan(int batch, Precision precision) {
    return Planner.plan(
        NETWORK,
        BatchSpec.unit(Shape.of(1, 6, 6), 8, 8),
        batch,
        precision,
        new Purpose.Training(Optional.of(new Sgd(0.9f, false, 0)), 0));
  }

  /** Everything that a trainer does, once. */
  private static Metrics train(CudaOptions options) {
    Plan plan = plan(BATCH, Precision.BF16);
    try (CudaBackend backend = CudaBackend.open(0, options);
        Session session = backend.bind(backend.prepare(plan))) {
      session.load(RandomSamples.of(Shape.of(1, 6, 6), 5, 3, 1));
      for (TensorSpec parameter : plan.tensors(Role.PARAMETER)) {
        session.write(parameter, HostTensor.zeros(parameter.shape()));
      }
      session.begin(new Epoch(1, 0, new int[] {0, 1, 2, 3}, new float[] {0.1f, 0.1f}));
      session.run();
      session.run();
      session.read(plan.tensors(Role.PARAMETER).get(0));
      return session.metrics();
    }
  }

  /** Each call in turn fails: the error names it, and everything is freed. */
  private static void everyCallFailsOnce(CudaOptions options) {
    train(options);
    StandIn.reset();
    train(options);
    long calls = StandIn.calls();
    assertTrue(calls > 100, "only " + calls + " calls");
    System.out.println(calls + " calls, each of which fails once");
    for (long call = 1; call <= calls; call++) {
      StandIn.reset();
      StandIn.set("quiet", 1);
      StandIn.failAt(call);
      BackendException failure = null;
      try {
        train(options);
      } catch (BackendException e) {
        failure = e;
      }
      String failed = StandIn.failedFunction();
      StandInGpu.assertNothingLeft("call " + call + ", " + failed);
      assertNotEquals("", failed, "call " + call + " did not come");
      assertTrue(failure != null, failed + " failed, call " + call + ", and nobody was told");
      assertTrue(
          failure.getMessage().contains(failed) || failure instanceof DeviceMemoryException,
          failed + " failed, and the message is: " + failure.getMessage());
    }
  }

  @Test
  void everyCallOfATrainingWithAGraphMayFail() {
    everyCallFailsOnce(StandInGpu.options());
  }

  @Test
  void everyCallOfATrainingByStepsMayFail() {
    everyCallFailsOnce(StandInGpu.options().withGraph(false));
  }
}
