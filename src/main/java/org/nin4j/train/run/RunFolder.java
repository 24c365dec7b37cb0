package org.nin4j.train.run;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.nin4j.data.file.PartialFile;
import org.nin4j.train.TrainingListener;
import org.nin4j.train.TrainingStart;
import org.nin4j.train.checkpoint.Best;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.checkpoint.CheckpointException;
import org.nin4j.train.checkpoint.Position;
import org.nin4j.train.history.EpochResult;
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
  private static final String DEVICE = "device";
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss", Locale.ROOT);
  private static final Pattern CONFIG = Pattern.compile("config(-\\d+)?\\.json");

  /** TensorBoard's. */
  private static final Pattern EVENTS = Pattern.compile("events\\.out\\.tfevents\\..*");

  /** What {@link PartialFile} leaves where a process is killed. */
  private static final Pattern PARTIAL =
      Pattern.compile(
          "(config(-\\d+)?\\.json|result\\.json|history\\.csv|curves\\.png"
              + "|(last|best|epoch-\\d+(-step-\\d+)?|whitening-[0-9a-f]{12})\\.safetensors)"
              + "\\.[0-9a-f-]{36}\\.part");

  /** What an earlier checkpoint is called: (complete epochs + 1, steps) or complete epochs. */
  private static final Pattern EARLIER =
      Pattern.compile("epoch-(\\d{1,9})(?:-step-(\\d{1,9}))?\\.safetensors");

  private static final Comparator<Newest> BY_PLACE = Comparator.comparing(Newest::place);

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
    lock = RunLock.take(path, "go on in a new folder with --resume " + last(path), remarks);
  }

  /**
   * A checkpoint in a file.
   *
   * @param file where it is
   * @param position how far the run was
   */
  public record Saved(Path file, Position position) {}

  /**
   * A checkpoint to go on from.
   *
   * @param file where it is
   * @param checkpoint what it holds
   */
  public record Newest(Path file, Checkpoint checkpoint) {
    private Place place() {
      return new Place(checkpoint.position().epoch(), checkpoint.position().step());
    }
  }

  /** A position without its sums, in order. */
  private record Place(int epoch, int step) implements Comparable<Place> {
    /** Of an earlier checkpoint, by its name. */
    static Place of(Path file) {
      Matcher name = EARLIER.matcher(file.getFileName().toString());
      if (!name.matches()) {
        throw new IllegalArgumentException(file + " is no earlier checkpoint");
      }
      int number = Integer.parseInt(name.group(1));
      return name.group(2) == null
          ? new Place(number, 0)
          : new Place(number - 1, Integer.parseInt(name.group(2)));
    }

    @Override
    public int compareTo(Place other) {
      return Comparator.comparingInt(Place::epoch)
          .thenComparingInt(Place::step)
          .compare(this, other);
    }
  }

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
      for (Path file : files(path, PARTIAL)) {
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

  /**
   * The newest checkpoint in a folder that is whole: the last one, and where that is missing or
   * damaged, the newest of the best and the earlier ones. Which, and why, is remarked.
   *
   * @return empty where there is no checkpoint at all
   * @throws CheckpointException if none can be used; the message is about the newest
   */
  public static Optional<Newest> newest(Path run, Consumer<String> remarks) {
    Path last = last(run);
    String why = last.getFileName() + " is not there";
    Optional<CheckpointException> damage = Optional.empty();
    if (PartialFile.isThere(last)) {
      try {
        return Optional.of(new Newest(last, Checkpoint.read(last)));
      } catch (CheckpointException e) {
        if (!e.isDamage()) {
          throw e;
        }
        why = e.getMessage();
        damage = Optional.of(e);
      }
    }
    Optional<Newest> newest = Optional.empty();
    List<Path> others = new ArrayList<>(earlier(run));
    others.add(best(run));
    for (Path file : others) {
      Optional<Newest> read = readIfWhole(file);
      newest = Stream.concat(newest.stream(), read.stream()).max(BY_PLACE);
    }
    if (newest.isPresent()) {
      remarks.accept(
          "%s: going on from the newest checkpoint that is whole, %s, %s"
              .formatted(why, newest.get().file(), newest.get().checkpoint().position()));
    } else if (damage.isPresent()) {
      throw damage.get();
    }
    return newest;
  }

  private static Optional<Newest> readIfWhole(Path file) {
    if (!PartialFile.isThere(file)) {
      return Optional.empty();
    }
    try {
      return Optional.of(new Newest(file, Checkpoint.read(file)));
    } catch (CheckpointException e) {
      return Optional.empty();
    }
  }

  /** Earlier checkpoints that are kept, the oldest first. */
  private static List<Path> earlier(Path run) {
    if (!Files.isDirectory(run)) {
      return List.of();
    }
    try {
      return files(run, EARLIER).stream().sorted(Comparator.comparing(Place::of)).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(run + " cannot be read: " + PartialFile.reason(e), e);
    }
  }

  /** What the checkpoint of a position is called once it is an earlier one. */
  private static String earlierName(Position at) {
    return at.step() == 0
        ? "epoch-%d.safetensors".formatted(at.epoch())
        : "epoch-%d-step-%d.safetensors".formatted(at.epoch() + 1, at.step());
  }

  /** The checkpoint to go on from in a run's folder. */
  public static Path last(Path run) {
    return run.resolve("last.safetensors");
  }

  /** The checkpoint with the highest test accuracy in a run's folder. */
  public static Path best(Path run) {
    return run.resolve("best.safetensors");
  }

  /**
   * When a run was started, or went on: the latest {@code started} of its configurations; without
   * any, the time at which its last checkpoint was saved.
   *
   * @throws UncheckedIOException if the folder cannot be read
   */
  public static Instant date(Path run) {
    try {
      Optional<Instant> started =
          files(run, CONFIG).stream()
              .flatMap(config -> started(config).stream())
              .max(Comparator.naturalOrder());
      return started.isPresent() ? started.get() : Files.getLastModifiedTime(last(run)).toInstant();
    } catch (IOException e) {
      throw new UncheckedIOException(run + " cannot be read: " + PartialFile.reason(e), e);
    }
  }

  /**
   * What a run was started with the last time; empty for a folder that is no run.
   *
   * @throws UncheckedIOException if the folder cannot be read
   */
  public static Optional<Path> config(Path run) {
    if (!Files.isDirectory(run)) {
      return Optional.empty();
    }
    try {
      // config.json, config-2.json, …, config-10.json.
      return files(run, CONFIG).stream()
          .max(
              Comparator.comparing((Path file) -> file.getFileName().toString().length())
                  .thenComparing(file -> file.getFileName().toString()));
    } catch (IOException e) {
      throw new UncheckedIOException(run + " cannot be read: " + PartialFile.reason(e), e);
    }
  }

  private static Optional<JsonObject> device(Path config) {
    try {
      JsonObject json = JsonParser.parseString(Files.readString(config)).getAsJsonObject();
      return Optional.ofNullable(json.getAsJsonObject(DEVICE));
    } catch (IOException | JsonParseException | IllegalStateException | ClassCastException e) {
      return Optional.empty(); // Changed by hand.
    }
  }

  /** Numbers are added in another order there, so that the last bits differ. */
  private void remarkChanges(JsonObject before, JsonObject config) {
    JsonObject now = config.getAsJsonObject(DEVICE);
    for (String what : List.of("description", "ways")) {
      if (now != null && !Objects.equals(before.get(what), now.get(what))) {
        remarks.accept(
            "Computed %s than before: as good, but not with the same last bits as in one go."
                .formatted(
                    what.equals("ways")
                        ? "in other ways (device.ways in config.json)"
                        : "on another device"));
        return;
      }
    }
  }

  private static Optional<Instant> started(Path config) {
    try {
      JsonObject json = JsonParser.parseString(Files.readString(config)).getAsJsonObject();
      return Optional.ofNullable(json.get("started")).map(s -> Instant.parse(s.getAsString()));
    } catch (IOException | JsonParseException | DateTimeException | IllegalStateException e) {
      return Optional.empty(); // Changed by hand: the run has another date then, and no worse fate.
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
    Path beside = best(file.toAbsolutePath().getParent());
    boolean here = beside.equals(best(path.toAbsolutePath()));
    goesOnHere = here;
    if (from.best().isEmpty()) {
      return from;
    }
    Optional<Checkpoint> found = bestOf(from, beside);
    if (found.isPresent() && here) {
      return from;
    }
    if (found.isPresent() || from.holdsBest()) {
      bestFromElsewhere = Optional.of(found.orElse(from));
      return from;
    }
    remarks.accept(
        "The best so far, %s, is not beside %s: best starts anew."
            .formatted(from.best().get(), file));
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

  /** What a file holds, if that is the best epoch of the same run. */
  private static Optional<Checkpoint> bestOf(Checkpoint from, Path file) {
    if (!PartialFile.isThere(file)) {
      return Optional.empty();
    }
    try {
      Checkpoint best = Checkpoint.read(file);
      List<EpochResult> epochs = from.history().epochs();
      boolean same =
          best.best().equals(from.best())
              && best.holdsBest()
              && best.history().epochs().equals(epochs.subList(0, best.position().epoch()));
      return same ? Optional.of(best) : Optional.empty();
    } catch (CheckpointException e) {
      return Optional.empty();
    }
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
      List<Path> there = new ArrayList<>(List.of(last(path), best(path)));
      there.addAll(earlier(path));
      for (Path replaced : there) {
        needed -= Files.exists(replaced) ? Math.min(checkpointBytes, Files.size(replaced)) : 0;
      }
      requireRoom(Files.getFileStore(path).getUsableSpace(), needed);
    } catch (IOException e) {
      throw new UncheckedIOException(path + " cannot be read: " + PartialFile.reason(e), e);
    }
  }

  /** Rounds down what is there and up what is needed, so that the figures differ. */
  void requireRoom(long free, long needed) {
    if (free < needed) {
      String message =
          String.format(
              Locale.ROOT,
              "there is no room for the run in %s: %.1f MB are free, %.1f MB are needed; make room,"
                  + " or choose another folder with --out",
              path,
              Math.floor(10 * free / MEGABYTE) / 10,
              Math.ceil(10 * needed / MEGABYTE) / 10);
      throw new UncheckedIOException(message, new IOException(message));
    }
  }

  /**
   * Writes {@code config.json}; where the run goes on, {@code config-2.json} and so on. Adds the
   * time as {@code started}. Says so where the clock went back since the last start, and where it
   * goes on but is computed on another {@code device}, or in other ways, than before.
   */
  public void writeConfig(JsonObject config, Instant now) {
    config(path)
        .flatMap(RunFolder::started)
        .filter(before -> before.isAfter(now))
        .ifPresent(
            before ->
                remarks.accept(
                    "The clock went back: this run was started at %s, and it is %s; nothing depends on it."
                        .formatted(before, now.truncatedTo(ChronoUnit.SECONDS))));
    config(path).flatMap(RunFolder::device).ifPresent(before -> remarkChanges(before, config));
    Path file = path.resolve("config.json");
    for (int i = 2; PartialFile.isThere(file); i++) {
      file = path.resolve("config-" + i + ".json");
    }
    sayIfGone();
    JsonObject dated = new JsonObject();
    dated.addProperty("started", now.truncatedTo(ChronoUnit.MILLIS).toString());
    config.entrySet().forEach(e -> dated.add(e.getKey(), e.getValue()));
    PartialFile.write(file, new GsonBuilder().setPrettyPrinting().create().toJson(dated) + "\n");
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
    if (complete.holdsBest() && bestOf(complete, best(path)).isEmpty()) {
      complete.write(best(path));
    }
    title = complete.recipe().network() + " on " + dataName().orElse(complete.recipe().dataset());
    showAgain(complete.history());
    removeOldest();
  }

  /** How the latest configuration names the data. */
  private Optional<String> dataName() {
    return config(path)
        .flatMap(
            config -> {
              try {
                JsonObject json =
                    JsonParser.parseString(Files.readString(config)).getAsJsonObject();
                return Optional.of(json.getAsJsonObject("data").get("name").getAsString());
              } catch (IOException | RuntimeException e) {
                return Optional.empty(); // Changed by hand.
              }
            });
  }

  /** Keeps the last checkpoints but one beside it, under names that say where the run stood. */
  public void keep(int earlier) {
    keep = earlier;
  }

  /**
   * Gives the file that was the last one until now a name that stays. A link to it, where the file
   * system has links: it is not written again.
   */
  private void keepLast() {
    Path last = last(path);
    if (keep == 0 || saved.isEmpty() || !saved.get().file().equals(last)) {
      return;
    }
    Path kept = path.resolve(earlierName(saved.get().position()));
    try {
      Files.deleteIfExists(kept);
      try {
        Files.createLink(kept, last);
      } catch (UnsupportedOperationException | FileSystemException e) {
        copy(last, kept);
      }
    } catch (IOException e) {
      // Without it there is still the last one, which matters more.
      remarks.accept(kept + " cannot be written: " + PartialFile.reason(e));
    }
  }

  private static void copy(Path file, Path target) throws IOException {
    try (PartialFile partial = PartialFile.create(target)) {
      Files.copy(file, partial.stream());
      partial.commit();
    }
  }

  /** Removes the oldest of more checkpoints than are to be kept; of no such wish, none. */
  private void removeOldest() {
    if (keep == 0) {
      return;
    }
    List<Path> all = earlier(path);
    for (Path file : all.subList(0, Math.max(0, all.size() - keep))) {
      try {
        Files.deleteIfExists(file);
      } catch (IOException e) {
        remarks.accept(file + " cannot be removed: " + PartialFile.reason(e));
      }
    }
  }

  /** The checkpoint comes first: history and curves can be had from it again. */
  @Override
  public void checkpointed(Checkpoint checkpoint, boolean best) {
    sayIfGone();
    if (!best && bestFromElsewhere.isPresent()) {
      bestFromElsewhere.get().write(best(path));
    }
    bestFromElsewhere = Optional.empty();
    keepLast();
    checkpoint.write(last(path));
    saved = Optional.of(new Saved(last(path), checkpoint.position()));
    if (best) {
      checkpoint.write(best(path));
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
      List<Path> all = files(path, Pattern.compile(".*"));
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
        || CONFIG.matcher(file.getFileName().toString()).matches()
        || EVENTS.matcher(file.getFileName().toString()).matches();
  }

  private static List<Path> files(Path folder, Pattern name) throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.filter(f -> name.matcher(f.getFileName().toString()).matches()).toList();
    }
  }
}
