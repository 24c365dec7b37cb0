package org.nin4j.backend.onednn.convolution;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.backend.CpuOptions.Convolution;

class KeptChoicesTest {
  @TempDir private Path folder;

  @Test
  void aChoiceIsTheSameNextTime() {
    assertEquals(
        Convolution.TILES, KeptChoices.in(folder, "a", Map.of()).keep("x y", Convolution.TILES));
    KeptChoices again = KeptChoices.in(folder, "a", Map.of());
    assertEquals(Optional.of(Convolution.TILES), again.find("x y"));
    assertEquals(Optional.empty(), again.find("x"));
    assertEquals(Optional.empty(), KeptChoices.in(folder, "another", Map.of()).find("x y"));
  }

  @Test
  void whatIsGivenCountsFirst() {
    KeptChoices.in(folder, "a", Map.of()).keep("x", Convolution.TILES);
    KeptChoices given = KeptChoices.in(folder, "a", Map.of("x", Convolution.IM2COL));
    assertEquals(Optional.of(Convolution.IM2COL), given.find("x"));
    given.keep("y", Convolution.DIRECT);
    assertEquals(Map.of("x", Convolution.IM2COL, "y", Convolution.DIRECT), given.all());
    assertEquals(
        Map.of("x", Convolution.TILES, "y", Convolution.DIRECT),
        KeptChoices.in(folder, "a", Map.of()).all());
  }

  @Test
  void theFirstOfSeveralProcessesCounts() {
    KeptChoices first = KeptChoices.in(folder, "a", Map.of());
    KeptChoices second = KeptChoices.in(folder, "a", Map.of());
    first.keep("x", Convolution.TILES);
    second.keep("y", Convolution.IM2COL);
    assertEquals(Convolution.TILES, second.keep("x", Convolution.DIRECT));
    KeptChoices third = KeptChoices.in(folder, "a", Map.of());
    assertEquals(Optional.of(Convolution.TILES), third.find("x"));
    assertEquals(Optional.of(Convolution.IM2COL), third.find("y"));
  }

  @Test
  void whatIsDamagedIsTriedAgain() throws IOException {
    KeptChoices.in(folder, "a", Map.of()).keep("x", Convolution.TILES);
    Path file = only();
    for (String text : List.of("", "x = ", "x = SLOWLY\n", "\0\0\0", "= TILES\n x")) {
      Files.writeString(file, text);
      assertEquals(Optional.empty(), KeptChoices.in(folder, "a", Map.of()).find("x"), text);
    }
    Files.write(file, new byte[] {(byte) 0xff, (byte) 0xfe});
    assertEquals(Optional.empty(), KeptChoices.in(folder, "a", Map.of()).find("x"));
    assertEquals(
        Convolution.DIRECT, KeptChoices.in(folder, "a", Map.of()).keep("x", Convolution.DIRECT));
    assertEquals(Optional.of(Convolution.DIRECT), KeptChoices.in(folder, "a", Map.of()).find("x"));
  }

  /** A file stands where the folder should be. */
  @Test
  void itWorksWithoutAFolder() throws IOException {
    Path file = Files.createFile(folder.resolve("file"));
    KeptChoices nowhere = KeptChoices.in(file.resolve("below"), "a", Map.of());
    assertEquals(Convolution.TILES, nowhere.keep("x", Convolution.TILES));
    assertEquals(Optional.of(Convolution.TILES), nowhere.find("x"));
    assertEquals(Convolution.TILES, KeptChoices.here(Map.of()).keep("x", Convolution.TILES));
  }

  private Path only() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      List<Path> all = files.toList();
      assertTrue(all.size() == 1, all.toString());
      return all.get(0);
    }
  }
}
