package org.nin4j.train;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.nin4j.backend.Backend;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.Samples;
import org.nin4j.backend.Session;
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
  private final Session session;
  private final TensorSpec logits;

  /**
   * Binds a checkpoint's network to a device.
   *
   * @throws org.nin4j.train.checkpoint.CheckpointException if values of the network are missing
   */
  public Classifier(Checkpoint checkpoint, Backend backend) {
    checkpoint.requireComplete();
    this.checkpoint = checkpoint;
    Recipe recipe = checkpoint.recipeInUse();
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
      if (image.length != imageSize) {
        throw new IllegalArgumentException(
            "an image of %s has %d bytes, not %d".formatted(image(), imageSize, image.length));
      }
      pixels.put(checkpoint.preprocessed(image));
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
        predictions.add(new Prediction(classes(), softmax(rows.values(), n, classes().size())));
      }
    }
    return Collections.unmodifiableList(predictions);
  }

  /** exp(z − max z) / Σ exp(z − max z). */
  private static List<Double> softmax(float[] logits, int row, int classes) {
    double largest = Double.NEGATIVE_INFINITY;
    for (int k = 0; k < classes; k++) {
      largest = Math.max(largest, logits[row * classes + k]);
    }
    double sum = 0;
    List<Double> exponentials = new ArrayList<>();
    for (int k = 0; k < classes; k++) {
      double exponential = Math.exp(logits[row * classes + k] - largest);
      exponentials.add(exponential);
      sum += exponential;
    }
    double total = sum;
    return exponentials.stream().map(e -> e / total).toList();
  }

  @Override
  public void close() {
    session.close();
  }
}
