package org.nin4j.cli.option;

import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.nin4j.study.Interpreter;
import org.nin4j.study.Settings;
import org.nin4j.text.Text;
import org.nin4j.train.recipe.Recipe;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** Reads the settings of a study as {@code train} reads its options. */
public final class StudySettings implements Interpreter {
  private static final String RECIPE = "recipe";
  private static final String SEED = "seed";

  /** The options of {@code train} that a study may set. */
  @Command(name = "train")
  private static final class Options {
    @Option(names = "--" + RECIPE)
    private Optional<String> recipe = Optional.empty();

    @Mixin private RecipeOptions changes;
  }

  /** A study has its seeds apart. */
  @Override
  public void requireKnown(Settings settings) {
    CommandSpec spec = line(new Options()).getCommandSpec();
    for (Map.Entry<String, String> word : settings.words().entrySet()) {
      boolean isSwitch = spec.negatedOptionsMap().containsKey("--no-" + word.getKey());
      if (word.getKey().equals(SEED)) {
        throw new IllegalArgumentException("there is no setting 'seed' here; see 'seeds'");
      }
      if (!spec.optionsMap().containsKey("--" + word.getKey())) {
        throw new IllegalArgumentException(
            Text.of(
                "there is no setting '%s'; there are %s",
                word.getKey(),
                spec.optionsMap().keySet().stream()
                    .map(name -> name.substring(2))
                    .filter(name -> !name.equals(SEED))
                    .sorted()
                    .collect(Collectors.joining(", "))));
      }
      boolean switched = word.getValue().equals("true") || word.getValue().equals("false");
      if (isSwitch != switched) {
        throw new IllegalArgumentException(
            Text.of(
                "'%s' is %s, not %s",
                word.getKey(), isSwitch ? "true or false" : "no switch", word.getValue()));
      }
    }
  }

  private static CommandLine line(Options options) {
    return Converters.ofRecipes(new CommandLine(options)).setResourceBundle(new RecipeDefaults());
  }

  @Override
  public Meaning interpret(Settings settings) {
    Options options = new Options();
    try {
      line(options).parseArgs(settings.arguments().toArray(String[]::new));
    } catch (ParameterException e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
    Recipe recipe = options.changes.apply(options.changes.base(options.recipe));
    return new Meaning(
        recipe,
        data -> options.changes.measured(recipe, data),
        classes -> options.changes.network().network(recipe, classes));
  }
}
