package org.nin4j.study;

import java.util.function.IntFunction;
import org.nin4j.model.Network;
import org.nin4j.train.recipe.Recipe;

/** Says what settings mean: the one who knows the words of the command line. */
public interface Interpreter {
  /**
   * What settings say.
   *
   * @param recipe all of the training
   * @param network for a number of classes
   */
  record Meaning(Recipe recipe, IntFunction<Network> network) {}

  /**
   * Checks the words alone.
   *
   * @throws IllegalArgumentException if one is unknown; the message says which there are
   */
  void requireKnown(Settings settings);

  /**
   * Says what settings mean.
   *
   * @throws IllegalArgumentException if they make no sense; the message says which, and what would
   */
  Meaning interpret(Settings settings);
}
