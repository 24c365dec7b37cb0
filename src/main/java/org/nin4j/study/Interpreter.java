package org.nin4j.study;

import java.util.function.Function;
import java.util.function.IntFunction;
import org.nin4j.data.TrainTest;
import org.nin4j.model.Network;
import org.nin4j.train.recipe.Recipe;

/** Says what settings mean: the one who knows the words of the command line. */
public interface Interpreter {
  /**
   * What settings say.
   *
   * @param recipe all of the training that is known without its data
   * @param on the whole recipe for that data, such as with its mean and deviation
   * @param network for a number of classes
   */
  record Meaning(Recipe recipe, Function<TrainTest, Recipe> on, IntFunction<Network> network) {}

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
