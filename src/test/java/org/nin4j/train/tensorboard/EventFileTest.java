package org.nin4j.train.tensorboard;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EventFileTest {
  /** TensorBoard reads them in the order of their names. */
  @Test
  void theFilesOfARunAreInOrderWhereTheClockGoesBack(@TempDir Path folder) throws IOException {
    for (int seconds : new int[] {5000, 1400, 5000, 6000}) {
      EventFile.create(folder, Instant.ofEpochSecond(seconds)).close();
    }
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(
          List.of(
              "events.out.tfevents.0000005000.nin4j",
              "events.out.tfevents.0000005000.nin4j.2",
              "events.out.tfevents.0000005000.nin4j.3",
              "events.out.tfevents.0000006000.nin4j"),
          files.map(file -> file.getFileName().toString()).sorted().toList());
    }
  }
}
