package org.nin4j.fuzz;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * What Jazzer runs: see {@code make fuzz}. {@code -Dfuzz.target=IDX} says which reader; as a
 * program it writes the seeds of all into a folder, or reads the files that it is given.
 */
public final class Fuzz {
  private static Target target;
  private static Fuzzing fuzzing;

  /** Jazzer copies the strings that a reader compares: it made 47 MB of 0.8. */
  private static final int JAZZER_ALLOCATES = 64;

  private Fuzz() {}

  /** Jazzer calls it once. */
  public static void fuzzerInitialize() {
    try {
      target = Target.valueOf(System.getProperty("fuzz.target"));
      fuzzing = new Fuzzing(target, JAZZER_ALLOCATES);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Jazzer calls it again and again. */
  public static void fuzzerTestOneInput(byte[] input) {
    if (target.isWorthFuzzing(input)) {
      fuzzing.read(input);
    }
  }

  public static void main(String[] arguments) throws IOException {
    for (Target each : Target.values()) {
      Path folder = Files.createDirectories(Path.of(arguments[0]).resolve(each.name()));
      List<byte[]> seeds = each.seeds();
      for (int i = 0; i < seeds.size(); i++) {
        Files.write(folder.resolve("seed-" + i), seeds.get(i));
      }
    }
  }
}
