package org.nin4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The libraries that the tests run with are those that are pinned. */
class PinnedLibrariesTest {
  /** Of the test's libraries, those that the product has; the others come with none of it. */
  @Test
  void librariesAreThosePinned() throws IOException, NoSuchAlgorithmException {
    Map<String, String> pinned =
        Files.readAllLines(Path.of("dependencies.sha256")).stream()
            .map(line -> line.split(" [ *]"))
            .collect(Collectors.toMap(words -> words[1], words -> words[0]));
    int found = 0;
    for (Path jar : classPath()) {
      String name = jar.getFileName().toString();
      if (pinned.containsKey(name)) {
        assertEquals(pinned.get(name), sha256(jar), name);
        found++;
      }
    }
    assertTrue(found >= 20, found + " of the class path's libraries are pinned");
  }

  private static Iterable<Path> classPath() {
    return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
            .filter(entry -> entry.endsWith(".jar"))
            .map(Path::of)
        ::iterator;
  }

  private static String sha256(Path file) throws IOException, NoSuchAlgorithmException {
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    return HexFormat.of().formatHex(digest.digest(Files.readAllBytes(file)));
  }
}
