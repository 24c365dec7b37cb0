package org.nin4j.train;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.nin4j.backend.Backend;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.Samples;
import org.nin4j.backend.Session;
import org.nin4j.model.Conv2d;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.SoftmaxCrossEntropy;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.checkpoint.Parameters;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.session.SampleOrder;

/**
 * A trained network at work:
 *
 * <pre>{@code
 * try (Backend backend = Devices.open("auto", 2);
 *     Classifier classifier = Classifier.load(Path.of("runs/…/best.safetensors"), backend)) {
 *   System.out.println(classifier.classify(pixels).best().name());
 * }
 * }</pre>
 *
 * <p>It belongs to the thread that made it; {@link ClassifierPool} serves many. Its memory does not
 * grow with the number of images of a call but for the answers. An image alone and one of a group
 * may differ in the last bits, where the device computes a group in another way.
 */
public final class Classifier implements AutoCloseable {
  /** So many images are computed together. */
  static final int GROUP = 16;

  /** Up to so many are computed one by one, since a group takes as long whatever it holds. */
  private static final int ALONE = 4;

  private final Checkpoint checkpoint;
  private final Backend backend;
  private final Bound alone;
  private Optional<Bound> group = Optional.empty();
  private Optional<Inspection> inspection = Optional.empty();

  /** The network for a number of images, with the memory that these are put into. */
  private record Bound(int batch, Session session, TensorSpec logits, Samples samples)
      implements AutoCloseable {
    static Bound of(Checkpoint checkpoint, Backend backend, int batch) {
      Recipe recipe = checkpoint.recipeInUse();
      Shape image = checkpoint.image();
      Plan plan =
          Planner.plan(
              checkpoint.network(),
              recipe.images(image),
              batch,
              recipe.precisionOn(backend),
              new Purpose.Inference());
      TensorSpec logits = plan.steps(SoftmaxCrossEntropy.class).findFirst().orElseThrow().logits();
      Session session = backend.bind(backend.prepare(plan));
      Parameters.write(session, checkpoint.inUse());
      int bytes = Math.multiplyExact(batch, Math.toIntExact(image.elements()));
      ByteBuffer labels = ByteBuffer.allocateDirect(batch);
      return new Bound(
          batch,
          session,
          logits,
          new Samples(ByteBuffer.allocateDirect(bytes), labels, batch, image));
    }

    /** The logits of images, [batch, classes], at most as many as fit. */
    float[] logits(List<byte[]> images) {
      ByteBuffer pixels = samples.images().duplicate();
      images.forEach(pixels::put);
      session.load(samples);
      int[] order = SampleOrder.inOrder(images.size(), batch);
      session.begin(new Epoch(0, 0, order, new float[1]));
      session.run();
      return session.read(logits).values();
    }

    @Override
    public void close() {
      session.close();
    }
  }

  /**
   * Binds a checkpoint's network to a device.
   *
   * @throws org.nin4j.train.checkpoint.CheckpointException if values of the network are missing
   */
  public Classifier(Checkpoint checkpoint, Backend backend) {
    checkpoint.requireComplete();
    this.checkpoint = checkpoint;
    this.backend = backend;
    alone = Bound.of(checkpoint, backend, 1);
  }

  /**
   * Reads a checkpoint and binds its network, whichever that is, to a device.
   *
   * @throws org.nin4j.train.checkpoint.CheckpointException if the file is no checkpoint or damaged
   */
  public static Classifier load(Path file, Backend backend) {
    return new Classifier(Checkpoint.read(file), backend);
  }

  /** (channels, height, width) of the images it takes. */
  public Shape image() {
    return checkpoint.image();
  }

  /** The classes by label. */
  public List<String> classes() {
    return checkpoint.classes();
  }

  /** Classifies one image of unsigned bytes [channels, height, width]. */
  public Prediction classify(byte[] image) {
    return classify(List.of(image)).get(0);
  }

  /**
   * Classifies images, preprocessed as those that the network was trained on.
   *
   * @param images each of unsigned bytes [channels, height, width]
   * @throws IllegalArgumentException if one has another size
   */
  public List<Prediction> classify(List<byte[]> images) {
    images.forEach(this::requireSize);
    List<Prediction> predictions = new ArrayList<>(images.size());
    for (int from = 0; from < images.size(); ) {
      int left = images.size() - from;
      Bound bound = left > ALONE ? group() : alone;
      List<byte[]> some = images.subList(from, from + Math.min(left, bound.batch()));
      float[] logits = bound.logits(some.stream().map(checkpoint::preprocessed).toList());
      for (int n = 0; n < some.size(); n++) {
        predictions.add(Prediction.of(classes(), logits, n));
      }
      from += some.size();
    }
    return Collections.unmodifiableList(predictions);
  }

  /** Bound when first asked for: many classify one image at a time. */
  private Bound group() {
    Bound bound = group.orElseGet(() -> Bound.of(checkpoint, backend, GROUP));
    group = Optional.of(bound);
    return bound;
  }

  /**
   * Whether the network's scores are means over maps, so that {@link #evidence} can be asked for:
   * it ends in a global average pool, with at most one linear layer after it.
   */
  public boolean explains() {
    return inspection().explains();
  }

  /**
   * Checks the same.
   *
   * @throws org.nin4j.model.ShapeException if not; the message says what is needed
   */
  public void requireExplains() {
    inspection().requireEnding();
  }

  /**
   * Where in an image the network finds what speaks for each class.
   *
   * @param image unsigned bytes [channels, height, width]
   * @throws org.nin4j.model.ShapeException if the network's scores are no means over maps
   */
  public Evidence evidence(byte[] image) {
    return inspection().evidence(preprocessed(image));
  }

  /**
   * What leaves each block for an image, from the first to the last: each of the outermost parts
   * with weights, together with the activations and norms that stand right behind it.
   *
   * @param image unsigned bytes [channels, height, width]
   */
  public List<FeatureMaps> featureMaps(byte[] image) {
    return inspection().featureMaps(preprocessed(image));
  }

  /**
   * The weights of the first convolution, [filters, channels, height, width]; empty where the
   * network has none.
   */
  public Optional<FeatureMaps> firstFilters() {
    return checkpoint.network().nodes(checkpoint.recipeInUse().images(image()).output()).stream()
        .filter(node -> node.layer() instanceof Conv2d)
        .findFirst()
        .map(
            node ->
                new FeatureMaps(
                    node.name(), checkpoint.inUse().get(node.parameters().get(0).name())));
  }

  /** Bound when first asked for: most never look inside. */
  private Inspection inspection() {
    Inspection bound = inspection.orElseGet(() -> new Inspection(checkpoint, backend));
    inspection = Optional.of(bound);
    return bound;
  }

  private byte[] preprocessed(byte[] image) {
    requireSize(image);
    return checkpoint.preprocessed(image);
  }

  private void requireSize(byte[] image) {
    requireSize(checkpoint, image);
  }

  /**
   * Checks an image for a checkpoint's network.
   *
   * @throws IllegalArgumentException if it has another size
   */
  static void requireSize(Checkpoint checkpoint, byte[] image) {
    Shape shape = checkpoint.image();
    if (image.length != shape.elements()) {
      throw new IllegalArgumentException(
          Text.of("an image of %s has %d bytes, not %d", shape, shape.elements(), image.length));
    }
  }

  @Override
  public void close() {
    inspection.ifPresent(Inspection::close);
    group.ifPresent(Bound::close);
    alone.close();
  }
}
