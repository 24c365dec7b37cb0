package org.nin4j.spark;

import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.nin4j.text.Text;
import org.nin4j.train.checkpoint.Checkpoint;

/**
 * A checkpoint as it travels and is saved: its file, and beside it the whitening where it has one.
 *
 * @param byName content of each file
 */
record ModelFiles(Map<String, byte[]> byName) implements Serializable {
  static final String MODEL = "model.safetensors";

  static ModelFiles of(Checkpoint checkpoint) {
    return withFolder(
        folder -> {
          checkpoint.write(folder.resolve(MODEL));
          Map<String, byte[]> byName = new TreeMap<>();
          try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
              byName.put(file.getFileName().toString(), Files.readAllBytes(file));
            }
          }
          return new ModelFiles(byName);
        });
  }

  /**
   * @throws org.nin4j.train.checkpoint.CheckpointException if it is none, or damaged
   */
  Checkpoint checkpoint() {
    return withFolder(
        folder -> {
          for (Map.Entry<String, byte[]> file : byName.entrySet()) {
            Files.write(folder.resolve(file.getKey()), file.getValue());
          }
          return Checkpoint.read(folder.resolve(MODEL));
        });
  }

  private interface Use<R> {
    R of(Path folder) throws IOException;
  }

  private static <R> R withFolder(Use<R> use) {
    try {
      Path folder = Files.createTempDirectory("nin4j-model");
      try {
        return use.of(folder);
      } finally {
        remove(folder);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(
          Text.of(
              "a model takes a moment's room in %s: %s",
              System.getProperty("java.io.tmpdir"), e.getMessage()),
          e);
    }
  }

  static void remove(Path folder) throws IOException {
    List<Path> all;
    try (Stream<Path> walk = Files.walk(folder)) {
      all = walk.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path path : all) {
      Files.deleteIfExists(path);
    }
  }
}
