package org.nin4j.cli.command;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.nin4j.backend.Backend;
import org.nin4j.cli.option.RecipeDefaults;
import org.nin4j.cli.output.Console;
import org.nin4j.cli.output.Quantities;
import org.nin4j.data.TrainTest;
import org.nin4j.model.zoo.NinVariant;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.text.Text;
import org.nin4j.train.TimeBudget;
import org.nin4j.train.TrainingListener;
import org.nin4j.train.TrainingStart;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.run.RunFolder;

/** Says what is about to be trained, on the console and in the run's configuration. */
final class RunStart implements TrainingListener {
  private final Console console;
  private final Backend backend;
  private final Recipe base;
  private final TrainTest data;
  private final RunConfig config;
  private final RunFolder folder;

  RunStart(
      Console console,
      Backend backend,
      Recipe base,
      TrainTest data,
      Optional<TimeBudget.Choice> inTime,
      Optional<Path> startFrom,
      RunFolder folder) {
    this.console = console;
    this.backend = backend;
    this.base = base;
    this.data = data;
    config = new RunConfig(backend, data, inTime, startFrom, folder);
    this.folder = folder;
  }

  @Override
  public void started(TrainingStart start) {
    config.started(start);
    Recipe recipe = start.recipe();
    long parameters =
        start.plan().tensors(Role.PARAMETER).stream().mapToLong(t -> t.shape().elements()).sum();
    console
        .out()
        .println(
            Text.of(
                "%s (%s parameters) on %s: %s training and %s test images, %s",
                recipe.network(),
                Quantities.count(parameters),
                data.name(),
                Quantities.count(data.train().count()),
                Quantities.count(data.test().count()),
                data.origin()));
    console
        .out()
        .println(
            Text.of(
                "device: %s; %s for training",
                backend.description(), Quantities.bytes(start.trainingBytes())));
    console.out().println(Text.of("recipe %s: %s", recipe.name(), settings(recipe)));
    Map<String, String> changed = RecipeDefaults.settings(recipe);
    RecipeDefaults.settings(base)
        .forEach(
            (key, value) -> changed.computeIfPresent(key, (k, v) -> v.equals(value) ? null : v));
    if (!changed.isEmpty()) {
      console.out().println("changed: " + join(changed));
    }
    console
        .out()
        .println(
            folder
                .saved()
                .map(
                    from ->
                        Text.of(
                            "going on %s from %s in %s",
                            from.position(), from.file(), folder.path()))
                .orElse("run: " + folder.path()));
  }

  private static String settings(Recipe recipe) {
    Map<String, String> shown = new LinkedHashMap<>(RecipeDefaults.settings(recipe));
    shown.keySet().removeAll(List.of("name", "network", "dataset"));
    if (recipe.variant().equals(NinVariant.PUBLISHED)) {
      shown.keySet().removeAll(List.of("inner", "head", "reduce", "dropout"));
    }
    return join(shown);
  }

  private static String join(Map<String, String> settings) {
    return settings.entrySet().stream()
        .map(e -> e.getKey().replace('_', '-') + " " + e.getValue())
        .collect(Collectors.joining(", "));
  }
}
