package org.nin4j.bench;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import org.nin4j.backend.Backend;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.Metrics;
import org.nin4j.backend.Samples;
import org.nin4j.backend.Session;
import org.nin4j.backend.choice.Devices;
import org.nin4j.model.Initialisation;
import org.nin4j.model.Network;
import org.nin4j.model.Parameter;
import org.nin4j.model.zoo.Networks;
import org.nin4j.plan.PlacedPlan;
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

/** A session on random samples and weights, ready to run any number of times. */
final class Bench implements AutoCloseable {
  /** Runs between two calls of {@link Session#begin}. */
  private static final int EPOCH = 1024;

  /** Stored images in turn, so that a batch is not found in a cache. */
  private static final int SAMPLES = 4096;

  private static final long SEED = 1;
  private static final int CLASSES = 10;
  private static final Shape SOURCE = Shape.of(1, 28, 28);

  /** What is measured unless another is named. */
  static final Network NIN = network("nin");

  private final Session session;
  private final Epoch epoch;
  private int runs;

  private Bench(Session session, int batch) {
    this.session = session;
    int[] order = new int[EPOCH * batch];
    Philox.Sequence random = new Philox.Sequence(SEED, 0, Philox.Stream.SHUFFLE);
    Arrays.setAll(order, i -> random.nextBelow(SAMPLES));
    float[] rates = new float[EPOCH];
    Arrays.fill(rates, 0.01f);
    epoch = new Epoch(SEED, 0, order, rates);
    session.load(samples());
    session.begin(epoch);
  }

  /** The backend of that name: {@code onednn}, {@code reference}, {@code cuda}. */
  static Backend backend(String name, int threads) {
    return Devices.open(name.equals("onednn") ? "cpu" : name, threads);
  }

  /** One of those that come with the library. */
  static Network network(String name) {
    return Networks.named(name).network(CLASSES);
  }

  /** Training with plain gradient descent, dropout on. */
  static Plan training(Network network, int pixels, int batch, Precision precision) {
    return plan(network, pixels, batch, precision, new Purpose.Training(Sgd.PLAIN));
  }

  static Plan inference(Network network, int pixels, int batch, Precision precision) {
    return plan(network, pixels, batch, precision, new Purpose.Inference());
  }

  private static Plan plan(
      Network network, int pixels, int batch, Precision precision, Purpose purpose) {
    BatchSpec images = BatchSpec.unit(SOURCE, pixels, pixels);
    return Planner.plan(network, images, batch, precision, purpose);
  }

  /** A whole network: its parameters are He-uniform. */
  static Bench bind(Backend backend, Network network, Plan plan) {
    return bind(backend, network, backend.prepare(plan));
  }

  /** The same of a prepared plan. */
  static Bench bind(Backend backend, Network network, PlacedPlan placed) {
    Session session = backend.bind(placed);
    Plan plan = placed.plan();
    List<Parameter> parameters = network.parameters(plan.batchStep().orElseThrow().spec().output());
    for (int i = 0; i < parameters.size(); i++) {
      Parameter parameter = parameters.get(i);
      session.write(
          plan.tensor(parameter.name()), Initialisation.HE_UNIFORM.draw(parameter, i, SEED));
    }
    return new Bench(session, plan.batch());
  }

  /**
   * Some steps of a network on their own: what they read and do not write themselves is random and
   * stays as it is.
   */
  static Bench bindPart(Backend backend, Plan part) {
    List<TensorSpec> given = given(part);
    Session session = backend.bind(backend.prepare(part.keeping(given)));
    int stream = 0;
    for (TensorSpec tensor : given) {
      session.write(tensor, random(tensor, stream++));
    }
    return new Bench(session, part.batch());
  }

  private static List<TensorSpec> given(Plan part) {
    List<TensorSpec> written = part.steps().stream().flatMap(s -> s.writes().stream()).toList();
    return part.tensors().stream().filter(t -> !written.contains(t)).toList();
  }

  private static HostTensor random(TensorSpec tensor, int stream) {
    Philox.Sequence random = new Philox.Sequence(SEED, stream, Philox.Stream.INITIALISATION);
    HostTensor values = HostTensor.zeros(tensor.shape());
    for (int i = 0; i < values.values().length; i++) {
      values.values()[i] =
          switch (tensor.type()) {
            case F32, BF16 -> random.nextUniform() - 0.5f;
            // Labels and positions within a 3×3 window.
            case I32, U8 -> random.nextBelow(9);
          };
    }
    return values;
  }

  private static Samples samples() {
    Philox.Sequence random = new Philox.Sequence(SEED, 1, Philox.Stream.SHUFFLE);
    ByteBuffer images = ByteBuffer.allocateDirect(SAMPLES * (int) SOURCE.elements());
    while (images.hasRemaining()) {
      images.put((byte) random.nextBits());
    }
    ByteBuffer labels = ByteBuffer.allocateDirect(SAMPLES);
    while (labels.hasRemaining()) {
      labels.put((byte) random.nextBelow(CLASSES));
    }
    return new Samples(images.clear(), labels.clear(), SAMPLES, SOURCE);
  }

  /** Starts one run. */
  void run() {
    if (runs == EPOCH) {
      session.begin(epoch);
      runs = 0;
    }
    session.run();
    runs++;
  }

  /** Waits for the runs so far; the sums since the epoch began. */
  Metrics await() {
    return session.metrics();
  }

  long bytes() {
    return session.placed().bytes();
  }

  /** The stored images with their labels, the order of an epoch and its learning rates. */
  long dataBytes() {
    return SAMPLES * (SOURCE.elements() + 1)
        + (long) Integer.BYTES * (epoch.order().length + epoch.learningRates().length);
  }

  @Override
  public void close() {
    session.close();
  }
}
