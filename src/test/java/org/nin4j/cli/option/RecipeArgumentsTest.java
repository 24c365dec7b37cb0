package org.nin4j.cli.option;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nin4j.data.Split;
import org.nin4j.model.Initialisation;
import org.nin4j.model.Window;
import org.nin4j.model.zoo.NinVariant;
import org.nin4j.plan.Precision;
import org.nin4j.plan.step.Adam;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.Learning;
import org.nin4j.plan.step.Sgd;
import org.nin4j.train.recipe.Preprocessing;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.RecipeJson;
import org.nin4j.train.recipe.Recipes;
import org.nin4j.train.recipe.Schedule;
import picocli.CommandLine;

class RecipeArgumentsTest {
  static Stream<Recipe> recipes() {
    return Stream.concat(
        IntStream.rangeClosed(Recipes.FEWEST_EPOCHS, Recipes.MOST_EPOCHS)
            .mapToObj(Recipes::standard),
        Stream.of(
            Recipes.d2l(),
            Recipes.paddle(),
            Recipes.paper(),
            Recipes.paddle().toBuilder()
                .learning(
                    new Learning(
                        new Adam(0.5, 0.25, 1e-3f, 0.1f, true),
                        new Learning.Factors(2, 0.5f, 0.1f, true),
                        Optional.of(1.5f),
                        Optional.of(0.99f)))
                .schedule(new Schedule.OneCycle(0.1f, 0.3f))
                .build(),
            Recipes.standard().toBuilder()
                .dataset("folder:/pictures/of-mine")
                .split(Optional.of(new Split(0.1, -7)))
                .network("nin-mini")
                .limit(17)
                .validation(0.05)
                .size(96)
                .variant(
                    new NinVariant(
                        List.of(new Window(3, 1, 1), new Window(1, 1, 0)),
                        NinVariant.Head.LINEAR,
                        List.of(96, 10),
                        Optional.of(0.25f)))
                .mean(List.of(-0.1f, 0.2f, 1 / 3f))
                .std(List.of(1e-5f))
                .augmentation(new BatchSpec.Augmentation(false, 2, 5))
                .precision(Precision.FP32)
                .optimizer(new Sgd(0, false, 1e-7f))
                .schedule(new Schedule.Steps(0.3f, 0.2f, List.of(0.3f, 0.6f)))
                .initialisation(Initialisation.HE_UNIFORM)
                .labelSmoothing(0.1f)
                .seed(Long.MIN_VALUE)
                .build()));
  }

  @ParameterizedTest
  @MethodSource("recipes")
  void theOptionsMakeTheRecipe(Recipe recipe) {
    Recipe base = Recipes.standard();
    String options = RecipeArguments.changing(base, recipe).trim();
    RecipeOptions parsed = new RecipeOptions();
    new CommandLine(parsed)
        .registerConverter(Precision.class, name -> RecipeJson.constant(Precision.class, name))
        .registerConverter(
            Initialisation.class, name -> RecipeJson.constant(Initialisation.class, name))
        .registerConverter(
            Preprocessing.class, name -> RecipeJson.constant(Preprocessing.class, name))
        .registerConverter(
            NinVariant.Head.class, name -> RecipeJson.constant(NinVariant.Head.class, name))
        .parseArgs(options.isEmpty() ? new String[0] : options.split(" "));
    assertEquals(recipe.toBuilder().name(base.name()).build(), parsed.apply(base), options);
  }

  @Test
  void onlyWhatDiffersIsGiven() {
    Recipe base = Recipes.standard();
    assertEquals("", RecipeArguments.changing(base, base));
    assertEquals(
        " --epochs 3 --label-smoothing 0", RecipeArguments.changing(base, Recipes.standard(3)));
  }
}
