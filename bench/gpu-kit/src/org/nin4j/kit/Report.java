package org.nin4j.kit;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.nin4j.kit.Findings.Status;

/** What all parts have come to so far, for machines and for people. */
final class Report {
  private record Entry(String name, String title, Findings findings, double seconds) {
    String lines() {
      return String.format(
          Locale.ROOT,
          "%-11s %-8s %5.0f s  %s",
          name,
          status(),
          seconds,
          String.join("\n    ", findings.sentences()));
    }

    String status() {
      return findings.status().name().toLowerCase(Locale.ROOT);
    }
  }

  private final String command;
  private final String build;
  private final String begun;
  private final Map<String, Entry> entries = new LinkedHashMap<>();

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

  /**
   * Says how far a part is, in the place of what was said of it before.
   *
   * @return whether nothing was
   */
  boolean put(String name, String title, Findings findings, double seconds) {
    return entries.put(name, new Entry(name, title, findings, seconds)) == null;
  }

  /** Whether all that was found is right and nothing that was begun is missing. */
  boolean passed() {
    return entries.values().stream()
        .map(entry -> entry.findings().status())
        .allMatch(status -> status == Status.OK || status == Status.SKIPPED);
  }

  /** Writes {@code report.json} and {@code report.txt}, each whole or not at all. */
  void write(Path folder) throws IOException {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("build", build);
    all.put("command", command);
    all.put("begun", begun);
    all.put("passed", passed());
    all.put("machine", machine());
    Map<String, Object> parts = new LinkedHashMap<>();
    for (Entry entry : entries.values()) {
      Map<String, Object> part = new LinkedHashMap<>();
      part.put("title", entry.title());
      part.put("status", entry.status());
      part.put("summary", String.join("; ", entry.findings().sentences()));
      part.put("seconds", entry.seconds());
      part.put("numbers", entry.findings().numbers());
      parts.put(entry.name(), part);
    }
    all.put("parts", parts);
    Findings.write(folder.resolve("report.json"), Findings.JSON.toJson(all) + "\n");
    Findings.write(folder.resolve("report.txt"), text());
  }

  private Map<String, Object> machine() {
    Entry doctor = entries.get("doctor");
    return doctor == null ? Map.of() : doctor.findings().numbers();
  }

  private String text() {
    StringBuilder text = new StringBuilder();
    text.append("NiN4J GPU kit, ").append(build).append('\n');
    text.append(begun).append(", ").append(command).append("\n\n");
    machine().forEach((name, value) -> text.append(name).append(": ").append(value).append('\n'));
    text.append('\n');
    entries.values().forEach(e -> text.append(e.lines()).append('\n'));
    text.append('\n')
        .append(
            passed() ? "All parts that ran passed." : "Some part failed, or is not yet through.");
    return text.append('\n').toString();
  }
}
