package org.nin4j.train.run;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nin4j.backend.Metrics;
import org.nin4j.text.Text;
import org.nin4j.train.Trainer;
import org.nin4j.train.Trial;
import org.nin4j.train.checkpoint.Best;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.checkpoint.CheckpointException;
import org.nin4j.train.checkpoint.Position;
import org.nin4j.train.history.EpochResult;
import org.nin4j.train.history.History;
import org.nin4j.train.recipe.Recipe;

class RunFolderTest {
  private static final LocalDateTime NOW = LocalDateTime.of(2025, 1, 31, 23, 59, 58);

  private static final Instant STARTED = Instant.parse("2025-01-31T22:59:58.123Z");

  @TempDir private Path runs;

  private final List<String> remarks = new ArrayList<>();

  private RunFolder create() {
    return RunFolder.create(runs.resolve("new"), NOW, "nin", remarks::add);
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
    folder.writeConfig(new JsonObject(), STARTED);
    Checkpoint end = Trial.trainer(Trial.recipe(), folder).train();
    assertEquals(
        Set.of(
            ".lock",
            "config.json",
            "history.csv",
            "curves.png",
            "last.safetensors",
            "best.safetensors"),
        names(folder));
    assertEquals(List.of(), remarks);
    assertEquals(
        end.history(), History.parseCsv(Files.readString(folder.path().resolve("history.csv"))));
    assertEquals(
        Position.atEpoch(3), Checkpoint.read(RunCheckpoints.last(folder.path())).position());
    Checkpoint best = Checkpoint.read(RunCheckpoints.best(folder.path()));
    assertEquals(end.best().orElseThrow().epoch(), best.position().epoch());
    double highest =
        end.history().epochs().stream().mapToDouble(EpochResult::testAccuracy).max().orElseThrow();
    assertEquals(highest, end.best().orElseThrow().testAccuracy());
    assertEquals(
        Optional.of(new RunFolder.Saved(RunCheckpoints.last(folder.path()), Position.atEpoch(3))),
        folder.saved());
    folder.close();
    assertTrue(Files.exists(RunCheckpoints.last(folder.path())));
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
    folder.writeConfig(first, STARTED);
    folder.writeConfig(new JsonObject(), STARTED.plusSeconds(60));
    assertEquals(Set.of(".lock", "config.json", "config-2.json"), names(folder));
    assertEquals(STARTED.plusSeconds(60), RunConfigs.date(folder.path()));
    assertTrue(Files.readString(folder.path().resolve("config.json")).contains("\"number\": 1"));
  }

  @Test
  void aRunThatCameToNothingLeavesNothing() {
    RunFolder folder = create();
    folder.writeConfig(new JsonObject(), STARTED);
    folder.close();
    assertFalse(Files.exists(folder.path()));
  }

  @Test
  void aFileInTheWayIsNamed() throws IOException {
    Path file = Files.writeString(runs.resolve("file"), "content");
    String message =
        assertThrows(
                UncheckedIOException.class, () -> RunFolder.create(file, NOW, "nin", remarks::add))
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

  @Test
  void theFiguresOfAFullDiskDiffer() {
    RunFolder folder = create();
    folder.requireRoom(1_048_576, 1_048_576);
    String message =
        assertThrows(UncheckedIOException.class, () -> folder.requireRoom(1_048_575, 1_048_576))
            .getMessage();
    assertTrue(message.contains("1.0 MB are free, 1.1 MB are needed"), message);
  }

  @Test
  void whatIsReplacedNeedsNoRoomTwice() throws IOException {
    RunFolder folder = create();
    long half = folder.path().toFile().getUsableSpace() / 2;
    assertThrows(UncheckedIOException.class, () -> folder.requireRoom(half));
    // Files of holes: they have this size, and take no room in the test.
    for (Path file :
        List.of(RunCheckpoints.last(folder.path()), RunCheckpoints.best(folder.path()))) {
      try (RandomAccessFile holes = new RandomAccessFile(file.toFile(), "rw")) {
        holes.setLength(half);
      }
    }
    folder.requireRoom(half);
  }

  @Test
  void aSecondTrainingInAFolderIsRefusedUntilTheFirstEnds() {
    RunFolder folder = create();
    Trial.trainer(Trial.recipe().toBuilder().epochs(1).build(), folder).train();
    String message =
        assertThrows(UncheckedIOException.class, () -> RunFolder.open(folder.path(), remarks::add))
            .getMessage();
    assertEquals(
        Text.of(
            "process %d is training in %s: wait for its end, or go on in a new folder with --resume %s",
            ProcessHandle.current().pid(), folder.path(), RunCheckpoints.last(folder.path())),
        message);
    folder.close();
    RunFolder.open(folder.path(), remarks::add).close();
    assertTrue(Files.exists(RunCheckpoints.last(folder.path())));
    assertEquals(List.of(), remarks);
  }

  @Test
  void whatAKilledProcessLeftHalfWrittenIsRemoved() throws IOException {
    RunFolder folder = create();
    Trial.trainer(Trial.recipe().toBuilder().epochs(1).build(), folder).train();
    folder.close();
    Set<String> before = names(folder);
    for (String name :
        List.of(
            "last.safetensors",
            "best.safetensors",
            "epoch-3.safetensors",
            "epoch-4-step-120.safetensors",
            "history.csv",
            "result.json")) {
      Files.writeString(folder.path().resolve(name + "." + UUID.randomUUID() + ".part"), "half");
    }
    Path own = Files.writeString(folder.path().resolve("notes.part"), "mine");
    RunFolder.open(folder.path(), remarks::add).close();
    Set<String> after = names(folder);
    assertTrue(after.remove(own.getFileName().toString()), after::toString);
    assertEquals(before, after);
  }

  @Test
  void aFolderWithMoreThanItsConfigurationIsKeptWhole() throws IOException {
    RunFolder folder = create();
    folder.writeConfig(new JsonObject(), STARTED);
    // As when the disk is full: the file cannot get its name.
    Path inTheWay = Files.createDirectory(RunCheckpoints.last(folder.path()));
    Files.writeString(inTheWay.resolve("inside"), "");
    Trainer trainer = Trial.trainer(Trial.recipe(), folder);
    String message = assertThrows(UncheckedIOException.class, trainer::train).getMessage();
    assertTrue(message.startsWith(inTheWay + " cannot be written"), message);
    assertEquals(Optional.empty(), folder.saved());
    folder.close();
    assertEquals(Set.of(".lock", "config.json", "last.safetensors"), names(folder));
  }

  @Test
  void anOpenedFolderIsNeverRemoved() throws IOException {
    Path empty = Files.createDirectory(runs.resolve("empty"));
    RunFolder.open(empty, remarks::add).close();
    assertTrue(Files.isDirectory(empty));
  }

  @ParameterizedTest
  @ValueSource(strings = {"3", "{}", "[]", "null", "true", "\"yesterday\"", "1e999"})
  void aRunWithoutADateInItsConfigurationHasThatOfItsCheckpoint(String started) throws IOException {
    Path run = Files.createDirectory(runs.resolve("old"));
    Files.writeString(run.resolve("config.json"), Text.of("{\"started\": %s}", started));
    Files.writeString(run.resolve("config-2.json"), "no JSON");
    Files.writeString(run.resolve("config-3.json"), "[]");
    Files.setLastModifiedTime(run, FileTime.from(STARTED.plusSeconds(3)));
    assertEquals(STARTED.plusSeconds(3), RunConfigs.date(run));
    Files.writeString(RunCheckpoints.last(run), "");
    Files.setLastModifiedTime(RunCheckpoints.last(run), FileTime.from(STARTED));
    assertEquals(STARTED, RunConfigs.date(run));
  }

  /** A run of three epochs, all checkpoints kept, with the given test accuracies. */
  private List<Checkpoint> checkpoints(double... accuracies) {
    List<Checkpoint> trained = new ArrayList<>();
    Trial.trainer(Trial.recipe(), Trial.onCheckpoint(trained::add)).train();
    List<Checkpoint> told = new ArrayList<>();
    History history = History.EMPTY;
    Optional<Best> best = Optional.empty();
    for (int i = 0; i < accuracies.length; i++) {
      history = history.with(new EpochResult(i + 1, 2, 0.3, 2, accuracies[i], 1, 1, 1, 1, 0, 0));
      Best now = new Best(i + 1, accuracies[i], "test data");
      best = Optional.of(best.filter(b -> b.holdsAgainst(now)).orElse(now));
      Checkpoint c = trained.get(i);
      told.add(
          new Checkpoint(
              c.recipe(),
              c.network(),
              c.image(),
              c.classes(),
              c.data(),
              c.position(),
              history,
              best,
              c.parameters(),
              c.optimizerState(),
              Optional.empty()));
    }
    return told;
  }

  @Test
  void theBestGoesAlongIntoANewFolder() {
    List<Checkpoint> run = checkpoints(0.8, 0.3, 0.4);
    Path old = runs.resolve("old");
    run.get(0).write(RunCheckpoints.best(old));
    run.get(1).write(RunCheckpoints.last(old));
    RunFolder folder = create();
    Path file = RunCheckpoints.last(old);
    Checkpoint from = folder.goOn(Checkpoint.read(file), file);
    assertEquals(Optional.of(new Best(1, 0.8, "test data")), from.best());
    assertEquals(Optional.of(new RunFolder.Saved(file, Position.atEpoch(2))), folder.saved());
    folder.checkpointed(run.get(2), false);
    Checkpoint best = Checkpoint.read(RunCheckpoints.best(folder.path()));
    assertEquals(Position.atEpoch(1), best.position());
    assertArrayEquals(
        run.get(0).parameters().get("0.weight").values(),
        best.parameters().get("0.weight").values());
    assertEquals(List.of(), remarks);
  }

  @Test
  void aBestCheckpointAloneGoesAlongAsWell() {
    List<Checkpoint> run = checkpoints(0.8, 0.3);
    Path file = runs.resolve("copy.safetensors");
    run.get(0).write(file);
    RunFolder folder = create();
    folder.goOn(Checkpoint.read(file), file);
    folder.checkpointed(run.get(1), false);
    assertEquals(
        Position.atEpoch(1), Checkpoint.read(RunCheckpoints.best(folder.path())).position());
    assertEquals(List.of(), remarks);
  }

  @Test
  void withoutTheBestAtHandItStartsWithTheCheckpointItself() {
    List<Checkpoint> run = checkpoints(0.8, 0.3, 0.2);
    // Beside it lies the best of another run.
    checkpoints(0.7).get(0).write(RunCheckpoints.best(runs));
    Path file = runs.resolve("copy.safetensors");
    run.get(1).write(file);
    RunFolder folder = create();
    Checkpoint from = folder.goOn(Checkpoint.read(file), file);
    assertEquals(Optional.of(new Best(2, 0.3, "test data")), from.best());
    assertEquals(
        List.of(
            Text.of(
                "The best so far, 0.8000 after epoch 1, is not beside %s: best starts anew.",
                file)),
        remarks);
    folder.checkpointed(run.get(2), false);
    assertEquals(
        Position.atEpoch(2), Checkpoint.read(RunCheckpoints.best(folder.path())).position());
  }

  @Test
  void inItsOwnFolderTheBestStaysWhereItIs() throws IOException {
    List<Checkpoint> run = checkpoints(0.8, 0.3, 0.4);
    Path path = runs.resolve("run");
    run.get(0).write(RunCheckpoints.best(path));
    run.get(1).write(RunCheckpoints.last(path));
    byte[] best = Files.readAllBytes(RunCheckpoints.best(path));
    try (RunFolder folder = RunFolder.open(path, remarks::add)) {
      Path file = RunCheckpoints.last(path);
      assertEquals(run.get(1).best(), folder.goOn(Checkpoint.read(file), file).best());
      folder.checkpointed(run.get(2), false);
    }
    assertArrayEquals(best, Files.readAllBytes(RunCheckpoints.best(path)));
    assertEquals(List.of(), remarks);
  }

  private static void flipABit(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length - 7] ^= 4;
    Files.write(file, bytes);
  }

  @Test
  void earlierCheckpointsAreKeptAsManyAsAskedFor() throws IOException {
    RunFolder folder = create();
    folder.keep(2);
    Recipe recipe = Trial.recipe().toBuilder().epochs(5).build();
    Trial.trainer(recipe, folder).train();
    folder.close();
    Set<String> safetensors = names(folder);
    safetensors.removeIf(name -> !name.startsWith("epoch"));
    assertEquals(Set.of("epoch-3.safetensors", "epoch-4.safetensors"), safetensors);
    for (int epoch : new int[] {3, 4}) {
      Path kept = folder.path().resolve(Text.of("epoch-%d.safetensors", epoch));
      assertEquals(Position.atEpoch(epoch), Checkpoint.read(kept).position());
    }
    // In another program, that keeps none, what was kept stays.
    try (RunFolder again = RunFolder.open(folder.path(), remarks::add)) {
      Path last = RunCheckpoints.last(folder.path());
      Checkpoint from = again.goOn(Checkpoint.read(last), last);
      again.checkpointed(from, false);
    }
    assertTrue(names(folder).containsAll(safetensors));
    assertEquals(List.of(), remarks);
  }

  @Test
  void withinAnEpochTheNameHasTheStep() throws IOException {
    List<Checkpoint> run = checkpoints(0.8, 0.3);
    Checkpoint first = run.get(0);
    Checkpoint within =
        new Checkpoint(
            first.recipe(),
            first.network(),
            first.image(),
            first.classes(),
            first.data(),
            new Position(1, 2, new Metrics(30, 16, 4, 8), 1),
            first.history(),
            first.best(),
            first.parameters(),
            first.optimizerState(),
            Optional.empty());
    RunFolder folder = create();
    folder.keep(3);
    folder.checkpointed(first, true);
    FileTime drawn = FileTime.from(STARTED);
    Files.setLastModifiedTime(folder.path().resolve("curves.png"), drawn);
    folder.checkpointed(within, false);
    // History and curves are as they were, and are not written again.
    assertEquals(drawn, Files.getLastModifiedTime(folder.path().resolve("curves.png")));
    folder.checkpointed(run.get(1), false);
    folder.close();
    Set<String> kept = names(folder);
    kept.removeIf(name -> !name.startsWith("epoch"));
    assertEquals(Set.of("epoch-1.safetensors", "epoch-2-step-2.safetensors"), kept);
    // Without the last ones the newest of the others: by its place in the run, not by its date.
    Files.delete(RunCheckpoints.last(folder.path()));
    RunCheckpoints.Newest newest = RunCheckpoints.newest(folder.path(), remarks::add).orElseThrow();
    assertEquals(folder.path().resolve("epoch-2-step-2.safetensors"), newest.file());
    assertEquals(
        List.of(
            Text.of(
                "last.safetensors is not there: going on from the newest checkpoint that is whole, %s, in epoch 2, after step 2",
                newest.file())),
        remarks);
  }

  @Test
  void aTornCheckpointIsPassedOverForTheNewestWholeOne() throws IOException {
    List<Checkpoint> run = checkpoints(0.8, 0.3, 0.2);
    Path path = runs.resolve("run");
    Path last = RunCheckpoints.last(path);
    Path kept = path.resolve("epoch-2.safetensors");
    run.get(0).write(RunCheckpoints.best(path));
    run.get(1).write(kept);
    for (int cut : new int[] {0, 5, 8, 300, -1}) {
      run.get(2).write(last);
      byte[] whole = Files.readAllBytes(last);
      Files.write(last, Arrays.copyOf(whole, cut < 0 ? whole.length - 1 : cut));
      assertEquals(kept, RunCheckpoints.newest(path, remarks::add).orElseThrow().file());
    }
    run.get(2).write(last);
    flipABit(last);
    remarks.clear();
    assertEquals(kept, RunCheckpoints.newest(path, remarks::add).orElseThrow().file());
    assertEquals(
        List.of(
            Text.of(
                "%s is damaged or cut short: its content does not fit its SHA-256 sum: going on from the newest checkpoint that is whole, %s, after epoch 2",
                last, kept)),
        remarks);
    flipABit(kept);
    assertEquals(
        RunCheckpoints.best(path), RunCheckpoints.newest(path, remarks::add).orElseThrow().file());
    flipABit(RunCheckpoints.best(path));
    String message =
        assertThrows(CheckpointException.class, () -> RunCheckpoints.newest(path, remarks::add))
            .getMessage();
    assertTrue(message.startsWith(last + " is damaged"), message);
    assertEquals(Optional.empty(), RunCheckpoints.newest(runs.resolve("none"), remarks::add));
  }

  /** It would be lost, and needs no more than a newer program. */
  @Test
  void aCheckpointOfAnotherVersionIsNotPassedOver() throws IOException {
    List<Checkpoint> run = checkpoints(0.8, 0.3);
    Path path = runs.resolve("run");
    Path last = RunCheckpoints.last(path);
    run.get(0).write(RunCheckpoints.best(path));
    run.get(1).write(last);
    String bytes = Files.readString(last, StandardCharsets.ISO_8859_1);
    Files.writeString(
        last, bytes.replace("\"version\":\"1\"", "\"version\":\"2\""), StandardCharsets.ISO_8859_1);
    String message =
        assertThrows(CheckpointException.class, () -> RunCheckpoints.newest(path, remarks::add))
            .getMessage();
    assertTrue(message.contains("version 2"), message);
  }

  /** Killed after the last checkpoint was written, before the best one. */
  @Test
  void whatACompleteRunDidNotComeToIsWrittenLater() throws IOException {
    RunFolder folder = create();
    folder.writeConfig(new JsonObject(), STARTED);
    Checkpoint last = Trial.trainer(Trial.recipe(), folder).train();
    folder.close();
    Path history = folder.path().resolve("history.csv");
    String csv = Files.readString(history);
    Checkpoint perfect = last.withBest(Optional.of(new Best(3, 1, "test data")));
    perfect.write(RunCheckpoints.last(folder.path()));
    Files.writeString(history, csv.lines().limit(2).collect(Collectors.joining("\n", "", "\n")));
    Files.delete(folder.path().resolve("curves.png"));
    try (RunFolder again = RunFolder.open(folder.path(), remarks::add)) {
      again.complete(perfect);
    }
    assertEquals(csv, Files.readString(history));
    assertTrue(Files.exists(folder.path().resolve("curves.png")));
    assertEquals(perfect.best(), Checkpoint.read(RunCheckpoints.best(folder.path())).best());
    assertEquals(List.of(), remarks);
  }

  @Test
  void anotherDeviceAndOtherWaysAreSaid() {
    RunFolder folder = create();
    folder.writeConfig(device("CPU", "direct"), STARTED);
    folder.writeConfig(device("CPU", "direct"), STARTED);
    assertEquals(List.of(), remarks);
    folder.writeConfig(device("CPU", "tiles"), STARTED);
    folder.writeConfig(device("GPU", "tiles"), STARTED);
    folder.writeConfig(new JsonObject(), STARTED);
    folder.writeConfig(device("GPU", "tiles"), STARTED);
    assertEquals(
        List.of(
            "Computed in other ways (device.ways in config.json) than before: as good, but not with"
                + " the same last bits as in one go.",
            "Computed on another device than before: as good, but not with the same last bits as in"
                + " one go."),
        remarks);
  }

  private static JsonObject device(String description, String way) {
    JsonObject ways = new JsonObject();
    ways.addProperty("2.0 ConvolutionForward", way);
    JsonObject device = new JsonObject();
    device.addProperty("description", description);
    device.add("ways", ways);
    JsonObject config = new JsonObject();
    config.add("device", device);
    return config;
  }

  @Test
  void aClockThatWentBackIsSaidAndChangesNothing() throws IOException {
    RunFolder folder = create();
    folder.writeConfig(new JsonObject(), STARTED);
    assertEquals(List.of(), remarks);
    folder.writeConfig(new JsonObject(), STARTED.minusSeconds(7200));
    assertEquals(
        List.of(
            "The clock went back: this run was started at 2025-01-31T22:59:58.123Z, and it is"
                + " 2025-01-31T20:59:58Z; nothing depends on it."),
        remarks);
    assertEquals(STARTED, RunConfigs.date(folder.path()));
    assertEquals(
        Optional.of(folder.path().resolve("config-2.json")), RunConfigs.latest(folder.path()));
  }
}
