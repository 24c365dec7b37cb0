package org.nin4j.kit;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonParseException;
import com.google.gson.ToNumberPolicy;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What a part has found so far. It lies in a file that is written anew, whole, each time something
 * is added, so that a process that is killed leaves all it had, and the next goes on after it.
 */
final class Findings {
  static final Gson JSON =
      new GsonBuilder()
          .setObjectToNumberStrategy(ToNumberPolicy.LONG_OR_DOUBLE)
          .setPrettyPrinting()
          .serializeSpecialFloatingPointValues()
          .create();

  /** What a part has come to. */
  enum Status {
    OK,
    /** Something is wrong, or a figure was lost. */
    FAILED,
    /** What was found is right, but the time did not suffice for all. */
    PARTIAL,
    /** What it needs is not there, or no time was left to begin. */
    SKIPPED,
    /** It is at work. */
    RUNNING
  }

  /** As it lies in the file. */
  private static final class State {
    private final Map<String, String> sentences = new LinkedHashMap<>();
    private final Map<String, Object> numbers = new LinkedHashMap<>();
    private final Map<String, Double> seconds = new LinkedHashMap<>();
    private final Map<String, String> wrong = new LinkedHashMap<>();
    private final Map<String, String> lost = new LinkedHashMap<>();
    private final Set<String> planned = new LinkedHashSet<>();
    private final Set<String> begun = new LinkedHashSet<>();
    private String running = "";
    private String skipped = "";
    private boolean finished;
  }

  private final Path file;
  private final State state;
  private long began;

  private Findings(Path file, State state) {
    this.file = file;
    this.state = state;
  }

  /** Those in the file; none if there is no such file. */
  static Findings in(Path file) throws IOException {
    if (!Files.exists(file)) {
      return new Findings(file, new State());
    }
    try {
      return new Findings(
          file, JSON.fromJson(Files.readString(file, StandardCharsets.UTF_8), State.class));
    } catch (JsonParseException e) {
      throw new IOException(file + " is damaged", e);
    }
  }

  /** Writes a file such that it is there whole or as it was. */
  static void write(Path file, String text) throws IOException {
    Path fresh = file.resolveSibling(file.getFileName() + ".part");
    Files.writeString(fresh, text);
    Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  private void save() {
    try {
      write(file, JSON.toJson(state) + "\n");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Adds numbers for machines under a name, in the place of what was there. */
  void put(String name, Object value) {
    state.numbers.put(name, value);
    save();
  }

  /** Adds a figure: numbers for machines, a sentence for people, in the place of what was there. */
  void put(String name, Object value, String sentence) {
    System.out.println(sentence);
    state.numbers.put(name, value);
    state.sentences.put(name, sentence);
    save();
  }

  /** The number that an earlier process left under the name, else this one, which is kept now. */
  long keep(String name, long value) {
    if (state.numbers.get(name) instanceof Number kept) {
      return kept.longValue();
    }
    put(name, value);
    return value;
  }

  /** Something does not hold that should; the work goes on. */
  void wrong(String name, String sentence) {
    System.out.println(sentence);
    state.wrong.put(name, sentence);
    save();
  }

  /** The part cannot be done here; what follows of it is left out. */
  void skip(String reason) {
    state.skipped = reason;
    save();
  }

  /** Whether an earlier process has begun with the figure. */
  boolean begun(String figure) {
    return state.begun.contains(figure);
  }

  void begin(String figure) {
    began = System.nanoTime();
    state.begun.add(figure);
    state.running = figure;
    save();
  }

  void done() {
    state.seconds.put(state.running, (System.nanoTime() - began) / 1e9);
    state.running = "";
    save();
  }

  /** The figure that is under way is lost; nothing if there is none. */
  void lose(String reason) {
    if (!state.running.isEmpty()) {
      state.lost.put(state.running, reason);
      state.running = "";
      save();
    }
  }

  /** What the part consists of, so that what is missing in the end can be named. */
  void plan(List<String> figures) {
    state.planned.addAll(figures);
    save();
  }

  private List<String> leftOut() {
    return state.planned.stream().filter(figure -> !state.begun.contains(figure)).toList();
  }

  /** No more will come. */
  void finish() {
    state.finished = true;
    save();
  }

  boolean finished() {
    return state.finished;
  }

  /** How many figures were begun. */
  int countBegun() {
    return state.begun.size();
  }

  /** Whether something does not hold, rather than being lost. */
  boolean anyWrong() {
    return !state.wrong.isEmpty();
  }

  Optional<String> skipped() {
    return Optional.of(state.skipped).filter(reason -> !reason.isEmpty());
  }

  Status status() {
    if (!state.wrong.isEmpty() || !state.lost.isEmpty()) {
      return Status.FAILED;
    }
    if (!state.skipped.isEmpty()) {
      return Status.SKIPPED;
    }
    if (!state.finished) {
      return Status.RUNNING;
    }
    return leftOut().isEmpty() ? Status.OK : Status.PARTIAL;
  }

  /** For people, what matters most first. */
  List<String> sentences() {
    List<String> sentences = new ArrayList<>();
    skipped().ifPresent(sentences::add);
    sentences.addAll(state.wrong.values());
    state.lost.forEach((figure, reason) -> sentences.add("lost: " + figure + ": " + reason));
    sentences.addAll(state.sentences.values());
    if (!state.running.isEmpty()) {
      sentences.add("at work on: " + state.running);
    }
    if (state.finished && state.skipped.isEmpty() && !leftOut().isEmpty()) {
      sentences.add("left out for want of time: " + String.join(", ", leftOut()));
    }
    return sentences;
  }

  /** For machines. */
  Map<String, Object> numbers() {
    Map<String, Object> all = new LinkedHashMap<>(state.numbers);
    if (!state.seconds.isEmpty()) {
      all.put("secondsOfFigures", state.seconds);
    }
    return all;
  }
}
