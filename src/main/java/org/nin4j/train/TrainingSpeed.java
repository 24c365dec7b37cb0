package org.nin4j.train;

import java.util.function.LongSupplier;
import org.nin4j.backend.Backend;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.Session;
import org.nin4j.data.ImageDataset;
import org.nin4j.model.Network;
import org.nin4j.plan.Planner;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.train.checkpoint.Parameters;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.session.Images;
import org.nin4j.train.session.SampleOrder;

/** How many images a second a device trains. */
public final class TrainingSpeed {
  private TrainingSpeed() {}

  /**
   * Trains the first steps of a recipe and forgets them. Binding, choosing algorithms and the steps
   * of the warm-up, which compile and fill caches, are not in the figure.
   *
   * @param data the training images
   * @param warmUpSeconds before the clock starts; at least one step
   * @param seconds on the clock; at least one step
   * @return images a second
   */
  public static double measure(
      Backend backend, Recipe recipe, ImageDataset data, double warmUpSeconds, double seconds) {
    return measure(backend, recipe, data, warmUpSeconds, seconds, System::nanoTime);
  }

  static double measure(
      Backend backend,
      Recipe recipe,
      ImageDataset data,
      double warmUpSeconds,
      double seconds,
      LongSupplier nanoTime) {
    Network network = recipe.network(data.classNames().size());
    BatchSpec images = recipe.trainingImages(Images.shape(data));
    try (Session session =
        backend.bind(
            backend.prepare(
                Planner.plan(
                    network, images, recipe.batch(), recipe.precision(), recipe.purpose())))) {
      session.load(Images.samples(data));
      Parameters.write(session, Parameters.draw(recipe, network, images.output()));
      Epoch epoch = firstEpoch(recipe, data.count());
      train(session, epoch, warmUpSeconds, nanoTime);
      return train(session, epoch, seconds, nanoTime);
    }
  }

  private static Epoch firstEpoch(Recipe recipe, int samples) {
    int steps = recipe.stepsPerEpoch(samples);
    return new Epoch(
        recipe.seed(),
        0,
        SampleOrder.shuffled(samples, recipe.batch(), recipe.seed(), 0),
        recipe.schedule().rates(0, steps, (long) recipe.epochs() * steps));
  }

  /**
   * Images a second of the given number of seconds, over and over the same epoch where it is short.
   */
  private static double train(Session session, Epoch epoch, double seconds, LongSupplier nanoTime) {
    int steps = epoch.learningRates().length;
    long begin = nanoTime.getAsLong();
    long earlier = 0;
    while (true) {
      session.begin(epoch);
      for (int step = 0; step < steps; step++) {
        session.run();
        // Waits for the step: a device that works behind the program has done it, too.
        long images = session.metrics().samples();
        double elapsed = (nanoTime.getAsLong() - begin) / 1e9;
        if (elapsed >= seconds && elapsed > 0) {
          return (earlier + images) / elapsed;
        }
      }
      earlier += session.metrics().samples();
    }
  }
}
