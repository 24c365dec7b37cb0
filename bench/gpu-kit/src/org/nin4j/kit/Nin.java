package org.nin4j.kit;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import org.nin4j.backend.Backend;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.Metrics;
import org.nin4j.backend.RandomSamples;
import org.nin4j.backend.Samples;
import org.nin4j.backend.Session;
import org.nin4j.model.Initialisation;
import org.nin4j.model.Network;
import org.nin4j.model.Parameter;
import org.nin4j.model.zoo.NetworkInNetwork;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.Sgd;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.tensor.Philox;
import org.nin4j.tensor.Shape;

/**
 * The whole network at work on random images and He-uniform weights. A step begins with bytes on
 * the device: gathering, enlarging and scaling the batch are part of it.
 */
final class Nin implements AutoCloseable {
  /** Stored images, so many that a batch is not found in a cache. */
  private static final int SAMPLES = 4096;

  /** Steps between two calls of {@link Session#begin}. */
  private static final int EPOCH = 1024;

  private static final long SEED = 1;
  private static final int CLASSES = 10;
  private static final Shape SOURCE = Shape.of(1, 28, 28);
  private static final Network NETWORK = NetworkInNetwork.of(CLASSES);

  private final Session session;
  private final Epoch epoch;
  private int steps;

  private Nin(Session session) {
    this.session = session;
    Plan plan = session.placed().plan();
    List<Parameter> parameters = NETWORK.parameters(plan.batchStep().orElseThrow().spec().output());
    for (int i = 0; i < parameters.size(); i++) {
      Parameter parameter = parameters.get(i);
      session.write(
          plan.tensor(parameter.name()), Initialisation.HE_UNIFORM.draw(parameter, i, SEED));
    }
    int[] order = new int[EPOCH * plan.batch()];
    Philox.Sequence random = new Philox.Sequence(SEED, 0, Philox.Stream.SHUFFLE);
    Arrays.setAll(order, i -> random.nextBelow(SAMPLES));
    float[] rates = new float[EPOCH];
    Arrays.fill(rates, 0.01f);
    epoch = new Epoch(SEED, 0, order, rates);
    session.load(samples());
    session.begin(epoch);
  }

  private static Samples samples() {
    return direct(RandomSamples.of(SOURCE, SAMPLES, CLASSES, SEED));
  }

  private static Samples direct(Samples samples) {
    return new Samples(
        ByteBuffer.allocateDirect(samples.images().capacity()).put(samples.images()).clear(),
        ByteBuffer.allocateDirect(samples.labels().capacity()).put(samples.labels()).clear(),
        samples.count(),
        samples.image());
  }

  /** Pixels along a side: as published, or as few as the network takes. */
  static int pixels(Room room) {
    return room.small() ? 67 : 224;
  }

  /** Images of a batch: as published, or a few. */
  static int batch(Room room) {
    return room.small() ? 2 : 128;
  }

  /** Ready to train by plain gradient descent, dropout on. */
  static Nin training(Backend backend, Precision precision, int pixels, int batch) {
    return bind(backend, precision, pixels, batch, new Purpose.Training(Sgd.PLAIN));
  }

  /** Ready to be trained, or to classify. */
  static Nin bind(Backend backend, Precision precision, int pixels, int batch, Purpose purpose) {
    BatchSpec images = BatchSpec.unit(SOURCE, pixels, pixels);
    Plan plan = Planner.plan(NETWORK, images, batch, precision, purpose);
    Session session = backend.bind(backend.prepare(plan));
    try {
      return new Nin(session);
    } catch (RuntimeException e) {
      session.close();
      throw e;
    }
  }

  /**
   * Does the given number of steps and waits for them.
   *
   * @return seconds
   * @throws IllegalStateException if the loss is not finite
   */
  double run(int count) {
    long begin = System.nanoTime();
    for (int i = 0; i < count; i++) {
      if (steps == EPOCH) {
        session.begin(epoch);
        steps = 0;
      }
      session.run();
      steps++;
    }
    Metrics metrics = session.metrics();
    double seconds = (System.nanoTime() - begin) / 1e9;
    if (!Double.isFinite(metrics.lossSum())) {
      throw new IllegalStateException("the loss is " + metrics.lossSum());
    }
    return seconds;
  }

  int batch() {
    return session.placed().plan().batch();
  }

  /** The arena that the plan asks for. */
  long planBytes() {
    return session.placed().bytes();
  }

  /** The stored images with their labels, the order of an epoch and its learning rates. */
  long dataBytes() {
    return SAMPLES * (SOURCE.elements() + 1)
        + (long) Integer.BYTES * (epoch.order().length + epoch.learningRates().length);
  }

  List<float[]> parameters() {
    return session.placed().plan().tensors(Role.PARAMETER).stream()
        .map(tensor -> session.read(tensor).values())
        .toList();
  }

  @Override
  public void close() {
    session.close();
  }
}
