package org.nin4j.train.rounds;

import org.nin4j.backend.Backend;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.Metrics;
import org.nin4j.backend.Samples;
import org.nin4j.backend.Session;
import org.nin4j.model.Network;
import org.nin4j.plan.PlacedPlan;
import org.nin4j.plan.Plan;
import org.nin4j.tensor.Shape;
import org.nin4j.train.recipe.Recipe;

/**
 * A device that computes tasks of rounds, whichever, one after the other: what it returns follows
 * from the round, the task's number and the samples alone. Belongs to the thread that made it.
 */
public final class RoundTask implements AutoCloseable {
  private final int part;
  private final Layout told;
  private final Layout returned;
  private final Session session;

  /**
   * Binds what a task computes to a device.
   *
   * @param recipe its precision is the task's
   * @param image (channels, height, width) of the stored images
   * @throws org.nin4j.backend.BackendException if the device cannot hold or run it
   */
  public RoundTask(Backend backend, Rounds rounds, Recipe recipe, Network network, Shape image) {
    Plan plan = rounds.taskPlan(recipe, network, image);
    part = plan.batch();
    told = rounds.told(plan);
    returned = rounds.returned(plan);
    session = backend.bind(backend.prepare(plan));
  }

  /** What it takes on its device. */
  public PlacedPlan placed() {
    return session.placed();
  }

  /** Takes the samples that orders of rounds name. */
  public void load(Samples samples) {
    session.load(samples);
  }

  /**
   * Computes one task.
   *
   * @param task its number, from 0
   */
  public Round.Part compute(Round round, int task) {
    told.split(round.values(), session::write);
    session.begin(
        new Epoch(
            round.seed(),
            round.firstStep(),
            round.order(task, part),
            round.rates(),
            Metrics.NONE,
            task * part));
    for (int step = 0; step < round.steps(); step++) {
      session.run();
    }
    return new Round.Part(returned.join(session::read), session.metrics());
  }

  @Override
  public void close() {
    session.close();
  }
}
