package org.nin4j.cli.option;

import java.util.Optional;
import org.nin4j.model.Network;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Recipes;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** A network with its image size and batch, without data. */
public final class NetworkOptions {
  private static final int STORED_SIDE = 28;
  private static final int CLASSES = 10;
  private static final int MOST_CHANNELS = 1024;
  private static final int MOST_CLASSES = 1 << 16;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  @Option(
      names = "--recipe",
      paramLabel = "NAME",
      description =
          "Recipe to take settings from: default, fast, best, paddle, or d2l as published. Default: d2l.")
  private String recipe = Recipes.d2l().name();

  @Mixin private NetworkChoice networkChoice;

  @Option(
      names = "--size",
      paramLabel = "N",
      description = "Side of the network's images in pixels. Default: the recipe's.")
  private Optional<Integer> size = Optional.empty();

  @Option(
      names = "--channels",
      paramLabel = "N",
      description = "Channels of the images. Default: 1.")
  private int channels = 1;

  @Option(
      names = "--classes",
      paramLabel = "N",
      description = "Classes to tell apart. Default: 10.")
  private Optional<Integer> classes = Optional.empty();

  @Option(
      names = "--batch",
      paramLabel = "N",
      description = "Images in a step. Default: the recipe's.")
  private Optional<Integer> batch = Optional.empty();

  @Option(
      names = "--precision",
      paramLabel = "NAME",
      description = "fp32, tf32 or bf16. Default: the recipe's.")
  private Optional<Precision> precision = Optional.empty();

  public Recipe recipe() {
    try {
      if (channels < 1 || classes() < 1) {
        throw new IllegalArgumentException("there is at least 1 channel and 1 class");
      }
      if (channels > MOST_CHANNELS || classes() > MOST_CLASSES) {
        throw new IllegalArgumentException(
            Text.of("there are at most %d channels and %d classes", MOST_CHANNELS, MOST_CLASSES));
      }
      if (networkChoice.isFile() && classes.isPresent()) {
        throw new IllegalArgumentException(
            "--classes is for networks by name; a file says everything itself");
      }
      Recipe.Builder changed = networkChoice.apply(Recipes.named(recipe, networkChoice.name()));
      size.ifPresent(changed::size);
      batch.ifPresent(changed::batch);
      precision.ifPresent(changed::precision);
      Recipe result = changed.build();
      networkChoice.network(result, classes());
      return result;
    } catch (IllegalArgumentException e) {
      throw new ParameterException(command.commandLine(), e.getMessage());
    }
  }

  public Network network() {
    return networkChoice.network(recipe(), classes());
  }

  private int classes() {
    return classes.orElse(CLASSES);
  }

  /** (channels, height, width) that the network gets. */
  public Shape input() {
    return recipe().images(stored()).output();
  }

  public long parameters() {
    return network().parameters(input()).stream().mapToLong(p -> p.shape().elements()).sum();
  }

  public Plan training() {
    return plan(recipe().purpose());
  }

  public Plan inference() {
    return plan(new Purpose.Inference());
  }

  private Plan plan(Purpose purpose) {
    Recipe used = recipe();
    return Planner.plan(
        network(), used.trainingImages(stored()), used.batch(), used.precision(), purpose);
  }

  private Shape stored() {
    return Shape.of(channels, STORED_SIDE, STORED_SIDE);
  }
}
