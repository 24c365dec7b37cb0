package org.nin4j.study;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalLong;
import org.nin4j.data.file.PartialFile;
import org.nin4j.model.Network;
import org.nin4j.model.json.NetworkReader;
import org.nin4j.model.json.NetworkWriter;
import org.nin4j.train.history.EpochResult;
import org.nin4j.train.history.History;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.RecipeJson;

/**
 * How a run of a study ended: {@code result.json} in its folder, beside what every run leaves.
 *
 * @param recipe it was trained by
 * @param network what was trained
 * @param data fingerprint of the images
 * @param device in words
 * @param divergence why it has no result: empty for a run that came to its end
 * @param history of its complete epochs
 * @param resources what it took
 */
public record RunResult(
    Recipe recipe,
    Network network,
    String data,
    String device,
    Optional<String> divergence,
    History history,
    Resources resources) {
  private static final String FILE = "result.json";

  /** Whether its loss or a parameter became NaN or infinite. */
  public boolean diverged() {
    return divergence.isPresent();
  }

  /** The last complete epoch; empty for one that diverged before. */
  public Optional<EpochResult> last() {
    return history.last();
  }

  /** The epoch with the highest test accuracy, the first of equal ones. */
  Optional<EpochResult> best() {
    return history.epochs().stream().reduce((a, b) -> b.testAccuracy() > a.testAccuracy() ? b : a);
  }

  /** Seconds of training steps. */
  public double seconds() {
    return history.epochs().stream().mapToDouble(EpochResult::seconds).sum();
  }

  /** Images trained over the seconds of the training steps; empty where no epoch was completed. */
  Optional<Double> trainedPerSecond() {
    double images =
        history.epochs().stream().mapToDouble(e -> e.imagesPerSecond() * e.seconds()).sum();
    return history.epochs().isEmpty() ? Optional.empty() : Optional.of(images / seconds());
  }

  /** Whether it is the result of that run. */
  boolean isOf(PlannedRun run, String ofData) {
    return recipe.equals(run.recipe()) && network.equals(run.network()) && data.equals(ofData);
  }

  /** Writes it to a run's folder, as a whole or not at all. */
  void write(Path folder) {
    JsonObject json = new JsonObject();
    json.addProperty("outcome", diverged() ? "diverged" : "trained");
    divergence.ifPresent(why -> json.addProperty("divergence", why));
    json.add("recipe", RecipeJson.write(recipe));
    json.add("network", NetworkWriter.write(network));
    json.addProperty("data", data);
    json.addProperty("device", device);
    json.addProperty("history", history.toCsv());
    json.add("resources", write(resources));
    PartialFile.write(
        folder.resolve(FILE), new GsonBuilder().setPrettyPrinting().create().toJson(json) + "\n");
  }

  private static JsonObject write(Resources resources) {
    JsonObject json = new JsonObject();
    json.addProperty("parameters", resources.parameters());
    json.addProperty("multiply_adds", resources.multiplyAdds());
    json.addProperty("training_bytes_planned", resources.trainingPlanned());
    resources
        .trainingMeasured()
        .ifPresent(bytes -> json.addProperty("training_bytes_measured", bytes));
    json.addProperty("prediction_bytes_planned", resources.predictionPlanned());
    resources
        .predictionMeasured()
        .ifPresent(bytes -> json.addProperty("prediction_bytes_measured", bytes));
    json.addProperty("predictions_per_second", resources.predictionsPerSecond());
    return json;
  }

  /**
   * What a run's folder holds; empty where there is none, or it cannot be understood, which is as
   * good: the run's checkpoint says how far it came.
   */
  static Optional<RunResult> read(Path folder) {
    try {
      JsonObject json =
          JsonParser.parseString(Files.readString(folder.resolve(FILE))).getAsJsonObject();
      return Optional.of(
          new RunResult(
              RecipeJson.read(json.getAsJsonObject("recipe")),
              NetworkReader.read(json.get("network")),
              json.get("data").getAsString(),
              json.get("device").getAsString(),
              json.has("divergence")
                  ? Optional.of(json.get("divergence").getAsString())
                  : Optional.empty(),
              History.parseCsv(json.get("history").getAsString()),
              resources(json.getAsJsonObject("resources"))));
    } catch (IOException | RuntimeException e) {
      return Optional.empty(); // Not there, changed by hand, or of another program's making.
    }
  }

  private static Resources resources(JsonObject json) {
    return new Resources(
        json.get("parameters").getAsLong(),
        json.get("multiply_adds").getAsLong(),
        json.get("training_bytes_planned").getAsLong(),
        bytes(json, "training_bytes_measured"),
        json.get("prediction_bytes_planned").getAsLong(),
        bytes(json, "prediction_bytes_measured"),
        json.get("predictions_per_second").getAsDouble());
  }

  private static OptionalLong bytes(JsonObject json, String name) {
    return json.has(name) ? OptionalLong.of(json.get(name).getAsLong()) : OptionalLong.empty();
  }
}
