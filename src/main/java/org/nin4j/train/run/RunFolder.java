package org.nin4j.train.run;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.nin4j.data.file.PartialFile;
import org.nin4j.text.Text;
import org.nin4j.train.TrainingListener;
import org.nin4j.train.TrainingStart;
import org.nin4j.train.checkpoint.Best;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.checkpoint.Position;
import org.nin4j.train.history.History;

/**
 * The folder of one run: {@code config.json}, {@code history.csv}, {@code curves.png}, {@code
 * last.safetensors} (where to go on) and {@code best.safetensors} (highest test accuracy so far),
 * beside {@code whitening-….safetensors} where images are whitened, earlier checkpoints as {@code
 * epoch-3.safetensors} and {@code epoch-4-step-120.safetensors} where they are kept, TensorBoard's
 * events, and {@code .lock}, which keeps a second training out while this is open. Every file is
 * replaced as a whole or not at all, the last checkpoint first: what a process that is killed did
 * not come to follows from it, and is written when the run goes on.
 */
public final class RunFolder implements TrainingListener, AutoCloseable {
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss", Locale.ROOT);

  /** TensorBoard's. */
  private static final Pattern EVENTS = Pattern.compile("events\\.out\\.tfevents\\..*");

  /** What {@link PartialFile} leaves where a process is killed. */
  private static final Pattern PARTIAL =
      Pattern.compile(
          "(config(-\\d+)?\\.json|result\\.json|history\\.csv|curves\\.png"
              + "|(last|best|epoch-\\d+(-step-\\d+)?|whitening-[0-9a-f]{12})\\.safetensors)"
              + "\\.[0-9a-f-]{36}\\.part");

  private static final int CHECKPOINTS_AT_ONCE = 3;
  private static final long OTHER_FILES = 1 << 20;
  private static final double MEGABYTE = 1e6;

  private final Path path;
  private final boolean created;
  private final RunLock lock;
  private final Consumer<String> remarks;
  private String title = "";
  private int keep;
  private Optional<Saved> saved = Optional.empty();
  private Optional<Checkpoint> bestFromElsewhere = Optional.empty();
  private boolean goesOnHere;

  /** What the history's file and the curves show. */
  private History shown = History.EMPTY;

  private RunFolder(Path path, boolean created, Consumer<String> remarks) {
    this.path = path;
    this.created = created;
    this.remarks = remarks;
    lock =
        RunLock.take(
            path, "go on in a new folder with --resume " + RunCheckpoints.last(path), remarks);
  }

  /**
   * A checkpoint in a file.
   *
   * @param file where it is
   * @param position how far the run was
   */
  public record Saved(Path file, Position position) {}

  /**
   * Makes a new folder, with a name that no other has.
   *
   * @param runs the folder that holds all runs; made where it is not there
   * @param now the beginning of the run
   * @param model the network's name
   * @param remarks receives a line when something that the run can do without fails
   * @throws UncheckedIOException if it cannot be made
   */
  public static RunFolder create(
      Path runs, LocalDateTime now, String model, Consumer<String> remarks) {
    String name = TIME.format(now) + "-" + model;
    try {
      if (!Files.isDirectory(runs)) {
        Files.createDirectories(runs);
      }
      for (int i = 1; ; i++) {
        Path path = runs.resolve(i == 1 ? name : name + "-" + i);
        try {
          RunFolder made = in(Files.createDirectory(path), remarks);
          PartialFile.sync(runs);
          return made;
        } catch (FileAlreadyExistsException e) {
          continue; // Another run began in the same second.
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(
          "no run folder can be made in " + runs + ": " + PartialFile.reason(e), e);
    }
  }

  /** In a folder that was just made, and goes again where it cannot be used. */
  private static RunFolder in(Path made, Consumer<String> remarks) {
    try {
      return new RunFolder(made, true, remarks);
    } catch (UncheckedIOException e) {
      try {
        Files.deleteIfExists(RunLock.file(made));
        Files.deleteIfExists(made);
      } catch (IOException again) {
        e.addSuppressed(again);
      }
      throw e;
    }
  }

  /**
   * The folder of an earlier run, to go on in. What a process that was killed left half-written is
   * removed.
   *
   * @throws UncheckedIOException if another process is training in it, or it cannot be written to
   */
  public static RunFolder open(Path path, Consumer<String> remarks) {
    RunFolder folder = new RunFolder(path, false, remarks);
    try {
      for (Path file : RunFiles.named(PARTIAL, path)) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      remarks.accept("what is half-written cannot be removed: " + PartialFile.reason(e));
    }
    return folder;
  }

  /**
   * The folder at a path of its own: to begin in where it is not there, else as {@link #open}.
   *
   * @throws UncheckedIOException if it cannot be made, another process is training in it, or it
   *     cannot be written to
   */
  public static RunFolder at(Path path, Consumer<String> remarks) {
    if (Files.isDirectory(path)) {
      return open(path, remarks);
    }
    try {
      return in(Files.createDirectories(path), remarks);
    } catch (IOException e) {
      throw new UncheckedIOException(
          "no run folder can be made at " + path + ": " + PartialFile.reason(e), e);
    }
  }

  /** Where it is. */
  public Path path() {
    return path;
  }

  /** The newest checkpoint of the run, which may be the file that it goes on from. */
  public Optional<Saved> saved() {
    return saved;
  }

  /**
   * Takes over what a run goes on from. Its best epoch goes along: where this is a new folder, it
   * is looked for in the checkpoint and beside it, and will stand here with the first checkpoint.
   * Where it is in neither, the best begins with the checkpoint itself.
   *
   * @param from what was read
   * @param file where from
   * @return the same checkpoint, with the best that is at hand
   */
  public Checkpoint goOn(Checkpoint from, Path file) {
    saved = Optional.of(new Saved(file, from.position()));
    Path beside = RunCheckpoints.best(file.toAbsolutePath().getParent());
    boolean here = beside.equals(RunCheckpoints.best(path.toAbsolutePath()));
    goesOnHere = here;
    if (from.best().isEmpty()) {
      return from;
    }
    Optional<Checkpoint> found = RunCheckpoints.bestOf(from, beside);
    if (found.isPresent() && here) {
      return from;
    }
    if (found.isPresent() || from.holdsBest()) {
      bestFromElsewhere = Optional.of(found.orElse(from));
      return from;
    }
    remarks.accept(
        Text.of(
            "The best so far, %s, is not beside %s: best starts anew.", from.best().get(), file));
    if (from.position().step() > 0) {
      return from.withBest(Optional.empty());
    }
    Checkpoint own =
        from.withBest(
            from.history()
                .last()
                .map(r -> new Best(r.epoch(), r.testAccuracy(), from.best().get().testData())));
    bestFromElsewhere = Optional.of(own);
    return own;
  }

  /**
   * Checks that the disk has room for what a run writes.
   *
   * @param checkpointBytes size of one checkpoint
   * @throws UncheckedIOException if it has not
   */
  public void requireRoom(long checkpointBytes) {
    long needed = (CHECKPOINTS_AT_ONCE + keep) * checkpointBytes + OTHER_FILES;
    try {
      List<Path> there =
          new ArrayList<>(List.of(RunCheckpoints.last(path), RunCheckpoints.best(path)));
      there.addAll(RunCheckpoints.earlier(path));
      for (Path replaced : there) {
        needed -= Files.exists(replaced) ? Math.min(checkpointBytes, Files.size(replaced)) : 0;
      }
      requireRoom(Files.getFileStore(path).getUsableSpace(), needed);
    } catch (IOException e) {
      throw RunFiles.unreadable(path, e);
    }
  }

  /** Rounds down what is there and up what is needed, so that the figures differ. */
  void requireRoom(long free, long needed) {
    if (free < needed) {
      String message =
          Text.of(
              "there is no room for the run in %s: %.1f MB are free, %.1f MB are needed; make room,"
                  + " or choose another folder with --out",
              path, Math.floor(10 * free / MEGABYTE) / 10, Math.ceil(10 * needed / MEGABYTE) / 10);
      throw new UncheckedIOException(message, new IOException(message));
    }
  }

  /**
   * Writes {@code config.json}; where the run goes on, {@code config-2.json} and so on. Adds the
   * time as {@code started}. Says so where the clock went back since the last start, and where it
   * goes on but is computed on another {@code device}, or in other ways, than before.
   */
  public void writeConfig(JsonObject config, Instant now) {
    sayIfGone();
    RunConfigs.add(path, config, now, remarks);
  }

  @Override
  public void started(TrainingStart start) {
    title = start.recipe().network() + " on " + start.data();
    if (goesOnHere) {
      showAgain(start.history());
    }
  }

  /**
   * Writes what follows from the last checkpoint of a run that is complete, unless it is there: a
   * process that was killed just after its last epoch did not come to the best one, the history or
   * the curves.
   *
   * @param complete as it was read from this folder
   */
  public void complete(Checkpoint complete) {
    if (complete.holdsBest()
        && RunCheckpoints.bestOf(complete, RunCheckpoints.best(path)).isEmpty()) {
      complete.write(RunCheckpoints.best(path));
    }
    title =
        complete.recipe().network()
            + " on "
            + RunConfigs.dataName(path).orElse(complete.recipe().dataset());
    showAgain(complete.history());
    removeOldest();
  }

  /** Keeps the last checkpoints but one beside it, under names that say where the run stood. */
  public void keep(int earlier) {
    keep = earlier;
  }

  /** Of no wish to keep any, none is removed. */
  private void removeOldest() {
    if (keep > 0) {
      RunCheckpoints.removeOldest(path, keep, remarks);
    }
  }

  /** The checkpoint comes first: history and curves can be had from it again. */
  @Override
  public void checkpointed(Checkpoint checkpoint, boolean best) {
    sayIfGone();
    if (!best && bestFromElsewhere.isPresent()) {
      bestFromElsewhere.get().write(RunCheckpoints.best(path));
    }
    bestFromElsewhere = Optional.empty();
    if (keep > 0 && saved.isPresent() && saved.get().file().equals(RunCheckpoints.last(path))) {
      RunCheckpoints.keepLast(path, saved.get().position(), remarks);
    }
    checkpoint.write(RunCheckpoints.last(path));
    saved = Optional.of(new Saved(RunCheckpoints.last(path), checkpoint.position()));
    if (best) {
      checkpoint.write(RunCheckpoints.best(path));
    }
    show(checkpoint.history());
    removeOldest();
  }

  /** What is written makes its folder: better an incomplete one than none. */
  private void sayIfGone() {
    if (Files.notExists(path)) {
      remarks.accept(path + " is there no more: it is made anew, and holds what comes from now on");
    }
  }

  /** Writes history and curves where they are not there, or say something else. */
  private void show(History history) {
    if (history.epochs().isEmpty() || history.equals(shown)) {
      return;
    }
    sayIfGone();
    try {
      PartialFile.write(historyFile(), history.toCsv());
      Curves.write(history, title, curvesFile());
      shown = history;
    } catch (UncheckedIOException e) {
      // The checkpoint has it all: it is tried again with the next one.
      remarks.accept(e.getMessage());
    } catch (RuntimeException | LinkageError | InternalError e) {
      // Machines without fonts or graphics libraries; the numbers are in the history.
      remarks.accept(curvesFile() + " cannot be drawn: " + e);
      shown = history;
    }
  }

  private Path historyFile() {
    return path.resolve("history.csv");
  }

  private Path curvesFile() {
    return path.resolve("curves.png");
  }

  /** The same for a folder that may have them: curves are drawn after the history is written. */
  private void showAgain(History history) {
    try {
      boolean stands =
          Files.exists(curvesFile())
              && Files.readString(historyFile()).equals(history.toCsv())
              && Files.getLastModifiedTime(curvesFile())
                      .compareTo(Files.getLastModifiedTime(historyFile()))
                  >= 0;
      shown = stands ? history : History.EMPTY;
    } catch (IOException e) {
      shown = History.EMPTY;
    }
    show(history);
  }

  /**
   * Lets another process train here. A new folder that holds nothing but the configuration is
   * removed: the run never came to a checkpoint.
   */
  @Override
  public void close() {
    try {
      List<Path> all = RunFiles.named(Pattern.compile(".*"), path);
      boolean empty = created && all.stream().allMatch(this::isSecondary);
      // Before it is deleted: on Windows a file that is open keeps its folder.
      lock.close();
      if (empty) {
        for (Path file : all) {
          Files.deleteIfExists(file);
        }
        Files.deleteIfExists(path);
      }
    } catch (IOException e) {
      remarks.accept(path + " cannot be removed: " + PartialFile.reason(e));
    } finally {
      lock.close();
    }
  }

  private boolean isSecondary(Path file) {
    return file.equals(RunLock.file(path))
        || RunConfigs.isOne(file)
        || EVENTS.matcher(file.getFileName().toString()).matches();
  }
}
