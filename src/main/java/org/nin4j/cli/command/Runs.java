package org.nin4j.cli.command;

import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Optional;
import java.util.stream.Stream;
import org.nin4j.cli.output.Console;
import org.nin4j.text.Text;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.checkpoint.CheckpointException;
import org.nin4j.train.run.RunCheckpoints;
import org.nin4j.train.run.RunConfigs;

/** Finds checkpoints of earlier runs. */
final class Runs {
  /** Where runs are kept, unless told otherwise. */
  static final String FOLDER = "runs";

  private Runs() {}

  /**
   * Reads the best checkpoint of a run's folder, or a file itself, or the best of the latest run;
   * and says which.
   *
   * @throws CheckpointException if there is none, or it cannot be used
   */
  static Checkpoint read(Optional<Path> named, Console console) {
    return read(named, console.out());
  }

  /** The same, said elsewhere than among the answers. */
  static Checkpoint read(Optional<Path> named, PrintStream told) {
    Path path = named.orElseGet(() -> latest(Path.of(FOLDER)));
    Path file = path;
    String why = "";
    if (Files.isDirectory(path)) {
      file = RunCheckpoints.best(path);
      if (!Files.exists(file)) {
        file = last(path);
        why = "; there is no " + RunCheckpoints.best(path).getFileName();
      }
    }
    Checkpoint checkpoint = Checkpoint.read(file);
    told.println(Text.of("checkpoint: %s, %s%s", file, checkpoint.position(), why));
    return checkpoint;
  }

  /** The checkpoint that a run's folder goes on from. */
  static Path last(Path run) {
    Path last = RunCheckpoints.last(run);
    if (!Files.exists(last)) {
      throw new CheckpointException(run + " holds no checkpoint " + last.getFileName());
    }
    return last;
  }

  /** Whether it is a run's folder at all, before anything is written there. */
  static void requireSomethingToGoOnFrom(Path run) {
    if (!Files.exists(RunCheckpoints.best(run)) && RunConfigs.latest(run).isEmpty()) {
      last(run);
    }
  }

  /** The run that was started last; of several the last by name. */
  static Path latest(Path runs) {
    if (Files.isDirectory(runs)) {
      try (Stream<Path> folders = Files.list(runs)) {
        Optional<Path> latest =
            folders
                .filter(f -> Files.exists(RunCheckpoints.last(f)))
                .max(Comparator.comparing(RunConfigs::date).thenComparing(Path::getFileName));
        if (latest.isPresent()) {
          return latest.get();
        }
      } catch (IOException e) {
        throw new UncheckedIOException(runs + " cannot be read: " + e.getMessage(), e);
      }
    }
    throw new CheckpointException(
        "there is no run in the folder " + runs + "; name a run's folder or a checkpoint");
  }
}
