package org.nin4j.study;

import org.nin4j.model.Network;
import org.nin4j.train.recipe.Recipe;

/**
 * One training of a study.
 *
 * @param variant what is trained
 * @param seed its seed
 * @param settings everything that is set for it, the seed too
 * @param recipe what they say
 * @param network what they say
 */
public record PlannedRun(
    Study.Variant variant, long seed, Settings settings, Recipe recipe, Network network) {
  /** Unique in its study: the name of its folder. */
  public String name() {
    return Study.folder(variant.name(), seed);
  }
}
