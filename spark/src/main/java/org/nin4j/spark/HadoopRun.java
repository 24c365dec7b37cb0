package org.nin4j.spark;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Stream;
import org.nin4j.text.Text;
import org.nin4j.train.TrainingListener;
import org.nin4j.train.TrainingStart;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.run.RunCheckpoints;
import org.nin4j.train.run.RunFolder;

/**
 * A run's folder, as a training on one machine has it, kept here and copied to a {@link
 * HadoopFolder} whenever a checkpoint is written, the checkpoint first.
 */
final class HadoopRun implements TrainingListener, AutoCloseable {
  private static final String CONFIG = "config.json";

  private final HadoopFolder remote;
  private final Path local;
  private final RunFolder folder;
  private final Function<TrainingStart, JsonObject> config;

  /** What has been copied, by name. */
  private final Map<String, FileTime> copied = new HashMap<>();

  private HadoopRun(
      HadoopFolder remote,
      Path local,
      RunFolder folder,
      Function<TrainingStart, JsonObject> config) {
    this.remote = remote;
    this.local = local;
    this.folder = folder;
    this.config = config;
  }

  /**
   * Opens a folder, and takes over the run that is in it, if that is to go on.
   *
   * @param resume whether an earlier run may go on; else the folder must hold none
   * @param config what {@code config.json} says
   * @throws UncheckedIOException if it cannot be written to
   * @throws IllegalArgumentException if it holds a run that is not to go on
   */
  static HadoopRun open(
      HadoopFolder remote,
      boolean resume,
      Function<TrainingStart, JsonObject> config,
      Consumer<String> remarks) {
    remote.requireWritable();
    List<String> names = remote.names();
    if (!resume && names.contains(CONFIG)) {
      throw new IllegalArgumentException(
          Text.of("%s holds a run already; set resume, or choose another checkpointDir", remote));
    }
    try {
      Path local = Files.createTempDirectory("nin4j-run");
      HadoopRun run = new HadoopRun(remote, local, RunFolder.open(local, remarks), config);
      for (String name : names) {
        Files.write(local.resolve(name), remote.read(name));
        run.copied.put(name, Files.getLastModifiedTime(local.resolve(name)));
      }
      return run;
    } catch (IOException e) {
      throw new UncheckedIOException(
          Text.of(
              "a run takes room in %s on the driver: %s",
              System.getProperty("java.io.tmpdir"), e.getMessage()),
          e);
    }
  }

  /** What an earlier run goes on from; empty where it begins. */
  Optional<Checkpoint> begin(Consumer<String> remarks) {
    return RunCheckpoints.newest(local, remarks)
        .map(newest -> folder.goOn(newest.checkpoint(), newest.file()));
  }

  @Override
  public void started(TrainingStart start) {
    folder.started(start);
    folder.writeConfig(config.apply(start), Instant.now());
    copy();
  }

  @Override
  public void checkpointed(Checkpoint checkpoint, boolean best) {
    folder.checkpointed(checkpoint, best);
    copy();
  }

  /** What a driver that was killed did not come to, of a run that is complete. */
  void complete(Checkpoint complete) {
    folder.complete(complete);
    copy();
  }

  private void copy() {
    try (Stream<Path> all = Files.list(local)) {
      List<Path> files =
          all.filter(file -> !file.getFileName().toString().startsWith("."))
              .sorted(
                  Comparator.comparing(HadoopRun::rank).thenComparing(Comparator.naturalOrder()))
              .toList();
      for (Path file : files) {
        String name = file.getFileName().toString();
        FileTime time = Files.getLastModifiedTime(file);
        if (!time.equals(copied.get(name))) {
          remote.write(name, Files.readAllBytes(file));
          copied.put(name, time);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(local + " cannot be read: " + e.getMessage(), e);
    }
  }

  /** All else follows from the last checkpoint, and that needs its whitening. */
  private static int rank(Path file) {
    String name = file.getFileName().toString();
    if (name.startsWith("whitening")) {
      return 0;
    }
    return name.equals(RunCheckpoints.last(file.getParent()).getFileName().toString()) ? 1 : 2;
  }

  @Override
  public void close() {
    folder.close();
    try {
      if (Files.exists(local)) {
        ModelFiles.remove(local);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(local + " cannot be removed: " + e.getMessage(), e);
    }
  }
}
