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
import java.util.Random;
import java.util.stream.IntStream;
import java.util.zip.CRC32;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.StringTensorDict;
import org.bytedeco.pytorch.Tensor;
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
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.Initialisation;
import org.nin4j.model.Network;
import org.nin4j.model.Parameter;
import org.nin4j.model.Parameter.Role;
import org.nin4j.model.Sequential;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.MakeBatch;
import org.nin4j.tensor.Philox;
import org.nin4j.tensor.Shape;

/**
 * Trains the book's networks for a few steps in libtorch and writes down what came out, for the
 * product's tests. Images, order, initial values and dropout masks come from the product's random
 * numbers; the networks, their gradients and the update are libtorch's.
 *
 * <p>Usage: {@code RecordSteps FOLDER [NAME …]}, or {@code RecordSteps --full FOLDER [NAME …]} for
 * the networks and images in full size; writes one JSON file for each case, or each of the named.
 */
public final class RecordSteps {
  private static final Shape SOURCE = Shape.of(1, 28, 28);

  /** How the book's training function initialises. */
  private static final String BOOK = "XAVIER_PYTORCH_BIAS";

  private static final int MOST_VALUES_PER_TENSOR = 64;

  /** For a snapshot of all tensors, to keep the files small. */
  private static final int MOST_VALUES = 1536;

  /** A change this small, for each element, is nothing but rounding. */
  private static final double NO_CHANGE = 1e-5;

  private static final int FULL_STEPS = 5;

  /** Trainings from weights that are off by chance, to see whether a rounding matters. */
  private static final int PERTURBED = 5;

  /** Relative, four roundings to single precision: a result is off by more than its last one. */
  private static final double PERTURBATION = 0x1p-22;

  /** A network whose losses differ by more than this then is chaotic. */
  private static final double CALM = 1e-5;

  /** After these many steps and in the end the tensors are written down too. */
  private static final int FIRST_SNAPSHOT = 2;

  private static final List<Setting> SETTINGS =
      List.of(
          new Setting(
              "nin-momentum",
              "nin",
              1,
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
              "nin-dropout",
              "nin",
              1,
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
              0.353f),
          // Published: 0.1. At 0.01 a rounding changes a loss by 5e-2, at 0.001 with other seeds by
          // 1e-3.
          plain("nin-bn", 8, 99, 8, 20250101, BOOK, 0.001f),
          // Published: 0.1. From 0.02 on by 5e-3.
          plain("nin-15", 8, 99, 8, 20250101, "HE_UNIFORM", 0.01f),
          // Of a family's own design, whose rate is nobody's: one at which roundings stay small.
          plain("nin-11", 8, 64, 8, 20250107, "HE_UNIFORM", 0.003f),
          plain("nin-16", 8, 64, 8, 20250106, "HE_UNIFORM", 0.003f),
          plain("nin-19", 8, 64, 8, 20250101, "HE_UNIFORM", 0.01f),
          plain("nin-mini", 1, 28, 8, 20250101, BOOK, 0.1f),
          // Published: 0.1 from Gaussian weights, which this few channels would let fade.
          plain("nin-cifar", 8, 32, 8, 20250101, "HE_UNIFORM", 0.01f),
          plain("lenet", 1, 28, 8, 20250101, BOOK, 0.9f),
          plain("lenet-bn", 1, 28, 8, 20250101, BOOK, 0.9f),
          plain("alexnet", 8, 99, 8, 20250101, BOOK, 0.01f),
          plain("vgg11", 8, 64, 8, 20250102, BOOK, 0.05f),
          // Published: 0.05, where the sums' order on another processor changes a loss by 3e-4.
          plain("vgg11-quarter", 4, 64, 8, 20250101, BOOK, 0.02f),
          // Published: 0.1. From 0.02 on by 1e-3.
          plain("googlenet", 8, 64, 8, 20250101, "HE_UNIFORM", 0.01f),
          // Published: 0.05 without momentum, which makes a rate ten times as large. At 0.001 by
          // 1e-2;
          // without momentum from 0.002 on by 1e-3 too.
          momentum("resnet18", 8, 64, 20250103, 0.0005f),
          // Published: 0.1. From 0.005 on by 1e-2.
          plain("densenet", 8, 64, 8, 20250101, BOOK, 0.002f));

  /**
   * Plain descent, pixels in [0, 1]. Rates are the published ones, but less where training would be
   * chaotic: a ReLU next to 0 or two values of a pool that are nearly equal switch with a rounding,
   * the gradient jumps, and others follow. Few channels, small batches and noise for images make
   * that likely. A seed is one with which the perturbed trainings stay together, but for one of
   * five of nin-15, off by 4e-4, and DenseNet's, off by 1e-5.
   */
  private static Setting plain(
      String network,
      int divisor,
      int pixels,
      int batch,
      long seed,
      String initialisation,
      float rate) {
    return new Setting(
        network,
        network,
        divisor,
        pixels,
        batch,
        10,
        32,
        seed,
        3,
        initialisation,
        rate,
        0f,
        false,
        0f,
        0.5f,
        0f,
        1f);
  }

  /** The same with momentum and decay, which act on a norm's scale and shift too. */
  private static Setting momentum(String network, int divisor, int pixels, long seed, float rate) {
    Setting plain = plain(network, divisor, pixels, 8, seed, BOOK, rate);
    return new Setting(
        network,
        network,
        divisor,
        pixels,
        plain.batch(),
        plain.steps(),
        plain.samples(),
        seed,
        plain.firstStep(),
        plain.initialisation(),
        rate,
        0.9f,
        false,
        5e-4f,
        plain.dropout(),
        plain.mean(),
        plain.std());
  }

  /** All channels, and images as large as the book's. */
  private static Setting full(Setting small) {
    int pixels =
        switch (small.network()) {
          case "lenet", "lenet-bn", "nin-mini" -> 28;
          case "nin-cifar" -> 32;
          case "googlenet", "resnet18", "densenet" -> 96;
          default -> 224;
        };
    return new Setting(
        small.name(),
        small.network(),
        1,
        pixels,
        4,
        FULL_STEPS,
        small.samples(),
        small.seed(),
        small.firstStep(),
        small.initialisation(),
        small.learningRate(),
        small.momentum(),
        small.nesterov(),
        small.weightDecay(),
        small.dropout(),
        small.mean(),
        small.std());
  }

  private RecordSteps() {}

  public static void main(String[] arguments) throws IOException {
    List<String> rest = new ArrayList<>(List.of(arguments));
    boolean full = rest.remove("--full");
    Path folder = Path.of(rest.remove(0));
    torch.set_num_threads(1);
    // Plain loops for both precisions: with oneDNN, libtorch 2.10 on an AMD EPYC (Zen 5) gave the
    // narrow GoogLeNet a first loss of 3.131 in fp32 where fp64, and fp32 without it, give 3.008.
    torch.globalContext().setUserEnabledMkldnn(false);
    torch.globalContext().setUserEnabledNNPACK(false);
    Gson gson = new GsonBuilder().create();
    for (Setting setting : SETTINGS) {
      if (!rest.isEmpty() && !rest.contains(setting.name())) {
        continue;
      }
      RecordedCase recorded = record(full ? full(setting) : setting);
      String made =
          "org.bytedeco:pytorch:%s, %s, 1 thread"
              .formatted(
                  Loader.getVersion("org.bytedeco", "pytorch"),
                  torch.get_cpu_capability().getString());
      Path file = folder.resolve(setting.name() + ".json");
      String json = gson.toJson(recorded);
      Files.writeString(file, "{\"made\":" + gson.toJson(made) + "," + json.substring(1) + "\n");
      System.out.printf(
          "%s: fp32 differs by at most %.1e of a loss%n",
          file, largestDifference(recorded.fp32(), recorded.fp64()));
    }
  }

  private static double largestDifference(Outcome actual, Outcome expected) {
    return IntStream.range(0, expected.losses().size())
        .mapToDouble(i -> Math.abs(actual.losses().get(i) / expected.losses().get(i) - 1))
        .max()
        .orElseThrow();
  }

  private static double largestDifference(List<Change> single, List<Change> full) {
    double largest = 0;
    for (int i = 0; i < full.size(); i++) {
      List<Float> expected = full.get(i).changes();
      List<Float> changes = single.get(i).changes();
      double least = NO_CHANGE * NO_CHANGE * expected.size();
      double squares = 0;
      double differences = 0;
      for (int v = 0; v < expected.size(); v++) {
        squares += Math.pow(expected.get(v), 2);
        differences += Math.pow(expected.get(v) - changes.get(v), 2);
      }
      largest = Math.max(largest, Math.sqrt(differences / Math.max(squares, least)));
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
    Run fp32 = new Run(setting, ScalarType.Float, 0, images, labels, order);
    Run fp64 = new Run(setting, ScalarType.Double, 0, images, labels, order);
    for (int i = 0; i < fp64.snapshots.size(); i++) {
      Snapshot single = fp32.snapshots.get(i);
      Snapshot full = fp64.snapshots.get(i);
      System.out.printf(
          "%s, after %d steps: fp32 differs by at most %.1e of what a parameter has changed, %.1e"
              + " of a running statistic%n",
          setting.name(),
          full.steps(),
          largestDifference(single.parameters(), full.parameters()),
          largestDifference(single.state(), full.state()));
    }
    for (int number = 1; number <= PERTURBED; number++) {
      Run perturbed = new Run(setting, ScalarType.Double, number, images, labels, order);
      Snapshot last = perturbed.snapshots.get(perturbed.snapshots.size() - 1);
      Snapshot expected = fp64.snapshots.get(fp64.snapshots.size() - 1);
      double loss = largestDifference(perturbed.outcome, fp64.outcome);
      System.out.printf(
          "%s: weights off by roundings change a loss by at most %.1e, a parameter's change by"
              + " %.1e, a running statistic's by %.1e%s%n",
          setting.name(),
          loss,
          largestDifference(last.parameters(), expected.parameters()),
          largestDifference(last.state(), expected.state()),
          loss <= CALM ? "" : ": CHAOTIC");
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
            0,
            BatchSpec.Augmentation.NONE);
    Plan whole =
        Planner.plan(
            new Network("any", Sequential.of(new GlobalAvgPool2d(), new Flatten())),
            spec,
            setting.batch(),
            Precision.FP32,
            new Purpose.Inference());
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

  /** A tensor that training changes, with its place among those of its kind. */
  private record Changing(Parameter parameter, int index, Tensor value) {}

  /** One training in one precision. */
  private static final class Run {
    private final Setting setting;
    private final ScalarType type;
    private final int perturbed;
    private final Chain network;
    private final List<Changing> parameters = new ArrayList<>();
    private final List<Changing> state = new ArrayList<>();
    private int step;
    final Outcome outcome = new Outcome(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    final List<Snapshot> snapshots = new ArrayList<>();

    /**
     * Trains.
     *
     * @param perturbed 0, or the number of a training whose first weights are off by roundings
     */
    Run(
        Setting setting,
        ScalarType type,
        int perturbed,
        List<float[]> images,
        List<Integer> labels,
        List<Integer> order) {
      this.setting = setting;
      this.type = type;
      this.perturbed = perturbed;
      this.network =
          BookNetworks.named(
              setting.network(), setting.divisor(), setting.pixels(), i -> x -> dropped(i, x));
      network.to(type, false);
      find();
      SGDOptions options = new SGDOptions(setting.learningRate());
      options.momentum().put(setting.momentum());
      options.weight_decay().put(setting.weightDecay());
      options.nesterov().put(setting.nesterov());
      SGD sgd = new SGD(network.parameters(), options);
      for (step = 0; step < setting.steps(); step++) {
        long[] targets = new long[setting.batch()];
        for (int n = 0; n < targets.length; n++) {
          targets[n] = labels.get(order.get(step * targets.length + n));
        }
        try (PointerScope scope = new PointerScope()) {
          train(sgd, images.get(step), targets);
        }
        if (step + 1 == FIRST_SNAPSHOT || step + 1 == setting.steps()) {
          snapshots.add(new Snapshot(step + 1, changes(parameters), changes(state)));
        }
      }
    }

    /** Lists what changes and gives it its first values. */
    private void find() {
      StringTensorDict named = network.named_parameters();
      Parameter weight = null;
      for (int i = 0; i < named.size(); i++) {
        String name = named.get(i).key().getString();
        Tensor value = own(named.get(i).value());
        Parameter parameter = parameter(name, shape(value), weight);
        weight = name.endsWith(".weight") ? parameter : weight;
        parameters.add(new Changing(parameter, i, value));
      }
      StringTensorDict buffers = network.named_buffers();
      for (int i = 0; i < buffers.size(); i++) {
        String name = buffers.get(i).key().getString();
        Tensor value = own(buffers.get(i).value());
        if (!name.endsWith(".num_batches_tracked")) {
          Role role = name.endsWith(".running_mean") ? Role.RUNNING_MEAN : Role.RUNNING_VARIANCE;
          state.add(new Changing(new Parameter(name, shape(value), role, 1, 1), i, value));
        }
      }
      Random random = new Random(perturbed);
      for (List<Changing> tensors : List.of(parameters, state)) {
        for (Changing tensor : tensors) {
          float[] initial = initial(tensor);
          double[] values = new double[initial.length];
          Arrays.setAll(values, i -> initial[i] * off(random));
          tensor.value().data().copy_(Tensor.create(values, tensor.value().shape()));
        }
      }
    }

    private double off(Random random) {
      return perturbed == 0 ? 1 : 1 + PERTURBATION * random.nextGaussian();
    }

    /** A reference of its own to the tensor: one into a dictionary ends with the dictionary. */
    private static Tensor own(Tensor inDictionary) {
      return new Tensor(inDictionary);
    }

    /** A layer's weight, or the bias that follows it; a norm's weight is a vector. */
    private static Parameter parameter(String name, Shape shape, Parameter weight) {
      if (name.endsWith(".bias")) {
        Role role = weight.role() == Role.WEIGHT ? Role.BIAS : Role.SHIFT;
        return new Parameter(name, shape, role, weight.fanIn(), weight.fanOut());
      }
      if (shape.rank() == 1) {
        return new Parameter(name, shape, Role.SCALE, 1, 1);
      }
      long area = shape.elements() / shape.dim(0) / shape.dim(1);
      return new Parameter(name, shape, Role.WEIGHT, shape.dim(1) * area, shape.dim(0) * area);
    }

    private static Shape shape(Tensor tensor) {
      return Shape.of(Arrays.stream(tensor.shape()).mapToInt(d -> (int) d).toArray());
    }

    private void train(SGD sgd, float[] images, long[] targets) {
      Tensor x =
          Tensor.create(images, setting.batch(), 1, setting.pixels(), setting.pixels()).to(type);
      sgd.zero_grad();
      Tensor logits = network.apply(x);
      Tensor loss = torch.cross_entropy_loss(logits, Tensor.create(targets));
      loss.backward();
      sgd.step();
      outcome.losses().add(loss.item_double());
      double[] flat = doubles(logits);
      outcome.top1().add(right(flat, targets, 1));
      outcome.top5().add(right(flat, targets, 5));
    }

    /** What dropout layer number i makes of x in this step. */
    private Tensor dropped(int i, Tensor x) {
      if (setting.dropout() == 0) {
        return x;
      }
      Philox.Sequence random =
          new Philox.Sequence(
              setting.seed(), setting.firstStep() + step, Philox.Stream.DROPOUT + i);
      float[] mask = new float[(int) x.numel()];
      for (int e = 0; e < mask.length; e++) {
        mask[e] = random.nextUniform() >= setting.dropout() ? 1 / (1 - setting.dropout()) : 0;
      }
      return x.mul(Tensor.create(mask, x.shape()).to(x.scalar_type()));
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

    private List<Change> changes(List<Changing> tensors) {
      int most = Math.min(MOST_VALUES_PER_TENSOR, MOST_VALUES / (parameters.size() + state.size()));
      List<Change> all = new ArrayList<>();
      for (Changing tensor : tensors) {
        float[] before = initial(tensor);
        double[] changes = doubles(tensor.value());
        for (int e = 0; e < changes.length; e++) {
          changes[e] -= before[e];
        }
        int count = Math.min(changes.length, most);
        List<Float> some = new ArrayList<>();
        for (int v = 0; v < count; v++) {
          some.add((float) changes[(int) ((long) v * (changes.length - 1) / (count - 1))]);
        }
        double squares = Arrays.stream(changes).map(c -> c * c).sum();
        double sum = Arrays.stream(changes).sum();
        String name = tensor.parameter().name();
        all.add(new Change(name, changes.length, Math.sqrt(squares), sum, some));
      }
      return all;
    }

    private float[] initial(Changing tensor) {
      return Initialisation.valueOf(setting.initialisation())
          .draw(tensor.parameter(), tensor.index(), setting.seed())
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
