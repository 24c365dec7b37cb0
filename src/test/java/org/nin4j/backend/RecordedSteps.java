package org.nin4j.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.Gson;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.zip.CRC32;
import org.nin4j.model.Initialisation;
import org.nin4j.model.Network;
import org.nin4j.model.Parameter;
import org.nin4j.model.zoo.Networks;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.Sgd;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Philox;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

/**
 * Trainings that libtorch did, step by step, to be repeated by any backend in fp32: the full NiN,
 * and the other published networks with fewer channels and smaller images. The recordings are made
 * by {@code RecordSteps} in {@code bench/peers/libtorch}, in single and in double precision, with
 * networks that are written there from the book's code; parameters and running statistics are found
 * by PyTorch's names for them.
 */
public final class RecordedSteps {
  /** Momentum 0.9, Nesterov, weight decay, He-uniform weights, no dropout, 67×67 pixels. */
  public static final String MOMENTUM = "nin-momentum";

  /** Plain descent, Xavier-uniform weights, dropout, normalised pixels, 99×99 of them. */
  public static final String DROPOUT = "nin-dropout";

  /**
   * How far a backend may be from libtorch.
   *
   * @param loss of a batch, relative
   * @param change of a parameter's or a running statistic's change since the beginning, as a vector
   *     of the recorded elements, relative to its norm
   * @param norm of the norm, and of the sum over the square root of the count, of a change over all
   *     elements, relative to the norm: differences by element cancel there
   */
  public record Tolerance(double loss, double change, double norm) {
    public Tolerance {
      if (!(loss >= 0 && change >= 0 && norm >= 0)) {
        throw new IllegalArgumentException("no tolerance: " + loss + ", " + change + ", " + norm);
      }
    }
  }

  /**
   * Of NiN. Libtorch's single precision differs from its double precision by up to 2e-7 of a loss
   * in these recordings, and roundings that turn out otherwise grow to 4e-6 in twenty steps. A
   * parameter's change is off by 2e-2 at worst: rounding decides now and then which of two equal
   * pixels a pool takes or whether a ReLU next to 0 lets through, and a batch of 8 notices.
   * Besides, a change after few steps is not many roundings large.
   */
  private static final Tolerance NIN = new Tolerance(2e-5, 5e-2, 1e-2);

  /**
   * The same where convolutions are computed by Winograd's tiles, which round two to four times as
   * much and so decide otherwise that much more often: 5.6e-2 at worst.
   */
  public static final double CHANGE_TOLERANCE_BY_TILES = 1e-1;

  private static final Shape SOURCE = Shape.of(1, 28, 28);
  private static final int CLASSES = 10;

  private record Setting(
      String name,
      String network,
      int divisor,
      int pixels,
      int batch,
      int steps,
      int samples,
      long seed,
      int firstStep,
      Initialisation initialisation,
      float learningRate,
      float momentum,
      boolean nesterov,
      float weightDecay,
      float dropout,
      float mean,
      float std) {}

  private record Outcome(double[] losses, int[] top1, int[] top5) {}

  private record Change(String name, int count, double norm, double sum, double[] changes) {}

  private record Snapshot(int steps, List<Change> parameters, List<Change> state) {}

  private record Recording(
      Setting setting,
      int[] labels,
      int[] order,
      long imagesCrc32,
      Outcome fp32,
      Outcome fp64,
      List<Snapshot> snapshots) {}

  /** The largest of some distances, and where it was. */
  public static final class Worst {
    private double value;
    private String where = "nowhere";

    private void see(double distance, String at) {
      if (!Double.isNaN(value) && !(distance <= value)) {
        value = distance;
        where = at;
      }
    }

    /** NaN if one of them was. */
    public double value() {
      return value;
    }

    private void check(double tolerance) {
      assertTrue(value <= tolerance, value + " is more than " + tolerance + ": " + where);
    }

    @Override
    public String toString() {
      return Text.of("%.1e %s", value, where);
    }
  }

  /**
   * How far a backend was from libtorch, as {@link Tolerance} has it.
   *
   * @param counts of right answers in a batch
   * @param state the change of a running statistic
   */
  public record Distance(Worst loss, Worst counts, Worst change, Worst state, Worst norm) {
    private Distance() {
      this(new Worst(), new Worst(), new Worst(), new Worst(), new Worst());
    }

    private void check(Tolerance tolerance) {
      loss.check(tolerance.loss());
      counts.check(0);
      change.check(tolerance.change());
      state.check(tolerance.change());
      norm.check(tolerance.norm());
    }
  }

  private final Recording recording;
  private final Setting setting;
  private final Network network;
  private final Map<String, Parameter> byName = new HashMap<>();
  private final Distance distance = new Distance();

  private RecordedSteps(Recording recording) {
    this.recording = recording;
    this.setting = recording.setting();
    this.network = network(setting);
    Shape input = batchSpec(setting).output();
    network.parameters(input).forEach(p -> byName.put(p.name(), p));
    network.state(input).forEach(p -> byName.put(p.name(), p));
    Snapshot first = recording.snapshots().get(0);
    assertEquals(names(first.parameters()), names(network.parameters(input), Parameter::name));
    assertEquals(names(first.state()), names(network.state(input), Parameter::name));
  }

  private static Set<String> names(List<Change> changes) {
    return names(changes, Change::name);
  }

  private static <T> Set<String> names(List<T> tensors, Function<T, String> name) {
    return tensors.stream().map(name).collect(Collectors.toCollection(TreeSet::new));
  }

  /**
   * Repeats both recordings of NiN from their first step to their last.
   *
   * @param changeTolerance of a parameter's change as a vector, relative to its norm
   */
  public static void check(Backend backend, double changeTolerance) {
    Tolerance tolerance = new Tolerance(NIN.loss(), changeTolerance, NIN.norm());
    check(backend, MOMENTUM, Integer.MAX_VALUE, tolerance);
    check(backend, DROPOUT, Integer.MAX_VALUE, tolerance);
  }

  /** Repeats both recordings of NiN from their first step to their last. */
  public static void check(Backend backend) {
    check(backend, NIN.change());
  }

  /**
   * Repeats the first steps of a recording of NiN: every loss, the counts of right answers, and the
   * parameters wherever they were recorded.
   *
   * @param name {@link #MOMENTUM} or {@link #DROPOUT}
   * @param most how many steps; all if there are fewer
   * @return the largest difference of a loss from the recorded one, relative to it
   */
  public static double check(Backend backend, String name, int most) {
    return check(backend, name, most, NIN).loss().value();
  }

  /** Repeats the first steps of any recording. */
  public static Distance check(Backend backend, String name, int most, Tolerance tolerance) {
    try (Reader reader = open(name)) {
      Distance distance = repeat(backend, reader, most);
      distance.check(tolerance);
      return distance;
    } catch (IOException e) {
      throw new AssertionError(name + " cannot be read", e);
    }
  }

  /** Repeats the first steps of a recording and says how far they were from it. */
  static Distance repeat(Backend backend, Reader json, int most) {
    RecordedSteps steps = new RecordedSteps(new Gson().fromJson(json, Recording.class));
    steps.repeat(backend, Math.min(most, steps.setting.steps()));
    return steps.distance;
  }

  /**
   * Repeats every step of a recording, each from where another backend is before it, so that what a
   * ReLU next to 0 decides otherwise in one step is not carried on by the steps after it. The
   * losses are the recorded ones; what a step changes is what it changes there.
   *
   * @param guide repeats the whole recording by itself
   */
  public static void checkStepByStep(Backend backend, Backend guide, String name, Tolerance most) {
    try (Reader reader = open(name)) {
      RecordedSteps steps = new RecordedSteps(new Gson().fromJson(reader, Recording.class));
      steps.repeatStepByStep(backend, guide);
      steps.distance.check(most);
    } catch (IOException e) {
      throw new AssertionError(name + " cannot be read", e);
    }
  }

  private static Reader open(String name) {
    InputStream stream =
        RecordedSteps.class.getResourceAsStream("/org/nin4j/recorded/" + name + ".json");
    return new InputStreamReader(stream, StandardCharsets.UTF_8);
  }

  private void repeat(Backend backend, int steps) {
    try (Session session = begin(backend)) {
      Metrics before = Metrics.NONE;
      for (int step = 0; step < steps; step++) {
        session.run();
        Metrics metrics = session.metrics();
        compareStep(step, metrics.since(before));
        before = metrics;
        for (Snapshot snapshot : recording.snapshots()) {
          if (snapshot.steps() == step + 1) {
            compare(session, snapshot.parameters(), step, distance.change());
            compare(session, snapshot.state(), step, distance.state());
          }
        }
      }
    }
  }

  private void repeatStepByStep(Backend backend, Backend guide) {
    assertEquals(0, setting.momentum(), "velocities are not handed on");
    List<Change> tensors = new ArrayList<>(recording.snapshots().get(0).parameters());
    tensors.addAll(recording.snapshots().get(0).state());
    try (Session session = begin(backend);
        Session ahead = begin(guide)) {
      Metrics before = Metrics.NONE;
      for (int step = 0; step < setting.steps(); step++) {
        List<HostTensor> start = values(ahead, tensors);
        session.run();
        ahead.run();
        Metrics metrics = session.metrics();
        compareStep(step, metrics.since(before));
        before = metrics;
        List<HostTensor> expected = values(ahead, tensors);
        List<HostTensor> found = values(session, tensors);
        for (int i = 0; i < tensors.size(); i++) {
          String name = tensors.get(i).name();
          double[] change = change(start.get(i), expected.get(i));
          double least = hardlyChanged() * Math.sqrt(change.length);
          distance
              .change()
              .see(
                  norm(change(expected.get(i), found.get(i))) / Math.max(norm(change), least),
                  Text.of("%s, %s in step %d: change", setting.name(), name, step));
          session.write(session.placed().plan().tensor(name), expected.get(i));
        }
      }
    }
  }

  private static List<HostTensor> values(Session session, List<Change> tensors) {
    return tensors.stream()
        .map(t -> session.read(session.placed().plan().tensor(t.name())))
        .collect(Collectors.toList());
  }

  private static double[] change(HostTensor from, HostTensor to) {
    double[] change = new double[to.values().length];
    for (int i = 0; i < change.length; i++) {
      change[i] = (double) to.values()[i] - from.values()[i];
    }
    return change;
  }

  private Session begin(Backend backend) {
    Plan plan =
        Planner.plan(
            network,
            batchSpec(setting),
            setting.batch(),
            Precision.FP32,
            new Purpose.Training(
                new Sgd(setting.momentum(), setting.nesterov(), setting.weightDecay())));
    Session session = backend.bind(backend.prepare(plan));
    Snapshot first = recording.snapshots().get(0);
    initialise(session, first.parameters());
    initialise(session, first.state());
    session.load(samples(recording));
    float[] rates = new float[setting.steps()];
    Arrays.fill(rates, setting.learningRate());
    session.begin(new Epoch(setting.seed(), setting.firstStep(), recording.order(), rates));
    return session;
  }

  private static Network network(Setting setting) {
    int classes = CLASSES * setting.divisor();
    Network whole = Networks.named(setting.network()).network(classes);
    return ReducedNetwork.of(whole, setting.divisor(), setting.dropout());
  }

  private static BatchSpec batchSpec(Setting setting) {
    return new BatchSpec(
        SOURCE,
        setting.pixels(),
        setting.pixels(),
        List.of(setting.mean()),
        List.of(setting.std()),
        0,
        BatchSpec.Augmentation.NONE);
  }

  private void initialise(Session session, List<Change> tensors) {
    for (int i = 0; i < tensors.size(); i++) {
      TensorSpec tensor = session.placed().plan().tensor(tensors.get(i).name());
      session.write(tensor, new HostTensor(tensor.shape(), initial(tensors, i)));
    }
  }

  private float[] initial(List<Change> tensors, int index) {
    Parameter parameter = byName.get(tensors.get(index).name());
    return setting.initialisation().draw(parameter, index, setting.seed()).values();
  }

  private static Samples samples(Recording recording) {
    Setting setting = recording.setting();
    byte[] pixels = new byte[setting.samples() * (int) SOURCE.elements()];
    Philox.Sequence random = new Philox.Sequence(setting.seed(), 0, 0x30000);
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (byte) random.nextBits();
    }
    CRC32 crc = new CRC32();
    crc.update(pixels);
    assertEquals(recording.imagesCrc32(), crc.getValue(), "the images are not the recorded ones");
    byte[] labels = new byte[setting.samples()];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = (byte) recording.labels()[i];
    }
    return new Samples(
        ByteBuffer.allocateDirect(pixels.length).put(pixels).clear(),
        ByteBuffer.allocateDirect(labels.length).put(labels).clear(),
        setting.samples(),
        SOURCE);
  }

  private void compareStep(int step, Metrics metrics) {
    String at = setting.name() + ", step " + step;
    assertEquals(setting.batch(), metrics.samples(), at);
    compareLoss(at + ", fp32", recording.fp32().losses()[step], metrics.loss());
    compareLoss(at + ", fp64", recording.fp64().losses()[step], metrics.loss());
    compareCount(at + ": first choices right", recording.fp64().top1()[step], metrics.top1());
    compareCount(at + ": among the first five", recording.fp64().top5()[step], metrics.top5());
  }

  private void compareCount(String at, int expected, long count) {
    distance.counts().see(Math.abs(count - expected), at + " " + count + ", recorded " + expected);
  }

  private void compareLoss(String at, double expected, double loss) {
    distance
        .loss()
        .see(
            Math.abs(loss / expected - 1),
            Text.of("%s: mean loss of the batch %s, recorded %s", at, loss, expected));
  }

  /**
   * Where a tensor's elements have changed by less than this, on the average, a change is hardly
   * more than rounding: a bias before a batch norm, which takes its mean away again, has a gradient
   * of 0, and nothing flows through a ReLU that lets nothing through. There, elements may differ by
   * as much instead. Gradients that are nothing but rounding move it by the rate's share of them.
   */
  private double hardlyChanged() {
    return 2e-6 + 1e-5 * setting.learningRate();
  }

  private void compare(Session session, List<Change> tensors, int step, Worst elements) {
    for (int i = 0; i < tensors.size(); i++) {
      Change expected = tensors.get(i);
      float[] before = initial(tensors, i);
      float[] values = session.read(session.placed().plan().tensor(expected.name())).values();
      assertEquals(expected.count(), values.length, expected.name());
      String at = Text.of("%s, %s after %d steps: ", setting.name(), expected.name(), step + 1);
      double squares = 0;
      double sum = 0;
      for (int e = 0; e < values.length; e++) {
        double change = (double) values[e] - before[e];
        squares += change * change;
        sum += change;
      }
      double root = Math.sqrt(values.length);
      double norm = expected.norm();
      if (norm < hardlyChanged() * root) {
        double difference = difference(expected.changes(), values, before);
        double most = hardlyChanged() * Math.sqrt(expected.changes().length);
        assertTrue(difference <= most, at + difference + " is more than " + most);
        continue;
      }
      distance
          .norm()
          .see(Math.abs(Math.sqrt(squares) - expected.norm()) / norm, at + "norm of the change");
      distance.norm().see(Math.abs(sum - expected.sum()) / (norm * root), at + "sum of the change");
      elements.see(
          difference(expected.changes(), values, before)
              / Math.max(
                  norm(expected.changes()), hardlyChanged() * Math.sqrt(expected.changes().length)),
          at + "change by element");
    }
  }

  /** The Euclidean norm of the recorded elements' differences. */
  private static double difference(double[] changes, float[] values, float[] before) {
    double[] differences = new double[changes.length];
    for (int i = 0; i < changes.length; i++) {
      int e = (int) ((long) i * (values.length - 1) / (changes.length - 1));
      differences[i] = (double) values[e] - before[e] - changes[i];
    }
    return norm(differences);
  }

  private static double norm(double[] vector) {
    return Math.sqrt(Arrays.stream(vector).map(v -> v * v).sum());
  }
}
