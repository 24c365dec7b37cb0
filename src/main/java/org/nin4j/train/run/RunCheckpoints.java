package org.nin4j.train.run;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.nin4j.data.file.PartialFile;
import org.nin4j.text.Text;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.checkpoint.CheckpointException;
import org.nin4j.train.checkpoint.Position;
import org.nin4j.train.history.EpochResult;

/**
 * The checkpoints of a run: {@code last.safetensors}, where to go on, {@code best.safetensors}, the
 * highest test accuracy so far, and earlier ones as {@code epoch-3.safetensors} and {@code
 * epoch-4-step-120.safetensors} where they are kept.
 */
public final class RunCheckpoints {
  /** What an earlier checkpoint is called: (complete epochs + 1, steps) or complete epochs. */
  private static final Pattern EARLIER =
      Pattern.compile("epoch-(\\d{1,9})(?:-step-(\\d{1,9}))?\\.safetensors");

  private static final Comparator<Newest> BY_PLACE = Comparator.comparing(Newest::place);

  private RunCheckpoints() {}

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

  /** The checkpoint to go on from in a run's folder. */
  public static Path last(Path run) {
    return run.resolve("last.safetensors");
  }

  /** The checkpoint with the highest test accuracy in a run's folder. */
  public static Path best(Path run) {
    return run.resolve("best.safetensors");
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
          Text.of(
              "%s: going on from the newest checkpoint that is whole, %s, %s",
              why, newest.get().file(), newest.get().checkpoint().position()));
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
  static List<Path> earlier(Path run) {
    if (!Files.isDirectory(run)) {
      return List.of();
    }
    try {
      return RunFiles.named(EARLIER, run).stream().sorted(Comparator.comparing(Place::of)).toList();
    } catch (IOException e) {
      throw RunFiles.unreadable(run, e);
    }
  }

  /** What a file holds, if that is the best epoch of the same run. */
  static Optional<Checkpoint> bestOf(Checkpoint from, Path file) {
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

  /** What the checkpoint of a position is called once it is an earlier one. */
  private static String earlierName(Position at) {
    return at.step() == 0
        ? Text.of("epoch-%d.safetensors", at.epoch())
        : Text.of("epoch-%d-step-%d.safetensors", at.epoch() + 1, at.step());
  }

  /**
   * Gives the file that was the last one until now a name that stays. A link to it, where the file
   * system has links: it is not written again.
   *
   * @param at where the run stood then
   */
  static void keepLast(Path run, Position at, Consumer<String> remarks) {
    Path kept = run.resolve(earlierName(at));
    try {
      Files.deleteIfExists(kept);
      try {
        Files.createLink(kept, last(run));
      } catch (UnsupportedOperationException | FileSystemException e) {
        copy(last(run), kept);
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

  /** Removes the oldest of more earlier checkpoints than are to be kept. */
  static void removeOldest(Path run, int keep, Consumer<String> remarks) {
    List<Path> all = earlier(run);
    for (Path file : all.subList(0, Math.max(0, all.size() - keep))) {
      try {
        Files.deleteIfExists(file);
      } catch (IOException e) {
        remarks.accept(file + " cannot be removed: " + PartialFile.reason(e));
      }
    }
  }
}
