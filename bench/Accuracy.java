import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Time to accuracy: trains by a recipe with one seed after the other, each in a process of its own,
 * and writes down the test accuracy after each epoch with the seconds since the program was
 * started: start, reading the data, training and evaluation are all in that clock.
 *
 * <p>Run from the project's folder, after a build: {@code java -cp 'target/lib/*'
 * bench/Accuracy.java [name=value ...]}; see {@link #DEFAULTS}.
 */
public final class Accuracy {
  private static final Map<String, String> DEFAULTS = new LinkedHashMap<>();

  static {
    DEFAULTS.put("recipe", "fast");
    DEFAULTS.put("seeds", "1,2,3,4,5");
    DEFAULTS.put("goals", "0.90,0.91,0.92,0.93");
    // More options of ./nin train, with spaces between them.
    DEFAULTS.put("options", "");
    DEFAULTS.put("machine", "not told");
    DEFAULTS.put("commit", "not told");
    DEFAULTS.put("records", "bench/records");
  }

  private Accuracy() {}

  public static void main(String[] arguments) throws IOException, InterruptedException {
    Map<String, String> settings = new LinkedHashMap<>(DEFAULTS);
    for (String argument : arguments) {
      String[] pair = argument.split("=", 2);
      if (pair.length != 2 || !DEFAULTS.containsKey(pair[0])) {
        System.err.println("there is no setting '" + argument + "'; there are " + DEFAULTS);
        System.exit(2);
      }
      settings.put(pair[0], pair[1]);
    }
    String date = LocalDateTime.now().format(DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HHmmss"));
    Path folder = Path.of(settings.get("records")).resolve(date + "_accuracy");
    JsonObject record = new JsonObject();
    record.addProperty("what", "accuracy");
    record.addProperty("date", date);
    record.addProperty("commit", settings.get("commit"));
    record.addProperty("machine", settings.get("machine"));
    record.addProperty(
        "command",
        "bench/run accuracy recipe=%s seeds=%s goals=%s options=\"%s\""
            .formatted(
                settings.get("recipe"),
                settings.get("seeds"),
                settings.get("goals"),
                settings.get("options")));
    record.addProperty("recipe", (settings.get("recipe") + " " + settings.get("options")).trim());
    JsonArray goals = new JsonArray();
    for (String goal : settings.get("goals").split(",")) {
      goals.add(Double.valueOf(goal));
    }
    record.add("goals", goals);
    JsonArray trainings = new JsonArray();
    record.add("trainings", trainings);
    for (String seed : settings.get("seeds").split(",")) {
      trainings.add(training(settings, seed));
      Files.createDirectories(folder);
      // After each: what takes an hour may be ended before its end.
      Files.writeString(folder.resolve("record.json"), pretty(record));
    }
    System.out.println("written to " + folder);
  }

  private static JsonObject training(Map<String, String> settings, String seed)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("./nin", "train", "--json", "--seed", seed));
    command.addAll(List.of("--recipe", settings.get("recipe")));
    if (!settings.get("options").isEmpty()) {
      command.addAll(List.of(settings.get("options").split(" ")));
    }
    long begin = System.nanoTime();
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    JsonObject training = new JsonObject();
    training.addProperty("seed", Integer.valueOf(seed));
    JsonArray epochs = new JsonArray();
    training.add("epochs", epochs);
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        JsonObject event = JsonParser.parseString(line).getAsJsonObject();
        if (event.get("event").getAsString().equals("epoch")) {
          JsonObject epoch = new JsonObject();
          epoch.add("epoch", event.get("epoch"));
          epoch.add("testAccuracy", event.get("test_accuracy"));
          epoch.addProperty("secondsSinceStart", (System.nanoTime() - begin) / 1_000_000 / 1e3);
          epoch.add("trainingSeconds", event.get("seconds"));
          epochs.add(epoch);
          System.err.printf("seed %s %s%n", seed, epoch);
        }
      }
    }
    if (process.waitFor() != 0) {
      throw new IOException(command + " ended with " + process.exitValue());
    }
    return training;
  }

  /** A training's epochs in a line of their own. */
  private static String pretty(JsonObject record) {
    return record.toString().replace("{\"seed\"", "\n{\"seed\"").replace("]}]}", "]}\n]}") + "\n";
  }
}
