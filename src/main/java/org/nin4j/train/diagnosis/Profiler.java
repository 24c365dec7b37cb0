package org.nin4j.train.diagnosis;

import java.util.ArrayList;
import java.util.List;
import org.nin4j.backend.Backend;
import org.nin4j.backend.DeviceRates;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.Session;
import org.nin4j.data.ImageDataset;
import org.nin4j.model.Network;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.train.checkpoint.Parameters;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.session.Images;

/** Times the steps of a recipe's plan on a device. */
public final class Profiler {
  private static final int GROUPS = 5;

  private Profiler() {}

  /**
   * Runs the plan: first to warm up, then as in training, then with each step timed.
   *
   * @param recipe how to train, from its first step on
   * @param network what to train
   * @param data in stored order, from the beginning again after its end
   * @param inference whether to run the network only, as in evaluation
   * @param rates of the device
   * @param warmUp runs before the clock starts, at least 0
   * @param runs in each of the two parts, at least 1
   */
  public static Profile profile(
      Backend backend,
      Recipe recipe,
      Network network,
      ImageDataset data,
      boolean inference,
      DeviceRates rates,
      int warmUp,
      int runs) {
    BatchSpec images =
        inference ? recipe.images(Images.shape(data)) : recipe.trainingImages(Images.shape(data));
    Purpose purpose = inference ? new Purpose.Inference() : recipe.purpose();
    Plan plan = Planner.plan(network, images, recipe.batch(), recipe.precision(), purpose);
    Images.requireClasses(plan, data);
    try (Session session = backend.bind(backend.prepare(plan))) {
      session.load(Images.samples(data));
      Parameters.write(session, Parameters.draw(recipe, network, images.output()));
      session.begin(epoch(recipe, data.count(), warmUp + 2 * runs));
      for (int i = 0; i < warmUp; i++) {
        session.run();
      }
      session.metrics();
      double runSeconds = runSeconds(session, runs);
      List<long[]> times = new ArrayList<>();
      for (int i = 0; i < runs; i++) {
        times.add(session.runTimed());
      }
      Plan bound = session.placed().plan();
      return Profile.of(
          plan,
          bound,
          rates,
          step -> backend.way(bound, step),
          step -> backend.multipliesLess(bound, step),
          times,
          runSeconds);
    }
  }

  /** Median over groups of runs: waiting for every single one would be part of its time. */
  private static double runSeconds(Session session, int runs) {
    int groups = Math.min(GROUPS, runs);
    double[] seconds = new double[groups];
    for (int group = 0; group < groups; group++) {
      long begin = System.nanoTime();
      for (int i = 0; i < runs / groups; i++) {
        session.run();
      }
      session.metrics();
      seconds[group] = (System.nanoTime() - begin) / 1e9 / (runs / groups);
    }
    return Profile.median(seconds);
  }

  private static Epoch epoch(Recipe recipe, int samples, int runs) {
    int[] order = new int[Math.multiplyExact(runs, recipe.batch())];
    for (int i = 0; i < order.length; i++) {
      order[i] = i % samples;
    }
    return new Epoch(recipe.seed(), 0, order, recipe.schedule().rates(0, runs, runs));
  }
}
