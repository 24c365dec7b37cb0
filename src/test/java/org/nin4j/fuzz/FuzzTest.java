package org.nin4j.fuzz;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nin4j.text.Text;

/**
 * Every reader of foreign bytes: what once was wrong with it ({@code src/test/resources}), and its
 * seeds, changed here and there. {@code -Dfuzz.seed=N} draws those of an earlier time; {@code make
 * fuzz} looks for more.
 */
@Timeout(value = 1800, unit = TimeUnit.SECONDS)
class FuzzTest {
  private static final Path FOUND = Path.of("src/test/resources/org/nin4j/fuzz");

  /** Those that decode millions of pixels, or set up all options, each time. */
  private static final Set<Target> SLOW = Set.of(Target.PICTURE, Target.STUDY, Target.COMMAND_LINE);

  private static List<byte[]> found(Target target) throws IOException {
    Path folder = FOUND.resolve(target.name());
    List<byte[]> found = new ArrayList<>();
    if (Files.isDirectory(folder)) {
      try (Stream<Path> files = Files.list(folder)) {
        for (Path file : files.sorted().toList()) {
          found.add(Files.readAllBytes(file));
        }
      }
    }
    return found;
  }

  private static void read(Target target, int count) throws IOException {
    long seed = Long.getLong("fuzz.seed", System.nanoTime());
    Mutator mutator = new Mutator(seed);
    List<byte[]> seeds = target.seeds();
    assertTrue(Files.isDirectory(FOUND), FOUND.toAbsolutePath().toString());
    try (Fuzzing fuzzing = new Fuzzing(target, 1)) {
      // What is right is taken.
      for (byte[] right : seeds) {
        if (target != Target.COMMAND_LINE) {
          requireTaken(target, right);
        }
        fuzzing.read(right);
      }
      for (byte[] once : found(target)) {
        fuzzing.read(once);
        seeds = Stream.concat(seeds.stream(), Stream.of(once)).toList();
      }
      for (int i = 0; i < count; i++) {
        byte[] input = mutator.mutate(seeds);
        try {
          fuzzing.read(input);
        } catch (AssertionError e) {
          throw new AssertionError(
              Text.of(
                  "%s, fuzz.seed=%d, input %d: %s",
                  target, seed, i, HexFormat.of().formatHex(input)),
              e);
        }
      }
    }
    System.out.printf(Locale.ROOT, "%s: %d inputs, fuzz.seed=%d%n", target, count, seed);
  }

  private static void requireTaken(Target target, byte[] right) throws IOException {
    Path folder = Files.createTempDirectory("fuzz");
    try {
      target.read(folder, right);
    } finally {
      Fuzzing.delete(folder);
    }
  }

  @ParameterizedTest
  @EnumSource
  void aFewInputs(Target target) throws IOException {
    read(target, SLOW.contains(target) ? 60 : 1000);
  }

  @Tag("slow")
  @ParameterizedTest
  @EnumSource
  void manyInputs(Target target) throws IOException {
    read(target, SLOW.contains(target) ? 1000 : 30_000);
  }
}
