package org.nin4j.train;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.function.Consumer;
import org.nin4j.data.PartialFile;

/**
 * The folder of one run: {@code config.json}, {@code history.csv}, {@code curves.png}, {@code
 * last.safetensors} (where to go on) and {@code best.safetensors} (highest test accuracy so far).
 * Every file is replaced as a whole or not at all.
 */
public final class RunFolder implements TrainingListener {
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss", Locale.ROOT);
  private static final int CHECKPOINTS_AT_ONCE = 3;
  private static final long OTHER_FILES = 1 << 20;

  private final Path path;
  private final String title;
  private final Consumer<String> remarks;

  private RunFolder(Path path, String title, Consumer<String> remarks) {
    this.path = path;
    this.title = title;
    this.remarks = remarks;
  }

  /**
   * Makes a new folder, with a name that no other has.
   *
   * @param runs the folder that holds all runs; made where it is not there
   * @param now the beginning of the run
   * @param model the network's name
   * @param title of the curves
   * @param remarks told when something that the run can do without fails
   * @throws UncheckedIOException if it cannot be made
   */
  public static RunFolder create(
      Path runs, LocalDateTime now, String model, String title, Consumer<String> remarks) {
    String name = TIME.format(now) + "-" + model;
    try {
      if (!Files.isDirectory(runs)) {
        Files.createDirectories(runs);
      }
      for (int i = 1; ; i++) {
        Path path = runs.resolve(i == 1 ? name : name + "-" + i);
        try {
          return new RunFolder(Files.createDirectory(path), title, remarks);
        } catch (FileAlreadyExistsException e) {
          continue; // Another run began in the same second.
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(
          "no run folder can be made in " + runs + ": " + PartialFile.reason(e), e);
    }
  }

  /** The folder of an earlier run, to go on in. */
  public static RunFolder open(Path path, String title, Consumer<String> remarks) {
    return new RunFolder(path, title, remarks);
  }

  /** The checkpoint to go on from in a run's folder. */
  public static Path last(Path run) {
    return run.resolve("last.safetensors");
  }

  /** The checkpoint with the highest test accuracy in a run's folder. */
  public static Path best(Path run) {
    return run.resolve("best.safetensors");
  }

  /** Where it is. */
  public Path path() {
    return path;
  }

  /**
   * Checks that the disk has room for what a run writes.
   *
   * @param checkpointBytes size of one checkpoint
   * @throws UncheckedIOException if it has not
   */
  public void requireRoom(long checkpointBytes) {
    long needed = CHECKPOINTS_AT_ONCE * checkpointBytes + OTHER_FILES;
    try {
      long free = Files.getFileStore(path).getUsableSpace();
      if (free < needed) {
        throw new IOException(
            "there is no room for the run in %s: %.0f MB are free, %.0f MB are needed; choose another folder with --out"
                .formatted(path, free / 1e6, needed / 1e6));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e.getMessage(), e);
    }
  }

  /** Writes {@code config.json}; where the run goes on, {@code config-2.json} and so on. */
  public void writeConfig(JsonObject config) {
    Path file = path.resolve("config.json");
    for (int i = 2; Files.exists(file); i++) {
      file = path.resolve("config-" + i + ".json");
    }
    write(file, new GsonBuilder().setPrettyPrinting().create().toJson(config) + "\n");
  }

  /** Removes the folder if the run never came to a checkpoint: it holds nothing of worth then. */
  public void removeIfUnused() {
    if (Files.exists(last(path))) {
      return;
    }
    try {
      Files.deleteIfExists(path.resolve("config.json"));
      Files.deleteIfExists(path);
    } catch (IOException e) {
      remarks.accept(path + " cannot be removed: " + PartialFile.reason(e));
    }
  }

  @Override
  public void epochEnded(History history) {
    write(path.resolve("history.csv"), history.toCsv());
    Path curves = path.resolve("curves.png");
    try {
      Curves.write(history, title, curves);
    } catch (RuntimeException | LinkageError | InternalError e) {
      // Machines without fonts or graphics libraries; the numbers are in the history.
      remarks.accept(curves + " cannot be drawn: " + e);
    }
  }

  @Override
  public void checkpointed(Checkpoint checkpoint, boolean best) {
    if (best) {
      checkpoint.write(best(path));
    }
    checkpoint.write(last(path));
  }

  private static void write(Path file, String text) {
    try (PartialFile partial = PartialFile.create(file)) {
      partial.stream().write(text.getBytes(StandardCharsets.UTF_8));
      partial.commit();
    } catch (IOException e) {
      throw new UncheckedIOException(file + " cannot be written: " + PartialFile.reason(e), e);
    }
  }
}
