package org.nin4j.bench.libtorch;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.zip.CRC32;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.Samples;
import org.nin4j.backend.Session;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.bench.libtorch.RecordedCase.Change;
import org.nin4j.bench.libtorch.RecordedCase.Outcome;
import org.nin4j.bench.libtorch.RecordedCase.Setting;
import org.nin4j.bench.libtorch.RecordedCase.Snapshot;
import org.nin4j.model.Initialisation;
import org.nin4j.model.zoo.NetworkInNetwork;
import org.nin4j.model.Parameter;
import org.nin4j.plan.BatchSpec;
import org.nin4j.plan.MakeBatch;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.tensor.Philox;
import org.nin4j.tensor.Shape;

/**
 * Trains NiN for a few steps in libtorch and writes down what came out, for the product's tests.
 * Images, order, initial weights and the dropout mask come from the product's random numbers; every
 * computation of the network, its gradients and the update is libtorch's.
 *
 * <p>Usage: {@code RecordSteps FOLDER}; writes one JSON file for each case.
 */
public final class RecordSteps {
  private static final Shape SOURCE = Shape.of(1, 28, 28);
  private static final int VALUES_PER_PARAMETER = 64;

  /** After these many steps the parameters are written down too. */
  private static final Set<Integer> SNAPSHOTS = Set.of(2, 20);

  private static final List<Setting> SETTINGS =
      List.of(
          new Setting(
              "momentum",
              67,
              8,
              20,
              32,
              20240301,
              0,
              "HE_UNIFORM",
              1e-4f,
              0.9f,
              true,
              0.05f,
              0f,
              0f,
              1f),
          new Setting(
              "dropout",
              99,
              8,
              20,
              32,
              25,
              7,
              "XAVIER_UNIFORM",
              5e-3f,
              0f,
              false,
              0f,
              0.5f,
              0.286f,
              0.353f));

  private RecordSteps() {}

  public static void main(String[] arguments) throws IOException {
    Path folder = Path.of(arguments[0]);
    torch.set_num_threads(2);
    Gson gson = new GsonBuilder().create();
    for (Setting setting : SETTINGS) {
      RecordedCase recorded = record(setting);
      String made =
          "org.bytedeco:pytorch:%s, %s, 2 threads"
              .formatted(
                  Loader.getVersion("org.bytedeco", "pytorch"),
                  torch.get_cpu_capability().getString());
      Path file = folder.resolve("nin-" + setting.name() + ".json");
      String json = gson.toJson(recorded);
      Files.writeString(file, "{\"made\":" + gson.toJson(made) + "," + json.substring(1) + "\n");
      System.out.printf(
          "%s: fp32 differs by at most %.1e of a loss%n", file, largestDifference(recorded));
    }
  }

  private static double largestDifference(RecordedCase recorded) {
    return IntStream.range(0, recorded.setting().steps())
        .mapToDouble(
            i -> Math.abs(recorded.fp32().losses().get(i) / recorded.fp64().losses().get(i) - 1))
        .max()
        .orElseThrow();
  }

  private static double largestDifference(Snapshot single, Snapshot full) {
    double largest = 0;
    for (int i = 0; i < full.parameters().size(); i++) {
      List<Float> expected = full.parameters().get(i).changes();
      List<Float> changes = single.parameters().get(i).changes();
      double squares = 0;
      double differences = 0;
      for (int v = 0; v < expected.size(); v++) {
        squares += Math.pow(expected.get(v), 2);
        differences += Math.pow(expected.get(v) - changes.get(v), 2);
      }
      largest = Math.max(largest, Math.sqrt(differences / squares));
    }
    return largest;
  }

  private static RecordedCase record(Setting setting) {
    byte[] pixels = new byte[setting.samples() * (int) SOURCE.elements()];
    Philox.Sequence random = new Philox.Sequence(setting.seed(), 0, 0x30000);
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (byte) random.nextBits();
    }
    List<Integer> labels = draw(setting, 1, setting.samples(), 10);
    List<Integer> order = draw(setting, 2, setting.steps() * setting.batch(), setting.samples());
    CRC32 crc = new CRC32();
    crc.update(pixels);

    List<float[]> images = images(setting, pixels, labels, order);
    Run fp32 = new Run(setting, ScalarType.Float, images, labels, order);
    Run fp64 = new Run(setting, ScalarType.Double, images, labels, order);
    for (int i = 0; i < fp64.snapshots.size(); i++) {
      System.out.printf(
          "after %d steps fp32 differs by at most %.1e of what a parameter has changed%n",
          fp64.snapshots.get(i).steps(),
          largestDifference(fp32.snapshots.get(i), fp64.snapshots.get(i)));
    }
    return new RecordedCase(
        setting, labels, order, crc.getValue(), fp32.outcome, fp64.outcome, fp64.snapshots);
  }

  private static List<Integer> draw(Setting setting, int step, int count, int bound) {
    Philox.Sequence random = new Philox.Sequence(setting.seed(), step, 0x30000);
    return IntStream.range(0, count).mapToObj(i -> random.nextBelow(bound)).toList();
  }

  /** The images of each step, made as the product makes them. */
  private static List<float[]> images(
      Setting setting, byte[] pixels, List<Integer> labels, List<Integer> order) {
    BatchSpec spec =
        new BatchSpec(
            SOURCE,
            setting.pixels(),
            setting.pixels(),
            List.of(setting.mean()),
            List.of(setting.std()),
            BatchSpec.Augmentation.NONE);
    Plan whole =
        Planner.plan(
            NetworkInNetwork.of(10), spec, setting.batch(), Precision.FP32, new Purpose.Inference());
    MakeBatch step = whole.batchStep().orElseThrow();
    Plan plan = whole.withSteps(List.of(step)).keeping(List.of(step.images()));
    byte[] labelBytes = new byte[labels.size()];
    for (int i = 0; i < labelBytes.length; i++) {
      labelBytes[i] = labels.get(i).byteValue();
    }
    List<float[]> images = new ArrayList<>();
    try (ReferenceBackend backend = new ReferenceBackend();
        Session session = backend.bind(backend.prepare(plan))) {
      session.load(
          new Samples(
              ByteBuffer.wrap(pixels), ByteBuffer.wrap(labelBytes), setting.samples(), SOURCE));
      int[] numbers = order.stream().mapToInt(Integer::intValue).toArray();
      session.begin(
          new Epoch(setting.seed(), setting.firstStep(), numbers, new float[setting.steps()]));
      for (int i = 0; i < setting.steps(); i++) {
        session.run();
        images.add(session.read(step.images()).values());
      }
    }
    return images;
  }

  /** One training in one precision. */
  private static final class Run {
    private final Setting setting;
    private final ScalarType type;
    private final List<Parameter> parameters;
    private final List<Tensor> values = new ArrayList<>();
    final Outcome outcome = new Outcome(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    final List<Snapshot> snapshots = new ArrayList<>();

    Run(
        Setting setting,
        ScalarType type,
        List<float[]> images,
        List<Integer> labels,
        List<Integer> order) {
      this.setting = setting;
      this.type = type;
      Shape input = Shape.of(1, setting.pixels(), setting.pixels());
      this.parameters = NetworkInNetwork.of(10).parameters(input);
      TensorVector learned = new TensorVector();
      for (int i = 0; i < parameters.size(); i++) {
        long[] shape = i % 2 == 0 ? Nin.WEIGHTS[i / 2] : new long[] {Nin.WEIGHTS[i / 2][0]};
        Tensor value = Tensor.create(initial(i), shape).to(type).set_requires_grad(true);
        values.add(value);
        learned.push_back(value);
      }
      SGDOptions options = new SGDOptions(setting.learningRate());
      options.momentum().put(setting.momentum());
      options.weight_decay().put(setting.weightDecay());
      options.nesterov().put(setting.nesterov());
      SGD sgd = new SGD(learned, options);
      for (int step = 0; step < setting.steps(); step++) {
        long[] targets = new long[setting.batch()];
        for (int n = 0; n < targets.length; n++) {
          targets[n] = labels.get(order.get(step * targets.length + n));
        }
        try (PointerScope scope = new PointerScope()) {
          train(sgd, step, images.get(step), targets);
        }
        if (SNAPSHOTS.contains(step + 1)) {
          snapshots.add(snapshot(step + 1));
        }
      }
    }

    private void train(SGD sgd, int step, float[] images, long[] targets) {
      Tensor x =
          Tensor.create(images, setting.batch(), 1, setting.pixels(), setting.pixels()).to(type);
      sgd.zero_grad();
      Tensor logits = Nin.logits(values, x, dropout(step));
      Tensor loss = torch.cross_entropy_loss(logits, Tensor.create(targets));
      loss.backward();
      sgd.step();
      outcome.losses().add(loss.item_double());
      double[] flat = doubles(logits);
      outcome.top1().add(right(flat, targets, 1));
      outcome.top5().add(right(flat, targets, 5));
    }

    private UnaryOperator<Tensor> dropout(int step) {
      if (setting.dropout() == 0) {
        return x -> x;
      }
      return x -> {
        Philox.Sequence random =
            new Philox.Sequence(setting.seed(), setting.firstStep() + step, Philox.Stream.DROPOUT);
        float[] mask = new float[(int) x.numel()];
        for (int i = 0; i < mask.length; i++) {
          mask[i] = random.nextUniform() >= setting.dropout() ? 1 / (1 - setting.dropout()) : 0;
        }
        return x.mul(Tensor.create(mask, x.shape()).to(type));
      };
    }

    /** How many have fewer than k classes before their own; of equal ones the lower is before. */
    private static int right(double[] logits, long[] targets, int k) {
      int classes = logits.length / targets.length;
      int right = 0;
      for (int n = 0; n < targets.length; n++) {
        int label = (int) targets[n];
        double own = logits[n * classes + label];
        int row = n * classes;
        long before =
            IntStream.range(0, classes)
                .filter(c -> logits[row + c] > own || (logits[row + c] == own && c < label))
                .count();
        right += before < k ? 1 : 0;
      }
      return right;
    }

    private Snapshot snapshot(int steps) {
      List<Change> all = new ArrayList<>();
      for (int i = 0; i < values.size(); i++) {
        float[] before = initial(i);
        double[] changes = doubles(values.get(i));
        for (int e = 0; e < changes.length; e++) {
          changes[e] -= before[e];
        }
        int count = Math.min(changes.length, VALUES_PER_PARAMETER);
        List<Float> some = new ArrayList<>();
        for (int v = 0; v < count; v++) {
          some.add((float) changes[(int) ((long) v * (changes.length - 1) / (count - 1))]);
        }
        double squares = Arrays.stream(changes).map(c -> c * c).sum();
        double sum = Arrays.stream(changes).sum();
        String name = parameters.get(i).name();
        all.add(new Change(name, changes.length, Math.sqrt(squares), sum, some));
      }
      return new Snapshot(steps, all);
    }

    private float[] initial(int index) {
      return Initialisation.valueOf(setting.initialisation())
          .draw(parameters.get(index), index, setting.seed())
          .values();
    }

    private static double[] doubles(Tensor tensor) {
      double[] values = new double[(int) tensor.numel()];
      java.nio.DoubleBuffer buffer =
          tensor.detach().to(ScalarType.Double).contiguous().createBuffer();
      buffer.get(values);
      return values;
    }
  }
}
