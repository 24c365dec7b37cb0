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
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32;
import org.nin4j.model.Dropout;
import org.nin4j.model.Initialisation;
import org.nin4j.model.Layer;
import org.nin4j.model.Network;
import org.nin4j.model.Parameter;
import org.nin4j.model.Part;
import org.nin4j.model.Sequential;
import org.nin4j.model.zoo.NetworkInNetwork;
import org.nin4j.plan.BatchSpec;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.Sgd;
import org.nin4j.plan.TensorSpec;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Philox;
import org.nin4j.tensor.Shape;

/**
 * Trainings of the full NiN that libtorch did, step by step, to be repeated by any backend in fp32.
 * The recordings are made by {@code RecordSteps} in {@code bench/peers/libtorch}, in single and in
 * double precision.
 */
public final class RecordedSteps {
  /**
   * Of a loss. Libtorch's single precision differs from its double precision by up to 2e-7 in these
   * recordings, and roundings that turn out otherwise grow to 4e-6 in twenty steps.
   */
  private static final double LOSS_TOLERANCE = 2e-5;

  /**
   * Of a parameter's change, as a vector of the recorded elements, relative to its norm. In single
   * precision it is 2e-2 at worst: rounding decides now and then which of two equal pixels a pool
   * takes or whether a ReLU next to 0 lets through, and a batch of 8 notices. Besides, a change
   * after few steps is not many roundings large.
   */
  private static final double CHANGE_TOLERANCE = 5e-2;

  /**
   * The same where convolutions are computed by Winograd's tiles, which round two to four times as
   * much and so decide otherwise that much more often: 5.6e-2 at worst.
   */
  public static final double CHANGE_TOLERANCE_BY_TILES = 1e-1;

  /** Of the norm and the sum of a change over all elements, where such differences cancel. */
  private static final double NORM_TOLERANCE = 1e-2;

  private static final Shape SOURCE = Shape.of(1, 28, 28);

  /** Momentum 0.9, Nesterov, weight decay, He-uniform weights, no dropout, 67×67 pixels. */
  public static final String MOMENTUM = "momentum";

  /** Plain descent, Xavier-uniform weights, dropout, normalised pixels, 99×99 of them. */
  public static final String DROPOUT = "dropout";

  private record Setting(
      String name,
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

  private record Snapshot(int steps, List<Change> parameters) {}

  private record Recording(
      Setting setting,
      int[] labels,
      int[] order,
      long imagesCrc32,
      Outcome fp32,
      Outcome fp64,
      List<Snapshot> snapshots) {}

  private RecordedSteps() {}

  /**
   * Repeats every recording from its first step to its last.
   *
   * @param changeTolerance of a parameter's change as a vector, relative to its norm
   */
  public static void check(Backend backend, double changeTolerance) {
    check(backend, MOMENTUM, Integer.MAX_VALUE, changeTolerance);
    check(backend, DROPOUT, Integer.MAX_VALUE, changeTolerance);
  }

  /** Repeats every recording from its first step to its last. */
  public static void check(Backend backend) {
    check(backend, CHANGE_TOLERANCE);
  }

  /**
   * Repeats the first steps of a recording: every loss, the counts of right answers, and the
   * parameters wherever they were recorded.
   *
   * @param name {@link #MOMENTUM} or {@link #DROPOUT}
   * @param most how many steps; all if there are fewer
   * @return the largest difference of a loss from the recorded one, relative to it
   */
  public static double check(Backend backend, String name, int most) {
    return check(backend, name, most, CHANGE_TOLERANCE);
  }

  private static double check(Backend backend, String name, int most, double changeTolerance) {
    Recording recording = read(name);
    Setting setting = recording.setting();
    int steps = Math.min(most, setting.steps());
    Plan plan =
        Planner.plan(
            network(setting.dropout()),
            batchSpec(setting),
            setting.batch(),
            Precision.FP32,
            new Purpose.Training(
                new Sgd(setting.momentum(), setting.nesterov(), setting.weightDecay())));
    try (Session session = backend.bind(backend.prepare(plan))) {
      List<TensorSpec> parameters = initialise(session, setting);
      session.load(samples(recording));
      float[] rates = new float[setting.steps()];
      Arrays.fill(rates, setting.learningRate());
      session.begin(new Epoch(setting.seed(), setting.firstStep(), recording.order(), rates));
      Metrics before = Metrics.NONE;
      double worst = 0;
      for (int step = 0; step < steps; step++) {
        session.run();
        Metrics metrics = session.metrics();
        double loss = metrics.since(before).loss();
        worst = Math.max(worst, Math.abs(loss / recording.fp64().losses()[step] - 1));
        checkStep(recording, step, metrics.since(before));
        before = metrics;
        for (Snapshot snapshot : recording.snapshots()) {
          if (snapshot.steps() == step + 1) {
            checkParameters(session, setting, parameters, snapshot, changeTolerance);
          }
        }
      }
      return worst;
    }
  }

  private static Recording read(String name) {
    String resource = "/org/nin4j/recorded/nin-" + name + ".json";
    try (InputStream stream = RecordedSteps.class.getResourceAsStream(resource);
        Reader reader = new InputStreamReader(stream, StandardCharsets.UTF_8)) {
      return new Gson().fromJson(reader, Recording.class);
    } catch (IOException e) {
      throw new AssertionError(resource + " cannot be read", e);
    }
  }

  /** NiN with another dropout probability. */
  private static Network network(float dropout) {
    Layer[] layers =
        ((Sequential) NetworkInNetwork.of(10).layers())
            .parts().stream()
                .map(Part::layer)
                .map(l -> l instanceof Dropout ? new Dropout(dropout) : l)
                .toArray(Layer[]::new);
    return new Network("nin", Sequential.of(layers));
  }

  private static BatchSpec batchSpec(Setting setting) {
    return new BatchSpec(
        SOURCE,
        setting.pixels(),
        setting.pixels(),
        List.of(setting.mean()),
        List.of(setting.std()),
        BatchSpec.Augmentation.NONE);
  }

  private static List<TensorSpec> initialise(Session session, Setting setting) {
    Plan plan = session.placed().plan();
    List<TensorSpec> parameters =
        parameters(setting).stream().map(p -> plan.tensor(p.name())).toList();
    for (int i = 0; i < parameters.size(); i++) {
      TensorSpec parameter = parameters.get(i);
      session.write(parameter, new HostTensor(parameter.shape(), initial(setting, i)));
    }
    return parameters;
  }

  private static List<Parameter> parameters(Setting setting) {
    return network(setting.dropout()).parameters(batchSpec(setting).output());
  }

  private static float[] initial(Setting setting, int index) {
    Parameter parameter = parameters(setting).get(index);
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

  private static void checkStep(Recording recording, int step, Metrics metrics) {
    String at = recording.setting().name() + ", step " + step;
    assertEquals(recording.setting().batch(), metrics.samples(), at);
    checkLoss(at + ", fp32", recording.fp32().losses()[step], metrics.loss());
    checkLoss(at + ", fp64", recording.fp64().losses()[step], metrics.loss());
    assertEquals(recording.fp64().top1()[step], metrics.top1(), at + ": first choices right");
    assertEquals(recording.fp64().top5()[step], metrics.top5(), at + ": among the first five");
  }

  private static void checkLoss(String at, double expected, double loss) {
    assertEquals(expected, loss, LOSS_TOLERANCE * expected, at + ": mean loss of the batch");
  }

  private static void checkParameters(
      Session session,
      Setting setting,
      List<TensorSpec> parameters,
      Snapshot snapshot,
      double changeTolerance) {
    assertEquals(parameters.size(), snapshot.parameters().size());
    for (int i = 0; i < parameters.size(); i++) {
      Change expected = snapshot.parameters().get(i);
      float[] before = initial(setting, i);
      float[] values = session.read(parameters.get(i)).values();
      assertEquals(expected.name(), parameters.get(i).name());
      assertEquals(expected.count(), values.length, expected.name());
      String at =
          "%s, %s after %d steps: ".formatted(setting.name(), expected.name(), snapshot.steps());
      double squares = 0;
      double sum = 0;
      for (int e = 0; e < values.length; e++) {
        double change = (double) values[e] - before[e];
        squares += change * change;
        sum += change;
      }
      double tolerance = NORM_TOLERANCE * expected.norm();
      assertEquals(expected.norm(), Math.sqrt(squares), tolerance, at + "norm of the change");
      assertEquals(
          expected.sum(), sum, tolerance * Math.sqrt(values.length), at + "sum of the change");
      checkElements(at, expected.changes(), values, before, changeTolerance);
    }
  }

  private static void checkElements(
      String at, double[] changes, float[] values, float[] before, double changeTolerance) {
    assertTrue(changes.length > 1, at);
    double squares = 0;
    double differences = 0;
    for (int i = 0; i < changes.length; i++) {
      int e = (int) ((long) i * (values.length - 1) / (changes.length - 1));
      squares += changes[i] * changes[i];
      differences += Math.pow((double) values[e] - before[e] - changes[i], 2);
    }
    assertEquals(0, Math.sqrt(differences / squares), changeTolerance, at + "change by element");
  }
}
