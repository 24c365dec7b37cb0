package org.nin4j.cli.command;

import com.google.gson.JsonObject;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.nin4j.backend.Backend;
import org.nin4j.cli.option.RecipeDefaults;
import org.nin4j.cli.output.Console;
import org.nin4j.cli.output.ProgramVersion;
import org.nin4j.cli.output.Texts;
import org.nin4j.data.TrainTest;
import org.nin4j.model.json.NetworkWriter;
import org.nin4j.model.zoo.NinVariant;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.train.TimeBudget;
import org.nin4j.train.TrainingListener;
import org.nin4j.train.TrainingStart;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.RecipeJson;
import org.nin4j.train.run.RunFolder;

/** Says what is about to be trained, on the console and in the run's configuration. */
final class RunStart implements TrainingListener {
  private final Console console;
  private final Backend backend;
  private final Recipe base;
  private final TrainTest data;
  private final Optional<TimeBudget.Choice> inTime;
  private final RunFolder folder;

  RunStart(
      Console console,
      Backend backend,
      Recipe base,
      TrainTest data,
      Optional<TimeBudget.Choice> inTime,
      RunFolder folder) {
    this.console = console;
    this.backend = backend;
    this.base = base;
    this.data = data;
    this.inTime = inTime;
    this.folder = folder;
  }

  @Override
  public void started(TrainingStart start) {
    folder.writeConfig(config(start), Instant.now());
    Recipe recipe = start.recipe();
    long parameters =
        start.plan().tensors(Role.PARAMETER).stream().mapToLong(t -> t.shape().elements()).sum();
    console
        .out()
        .println(
            "%s (%s parameters) on %s: %s training and %s test images, %s"
                .formatted(
                    recipe.network(),
                    Texts.count(parameters),
                    data.name(),
                    Texts.count(data.train().count()),
                    Texts.count(data.test().count()),
                    data.origin()));
    console
        .out()
        .println(
            "device: %s; %s for training"
                .formatted(backend.description(), Texts.bytes(start.trainingBytes())));
    console.out().println("recipe %s: %s".formatted(recipe.name(), settings(recipe)));
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
                        "going on %s from %s in %s"
                            .formatted(from.position(), from.file(), folder.path()))
                .orElse("run: " + folder.path()));
  }

  private static String settings(Recipe recipe) {
    Map<String, String> shown = new LinkedHashMap<>(RecipeDefaults.settings(recipe));
    shown.keySet().removeAll(List.of("name", "network", "dataset"));
    if (recipe.variant().equals(NinVariant.PUBLISHED)) {
      shown.keySet().removeAll(List.of("inner", "head", "reduce"));
    }
    return join(shown);
  }

  private static String join(Map<String, String> settings) {
    return settings.entrySet().stream()
        .map(e -> e.getKey().replace('_', '-') + " " + e.getValue())
        .collect(Collectors.joining(", "));
  }

  private JsonObject config(TrainingStart start) {
    JsonObject dataset = new JsonObject();
    dataset.addProperty("name", data.name());
    dataset.addProperty("origin", data.origin());
    dataset.addProperty("train_images", data.train().count());
    dataset.addProperty("test_images", data.test().count());
    JsonObject device = new JsonObject();
    device.addProperty("backend", backend.name());
    device.addProperty("description", backend.description());
    device.addProperty("training_bytes", start.trainingBytes());
    JsonObject software = new JsonObject();
    software.addProperty("nin4j", ProgramVersion.text());
    software.addProperty("java", System.getProperty("java.vm.version"));
    software.addProperty(
        "os", System.getProperty("os.name") + " " + System.getProperty("os.version"));
    JsonObject config = new JsonObject();
    config.addProperty("position", start.position().toString());
    config.add("recipe", RecipeJson.write(start.recipe()));
    config.add("network", NetworkWriter.write(start.network()));
    inTime.ifPresent(choice -> config.add("time_budget", timeBudget(choice)));
    config.add("data", dataset);
    config.add("device", device);
    config.add("software", software);
    return config;
  }

  private static JsonObject timeBudget(TimeBudget.Choice choice) {
    JsonObject json = new JsonObject();
    json.addProperty("images_per_second", choice.imagesPerSecond());
    json.addProperty("epochs", choice.epochs());
    json.addProperty("expected_seconds", choice.expectedSeconds());
    json.addProperty("fits", choice.fits());
    return json;
  }
}
