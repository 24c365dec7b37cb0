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
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;
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
 */
public final class Classifier implements AutoCloseable {
  private static final int BATCH = 16;

  private final Checkpoint checkpoint;
  private final Backend backend;
  private final Shape input;
  private final Session session;
  private final TensorSpec logits;
  private Optional<Inspection> inspection = Optional.empty();

  /**
   * Binds a checkpoint's network to a device.
   *
   * @throws org.nin4j.train.checkpoint.CheckpointException if values of the network are missing
   */
  public Classifier(Checkpoint checkpoint, Backend backend) {
    checkpoint.requireComplete();
    this.checkpoint = checkpoint;
    this.backend = backend;
    Recipe recipe = checkpoint.recipeInUse();
    input = recipe.images(checkpoint.image()).output();
    Plan plan =
        Planner.plan(
            checkpoint.network(),
            recipe.images(checkpoint.image()),
            BATCH,
            recipe.precisionOn(backend),
            new Purpose.Inference());
    logits = plan.steps(SoftmaxCrossEntropy.class).findFirst().orElseThrow().logits();
    session = backend.bind(backend.prepare(plan));
    Parameters.write(session, checkpoint.inUse());
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
    if (images.isEmpty()) {
      return List.of();
    }
    int imageSize = Math.toIntExact(image().elements());
    ByteBuffer pixels = ByteBuffer.allocateDirect(Math.multiplyExact(images.size(), imageSize));
    for (byte[] image : images) {
      pixels.put(preprocessed(image));
    }
    ByteBuffer labels = ByteBuffer.allocateDirect(images.size());
    session.load(new Samples(pixels.rewind(), labels, images.size(), image()));
    int[] order = SampleOrder.inOrder(images.size(), BATCH);
    int steps = order.length / BATCH;
    session.begin(new Epoch(0, 0, order, new float[steps]));
    List<Prediction> predictions = new ArrayList<>();
    for (int step = 0; step < steps; step++) {
      session.run();
      HostTensor rows = session.read(logits);
      int samples = Math.min(BATCH, images.size() - step * BATCH);
      for (int n = 0; n < samples; n++) {
        predictions.add(Prediction.of(classes(), rows.values(), n));
      }
    }
    return Collections.unmodifiableList(predictions);
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
    return checkpoint.network().nodes(input).stream()
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
    int size = Math.toIntExact(image().elements());
    if (image.length != size) {
      throw new IllegalArgumentException(
          "an image of %s has %d bytes, not %d".formatted(image(), size, image.length));
    }
    return checkpoint.preprocessed(image);
  }

  @Override
  public void close() {
    inspection.ifPresent(Inspection::close);
    session.close();
  }
}
