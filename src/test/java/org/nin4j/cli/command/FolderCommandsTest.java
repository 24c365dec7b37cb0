package org.nin4j.cli.command;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.cli.Shell;
import org.nin4j.data.folder.Pictures;
import org.nin4j.data.picture.ImageFile;
import org.nin4j.data.picture.Picture;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;
import org.nin4j.train.Classifier;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.run.RunCheckpoints;

/** Everything that can be done with a folder of pictures, from the command line. */
class FolderCommandsTest {
  @TempDir private Path folder;

  private final Random random = new Random();

  @BeforeEach
  void seed() {
    long seed = System.nanoTime();
    System.out.println("pictures from seed " + seed);
    random.setSeed(seed);
  }

  private Path pictures() {
    return folder.resolve("my pictures");
  }

  /** Coloured noise, in classes b and a. */
  private void draw(int train, int test, int height, int width) throws IOException {
    for (String label : List.of("b", "a")) {
      for (int i = 0; i < train; i++) {
        Pictures.colours(random, file("train", label, i), height, width);
      }
      for (int i = 0; i < test; i++) {
        Pictures.colours(random, file("test", label, i), height, width);
      }
    }
  }

  private Path file(String set, String label, int index) {
    return pictures().resolve(set).resolve(label).resolve(index + ".png");
  }

  private Shell.Outcome run(String... command) {
    return new Shell(folder).run(command);
  }

  private Shell.Outcome train(String out, String... more) {
    return trainOn("folder:" + pictures(), out, more);
  }

  private Shell.Outcome trainOn(String dataset, String out, String... more) {
    List<String> command =
        new ArrayList<>(
            List.of(
                "train",
                "--dataset",
                dataset,
                "--device",
                "reference",
                "--batch",
                "4",
                "--out",
                folder.resolve(out).toString()));
    command.addAll(List.of(more));
    return run(command.toArray(String[]::new));
  }

  private Path onlyRun(String out) throws IOException {
    try (Stream<Path> runs = Files.list(folder.resolve(out))) {
      List<Path> all = runs.toList();
      assertEquals(1, all.size());
      return all.get(0);
    }
  }

  private static void assertEnded(int code, Shell.Outcome outcome) {
    assertEquals(code, outcome.code(), () -> outcome.text() + "\n" + outcome.err());
  }

  /** What was given once is not measured when the run is repeated by its configuration. */
  @Test
  void aConfigurationKeepsMeanAndDeviation() throws IOException {
    draw(5, 2, 32, 32);
    String[] lenet = {"--network", "lenet", "--size", "32", "--epochs", "1"};
    assertEnded(0, train("first", concat(lenet, "--mean", "0.25", "--std", "0.75")));
    Path config = onlyRun("first").resolve("config.json");
    String again = folder.resolve("again").toString();
    assertEnded(
        0, run("train", "--device", "reference", "--config", config.toString(), "--out", again));
    assertEquals(
        Checkpoint.read(RunCheckpoints.last(onlyRun("first"))).recipe(),
        Checkpoint.read(RunCheckpoints.last(onlyRun("again"))).recipe());
  }

  /** Trained, gone on with, evaluated, asked: all with the mean that the first run measured. */
  @Test
  void lenetOnColouredPictures() throws IOException {
    draw(5, 2, 32, 32);
    String[] lenet = {"--network", "lenet", "--size", "32", "--lr", "0.1"};
    assertEnded(0, train("once", concat(lenet, "--epochs", "2")));
    assertEnded(0, train("twice", concat(lenet, "--epochs", "1")));
    Path run = onlyRun("twice");
    Shell.Outcome resumed =
        run("train", "--device", "reference", "--resume", run.toString(), "--epochs", "2");
    assertEnded(0, resumed);
    assertEquals(
        "my pictures: 14 pictures in 2 classes, 3×32×32 as they are; from "
            + onlyFile(folder.resolve("cache/folders")),
        resumed.out().get(0));
    Checkpoint once = Checkpoint.read(RunCheckpoints.last(onlyRun("once")));
    Checkpoint twice = Checkpoint.read(RunCheckpoints.last(run));
    assertEquals(once.recipe(), twice.recipe());
    for (String name : once.parameters().keySet()) {
      HostTensor expected = once.parameters().get(name);
      assertArrayEquals(expected.values(), twice.parameters().get(name).values(), name);
    }
    assertEquals("folder:" + pictures().toAbsolutePath(), once.recipe().dataset());
    assertEquals(List.of("a", "b"), once.classes());
    assertEquals(Shape.of(3, 32, 32), once.image());
    // Noise from 0 to 255 has mean 1/2 and deviation 1/√12, rounded to what a command can say.
    for (int c = 0; c < 3; c++) {
      assertEquals(0.5, once.recipe().mean().get(c), 0.02);
      assertEquals(0.2887, once.recipe().std().get(c), 0.02);
      assertEquals(
          Math.round(1e4 * once.recipe().mean().get(c)), 1e4 * once.recipe().mean().get(c), 1e-2);
    }
    assertEquals(3, once.recipe().mean().size());

    Shell.Outcome evaluated = run("evaluate", "--device", "reference", run.toString());
    assertEnded(0, evaluated);
    String result = evaluated.out().get(evaluated.out().size() - 1);
    assertTrue(result.startsWith("my pictures, 4 test images: loss "), result);
    String loss = Text.of("%.4f", best(twice));
    assertTrue(result.contains("accuracy " + loss), result + " " + loss);

    Path one = file("test", "b", 1);
    Shell.Outcome predicted =
        run("predict", "--device", "reference", "--checkpoint", run.toString(), one.toString());
    assertEnded(0, predicted);
    assertEquals(List.of(), predicted.err());
    try (ReferenceBackend backend = new ReferenceBackend();
        Classifier classifier = Classifier.load(RunCheckpoints.best(run), backend)) {
      byte[] pixels = ImageFile.read(one, classifier.image(), Picture.Fit.CROP, false);
      var answers = classifier.classify(pixels).top(2);
      assertEquals(
          Text.of(
              "%s %s %.1f %% %s %.1f %%",
              one,
              answers.get(0).name(),
              100 * answers.get(0).probability(),
              answers.get(1).name(),
              100 * answers.get(1).probability()),
          predicted.out().get(3).replaceAll(" +", " "));
    }
  }

  private static double best(Checkpoint checkpoint) {
    return checkpoint.best().orElseThrow().testAccuracy();
  }

  private static String[] concat(String[] first, String... second) {
    return Stream.concat(Stream.of(first), Stream.of(second)).toArray(String[]::new);
  }

  private static Path onlyFile(Path in) throws IOException {
    try (Stream<Path> files = Files.list(in)) {
      return files.findFirst().orElseThrow();
    }
  }

  private static final String[] MINI = {"--network", "nin-mini", "--size", "8", "--epochs", "1"};

  @Test
  void aFolderMayMoveButNotChange() throws IOException {
    draw(6, 2, 9, 12);
    assertEnded(0, train("runs", MINI));
    Path run = onlyRun("runs");
    Path moved = Files.createDirectory(folder.resolve("elsewhere")).resolve("my pictures");
    Files.move(pictures(), moved);
    String[] resume = {
      "train", "--device", "reference", "--resume", run.toString(), "--epochs", "2", "--dataset"
    };
    assertEnded(3, run(Arrays.copyOf(resume, resume.length - 1)));
    assertEnded(0, run(concat(resume, "folder:" + moved)));
    Shell.Outcome evaluated =
        run("evaluate", "--device", "reference", run.toString(), "--dataset", "folder:" + moved);
    assertEnded(0, evaluated);
    // Of another size and proportions: brought to that of the training images.
    draw(1, 3, 31, 20);
    evaluated =
        run(
            "evaluate",
            "--device",
            "reference",
            run.toString(),
            "--dataset",
            "folder:" + pictures());
    assertEnded(0, evaluated);
    assertTrue(evaluated.text().contains("resized to 3×9×12"), evaluated::text);
    assertTrue(evaluated.text().contains("my pictures, 6 test images: "), evaluated::text);
    Files.delete(moved.resolve("train/a/0.png"));
    resume[6] = "3";
    Shell.Outcome changed = run(Arrays.copyOf(resume, resume.length - 1));
    assertEnded(3, changed);
    assertTrue(changed.err().get(0).contains("trained on other data"), changed.err()::toString);
  }

  /** Of several sizes, divided here, with what the command line says of mean and deviation. */
  @Test
  void aFolderThatIsDividedHere() throws IOException {
    for (int i = 0; i < 8; i++) {
      Pictures.colours(random, pictures().resolve("x").resolve(i + ".png"), 10 + i, 14);
      Pictures.colours(random, pictures().resolve("y").resolve(i + ".png"), 12, 9 + i);
    }
    String[] split = {"--split", "0.25", "--split-seed", "3", "--mean", "0.4"};
    assertEnded(0, train("runs", concat(MINI, split)));
    Path run = onlyRun("runs");
    Checkpoint trained = Checkpoint.read(RunCheckpoints.last(run));
    assertEquals(Shape.of(3, 8, 8), trained.image());
    assertEquals(List.of(0.4f), trained.recipe().mean());
    assertEquals(3, trained.recipe().std().size());
    assertEquals(3, trained.recipe().split().orElseThrow().seed());
    String[] resume = {"train", "--device", "reference", "--resume", run.toString()};
    assertEnded(0, run(concat(resume, "--epochs", "2")));
    // The images stay as they are stored, whatever size the network takes.
    assertEnded(0, run(concat(resume, "--epochs", "3", "--size", "11")));
    Shell.Outcome evaluated = run("evaluate", "--device", "reference", run.toString());
    assertEnded(0, evaluated);
    assertTrue(evaluated.text().contains("my pictures, 4 test images: "), evaluated::text);
    assertEquals(1, count(folder.resolve("cache/folders")));
  }

  private static long count(Path in) throws IOException {
    try (Stream<Path> files = Files.list(in)) {
      return files.count();
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void theDataAreShown(boolean colours) throws IOException {
    if (colours) {
      draw(3, 1, 6, 5);
    } else {
      for (String set : List.of("train", "test")) {
        Pictures.grey(random, file(set, "a", 0), 6, 5);
        Pictures.grey(random, file(set, "b", 0), 6, 5);
      }
    }
    Path sheet = folder.resolve("sheet.png");
    Shell.Outcome shown =
        run("data", "--dataset", "folder:" + pictures(), "--sheet", sheet.toString());
    assertEnded(0, shown);
    int channels = colours ? 3 : 1;
    assertTrue(shown.text().contains(" images of " + channels + "×6×5 in 2 classes"), shown::text);
    assertTrue(
        shown.out().stream().anyMatch(l -> l.matches(Text.of("0 +a +%d +1", colours ? 3 : 1))),
        shown::text);
    assertTrue(Files.exists(sheet));
    Path idx = folder.resolve("idx");
    Shell.Outcome written =
        run("data", "--dataset", "folder:" + pictures(), "--out", idx.toString());
    if (colours) {
      assertEnded(2, written);
      assertTrue(written.err().get(0).contains("IDX files hold grey images"));
    } else {
      assertEnded(0, written);
    }
    assertEquals(!colours, Files.exists(idx));
  }

  @Test
  void whatIsWrongWithAPictureIsOneLine() throws IOException {
    draw(4, 2, 8, 8);
    Files.writeString(file("train", "a", 2), "This is no picture.");
    Shell.Outcome refused = train("runs", MINI);
    assertEnded(3, refused);
    assertEquals(
        List.of(
            "nin train: "
                + file("train", "a", 2)
                + " is no PNG, JPEG, GIF, BMP or WebP picture; --skip-bad leaves it out"),
        refused.err());
    Shell.Outcome trained = train("runs", concat(MINI, "--skip-bad"));
    assertEnded(0, trained);
    assertTrue(trained.text().contains("left out: " + file("train", "a", 2)), trained::text);
    assertTrue(trained.text().contains("7 training and 4 test images"), trained::text);
    Files.delete(file("test", "b", 0));
    Files.delete(file("test", "b", 1));
    Shell.Outcome empty = train("runs", concat(MINI, "--skip-bad"));
    assertEnded(3, empty);
    assertTrue(
        empty.err().get(0).contains("holds no picture (png, jpg, jpeg, gif, bmp, webp)"),
        empty.err()::toString);
  }

  @Test
  void onATerminalABarComesAndGoes() throws IOException {
    draw(4, 2, 8, 8);
    Shell.Outcome outcome =
        new Shell(folder).runOnTerminal("data", "--dataset", "folder:" + pictures());
    assertEnded(0, outcome);
    assertTrue(
        String.join("", outcome.err()).contains("decoding my pictures"), outcome.err()::toString);
    assertTrue(outcome.out().stream().noneMatch(l -> l.startsWith("decoding")), outcome::text);
  }

  @Test
  void aStudyTakesPictures() throws IOException {
    draw(4, 2, 8, 8);
    Path study = folder.resolve("mine.json");
    Files.writeString(
        study,
        Text.of(
            """
        {"name": "mine", "question": "Which?",
         "base": {"dataset": "folder:%s", "network": "nin-mini", "size": 8, "epochs": 1,
                  "batch": 4, "precision": "fp32"},
         "variants": {"one": {"lr": 0.01}, "two": {"lr": 0.02, "mean": 0.5}}, "seeds": [1]}
        """,
            pictures()));
    Path out = folder.resolve("study");
    Shell.Outcome outcome =
        run("study", study.toString(), "--device", "reference", "--out", out.toString());
    assertEnded(0, outcome);
    Checkpoint one = Checkpoint.read(RunCheckpoints.last(out.resolve("runs/one-seed1")));
    assertEquals(3, one.recipe().mean().size());
    Checkpoint two = Checkpoint.read(RunCheckpoints.last(out.resolve("runs/two-seed1")));
    assertEquals(List.of(0.5f), two.recipe().mean());
    assertEquals(one.recipe().std(), two.recipe().std());
    // Nothing is left to do for a second start, which measures the same.
    Shell.Outcome again =
        run("study", study.toString(), "--device", "reference", "--out", out.toString());
    assertEnded(0, again);
  }

  /** More pictures than are decoded before it is told to end: nothing half made stays. */
  @Test
  @Timeout(120)
  void decodingThatIsStoppedLeavesNothing() throws IOException, InterruptedException {
    draw(1, 1, 300, 300);
    for (String label : List.of("a", "b")) {
      for (int i = 1; i < 2000; i++) {
        Files.createLink(file("train", label, i), file("train", label, 0));
      }
    }
    Path cache = folder.resolve("cache");
    ProcessBuilder builder =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                "org.nin4j.cli.Main",
                "data",
                "--dataset",
                "folder:" + pictures())
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("output").toFile());
    builder.environment().put("NIN4J_CACHE", cache.toString());
    Process process = builder.start();
    Path folders = cache.resolve("folders");
    while (process.isAlive() && (!Files.exists(folders) || count(folders) == 0)) {
      Thread.sleep(10);
    }
    process.destroy();
    // 128 + 15, as SIGTERM ends a process.
    assertEquals(143, process.waitFor(), () -> read(folder.resolve("output")));
    assertEquals(0, count(folders));
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return e.toString();
    }
  }
}
