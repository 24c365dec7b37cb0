package org.nin4j.train.run;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.nin4j.data.file.PartialFile;
import org.nin4j.text.Text;
import org.nin4j.train.history.EpochResult;
import org.nin4j.train.history.History;
import org.nin4j.train.recipe.Recipe;

/**
 * A run as its folder tells it.
 *
 * @param started when it was started, or went on
 * @param recipe of the last time that it was started
 * @param history empty before the first epoch
 */
public record RecordedRun(Path folder, Instant started, Recipe recipe, History history) {
  /** The latest last; of the same time by name. */
  public static final Comparator<RecordedRun> BY_DATE =
      Comparator.comparing(RecordedRun::started).thenComparing(run -> run.folder().getFileName());

  /**
   * Reads a run's folder.
   *
   * @throws IllegalArgumentException if it is none, or a file in it makes no sense
   * @throws org.nin4j.model.json.DescriptionException if its network makes no sense
   * @throws java.io.UncheckedIOException if it cannot be read
   */
  public static RecordedRun read(Path folder) {
    Path config =
        RunConfigs.latest(folder)
            .orElseThrow(
                () -> new IllegalArgumentException(folder + " is no run: it has no config.json"));
    Path history = folder.resolve("history.csv");
    return new RecordedRun(
        folder,
        RunConfigs.date(folder),
        RunSettings.read(config).recipe(),
        Files.exists(history) ? history(history) : History.EMPTY);
  }

  private static History history(Path file) {
    try {
      return History.parseCsv(Files.readString(file));
    } catch (IOException e) {
      throw PartialFile.unreadable(file, e);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(Text.of("%s: %s", file, e.getMessage()), e);
    }
  }

  /**
   * The runs' folders in a folder, in no order; a folder that is a run itself has itself.
   *
   * @throws java.io.UncheckedIOException if it cannot be read
   */
  public static List<Path> foldersIn(Path folder) {
    if (RunConfigs.latest(folder).isPresent()) {
      return List.of(folder);
    }
    try (Stream<Path> all = Files.list(folder)) {
      return all.filter(path -> RunConfigs.latest(path).isPresent()).toList();
    } catch (IOException e) {
      throw PartialFile.unreadable(folder, e);
    }
  }

  /** The epoch with the highest test accuracy. */
  public Optional<EpochResult> best() {
    return history.epochs().stream().max(Comparator.comparing(EpochResult::testAccuracy));
  }

  /** Of training, without evaluation. */
  public double seconds() {
    return history.epochs().stream().mapToDouble(EpochResult::seconds).sum();
  }
}
