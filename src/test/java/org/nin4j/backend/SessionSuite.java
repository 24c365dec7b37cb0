package org.nin4j.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.function.Executable;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.model.Activation;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Dropout;
import org.nin4j.model.Flatten;
import org.nin4j.model.Initialisation;
import org.nin4j.model.Linear;
import org.nin4j.model.MaxPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.Parameter;
import org.nin4j.model.Sequential;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.DropoutForward;
import org.nin4j.plan.step.MakeBatch;
import org.nin4j.plan.step.Sgd;
import org.nin4j.plan.step.SgdUpdate;
import org.nin4j.plan.step.SoftmaxCrossEntropy;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.plan.step.UpdateGroup;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Philox;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

/**
 * The contract of {@link Session}, on any backend: the same types of exceptions, the same words.
 */
public final class SessionSuite {
  private static final int BATCH = 2;
  private static final int CLASSES = 3;
  private static final int SAMPLES = 5;
  private static final BatchSpec IMAGES = BatchSpec.unit(Shape.of(1, 6, 6), 8, 8);
  private static final Network NETWORK =
      new Network(
          "small",
          Sequential.of(
              new Conv2d(4, 3, 1, 1),
              Activation.RELU,
              new MaxPool2d(2, 2),
              new Dropout(0.25f),
              new Flatten(),
              new Linear(CLASSES)));
  private static final int[] ORDER = {0, 1, 4, 3, 2, -1};
  private static final float[] RATES = {0.1f, 0.2f, 0.3f};

  /** A thing that goes on with a session that is ready to run. */
  private interface Use {
    void of(Session session);
  }

  private final Backend backend;
  private final long seed;
  private final Map<String, Executable> tests = new LinkedHashMap<>();

  private SessionSuite(Backend backend, long seed) {
    this.backend = backend;
    this.seed = seed;
  }

  /** One test for each rule; closing the backend is the caller's. */
  public static Stream<DynamicTest> tests(Backend backend) {
    long seed = System.nanoTime();
    System.out.println("session contract of " + backend.name() + ", seed " + seed);
    SessionSuite suite = new SessionSuite(backend, seed);
    suite.tensors();
    suite.samples();
    suite.epochs();
    suite.ends();
    suite.parts();
    return suite.tests.entrySet().stream()
        .map(e -> DynamicTest.dynamicTest(e.getKey(), e.getValue()));
  }

  private static Plan training() {
    return Planner.plan(
        NETWORK, IMAGES, BATCH, Precision.FP32, new Purpose.Training(new Sgd(0.9f, true, 1e-3f)));
  }

  private static Samples samples(Shape image, int count, int classes) {
    return RandomSamples.of(image, count, classes, 5);
  }

  private static Epoch epoch(int[] order, float... rates) {
    return new Epoch(3, 0, order, rates);
  }

  private Session bind(Plan plan) {
    return backend.bind(backend.prepare(plan));
  }

  /** With parameters and samples, no epoch begun. */
  private Session loaded(Plan plan) {
    Session session = bind(plan);
    List<Parameter> parameters = NETWORK.parameters(IMAGES.output());
    for (int i = 0; i < parameters.size(); i++) {
      session.write(
          plan.tensor(parameters.get(i).name()),
          Initialisation.PYTORCH.draw(parameters.get(i), i, 9));
    }
    session.load(samples(IMAGES.source(), SAMPLES, CLASSES));
    return session;
  }

  /** With an epoch of three runs begun. */
  private Session ready() {
    Session session = loaded(training());
    session.begin(epoch(ORDER, RATES));
    return session;
  }

  private static void runAll(Session session) {
    for (int run = 0; run < RATES.length; run++) {
      session.run();
    }
  }

  /** All parameters after three runs. */
  private static float[][] trained(Session session) {
    runAll(session);
    return session.placed().plan().tensors(Role.PARAMETER).stream()
        .map(t -> session.read(t).values())
        .toArray(float[][]::new);
  }

  private void test(String name, Use use) {
    tests.put(
        name,
        () -> {
          try (Session session = ready()) {
            use.of(session);
          }
        });
  }

  /** What is refused changes nothing: training goes on to the same numbers. */
  private void refused(
      String name, Class<? extends RuntimeException> type, String message, Use use) {
    tests.put(
        name,
        () -> {
          float[][] expected;
          try (Session session = ready()) {
            expected = trained(session);
          }
          try (Session session = ready()) {
            says(type, message, () -> use.of(session));
            assertArrayEquals(expected, trained(session));
          }
        });
  }

  private static void says(
      Class<? extends RuntimeException> type, String message, Executable executable) {
    RuntimeException e = assertThrows(RuntimeException.class, executable);
    assertEquals(type, e.getClass(), e.toString());
    assertEquals(message, e.getMessage());
  }

  private static HostTensor zeros(int... dims) {
    return HostTensor.zeros(Shape.of(dims));
  }

  private void tensors() {
    TensorSpec weight = training().tensor("0.weight");
    TensorSpec larger =
        new TensorSpec("0.weight", Shape.of(40, 1, 3, 3), DType.F32, Role.PARAMETER);
    TensorSpec unknown = new TensorSpec("conv7.weight", weight.shape(), DType.F32, Role.PARAMETER);
    for (int[] dims : new int[][] {{1}, {4, 1, 3, 2}, {4, 1, 3, 30}, {36}, {1, 4, 3, 3}}) {
      refused(
          "writing values of " + Shape.of(dims),
          IllegalArgumentException.class,
          "0.weight[4×1×3×3 F32] takes values of 4×1×3×3, not " + Shape.of(dims),
          s -> s.write(weight, zeros(dims)));
    }
    for (TensorSpec other : List.of(larger, unknown)) {
      String message = "the plan of small has no tensor " + other;
      refused(
          "writing " + other,
          IllegalArgumentException.class,
          message,
          s -> s.write(other, HostTensor.zeros(other.shape())));
      refused("reading " + other, IllegalArgumentException.class, message, s -> s.read(other));
    }
    refused(
        "writing labels that are no classes",
        IllegalArgumentException.class,
        "labels[2 I32] has class 3, but the plan has 3 classes",
        s ->
            s.write(
                s.placed().plan().tensor("labels"),
                new HostTensor(Shape.of(2), new float[] {-1, CLASSES})));
    refused(
        "changing what was read or written changes nothing",
        IllegalStateException.class,
        "over",
        s -> {
          HostTensor values = s.read(weight);
          s.write(weight, values);
          Arrays.fill(values.values(), Float.NaN);
          Arrays.fill(s.read(weight).values(), Float.NaN);
          throw new IllegalStateException("over");
        });
    for (DType type : DType.values()) {
      tests.put("what is written is read, " + type, () -> roundTrip(type));
    }
  }

  /** Labels, positions, and what is computed with, in shapes that a layout turns. */
  private void roundTrip(DType type) {
    for (int[] dims : new int[][] {{3}, {3, 17}, {2, 3, 5, 7}, {1, 1, 1, 1}, {2, 33, 3, 1}}) {
      boolean computed = type == DType.F32 || type == DType.BF16;
      if (computed && dims.length == 1) {
        continue;
      }
      Plan plan = computed ? copying(type, dims) : training();
      TensorSpec tensor =
          computed
              ? plan.tensor("x")
              : plan.tensors().stream().filter(t -> t.type() == type).findFirst().orElseThrow();
      HostTensor values = HostTensor.zeros(tensor.shape());
      Philox.Sequence random = new Philox.Sequence(seed, 7, dims.length);
      for (int i = 0; i < values.values().length; i++) {
        values.values()[i] = random.nextBelow(CLASSES); // exact in every type
      }
      if (type == DType.BF16 && !(backend instanceof ReferenceBackend)) {
        Needs.precision(backend, plan.precision());
      }
      try (Session session = bind(plan)) {
        session.write(tensor, values);
        assertArrayEquals(values.values(), session.read(tensor).values(), "" + tensor);
      }
    }
  }

  /** One step, everything kept; no batch, no update. */
  private static Plan copying(DType type, int... dims) {
    TensorSpec x = new TensorSpec("x", Shape.of(dims), type, Role.ACTIVATION);
    TensorSpec y = new TensorSpec("y", Shape.of(dims), type, Role.ACTIVATION);
    Precision precision = type == DType.BF16 ? Precision.BF16 : Precision.FP32;
    return new Plan(
        "copy", 1, precision, List.of(new DropoutForward("l", 0, 1, x, y)), Set.of(x, y));
  }

  private void samples() {
    refused(
        "loading images of another shape",
        IllegalArgumentException.class,
        "the plan makes batches from images of 1×6×6, but those loaded are 3×6×6",
        s -> s.load(samples(Shape.of(3, 6, 6), SAMPLES, CLASSES)));
    refused(
        "loading labels that are no classes",
        IllegalArgumentException.class,
        "sample 1 is of class 200, but the plan has 3 classes",
        s ->
            s.load(
                new Samples(
                    ByteBuffer.allocate(72),
                    ByteBuffer.wrap(new byte[] {2, (byte) 200}),
                    2,
                    IMAGES.source())));
    tests.put(
        "samples for a plan that makes no batches",
        () -> {
          try (Session session = bind(copying(DType.F32, 2, 3))) {
            says(
                IllegalArgumentException.class,
                "the plan of copy makes no batches, so it takes no samples",
                () -> session.load(samples(IMAGES.source(), 1, 1)));
          }
        });
    tests.put(
        "an epoch without samples",
        () -> {
          try (Session session = bind(training())) {
            says(
                IllegalStateException.class,
                "no samples are loaded for the batch",
                () -> session.begin(epoch(ORDER, RATES)));
          }
        });
    test(
        "fewer samples end the epoch that took more",
        s -> {
          s.load(samples(IMAGES.source(), 1, CLASSES));
          says(IllegalStateException.class, "no epoch has begun", s::run);
          says(
              IllegalArgumentException.class,
              "the order names sample 1 of 1",
              () -> s.begin(epoch(new int[] {0, 1}, 0.1f)));
          s.begin(epoch(new int[] {0, -1}, 0.1f));
          s.run();
          assertEquals(1, s.metrics().samples());
        });
  }

  /** Images of odd and of even sizes: devices draw masks in different ways for them. */
  private void parts() {
    for (Shape image : List.of(Shape.of(3, 5, 7), Shape.of(4, 4, 6))) {
      tests.put("parts of a batch of " + image, () -> parts(image));
    }
    refused(
        "a part at a place below 0",
        IllegalArgumentException.class,
        "places in a batch are counted from 0, not -1",
        s -> s.begin(new Epoch(3, 0, ORDER, RATES, Metrics.NONE, -1)));
  }

  /** What is drawn for a sample goes by its place in the whole batch. */
  private void parts(Shape image) {
    int whole = 6;
    int[] order = {4, 1, 0, 3, 2, 4, 0, 0, 1, 2, 3, 4};
    float[][] expected = varied(image, whole, order, 0);
    for (int part : new int[] {1, 2, 3}) {
      for (int first = 0; first < whole; first += part) {
        int[] own = new int[2 * part];
        System.arraycopy(order, first, own, 0, part);
        System.arraycopy(order, whole + first, own, part, part);
        float[][] actual = varied(image, part, own, first);
        int elements = Math.toIntExact(image.elements());
        for (int run = 0; run < 2; run++) {
          assertArrayEquals(
              Arrays.copyOfRange(expected[run], first * elements, (first + part) * elements),
              actual[run],
              "part of " + part + " at " + first);
        }
      }
    }
  }

  /** Two runs' images, varied at random, after a dropout. */
  private float[][] varied(Shape image, int batch, int[] order, int firstPlace) {
    BatchSpec spec =
        BatchSpec.unit(image, image.dim(1), image.dim(2))
            .with(new BatchSpec.Augmentation(true, 2, 2));
    TensorSpec images = new TensorSpec("images", image.batched(batch), DType.F32, Role.ACTIVATION);
    TensorSpec labels = new TensorSpec("labels", Shape.of(batch), DType.I32, Role.ACTIVATION);
    TensorSpec dropped =
        new TensorSpec("dropped", image.batched(batch), DType.F32, Role.ACTIVATION);
    Plan plan =
        new Plan(
            "varied",
            batch,
            Precision.FP32,
            List.of(
                new MakeBatch(spec, images, labels),
                new DropoutForward("dropout", 0.4f, Philox.Stream.DROPOUT, images, dropped)),
            Set.of(dropped));
    float[][] read = new float[2][];
    try (Session session = bind(plan)) {
      session.load(samples(image, SAMPLES, CLASSES));
      session.begin(new Epoch(seed, 9, order, new float[2], Metrics.NONE, firstPlace));
      for (int run = 0; run < read.length; run++) {
        session.run();
        read[run] = session.read(dropped).values();
      }
    }
    return read;
  }

  private void epochs() {
    refused(
        "an order that is no multiple of the batch",
        IllegalArgumentException.class,
        "an order of 3 samples is no multiple of the batch, 2",
        s -> s.begin(epoch(new int[] {0, 1, 2}, 0.1f)));
    for (int index : new int[] {SAMPLES, -2, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
      refused(
          "an order with " + index,
          IllegalArgumentException.class,
          Text.of("the order names sample %d of %d", index, SAMPLES),
          s -> s.begin(epoch(new int[] {0, index}, 0.1f)));
    }
    for (int rates : new int[] {0, 2, 4}) {
      refused(
          "an epoch with " + rates + " rates for 3 runs",
          IllegalArgumentException.class,
          "an epoch of 3 runs takes as many learning rates, not " + rates,
          s -> s.begin(epoch(ORDER, new float[rates])));
    }
    tests.put(
        "running before an epoch",
        () -> {
          try (Session session = loaded(training())) {
            assertEquals(Metrics.NONE, session.metrics());
            says(IllegalStateException.class, "no epoch has begun", session::run);
            says(IllegalStateException.class, "no epoch has begun", session::runTimed);
            assertEquals(Metrics.NONE, session.metrics());
          }
        });
    test("running past the epoch", this::pastTheEpoch);
    tests.put(
        "running past an epoch without batches",
        () -> {
          TensorSpec w = new TensorSpec("w", Shape.of(3), DType.F32, Role.PARAMETER);
          TensorSpec dw = new TensorSpec("dw", Shape.of(3), DType.F32, Role.PARAMETER_GRADIENT);
          SgdUpdate update =
              new SgdUpdate(Sgd.PLAIN, UpdateGroup.of(List.of(w), List.of(dw)), List.of());
          Plan plan = new Plan("update", 1, Precision.FP32, List.of(update), Set.of());
          try (Session session = bind(plan)) {
            says(IllegalStateException.class, "no epoch has begun", session::run);
            session.begin(epoch(new int[0], 0.5f, 0.25f));
            session.write(dw, new HostTensor(dw.shape(), new float[] {1, 2, 4}));
            session.run();
            session.run();
            String over = "the epoch has 2 runs, and all are done";
            says(IllegalStateException.class, over, session::run);
            assertArrayEquals(new float[] {-0.75f, -1.5f, -3}, session.read(w).values());
          }
        });
    tests.put(
        "a plan that needs no epoch runs without end",
        () -> {
          try (Session session = bind(copying(DType.F32, 2, 3))) {
            HostTensor values = zeros(2, 3);
            Arrays.fill(values.values(), seed % 100);
            session.write(session.placed().plan().tensor("x"), values);
            for (int run = 0; run < 5; run++) {
              session.run();
            }
            TensorSpec y = session.placed().plan().tensor("y");
            assertArrayEquals(values.values(), session.read(y).values());
          }
        });
    test("an epoch begins anew before the last is over", this::beginsAnew);
    test(
        "an epoch of no runs",
        s -> {
          s.begin(epoch(new int[0]));
          String over = "the epoch has 0 runs, and all are done";
          says(IllegalStateException.class, over, s::run);
          assertEquals(Metrics.NONE, s.metrics());
        });
    tests.put(
        "changing an epoch's arrays once it has begun changes nothing",
        () -> {
          float[][] expected;
          try (Session session = ready()) {
            expected = trained(session);
          }
          int[] order = ORDER.clone();
          float[] rates = RATES.clone();
          try (Session session = loaded(training())) {
            session.begin(epoch(order, rates));
            Arrays.fill(order, Integer.MAX_VALUE);
            Arrays.fill(rates, Float.NaN);
            assertArrayEquals(expected, trained(session));
          }
        });
  }

  private void pastTheEpoch(Session session) {
    session.run();
    session.runTimed();
    session.run();
    TensorSpec weight = session.placed().plan().tensor("0.weight");
    Metrics metrics = session.metrics();
    float[] values = session.read(weight).values();
    assertEquals(SAMPLES, metrics.samples());
    String over = "the epoch has 3 runs, and all are done";
    says(IllegalStateException.class, over, session::run);
    says(IllegalStateException.class, over, session::runTimed);
    assertEquals(metrics, session.metrics());
    assertArrayEquals(values, session.read(weight).values());
  }

  private void beginsAnew(Session session) {
    session.run();
    assertEquals(BATCH, session.metrics().samples());
    Metrics before = new Metrics(10, 7, 3, 4);
    session.begin(new Epoch(3, 1, ORDER, RATES, before));
    assertEquals(before, session.metrics());
    runAll(session);
    Metrics metrics = session.metrics();
    assertEquals(7 + SAMPLES, metrics.samples());
    assertNotEquals(10, metrics.lossSum());
    session.begin(epoch(ORDER, RATES));
    assertEquals(Metrics.NONE, session.metrics());
  }

  private void ends() {
    test(
        "closing twice",
        s -> {
          s.close();
          s.close();
        });
    test(
        "closing before one that was bound later",
        s -> {
          try (Session later = ready()) {
            s.close();
            runAll(later);
            try (Session last = ready()) {
              runAll(last);
              later.close();
              runAll(again(last));
              assertEquals(SAMPLES, last.metrics().samples());
            }
          }
        });
    test(
        "use and closing by a thread that is interrupted",
        s -> {
          TensorSpec weight = training().tensor("0.weight");
          Thread.currentThread().interrupt();
          try {
            runAll(s);
            float[] interrupted = s.read(weight).values();
            s.close();
            assertTrue(Thread.interrupted(), "it is no longer interrupted");
            try (Session calm = ready()) {
              runAll(calm);
              assertArrayEquals(calm.read(weight).values(), interrupted);
            }
          } finally {
            Thread.interrupted();
          }
        });
    String closed = "the session is closed";
    TensorSpec weight = training().tensor("0.weight");
    Map<String, Use> uses = new LinkedHashMap<>();
    uses.put("writing", s -> s.write(weight, HostTensor.zeros(weight.shape())));
    uses.put("reading", s -> s.read(weight));
    uses.put("loading", s -> s.load(samples(IMAGES.source(), SAMPLES, CLASSES)));
    uses.put("beginning", s -> s.begin(epoch(ORDER, RATES)));
    uses.put("running", Session::run);
    uses.put("running timed", Session::runTimed);
    uses.put("asking for metrics", Session::metrics);
    uses.forEach(
        (name, use) ->
            test(
                name + " after closing",
                s -> {
                  s.close();
                  says(IllegalStateException.class, closed, () -> use.of(s));
                }));
    uses.put("closing", Session::close);
    uses.forEach(
        (name, use) ->
            refused(
                name + " from another thread",
                IllegalStateException.class,
                Text.of(
                    "the session belongs to the thread %s and is used from other",
                    Thread.currentThread().getName()),
                s -> elsewhere(() -> use.of(s))));
    tests.put(
        "the loss takes labels of its classes only",
        () -> {
          try (Session session = bind(loss())) {
            TensorSpec labels = session.placed().plan().tensor("labels");
            says(
                IllegalArgumentException.class,
                "labels[2 I32] has class 1000, but the plan has 3 classes",
                () -> session.write(labels, new HostTensor(Shape.of(2), new float[] {0, 1000})));
            session.write(labels, new HostTensor(Shape.of(2), new float[] {-1, 2}));
            session.write(session.placed().plan().tensor("logits"), zeros(2, 3));
            session.begin(epoch(new int[0]));
            session.run();
            assertEquals(Math.log(3), session.metrics().lossSum(), 1e-5);
          }
        });
  }

  private static Session again(Session session) {
    session.begin(epoch(ORDER, RATES));
    return session;
  }

  private static Plan loss() {
    TensorSpec logits = new TensorSpec("logits", Shape.of(2, 3), DType.F32, Role.ACTIVATION);
    TensorSpec labels = new TensorSpec("labels", Shape.of(2), DType.I32, Role.ACTIVATION);
    SoftmaxCrossEntropy step = new SoftmaxCrossEntropy(logits, labels, Optional.empty(), 0);
    return new Plan("loss", 2, Precision.FP32, List.of(step), Set.of(logits, labels));
  }

  /** Runs something on another thread, and throws here what it threw there. */
  private static void elsewhere(Runnable action) {
    AtomicReference<Optional<RuntimeException>> thrown = new AtomicReference<>(Optional.empty());
    Thread other =
        new Thread(
            () -> {
              try {
                action.run();
              } catch (RuntimeException e) {
                thrown.set(Optional.of(e));
              }
            },
            "other");
    other.start();
    try {
      other.join();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    thrown
        .get()
        .ifPresent(
            e -> {
              throw e;
            });
  }
}
