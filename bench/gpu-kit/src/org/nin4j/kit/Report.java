package org.nin4j.kit;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonParseException;
import com.google.gson.ToNumberPolicy;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What all parts came to, for machines and for people. */
final class Report {
  private static final Gson JSON =
      new GsonBuilder()
          .setObjectToNumberStrategy(ToNumberPolicy.LONG_OR_DOUBLE)
          .setPrettyPrinting()
          .serializeSpecialFloatingPointValues()
          .create();

  private record Entry(Part part, Outcome outcome, double seconds) {
    String line() {
      return String.format(
          Locale.ROOT,
          "%-10s %-8s %5.0f s  %s",
          part.name(),
          outcome.status().name().toLowerCase(Locale.ROOT),
          seconds,
          outcome.summary());
    }
  }

  private final String command;
  private final String build;
  private final String begun;
  private final List<Entry> entries = new ArrayList<>();

  /**
   * @param command that the kit was started with
   * @param build of what the kit was made
   * @param begun date and time
   */
  Report(String command, String build, String begun) {
    this.command = command;
    this.build = build;
    this.begun = begun;
  }

  /** Adds a part; the line about it, for people. */
  String add(Part part, Outcome outcome, double seconds) {
    Entry entry = new Entry(part, outcome, seconds);
    entries.add(entry);
    return entry.line();
  }

  /** Whether no part failed; those left out do not count. */
  boolean passed() {
    return entries.stream().noneMatch(e -> e.outcome().status() == Outcome.Status.FAILED);
  }

  /** Writes {@code report.json} and {@code report.txt}. */
  void write(Path folder) throws IOException {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("build", build);
    all.put("command", command);
    all.put("begun", begun);
    all.put("passed", passed());
    all.put("machine", machine());
    Map<String, Object> parts = new LinkedHashMap<>();
    for (Entry entry : entries) {
      Map<String, Object> part = new LinkedHashMap<>();
      part.put("title", entry.part().title());
      part.put("status", entry.outcome().status().name().toLowerCase(Locale.ROOT));
      part.put("summary", entry.outcome().summary());
      part.put("seconds", entry.seconds());
      part.put("numbers", entry.outcome().numbers());
      parts.put(entry.part().name(), part);
    }
    all.put("parts", parts);
    Files.writeString(folder.resolve("report.json"), JSON.toJson(all) + "\n");
    Files.writeString(folder.resolve("report.txt"), text());
  }

  private Map<String, Object> machine() {
    return entries.stream()
        .filter(e -> e.part().name().equals("doctor"))
        .map(e -> e.outcome().numbers())
        .findFirst()
        .orElse(Map.of());
  }

  private String text() {
    StringBuilder text = new StringBuilder();
    text.append("NiN4J GPU kit, ").append(build).append('\n');
    text.append(begun).append(", ").append(command).append("\n\n");
    machine().forEach((name, value) -> text.append(name).append(": ").append(value).append('\n'));
    text.append('\n');
    entries.forEach(e -> text.append(e.line().replace("; ", "\n    ")).append('\n'));
    text.append('\n').append(passed() ? "All parts that ran passed." : "Some part failed.");
    return text.append('\n').toString();
  }

  /** Leaves an outcome for the process that writes the report. */
  static void leave(Path file, Outcome outcome) throws IOException {
    Files.writeString(file, JSON.toJson(outcome));
  }

  /**
   * Takes what {@link #leave} wrote.
   *
   * @throws IOException if there is none, or only half
   */
  static Outcome take(Path file) throws IOException {
    try {
      Outcome outcome =
          JSON.fromJson(Files.readString(file, StandardCharsets.UTF_8), Outcome.class);
      Files.delete(file);
      return outcome;
    } catch (JsonParseException e) {
      throw new IOException(file + " is incomplete", e);
    }
  }
}
