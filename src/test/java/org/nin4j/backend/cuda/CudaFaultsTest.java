package org.nin4j.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.backend.Backend;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.CpuOptions;
import org.nin4j.backend.CudaOptions;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.Metrics;
import org.nin4j.backend.RandomSamples;
import org.nin4j.backend.Session;
import org.nin4j.backend.choice.Devices;
import org.nin4j.backend.cuda.device.CudaException;
import org.nin4j.backend.cuda.device.DeviceMemoryException;
import org.nin4j.model.Activation;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.Linear;
import org.nin4j.model.MaxPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.Sequential;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.Learning;
import org.nin4j.plan.step.Sgd;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.standin.StandIn;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

/** What happens when something fails, on the stand-in. */
class CudaFaultsTest {
  private static final int BATCH = 2;
  private static final int STRIDE = 9;

  private static final int FIRST_STARTS = 60;

  private static final Network NETWORK =
      new Network(
          "tiny",
          Sequential.of(
              new Conv2d(8, 3, 1, 1),
              Activation.RELU,
              new MaxPool2d(2, 2),
              new Flatten(),
              new Linear(3)));

  /** The second convolution's filter gradient has something to run beside. */
  private static final Network TWO_CONVOLUTIONS =
      new Network(
          "two-convolutions",
          Sequential.of(
              new Conv2d(8, 3, 2, 0),
              Activation.RELU,
              new Conv2d(3, 3, 1, 0),
              new GlobalAvgPool2d(),
              new Flatten()));

  @BeforeEach
  void available() {
    StandIn.assumeAvailable();
  }

  private static Plan plan(int batch, Precision precision) {
    return plan(NETWORK, batch, precision);
  }

  private static Plan plan(Network network, int batch, Precision precision) {
    return Planner.plan(
        network,
        BatchSpec.unit(Shape.of(1, 6, 6), 8, 8),
        batch,
        precision,
        new Purpose.Training(Optional.of(Learning.by(new Sgd(0.9f, false, 0))), 0));
  }

  /** Everything that a trainer does, once. */
  private static Metrics train(CudaOptions options) {
    return train(options, NETWORK);
  }

  private static Metrics train(CudaOptions options, Network network) {
    Plan plan = plan(network, BATCH, Precision.BF16);
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

  /**
   * One call after the other fails: the error names it, and everything is freed. One call in {@link
   * #STRIDE} does for a run of the tests; over several runs each has its turn.
   */
  private static void everyCallFailsOnce(CudaOptions options, Network network) {
    train(options, network);
    StandIn.reset();
    train(options, network);
    long calls = StandIn.calls();
    assertTrue(calls > 100, "only " + calls + " calls");
    long first = 1 + System.nanoTime() % STRIDE;
    System.out.println(Text.of("%d calls, from %d on one in %d fails", calls, first, STRIDE));
    for (long call = first; call <= calls; call += STRIDE) {
      StandIn.reset();
      StandIn.set("quiet", 1);
      StandIn.failAt(call);
      BackendException failure = null;
      try {
        train(options, network);
      } catch (BackendException e) {
        failure = e;
      }
      String failed = StandIn.failedFunction();
      StandInGpu.assertNothingLeft("call " + call + ", " + failed);
      assertNotEquals("", failed, "call " + call + " did not come");
      assertNamed(failed, call, failure);
    }
  }

  private static void assertNamed(String failed, long call, BackendException failure) {
    assertTrue(failure != null, failed + " failed, call " + call + ", and nobody was told");
    assertTrue(
        failure.getMessage().contains(failed) || failure instanceof DeviceMemoryException,
        failed + " failed, and the message is: " + failure.getMessage());
  }

  @Test
  void everyCallOfATrainingWithAGraphMayFail() {
    everyCallFailsOnce(StandInGpu.options(), NETWORK);
  }

  @Test
  void everyCallOfATrainingByStepsMayFail() {
    everyCallFailsOnce(StandInGpu.options().withGraph(false), NETWORK);
  }

  @Test
  void everyCallOfATrainingOnTwoStreamsMayFail() {
    everyCallFailsOnce(StandInGpu.options().withSecondStream(true), TWO_CONVOLUTIONS);
    assertTrue(StandIn.calls("cuStreamWaitEvent") > 0, "nothing ran on the second stream");
  }

  /**
   * With no choice made yet: asking, measuring, checking. Kernels are compiled already. The same
   * few places call again and again for each candidate, so some of the calls will do. How many a
   * start takes depends on which candidate was the fastest that time; the last start is the first
   * that ends before its call comes. A candidate that fails is left out, with a warning.
   */
  @Test
  void everyCallOfAFirstStartMayFail(@TempDir Path cache) throws IOException {
    List<String> warnings = new ArrayList<>();
    CudaOptions options =
        StandInGpu.options()
            .withCache(cache)
            .withWorkspaceBytes(16 << 10)
            .withWarnings(warnings::add);
    train(StandInGpu.options());
    StandInGpu.copyKernels(cache);
    start(options);
    StandIn.reset();
    long usual = start(options);
    long stride = Math.max(1, usual / FIRST_STARTS);
    long call = 1 + System.nanoTime() % stride;
    System.out.println(
        Text.of(
            "about %d calls of a first start, from %d on one in %d fails", usual, call, stride));
    while (failFirstStart(options, call, warnings)) {
      call += stride;
    }
    assertTrue(call > usual / 2, "a first start took less than " + call + " calls, not " + usual);
  }

  /** Whether the call came; if so, it failed, was reported, and everything was freed. */
  private static boolean failFirstStart(CudaOptions options, long call, List<String> warnings)
      throws IOException {
    warnings.clear();
    StandIn.reset();
    StandIn.set("quiet", 1);
    StandIn.failAt(call);
    BackendException failure = null;
    try {
      start(options);
    } catch (BackendException e) {
      failure = e;
    }
    String failed = StandIn.failedFunction();
    StandInGpu.assertNothingLeft("call " + call + ", " + failed);
    if (failed.isEmpty()) {
      assertNull(failure, "nothing was made to fail");
      return false;
    }
    boolean warned = warnings.stream().anyMatch(w -> w.contains(failed));
    if (!warned || failure != null) {
      assertNamed(failed, call, failure);
    }
    return true;
  }

  /** Binds a plan for which no algorithms are chosen; the calls that it took. */
  private static long start(CudaOptions options) throws IOException {
    StandInGpu.forgetAlgorithms(options.cache().orElseThrow());
    try (CudaBackend backend = CudaBackend.open(0, options)) {
      backend.bind(backend.prepare(plan(BATCH, Precision.BF16))).close();
    }
    return StandIn.calls();
  }

  /** The GPU is gone from some call on: one clear error, and everything is given back. */
  @Test
  void aLostDeviceIsToldAndLeavesNothing() {
    train(StandInGpu.options());
    StandIn.reset();
    train(StandInGpu.options());
    long calls = StandIn.calls();
    long first = 1 + System.nanoTime() % STRIDE;
    System.out.println(Text.of("from call %d of %d on, each %dth", first, calls, STRIDE));
    for (long call = first; call <= calls; call += STRIDE) {
      StandIn.reset();
      StandIn.set("quiet", 1);
      StandIn.loseDeviceAt(call);
      String at = "call " + call;
      BackendException failure =
          assertThrows(BackendException.class, () -> train(StandInGpu.options()), at);
      assertTrue(
          failure.getMessage().contains("cu"),
          at + " lost the device, and: " + failure.getMessage());
      StandInGpu.assertNothingLeft(at + ", which lost the device");
    }
  }

  @Test
  void aDeviceLostInMidRunIsNamedWithTheRun() {
    Plan plan = plan(BATCH, Precision.FP32);
    try (CudaBackend backend = StandInGpu.open();
        Session session = backend.bind(backend.prepare(plan))) {
      session.load(RandomSamples.of(Shape.of(1, 6, 6), 5, 3, 1));
      session.begin(new Epoch(1, 0, new int[] {0, 1, 2, 3}, new float[] {0.1f, 0.1f}));
      session.run();
      StandIn.loseDeviceAt(1);
      CudaException e = assertThrows(CudaException.class, session::run);
      assertTrue(e.deviceLost());
      assertTrue(e.getMessage().startsWith("run 1 of the epoch: cuGraphLaunch"), e.getMessage());
      assertTrue(e.getMessage().contains("restarted"), e.getMessage());
      session.close();
    } catch (CudaException closing) {
      // Only the backend's own handles complain, of a device that the session reported; cuDNN's
      // status does not tell that it is lost.
      assertTrue(
          closing.deviceLost() || closing.getMessage().startsWith("cudnn"), closing.getMessage());
    }
    StandInGpu.assertNothingLeft("a lost device");
  }

  @Test
  void tooLittleMemorySaysHowMuchAndWhichBatchWouldFit() {
    Plan large = plan(4096, Precision.FP32);
    // An algorithm not yet chosen might want all that it is allowed, whatever the batch.
    CudaOptions frugal = StandInGpu.options().withWorkspaceBytes(1 << 20);
    try (CudaBackend backend = CudaBackend.open(0, frugal)) {
      long needed = backend.prepare(large).bytes();
      StandIn.set("memory", StandIn.memoryUsed() + needed / 3);
      DeviceMemoryException e =
          assertThrows(DeviceMemoryException.class, () -> backend.bind(backend.prepare(large)));
      assertTrue(e.neededBytes() >= needed);
      assertTrue(e.freeBytes() <= needed / 3);
      assertTrue(e.getMessage().contains("batch 4096 needs"), e.getMessage());
      assertTrue(e.getMessage().endsWith(Text.of("a batch of %d would fit", e.fittingBatch())));
      assertTrue(e.fittingBatch() > 0 && e.fittingBatch() < 4096 / 2, e.getMessage());
      backend.bind(backend.prepare(plan(e.fittingBatch(), Precision.FP32))).close();
    }
    StandInGpu.assertNothingLeft("too little memory");
  }

  @Test
  void tooLittleMemoryForTheData() {
    Plan plan = plan(BATCH, Precision.FP32);
    try (CudaBackend backend = StandInGpu.open();
        Session session = backend.bind(backend.prepare(plan))) {
      StandIn.set("memory", StandIn.memoryUsed() + 1000);
      BackendException e =
          assertThrows(
              BackendException.class,
              () -> session.load(RandomSamples.of(Shape.of(1, 6, 6), 500, 3, 1)));
      assertTrue(e.getMessage().contains("no room"), e.getMessage());
      // The session goes on with data that fit.
      StandIn.set("memory", 1L << 30);
      session.load(RandomSamples.of(Shape.of(1, 6, 6), 5, 3, 1));
      session.begin(new Epoch(1, 0, new int[] {0, 1}, new float[] {0.1f}));
      session.run();
      assertEquals(2, session.metrics().samples());
    }
    StandInGpu.assertNothingLeft("too little memory");
  }

  @Test
  void whatASessionCannotDoIsSaid() {
    Plan plan = plan(BATCH, Precision.FP32);
    try (CudaBackend backend = StandInGpu.open();
        Session session = backend.bind(backend.prepare(plan))) {
      Epoch epoch = new Epoch(1, 0, new int[] {0, 1}, new float[] {0.1f});
      says("no samples are loaded", () -> session.begin(epoch));
      says(
          "images of 1×6×6, but those loaded are 1×5×6",
          () -> session.load(RandomSamples.of(Shape.of(1, 5, 6), 5, 3, 1)));
      session.load(RandomSamples.of(Shape.of(1, 6, 6), 5, 3, 1));
      says("no epoch has begun", session::run);
      says(
          "no multiple of the batch",
          () -> session.begin(new Epoch(1, 0, new int[] {0}, new float[] {0.1f})));
      says(
          "sample 5 of 5",
          () -> session.begin(new Epoch(1, 0, new int[] {0, 5}, new float[] {0.1f})));
      session.begin(epoch);
      session.run();
      says("has 1 runs, and all are done", session::run);
      TensorSpec parameter = plan.tensors(Role.PARAMETER).get(0);
      says("takes values of", () -> session.write(parameter, HostTensor.zeros(Shape.of(1))));
    }
    StandInGpu.assertNothingLeft("misuse");
  }

  private static void says(String part, Runnable action) {
    RuntimeException e = assertThrows(RuntimeException.class, action::run);
    assertTrue(e.getMessage().contains(part), e.getMessage());
  }

  @Test
  void automaticallyTheCpuIsTakenWhereTheGpuCannotBe() {
    List<String> lines = new ArrayList<>();
    CudaOptions options = StandInGpu.options().withWarnings(lines::add);
    try (Backend gpu = Devices.open("auto", CpuOptions.of(1), options)) {
      assertEquals("cuda", gpu.name());
    }
    assertEquals(List.of(), lines);
    StandIn.reset();
    StandIn.set("devices", 0);
    try (Backend cpu = Devices.open("auto", CpuOptions.of(1), options)) {
      assertNotEquals("cuda", cpu.name());
    }
    assertEquals(1, lines.size());
    assertTrue(lines.get(0).contains("shows no GPU"), lines.get(0));
    assertTrue(lines.get(0).endsWith("; using the CPU"), lines.get(0));
    assertThrows(BackendException.class, () -> Devices.open("cuda", CpuOptions.of(1), options));
  }

  /** bf16 and TF32 came with 8.0; what a Turing card lacks is said before anything is tried. */
  @Test
  void anOlderGpuComputesInSinglePrecisionOnly() {
    StandIn.set("compute_capability", 75);
    try (CudaBackend backend = StandInGpu.open()) {
      assertTrue(backend.computesIn(Precision.FP32));
      assertFalse(backend.computesIn(Precision.BF16));
      says("does not compute in bf16", () -> backend.prepare(plan(BATCH, Precision.BF16)));
    }
    StandInGpu.assertNothingLeft("an older GPU");
  }

  @Test
  void whatKeepsTheGpuFromBeingUsedIsOneLine() {
    CudaOptions options = StandInGpu.options();
    assertEquals(Optional.empty(), CudaBackend.whyNot(options));
    StandIn.reset();
    StandIn.set("compute_capability", 70);
    String old = CudaBackend.whyNot(options).orElseThrow();
    assertTrue(old.contains("7.0") && !old.contains("\n"), old);
    BackendException e = assertThrows(BackendException.class, () -> CudaBackend.open(0, options));
    assertTrue(e.getMessage().contains("compute capability 7.0"), e.getMessage());
    StandInGpu.assertNothingLeft("an old GPU");
    StandIn.reset();
    StandIn.set("devices", 0);
    String none = CudaBackend.whyNot(options).orElseThrow();
    assertFalse(none.isEmpty());
    assertThrows(BackendException.class, () -> CudaBackend.open(0, options));
    StandInGpu.assertNothingLeft("no GPU");
  }
}
