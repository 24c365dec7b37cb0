package org.nin4j.spark;

import org.apache.spark.sql.SparkSession;
import org.nin4j.train.recipe.Recipe;

/** A driver in a process of its own, to be killed. */
final class Driver {
  private Driver() {}

  static Recipe recipe() {
    return Trial.recipe().toBuilder().epochs(6).build();
  }

  static NinEstimator estimator(String folder) {
    return Trial.estimator(recipe(), 2, 2)
        .setDevice("reference")
        .setCheckpointDir(folder)
        .setCheckpointMinutes(0.0005)
        .setResume(true);
  }

  public static void main(String[] arguments) {
    try (SparkSession spark = Trial.session(Trial.settings("local[2]"))) {
      estimator(arguments[0]).fit(Trial.frame(spark));
    } catch (java.io.IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
