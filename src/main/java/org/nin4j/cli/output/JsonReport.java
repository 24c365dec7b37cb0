package org.nin4j.cli.output;

import com.google.gson.JsonObject;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Optional;
import org.nin4j.data.TrainTest;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.train.TrainingListener;
import org.nin4j.train.TrainingStart;
import org.nin4j.train.checkpoint.Best;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.history.History;
import org.nin4j.train.recipe.RecipeJson;

/**
 * Tells programs how training goes: one JSON object a line, whose {@code event} is start, remark,
 * epoch, end or stopped.
 */
public final class JsonReport implements TrainingListener {
  private final PrintStream out;
  private final String device;
  private final TrainTest data;
  private final Path run;

  /**
   * Prints nothing yet.
   *
   * @param device where it is computed, for people
   * @param run the run's folder
   */
  public JsonReport(PrintStream out, String device, TrainTest data, Path run) {
    this.out = out;
    this.device = device;
    this.data = data;
    this.run = run;
  }

  private void tell(String event, JsonObject content) {
    JsonObject line = new JsonObject();
    line.addProperty("event", event);
    content.entrySet().forEach(e -> line.add(e.getKey(), e.getValue()));
    out.println(line);
  }

  @Override
  public void remarked(String remark) {
    JsonObject json = new JsonObject();
    json.addProperty("text", remark);
    tell("remark", json);
  }

  @Override
  public void started(TrainingStart start) {
    JsonObject json = new JsonObject();
    json.addProperty("run", run.toString());
    json.addProperty("network", start.recipe().network());
    json.addProperty(
        "parameters",
        start.plan().tensors(Role.PARAMETER).stream().mapToLong(t -> t.shape().elements()).sum());
    json.addProperty("data", data.name());
    json.addProperty("train_images", data.train().count());
    json.addProperty("test_images", data.test().count());
    json.addProperty("device", device);
    json.addProperty("training_bytes", start.trainingBytes());
    json.addProperty("epoch", start.position().epoch());
    json.addProperty("step", start.position().step());
    json.add("recipe", RecipeJson.write(start.recipe()));
    tell("start", json);
  }

  @Override
  public void epochEnded(History history) {
    JsonObject json = new JsonObject();
    History.columns(history.last().orElseThrow()).forEach(json::addProperty);
    tell("epoch", json);
  }

  /**
   * The last line.
   *
   * @param resume the command that goes on with a run that was stopped, if it can go on
   */
  public void ended(Checkpoint last, Optional<String> resume) {
    JsonObject json = new JsonObject();
    json.addProperty("run", run.toString());
    last.history().last().ifPresent(r -> json.addProperty("test_accuracy", r.testAccuracy()));
    last.best().ifPresent(best -> add(json, best));
    resume.ifPresent(command -> json.addProperty("resume", command));
    tell(last.complete() ? "end" : "stopped", json);
  }

  private static void add(JsonObject json, Best best) {
    json.addProperty("best_test_accuracy", best.testAccuracy());
    json.addProperty("best_epoch", best.epoch());
  }
}
