package org.nin4j.page;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.nin4j.model.json.DescriptionException;
import org.nin4j.train.run.RecordedRun;
import org.nin4j.train.run.RunConfigs;

/** The runs in a folder; what cannot be read is named, and the rest shown. */
final class EarlierRuns {
  /** So many are given, the latest by name, which begins with the time. */
  private static final int MOST = 200;

  private final Path folder;
  private Map<Path, Read> read = Map.of();

  /** A run, as its files were at that time. */
  private record Read(Stamp stamp, Optional<RecordedRun> run, String problem) {}

  private record Stamp(Optional<FileTime> config, Optional<FileTime> history) {
    static Stamp of(Path run) {
      return new Stamp(
          RunConfigs.latest(run).flatMap(Stamp::time), time(run.resolve("history.csv")));
    }

    private static Optional<FileTime> time(Path file) {
      try {
        return Optional.of(Files.getLastModifiedTime(file));
      } catch (IOException e) {
        return Optional.empty();
      }
    }
  }

  EarlierRuns(Path folder) {
    this.folder = folder;
  }

  /** All runs, the latest last; only what has changed since the last time is read. */
  synchronized byte[] json() {
    List<Path> folders = new ArrayList<>();
    JsonArray leftOut = new JsonArray();
    try {
      if (Files.isDirectory(folder)) {
        folders.addAll(RecordedRun.foldersIn(folder));
      }
    } catch (UncheckedIOException e) {
      leftOut.add(e.getMessage());
    }
    folders.sort(Comparator.comparing(path -> path.getFileName().toString()));
    int omitted = Math.max(0, folders.size() - MOST);
    Map<Path, Read> now = new HashMap<>();
    List<RecordedRun> runs = new ArrayList<>();
    for (Path run : folders.subList(omitted, folders.size())) {
      Read known = current(run);
      now.put(run, known);
      known.run().ifPresentOrElse(runs::add, () -> leftOut.add(known.problem()));
    }
    read = now;
    runs.sort(RecordedRun.BY_DATE);
    JsonArray all = new JsonArray();
    runs.forEach(run -> all.add(PageJson.run(run)));
    JsonObject json = new JsonObject();
    json.addProperty("folder", folder.toString());
    json.addProperty("omitted", omitted);
    json.add("runs", all);
    json.add("left_out", leftOut);
    return json.toString().getBytes(StandardCharsets.UTF_8);
  }

  private Read current(Path run) {
    try {
      Stamp stamp = Stamp.of(run);
      Read known = read.get(run);
      if (known != null && known.stamp().equals(stamp)) {
        return known;
      }
      try {
        return new Read(stamp, Optional.of(RecordedRun.read(run)), "");
      } catch (IllegalArgumentException | DescriptionException e) {
        return new Read(stamp, Optional.empty(), String.valueOf(e.getMessage()));
      }
    } catch (UncheckedIOException e) {
      return new Read(
          new Stamp(Optional.empty(), Optional.empty()), Optional.empty(), e.getMessage());
    }
  }
}
