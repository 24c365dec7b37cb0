package org.nin4j.cli.command;

import com.google.gson.JsonObject;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import org.nin4j.backend.Backend;
import org.nin4j.cli.output.ProgramVersion;
import org.nin4j.data.TrainTest;
import org.nin4j.model.json.NetworkWriter;
import org.nin4j.plan.step.Step;
import org.nin4j.train.TimeBudget;
import org.nin4j.train.TrainingListener;
import org.nin4j.train.TrainingStart;
import org.nin4j.train.recipe.RecipeJson;
import org.nin4j.train.run.RunFolder;

/**
 * What a run trains, and on what, written down in its folder; read, as {@link
 * org.nin4j.train.run.RunSettings}, it trains the same again.
 */
final class RunConfig implements TrainingListener {
  private final Backend backend;
  private final TrainTest data;
  private final Optional<TimeBudget.Choice> inTime;
  private final Optional<Path> startFrom;
  private final RunFolder folder;

  RunConfig(
      Backend backend,
      TrainTest data,
      Optional<TimeBudget.Choice> inTime,
      Optional<Path> startFrom,
      RunFolder folder) {
    this.backend = backend;
    this.startFrom = startFrom;
    this.data = data;
    this.inTime = inTime;
    this.folder = folder;
  }

  @Override
  public void started(TrainingStart start) {
    folder.writeConfig(config(start), Instant.now());
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
    JsonObject ways = new JsonObject();
    for (Step step : start.plan().steps()) {
      backend
          .way(start.plan(), step)
          .ifPresent(way -> ways.addProperty(step.layer() + " " + step.kind(), way));
    }
    if (ways.size() > 0) {
      device.add("ways", ways);
    }
    JsonObject software = new JsonObject();
    software.addProperty("nin4j", ProgramVersion.text());
    software.addProperty("java", System.getProperty("java.vm.version"));
    software.addProperty(
        "os", System.getProperty("os.name") + " " + System.getProperty("os.version"));
    JsonObject config = new JsonObject();
    config.addProperty("position", start.position().toString());
    config.add("recipe", RecipeJson.write(start.recipe()));
    config.add("network", NetworkWriter.write(start.network()));
    startFrom.ifPresent(file -> config.addProperty("start_from", file.toString()));
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
