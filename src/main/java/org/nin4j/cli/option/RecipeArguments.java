package org.nin4j.cli.option;

import static org.nin4j.train.recipe.Preprocessing.NONE;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.nin4j.cli.output.ShellWords;
import org.nin4j.train.recipe.Recipe;

/** Recipes as the options of {@link RecipeOptions}: its inverse. */
public final class RecipeArguments {
  /** Options that are not named like their setting. */
  private static final Map<String, String> NAMES =
      Map.of("kind", "schedule", "rate", "lr", "initialisation", "init");

  private static final List<String> SWITCHES = List.of("flip", "nesterov", "decay_weights_only");

  /** What images that are preprocessed have of their own. */
  private static final List<String> SCALE = List.of("mean", "std");

  private RecipeArguments() {}

  /** The options, each after a space, that make one recipe of another, but for its name. */
  public static String changing(Recipe from, Recipe to) {
    Map<String, String> before = RecipeDefaults.settings(from);
    return RecipeDefaults.settings(to).entrySet().stream()
        .filter(setting -> !setting.getKey().equals("name"))
        .filter(setting -> to.preprocessing() == NONE || !SCALE.contains(setting.getKey()))
        .filter(setting -> !setting.getValue().equals(before.get(setting.getKey())))
        .map(setting -> " " + argument(setting.getKey(), setting.getValue()))
        .collect(Collectors.joining());
  }

  private static String argument(String setting, String value) {
    String name = NAMES.getOrDefault(setting, setting).replace('_', '-');
    if (SWITCHES.contains(setting)) {
      return (Boolean.parseBoolean(value) ? "--" : "--no-") + name;
    }
    return "--" + name + " " + ShellWords.quote(value);
  }
}
