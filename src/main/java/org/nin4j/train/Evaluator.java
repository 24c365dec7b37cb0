package org.nin4j.train;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.nin4j.backend.Backend;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.Metrics;
import org.nin4j.backend.Session;
import org.nin4j.data.ImageDataset;
import org.nin4j.model.Network;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.SoftmaxCrossEntropy;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.HostTensor;
import org.nin4j.train.checkpoint.Parameters;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.session.Images;
import org.nin4j.train.session.SampleOrder;

/** Runs a network over a whole data set and counts right answers. */
public final class Evaluator implements AutoCloseable {
  private final Session session;
  private final int batch;
  private final int count;
  private final ImageDataset data;
  private final TensorSpec logits;

  /**
   * Binds a network to a device and loads the images, which are preprocessed already where the
   * recipe says so. Computes in the recipe's precision, or in fp32 where the device has no
   * instructions for it.
   */
  public Evaluator(Backend backend, Recipe recipe, Network network, ImageDataset data) {
    batch = Math.min(recipe.batch(), data.count());
    count = data.count();
    this.data = data;
    Plan plan =
        Planner.plan(
            network,
            recipe.images(Images.shape(data)),
            batch,
            recipe.precisionOn(backend),
            new Purpose.Inference());
    Images.requireClasses(plan, data);
    logits = plan.steps(SoftmaxCrossEntropy.class).findFirst().orElseThrow().logits();
    session = backend.bind(backend.prepare(plan));
    session.load(Images.samples(data));
  }

  /**
   * Evaluates.
   *
   * @param parameters and state of the network by name
   * @param stopping asked before each step
   * @param progress given the samples' sums a few times a second
   * @return empty if stopped
   * @throws org.nin4j.train.checkpoint.CheckpointException if a value is missing
   */
  public Optional<Metrics> evaluate(
      Map<String, HostTensor> parameters, BooleanSupplier stopping, Consumer<Metrics> progress) {
    return run(parameters, stopping, progress, () -> {});
  }

  /**
   * Evaluates, and keeps the answer to every image; waits for each step of the device.
   *
   * @param parameters and state of the network by name
   * @param stopping asked before each step
   * @param progress given the samples' sums a few times a second
   * @return empty if stopped
   * @throws org.nin4j.train.checkpoint.CheckpointException if a value is missing
   */
  public Optional<Evaluation> examine(
      Map<String, HostTensor> parameters, BooleanSupplier stopping, Consumer<Metrics> progress) {
    List<Prediction.Answer> answers = new ArrayList<>();
    Optional<Metrics> metrics =
        run(
            parameters,
            stopping,
            progress,
            () -> {
              float[] rows = session.read(logits).values();
              for (int n = 0; n < batch && answers.size() < count; n++) {
                answers.add(Prediction.of(data.classNames(), rows, n).best());
              }
            });
    return metrics.map(sums -> Evaluation.of(sums, data, answers));
  }

  private Optional<Metrics> run(
      Map<String, HostTensor> parameters,
      BooleanSupplier stopping,
      Consumer<Metrics> progress,
      Runnable afterStep) {
    Parameters.write(session, parameters);
    int[] order = SampleOrder.inOrder(count, batch);
    int steps = order.length / batch;
    session.begin(new Epoch(0, 0, order, new float[steps]));
    Pace pace = new Pace();
    for (int step = 0; step < steps; step++) {
      if (stopping.getAsBoolean()) {
        return Optional.empty();
      }
      session.run();
      afterStep.run();
      if (pace.due()) {
        progress.accept(session.metrics());
      }
    }
    Metrics metrics = session.metrics();
    progress.accept(metrics);
    return Optional.of(metrics);
  }

  @Override
  public void close() {
    session.close();
  }
}
