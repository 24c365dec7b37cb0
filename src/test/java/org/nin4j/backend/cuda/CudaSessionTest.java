package org.nin4j.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.Metrics;
import org.nin4j.backend.RandomSamples;
import org.nin4j.backend.Session;
import org.nin4j.backend.SessionSuite;
import org.nin4j.backend.TrainingParity;
import org.nin4j.model.Initialisation;
import org.nin4j.model.Network;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.DropoutForward;
import org.nin4j.plan.step.Learning;
import org.nin4j.plan.step.Sgd;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.standin.StandIn;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Philox;
import org.nin4j.tensor.Shape;

/** What a session promises beyond right numbers, on the stand-in. */
class CudaSessionTest {
  private static final Network NETWORK = TrainingParity.networks().get(0);
  private static final BatchSpec IMAGES = BatchSpec.unit(Shape.of(1, 12, 12), 27, 27);
  private static final int RUNS = 5;
  private static final int BATCH = 4;

  private CudaBackend backend;

  @BeforeEach
  void open() {
    StandIn.assumeAvailable();
    backend = StandInGpu.open();
  }

  @AfterEach
  void close() {
    backend.close();
    StandInGpu.assertNoComplaint();
    StandInGpu.assertNothingLeft("a session");
  }

  private static Plan plan(Purpose purpose, Precision precision) {
    return Planner.plan(NETWORK, IMAGES, BATCH, precision, purpose);
  }

  private static Plan training(Precision precision) {
    return plan(
        new Purpose.Training(Optional.of(Learning.by(new Sgd(0.9f, true, 0))), 0), precision);
  }

  private static Epoch epoch() {
    int[] order = new int[RUNS * BATCH];
    Arrays.setAll(order, i -> i * 5 % 12);
    float[] rates = new float[RUNS];
    Arrays.fill(rates, 0.1f);
    return new Epoch(3, 0, order, rates);
  }

  private Session session(Plan plan) {
    Session session = backend.bind(backend.prepare(plan));
    session.load(RandomSamples.of(IMAGES.source(), 12, 5, 1));
    List<TensorSpec> parameters = plan.tensors(Role.PARAMETER);
    for (int i = 0; i < parameters.size(); i++) {
      session.write(
          parameters.get(i),
          Initialisation.PYTORCH.draw(NETWORK.parameters(IMAGES.output()).get(i), i, 9));
    }
    session.begin(epoch());
    return session;
  }

  private static Metrics runAll(Session session) {
    for (int run = 0; run < RUNS; run++) {
      session.run();
    }
    return session.metrics();
  }

  @TestFactory
  Stream<DynamicTest> keepsTheContract() {
    return SessionSuite.tests(backend);
  }

  @Test
  void whatASessionTakesIsNoLongerFree() {
    Plan plan = training(Precision.FP32);
    long arena = backend.prepare(plan).bytes();
    long before = backend.freeBytes().orElseThrow();
    try (Session session = session(plan)) {
      runAll(session);
      assertTrue(before - backend.freeBytes().orElseThrow() >= arena);
    }
    assertEquals(before, backend.freeBytes().orElseThrow());
  }

  /** All that lives within a run is spoilt between runs, and nothing changes. */
  @TestFactory
  Stream<DynamicTest> aRunReadsNothingThatItHasNotWritten() {
    return Stream.of(Precision.values())
        .map(precision -> DynamicTest.dynamicTest("" + precision, () -> spoilBetween(precision)));
  }

  private void spoilBetween(Precision precision) {
    Plan plan = training(precision);
    Metrics expected;
    try (Session session = session(plan)) {
      expected = runAll(session);
    }
    assertTrue(Double.isFinite(expected.lossSum()));
    try (Session session = session(plan)) {
      for (int run = 0; run < RUNS; run++) {
        for (TensorSpec tensor : session.placed().plan().tensors(Role.ACTIVATION)) {
          HostTensor spoilt = HostTensor.zeros(tensor.shape());
          Arrays.fill(spoilt.values(), tensor.type() == DType.I32 ? -9 : Float.NaN);
          session.write(tensor, spoilt);
        }
        session.run();
      }
      assertEquals(expected, session.metrics());
    }
  }

  /** Measurements fill gigabytes: not by way of the host. */
  @Test
  void randomNumbersAreDrawnOnTheDevice() {
    Plan plan = training(Precision.BF16);
    try (Session session = session(plan)) {
      TensorSpec tensor = session.placed().plan().tensors(Role.PARAMETER).get(0);
      long uploads = StandIn.calls("cuMemcpyHtoDAsync");
      session.fillRandomly(tensor, 3);
      assertEquals(uploads, StandIn.calls("cuMemcpyHtoDAsync"));
      float[] values = session.read(tensor).values();
      double squares = 0;
      for (float value : values) {
        assertTrue(value >= -1 && value < 1, "a number of " + value);
        squares += value * value;
      }
      // Of numbers spread evenly from −1 to 1 the mean square is a third.
      assertEquals(1.0 / 3, squares / values.length, 0.15);
      session.fillRandomly(tensor, 4);
      assertFalse(Arrays.equals(values, session.read(tensor).values()), "the seed counts");
    }
  }

  @Test
  void timedRunsComputeTheSame() {
    Plan plan = training(Precision.FP32);
    Metrics expected;
    try (Session session = session(plan)) {
      expected = runAll(session);
    }
    try (Session session = session(plan)) {
      for (int run = 0; run < RUNS; run++) {
        long[] nanoseconds = session.runTimed();
        assertEquals(session.placed().plan().steps().size(), nanoseconds.length);
        assertTrue(Arrays.stream(nanoseconds).allMatch(t -> t >= 0));
      }
      assertEquals(expected, session.metrics());
    }
  }

  /** Training and evaluation in turn, as a trainer has them. */
  @Test
  void sessionsOfOneBackendDoNotDisturbEachOther() {
    Plan training = training(Precision.BF16);
    Plan inference = plan(new Purpose.Inference(), Precision.BF16);
    Metrics trained;
    try (Session session = session(training)) {
      trained = runAll(session);
    }
    Metrics evaluated;
    try (Session session = session(inference)) {
      evaluated = runAll(session);
    }
    try (Session first = session(training);
        Session second = session(inference)) {
      for (int run = 0; run < RUNS; run++) {
        first.run();
        second.run();
      }
      assertEquals(trained, first.metrics());
      assertEquals(evaluated, second.metrics());
    }
  }

  /** In two parts, the second begun where the first stopped: the same sums and parameters. */
  @Test
  void anEpochGoesOnWhereItWasLeft() {
    Plan plan = training(Precision.FP32);
    TensorSpec parameter = plan.tensors(Role.PARAMETER).get(0);
    Epoch whole = epoch();
    Metrics expected;
    float[] values;
    try (Session session = session(plan)) {
      expected = runAll(session);
      values = session.read(parameter).values();
    }
    try (Session session = session(plan)) {
      session.run();
      session.run();
      session.begin(
          new Epoch(
              whole.seed(),
              2,
              Arrays.copyOfRange(whole.order(), 2 * BATCH, whole.order().length),
              Arrays.copyOfRange(whole.learningRates(), 2, RUNS),
              session.metrics()));
      for (int run = 2; run < RUNS; run++) {
        session.run();
      }
      assertEquals(expected, session.metrics());
      assertArrayEquals(values, session.read(parameter).values());
    }
  }

  @Test
  void dataAreReplacedByMoreAndByFewer() {
    Plan plan = plan(new Purpose.Inference(), Precision.FP32);
    List<Metrics> metrics = new ArrayList<>();
    try (Session session = session(plan)) {
      for (int count : new int[] {12, 500, 12}) {
        session.load(RandomSamples.of(IMAGES.source(), count, 5, 1));
        session.begin(epoch());
        metrics.add(runAll(session));
      }
    }
    assertEquals(metrics.get(0), metrics.get(2));
  }

  /** Past the size of one pinned piece, and a size that no power of two divides. */
  @Test
  void whatIsWrittenIsRead() {
    for (DType type : new DType[] {DType.F32, DType.BF16}) {
      for (int[] dims : new int[][] {{2, 3, 601, 599}, {1, 1, 1, 1}, {3, 70000}}) {
        Shape shape = Shape.of(dims);
        TensorSpec x = new TensorSpec("x", shape, type, Role.ACTIVATION);
        TensorSpec y = new TensorSpec("y", shape, type, Role.ACTIVATION);
        Plan plan =
            new Plan(
                "copy",
                1,
                Precision.FP32,
                List.of(new DropoutForward("l", 0, 1, x, y)),
                Set.of(x, y));
        HostTensor values = HostTensor.zeros(shape);
        Philox.Sequence random = new Philox.Sequence(System.nanoTime(), 0, 0);
        for (int i = 0; i < values.values().length; i++) {
          values.values()[i] = random.nextBelow(255) - 127; // exact in bf16
        }
        try (Session session = backend.bind(backend.prepare(plan))) {
          session.write(x, values);
          assertArrayEquals(values.values(), session.read(x).values());
          session.run();
          assertArrayEquals(values.values(), session.read(y).values());
        }
      }
    }
  }

  @Test
  void aLossThatIsNoNumberIsSeen() {
    Plan plan = training(Precision.BF16);
    try (Session session = session(plan)) {
      TensorSpec bias = plan.tensor("5.4.bias");
      HostTensor broken = HostTensor.zeros(bias.shape());
      broken.values()[0] = Float.POSITIVE_INFINITY;
      session.write(bias, broken);
      session.run();
      assertTrue(Double.isNaN(session.metrics().loss()), "" + session.metrics());
    }
  }

  @Test
  void closingTwiceDoesNothingMore() {
    Session session = session(training(Precision.FP32));
    session.close();
    long calls = StandIn.calls();
    session.close();
    assertEquals(calls, StandIn.calls());
  }
}
