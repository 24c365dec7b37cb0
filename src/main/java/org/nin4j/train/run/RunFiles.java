package org.nin4j.train.run;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.nin4j.data.file.PartialFile;

/** What lies in a run's folder. */
final class RunFiles {
  private RunFiles() {}

  static List<Path> named(Pattern name, Path run) throws IOException {
    try (Stream<Path> all = Files.list(run)) {
      return all.filter(f -> name.matcher(f.getFileName().toString()).matches()).toList();
    }
  }

  static UncheckedIOException unreadable(Path run, IOException e) {
    return new UncheckedIOException(run + " cannot be read: " + PartialFile.reason(e), e);
  }
}
