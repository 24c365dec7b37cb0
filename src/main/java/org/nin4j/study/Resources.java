package org.nin4j.study;

import java.util.Map;
import java.util.OptionalLong;
import org.nin4j.backend.Backend;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.Session;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.TrainTest;
import org.nin4j.model.Network;
import org.nin4j.plan.PlacedPlan;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;
import org.nin4j.train.checkpoint.Parameters;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.session.Images;
import org.nin4j.train.session.SampleOrder;

/**
 * What a network takes on a device, in batches of its recipe.
 *
 * @param parameters how many
 * @param multiplyAdds forward, for one image
 * @param trainingPlanned bytes of a training step as planned: what the device holds
 * @param trainingMeasured bytes that training held, where the system says it
 * @param predictionPlanned bytes of a prediction as planned
 * @param predictionMeasured bytes that prediction held, where the system says it
 * @param predictionsPerSecond images of the test set, each predicted once
 */
public record Resources(
    long parameters,
    long multiplyAdds,
    long trainingPlanned,
    OptionalLong trainingMeasured,
    long predictionPlanned,
    OptionalLong predictionMeasured,
    double predictionsPerSecond) {
  private static final int TRAINING_STEPS = 2;
  private static final int WARM_UP_STEPS = 3;

  /** Predicting is timed for this long at most. */
  private static final double MOST_SECONDS = 5;

  /** Memory held, and images a second. */
  private record Measured(OptionalLong bytes, double imagesPerSecond) {}

  /**
   * Trains for two steps and predicts the test set, each bound by itself.
   *
   * @param values parameters and state of the network
   */
  static Resources measure(
      Backend backend,
      Recipe recipe,
      Network network,
      TrainTest data,
      Map<String, HostTensor> values) {
    Shape image = Images.shape(data.train());
    Plan training =
        Planner.plan(
            network,
            recipe.trainingImages(image),
            recipe.batch(),
            recipe.precision(),
            recipe.purpose());
    int batch = Math.min(recipe.batch(), data.test().count());
    Plan prediction =
        Planner.plan(
            network, recipe.images(image), batch, recipe.precision(), new Purpose.Inference());
    PlacedPlan trainingPlaced = backend.prepare(training);
    PlacedPlan predictionPlaced = backend.prepare(prediction);
    int whole = Math.max(1, Math.min(TRAINING_STEPS, data.train().count() / recipe.batch()));
    int few = Math.min(whole * recipe.batch(), data.train().count());
    Measured trained = run(backend, trainingPlaced, data.train().first(few), values, 0);
    Measured predicted = run(backend, predictionPlaced, data.test(), values, WARM_UP_STEPS);
    return new Resources(
        training.tensors(Role.PARAMETER).stream().mapToLong(t -> t.shape().elements()).sum(),
        multiplyAdds(recipe, network, data),
        trainingPlaced.bytes(),
        trained.bytes(),
        predictionPlaced.bytes(),
        predicted.bytes(),
        predicted.imagesPerSecond());
  }

  /** Forward, for one image. */
  static long multiplyAdds(Recipe recipe, Network network, TrainTest data) {
    return Planner.plan(
            network,
            recipe.images(Images.shape(data.train())),
            1,
            recipe.precision(),
            new Purpose.Inference())
        .multiplyAdds();
  }

  /** Goes through images once, after some steps that compile and fill caches. */
  private static Measured run(
      Backend backend,
      PlacedPlan plan,
      ImageDataset data,
      Map<String, HostTensor> values,
      int warmUp) {
    int batch = plan.plan().batch();
    int[] order = SampleOrder.inOrder(data.count(), batch);
    int steps = order.length / batch;
    Epoch epoch = new Epoch(0, 0, order, new float[steps]);
    try (MemoryMeter memory = MemoryMeter.start(backend);
        Session session = backend.bind(plan)) {
      session.load(Images.samples(data));
      Parameters.write(session, values);
      session.begin(epoch);
      for (int step = 0; step < Math.min(warmUp, steps); step++) {
        session.run();
      }
      session.metrics();
      session.begin(epoch);
      long begin = System.nanoTime();
      double seconds = 0;
      long images = 0;
      for (int step = 0; step < steps && seconds < MOST_SECONDS; step++) {
        session.run();
        // Waits for the step.
        images = session.metrics().samples();
        seconds = (System.nanoTime() - begin) * 1e-9;
      }
      return new Measured(memory.taken(), images / seconds);
    }
  }
}
