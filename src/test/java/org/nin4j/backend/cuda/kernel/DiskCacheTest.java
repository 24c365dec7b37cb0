package org.nin4j.backend.cuda.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The cache of kernels and algorithms, which needs no device. */
class DiskCacheTest {
  private static final byte[] CONTENT = new byte[100_000];

  static {
    Arrays.fill(CONTENT, (byte) 7);
  }

  private final List<String> warnings = new ArrayList<>();

  private DiskCache cache(Path folder) {
    return new DiskCache(folder, warnings::add);
  }

  private static Path onlyFile(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder.resolve("kind"))) {
      List<Path> all = files.toList();
      assertEquals(1, all.size(), "files: " + all);
      return all.get(0);
    }
  }

  @Test
  void keepsWhatItIsGivenByKindAndKey(@TempDir Path folder) {
    cache(folder).put("kind", "key", CONTENT);
    cache(folder).put("kind", "other key", new byte[] {1});
    cache(folder).put("other kind", "key", new byte[0]);
    assertArrayEquals(CONTENT, cache(folder).get("kind", "key").orElseThrow());
    assertArrayEquals(new byte[] {1}, cache(folder).get("kind", "other key").orElseThrow());
    assertArrayEquals(new byte[0], cache(folder).get("other kind", "key").orElseThrow());
    assertTrue(cache(folder).get("kind", "no such key").isEmpty());
    assertEquals(List.of(), warnings);
  }

  @Test
  void aDamagedEntryIsNoEntryAndIsReplaced(@TempDir Path folder) throws IOException {
    cache(folder).put("kind", "key", CONTENT);
    Path file = onlyFile(folder);
    byte[] good = Files.readAllBytes(file);
    byte[] flipped = good.clone();
    flipped[good.length / 2] ^= 1;
    byte[] ofAnother = Arrays.copyOf(good, good.length);
    Arrays.fill(ofAnother, 0, 32, (byte) 0);
    for (byte[] damaged :
        List.of(
            new byte[0], Arrays.copyOf(good, 31), Arrays.copyOf(good, 5000), flipped, ofAnother)) {
      Files.write(file, damaged);
      assertTrue(cache(folder).get("kind", "key").isEmpty());
    }
    cache(folder).put("kind", "key", CONTENT);
    assertArrayEquals(CONTENT, cache(folder).get("kind", "key").orElseThrow());
    assertEquals(List.of(), warnings);
  }

  /** A file where the folder should be cannot be written into, not even by root. */
  @Test
  void aFolderThatCannotBeWrittenIsOneWarning(@TempDir Path folder) throws IOException {
    Files.writeString(folder.resolve("kind"), "in the way");
    DiskCache cache = cache(folder);
    cache.put("kind", "key", CONTENT);
    cache.put("kind", "key", CONTENT);
    assertTrue(cache.get("kind", "key").isEmpty());
    assertEquals(1, warnings.size(), warnings.toString());
    assertTrue(warnings.get(0).contains("NIN4J_CACHE"), warnings.get(0));

    Path file = Files.writeString(folder.resolve("file"), "");
    DiskCache none = cache(file);
    none.put("kind", "key", CONTENT);
    assertTrue(none.get("kind", "key").isEmpty());
    assertEquals(2, warnings.size(), warnings.toString());
  }

  /** No reader ever sees half of an entry, and nothing but entries stays behind. */
  @Test
  void processesFillItAtOnce(@TempDir Path folder) throws Exception {
    List<Process> fillers = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      fillers.add(
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-Xmx128m",
                  "-cp",
                  System.getProperty("java.class.path"),
                  Filler.class.getName(),
                  folder.toString())
              .inheritIO()
              .start());
    }
    for (Process filler : fillers) {
      assertEquals(0, filler.waitFor());
    }
    assertArrayEquals(CONTENT, cache(folder).get("kind", "key").orElseThrow());
    onlyFile(folder);
  }

  /** Writes and reads the same entry many times. */
  static final class Filler {
    private Filler() {}

    public static void main(String[] arguments) {
      DiskCache cache =
          new DiskCache(
              Path.of(arguments[0]),
              warning -> {
                throw new AssertionError(warning);
              });
      for (int i = 0; i < 300; i++) {
        Optional<byte[]> before = cache.get("kind", "key");
        if (i > 0 && !Arrays.equals(CONTENT, before.orElseThrow())) {
          throw new AssertionError("half an entry");
        }
        cache.put("kind", "key", CONTENT);
      }
    }
  }
}
