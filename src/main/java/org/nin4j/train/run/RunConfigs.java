package org.nin4j.train.run;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.nin4j.data.file.PartialFile;
import org.nin4j.text.Text;

/**
 * What a run was started with: {@code config.json}, and {@code config-2.json} and so on for each
 * time that it went on.
 */
public final class RunConfigs {
  private static final String DEVICE = "device";
  private static final Pattern NAME = Pattern.compile("config(-\\d+)?\\.json");

  private RunConfigs() {}

  /**
   * What a run was started with the last time; empty for a folder that is no run.
   *
   * @throws UncheckedIOException if the folder cannot be read
   */
  public static Optional<Path> latest(Path run) {
    if (!Files.isDirectory(run)) {
      return Optional.empty();
    }
    try {
      // config.json, config-2.json, …, config-10.json.
      return RunFiles.named(NAME, run).stream()
          .max(
              Comparator.comparing((Path file) -> file.getFileName().toString().length())
                  .thenComparing(file -> file.getFileName().toString()));
    } catch (IOException e) {
      throw RunFiles.unreadable(run, e);
    }
  }

  /**
   * When a run was started, or went on: the latest {@code started} of its configurations; without
   * any, the time at which its last checkpoint was saved, or its folder written to.
   *
   * @throws UncheckedIOException if the folder cannot be read
   */
  public static Instant date(Path run) {
    try {
      Optional<Instant> started =
          RunFiles.named(NAME, run).stream()
              .flatMap(config -> started(config).stream())
              .max(Comparator.naturalOrder());
      if (started.isPresent()) {
        return started.get();
      }
      Path last = RunCheckpoints.last(run);
      return Files.getLastModifiedTime(Files.exists(last) ? last : run).toInstant();
    } catch (IOException e) {
      throw RunFiles.unreadable(run, e);
    }
  }

  /** Whether a file is one, by its name. */
  static boolean isOne(Path file) {
    return NAME.matcher(file.getFileName().toString()).matches();
  }

  /** How the latest configuration names the data. */
  static Optional<String> dataName(Path run) {
    return latest(run)
        .flatMap(
            config -> {
              try {
                return Optional.of(read(config).getAsJsonObject("data").get("name").getAsString());
              } catch (IOException | RuntimeException e) {
                return Optional.empty(); // Changed by hand.
              }
            });
  }

  /**
   * Adds one, with the time as {@code started}. Says so where the clock went back since the last
   * start, and where the run goes on but is computed on another {@code device}, or in other ways,
   * than before.
   */
  static void add(Path run, JsonObject config, Instant now, Consumer<String> remarks) {
    Optional<Path> before = latest(run);
    before
        .flatMap(RunConfigs::started)
        .filter(started -> started.isAfter(now))
        .ifPresent(
            started ->
                remarks.accept(
                    Text.of(
                        "The clock went back: this run was started at %s, and it is %s; nothing depends on it.",
                        started, now.truncatedTo(ChronoUnit.SECONDS))));
    before.flatMap(RunConfigs::device).flatMap(device -> change(device, config)).ifPresent(remarks);
    Path file = run.resolve("config.json");
    for (int i = 2; PartialFile.isThere(file); i++) {
      file = run.resolve("config-" + i + ".json");
    }
    JsonObject dated = new JsonObject();
    dated.addProperty("started", now.truncatedTo(ChronoUnit.MILLIS).toString());
    config.entrySet().forEach(e -> dated.add(e.getKey(), e.getValue()));
    PartialFile.write(file, new GsonBuilder().setPrettyPrinting().create().toJson(dated) + "\n");
  }

  /** Where numbers are added in another order, so that the last bits differ. */
  private static Optional<String> change(JsonObject before, JsonObject config) {
    JsonObject now = config.getAsJsonObject(DEVICE);
    return List.of("description", "ways").stream()
        .filter(what -> now != null && !Objects.equals(before.get(what), now.get(what)))
        .findFirst()
        .map(
            what ->
                what.equals("ways")
                    ? "in other ways (device.ways in config.json)"
                    : "on another device")
        .map(
            "Computed %s than before: as good, but not with the same last bits as in one go."
                ::formatted);
  }

  private static Optional<JsonObject> device(Path config) {
    try {
      return Optional.ofNullable(read(config).getAsJsonObject(DEVICE));
    } catch (IOException | RuntimeException e) {
      return Optional.empty(); // Changed by hand.
    }
  }

  private static Optional<Instant> started(Path config) {
    try {
      return Optional.ofNullable(read(config).get("started"))
          .map(s -> Instant.parse(s.getAsString()));
    } catch (IOException | RuntimeException e) {
      return Optional.empty(); // Changed by hand: the run has another date then, and no worse fate.
    }
  }

  private static JsonObject read(Path config) throws IOException {
    return JsonParser.parseString(Files.readString(config)).getAsJsonObject();
  }
}
