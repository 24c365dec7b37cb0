package org.nin4j.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunFolderTest {
  private static final LocalDateTime NOW = LocalDateTime.of(2025, 1, 31, 23, 59, 58);

  @TempDir private Path runs;

  private final List<String> remarks = new ArrayList<>();

  private RunFolder create() {
    return RunFolder.create(runs.resolve("new"), NOW, "nin", "nin on shapes", remarks::add);
  }

  private Set<String> names(RunFolder folder) throws IOException {
    try (Stream<Path> files = Files.list(folder.path())) {
      return files.map(f -> f.getFileName().toString()).collect(Collectors.toSet());
    }
  }

  @Test
  void twoRunsOfTheSameSecondHaveFoldersOfTheirOwn() {
    assertEquals(runs.resolve("new/20250131-235958-nin"), create().path());
    assertEquals(runs.resolve("new/20250131-235958-nin-2"), create().path());
    assertEquals(runs.resolve("new/20250131-235958-nin-3"), create().path());
  }

  @Test
  void aRunLeavesHistoryCurvesAndCheckpoints() throws IOException {
    RunFolder folder = create();
    folder.writeConfig(new JsonObject());
    Checkpoint end = Trial.trainer(Trial.recipe(), folder).train();
    assertEquals(
        Set.of("config.json", "history.csv", "curves.png", "last.safetensors", "best.safetensors"),
        names(folder));
    assertEquals(List.of(), remarks);
    assertEquals(
        end.history(), History.parseCsv(Files.readString(folder.path().resolve("history.csv"))));
    assertEquals(Position.atEpoch(3), Checkpoint.read(RunFolder.last(folder.path())).position());
    Checkpoint best = Checkpoint.read(RunFolder.best(folder.path()));
    assertEquals(end.history().best().orElseThrow().epoch(), best.position().epoch());
    folder.removeIfUnused();
    assertTrue(Files.exists(RunFolder.last(folder.path())));
  }

  @Test
  void curvesAreAPictureWithBothLines() throws IOException {
    History history =
        new History(
            List.of(
                new EpochResult(1, 2.0, 0.3, 1.8, 0.4, 0.9, 1, 1, 1, 0, 0),
                new EpochResult(2, 1.0, 0.6, 0.9, 0.7, 0.9, 1, 1, 1, 0, 0)));
    Path file = runs.resolve("curves.png");
    Curves.write(history, "nin on shapes", file);
    BufferedImage picture = ImageIO.read(file.toFile());
    assertEquals(1120, picture.getWidth());
    assertEquals(420, picture.getHeight());
    for (int panel = 0; panel < 2; panel++) {
      Set<Integer> colours = new HashSet<>();
      for (int x = panel * 560; x < (panel + 1) * 560; x++) {
        for (int y = 0; y < 420; y++) {
          colours.add(picture.getRGB(x, y) & 0xffffff);
        }
      }
      assertTrue(colours.contains(0x1F77B4), "the training line");
      assertTrue(colours.contains(0xD62728), "the test line");
    }
  }

  @Test
  void goingOnKeepsTheFirstConfiguration() throws IOException {
    RunFolder folder = create();
    JsonObject first = new JsonObject();
    first.addProperty("number", 1);
    folder.writeConfig(first);
    RunFolder.open(folder.path(), "title", remarks::add).writeConfig(new JsonObject());
    assertEquals(Set.of("config.json", "config-2.json"), names(folder));
    assertTrue(Files.readString(folder.path().resolve("config.json")).contains("\"number\": 1"));
  }

  @Test
  void aRunThatCameToNothingLeavesNothing() {
    RunFolder folder = create();
    folder.writeConfig(new JsonObject());
    folder.removeIfUnused();
    assertFalse(Files.exists(folder.path()));
  }

  @Test
  void aFileInTheWayIsNamed() throws IOException {
    Path file = Files.writeString(runs.resolve("file"), "content");
    String message =
        assertThrows(
                UncheckedIOException.class,
                () -> RunFolder.create(file, NOW, "nin", "title", remarks::add))
            .getMessage();
    assertTrue(message.startsWith("no run folder can be made in " + file), message);
    assertArrayEquals("content".getBytes(), Files.readAllBytes(file));
  }

  @Test
  void aFullDiskIsFoundBeforeTraining() {
    RunFolder folder = create();
    folder.requireRoom(1000);
    String message =
        assertThrows(UncheckedIOException.class, () -> folder.requireRoom(Long.MAX_VALUE / 8))
            .getMessage();
    assertTrue(message.startsWith("there is no room for the run in"), message);
  }
}
