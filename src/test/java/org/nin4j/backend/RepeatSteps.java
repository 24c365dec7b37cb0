package org.nin4j.backend;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.nin4j.backend.onednn.OneDnnBackend;
import org.nin4j.backend.reference.ReferenceBackend;

/**
 * Repeats recordings of any size and prints how far the results are from them, without a judgement:
 * {@code RepeatSteps reference|onednn FILE|FOLDER …}.
 */
public final class RepeatSteps {
  private RepeatSteps() {}

  public static void main(String[] arguments) throws IOException {
    try (Backend backend =
        arguments[0].equals("onednn") ? new OneDnnBackend(2) : new ReferenceBackend()) {
      for (String argument : List.of(arguments).subList(1, arguments.length)) {
        for (Path file : recordings(Path.of(argument))) {
          try (Reader json = Files.newBufferedReader(file)) {
            print(file, backend, RecordedSteps.repeat(backend, json, Integer.MAX_VALUE));
          }
        }
      }
    }
  }

  private static List<Path> recordings(Path path) throws IOException {
    if (!Files.isDirectory(path)) {
      return List.of(path);
    }
    try (Stream<Path> files = Files.list(path)) {
      return files.filter(f -> f.toString().endsWith(".json")).sorted().toList();
    }
  }

  private static void print(Path file, Backend backend, RecordedSteps.Distance distance) {
    System.out.printf(
        Locale.ROOT,
        "%s, %s%n  loss      %s%n  counts    %s%n  parameter %s%n  statistic %s%n  norm, sum %s%n",
        file.getFileName(),
        backend.name(),
        distance.loss(),
        distance.counts(),
        distance.change(),
        distance.state(),
        distance.norm());
  }
}
