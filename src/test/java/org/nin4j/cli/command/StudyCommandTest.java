package org.nin4j.cli.command;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nin4j.backend.Backend;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.cli.Shell;
import org.nin4j.cli.option.StudySettings;
import org.nin4j.data.TrainTest;
import org.nin4j.data.shapes.Shapes;
import org.nin4j.plan.Precision;
import org.nin4j.study.PlannedRun;
import org.nin4j.study.Studies;
import org.nin4j.study.Study;
import org.nin4j.study.StudyJson;
import org.nin4j.study.StudyPlan;
import org.nin4j.text.Text;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.history.Timeless;
import org.nin4j.train.run.RunCheckpoints;
import org.nin4j.train.run.RunLock;

class StudyCommandTest {
  /** 128 + 15: ended by SIGTERM. */
  private static final int TERMINATED = 143;

  private static final String BASE =
      "\"recipe\": \"d2l\", \"network\": \"nin-mini\", \"dataset\": \"shapes\", \"size\": 8,"
          + " \"batch\": 8, \"limit\": 24";

  @TempDir private Path folder;

  private String write(String variants, String more) throws IOException {
    Path file = folder.resolve("mine.json");
    Files.writeString(
        file,
        Text.of(
            "{\"name\": \"mine\", \"question\": \"Which?\", \"base\": {%s}, \"variants\": {%s}%s}",
            BASE, variants, more));
    return file.toString();
  }

  private Shell.Outcome study(String... arguments) {
    List<String> command = new ArrayList<>(List.of("study"));
    command.addAll(List.of(arguments));
    return new Shell(folder).run(command.toArray(String[]::new));
  }

  private String out() {
    return folder.resolve("out").toString();
  }

  @Test
  void theStudiesAreListed() {
    Shell.Outcome outcome = study("--list");
    assertEquals(0, outcome.code());
    assertEquals(
        List.of(
            "Study            Runs  Question",
            "hyperparameters    36  Which rate, initial values and recipe make NiN more accurate?",
            "one-by-ones        12  Why two 1×1 convolutions a block? With none, one and three, what changes?",
            "three-by-threes    12  What changes with 3×3 convolutions in place of the 1×1?",
            "head                9  What changes with a fully connected layer in place of the global average pooling?",
            "resources          14  What does NiN take in training and in prediction, beside the other networks?",
            "reduction          18  What does it cost to go from 384 to 10 channels in one step?",
            "family             15  Does depth by VGG's rules help NiN as it helps VGG?",
            "networks           27  How accurate are the book's networks with the settings published for them?"),
        outcome.out().stream().filter(l -> !l.startsWith("---")).toList());
  }

  static Stream<Study> shipped() {
    return Studies.all().stream();
  }

  /** Every variant can be planned, whole and quick, on images of the data set's shape. */
  @ParameterizedTest
  @MethodSource("shipped")
  void whatIsShippedCanBeTrained(Study study) {
    TrainTest data = Shapes.draw(1, 512, 10, 1);
    try (Backend backend = new ReferenceBackend()) {
      for (boolean quick : List.of(false, true)) {
        StudyPlan plan =
            StudyPlan.of(study, quick, List.of(), new StudySettings(), backend, recipe -> data);
        assertEquals(study.runs(), plan.chosen().size());
        for (PlannedRun run : plan.runs()) {
          String line = "run 36/36 %s: test 0.1234, 59 min 59 s, 23:59:59 left";
          assertTrue(Text.of(line, run.name()).length() <= 80, run::name);
        }
      }
    }
  }

  /** A study that names a precision runs on devices without it, and says so. */
  @Test
  void whereADeviceLacksAPrecisionFp32TakesItsPlace() {
    TrainTest data = Shapes.draw(1, 512, 10, 1);
    try (Backend backend = new ReferenceBackend()) {
      StudyPlan plan =
          StudyPlan.of(
              Studies.named("networks"),
              true,
              List.of("nin"),
              new StudySettings(),
              backend,
              recipe -> data);
      for (PlannedRun run : plan.chosen()) {
        assertEquals(Precision.FP32, run.recipe().precision());
        assertEquals("fp32", run.settings().words().get("precision"));
      }
    }
  }

  /**
   * After a crash within an epoch: with what was saved by the clock, and no more. The clock is
   * looked at when there is progress to report, so that an epoch must last longer than until the
   * first.
   */
  @Test
  void aRunIsSavedByTheClockAndGoesOnFromThere() throws IOException {
    String file = write("\"one\": {\"epochs\": 2, \"limit\": 2400}", "");
    String[] command = {
      file,
      "--seeds",
      "1",
      "--device",
      "reference",
      "--checkpoint-every",
      "0.0001",
      "--keep",
      "9",
      "--out",
      out()
    };
    Shell.Outcome whole = study(command);
    assertEquals(0, whole.code(), whole::toString);
    Path run = folder.resolve("out/runs/one-seed1");
    Checkpoint undisturbed = Checkpoint.read(RunCheckpoints.last(run));
    List<Path> all;
    try (Stream<Path> files = Files.list(run)) {
      all = files.sorted().toList();
    }
    Path within =
        all.stream()
            .filter(f -> f.getFileName().toString().startsWith("epoch-1-step-"))
            .findFirst()
            .orElseThrow(() -> new AssertionError("nothing was saved by the clock: " + all));
    for (Path other : all) {
      if (!other.equals(within) && !other.getFileName().toString().equals("config.json")) {
        Files.delete(other);
      }
    }
    Files.move(within, RunCheckpoints.last(run));
    int step = Checkpoint.read(RunCheckpoints.last(run)).position().step();
    assertTrue(step > 0);
    Shell.Outcome again = study(command);
    assertEquals(0, again.code(), again::toString);
    Checkpoint end = Checkpoint.read(RunCheckpoints.last(run));
    assertEquals(Timeless.of(undisturbed.history()), Timeless.of(end.history()));
    undisturbed
        .parameters()
        .forEach(
            (name, tensor) ->
                assertArrayEquals(tensor.values(), end.parameters().get(name).values(), name));
    assertEquals(undisturbed.best(), Checkpoint.read(RunCheckpoints.best(run)).best());
    assertTrue(again.text().contains("step " + step), again.text());
  }

  /** As the documentation has it. */
  @Test
  void theDocumentedFileIsAStudy() {
    Study study =
        StudyJson.parse(
            """
            {"name": "mine", "question": "Does a second 1×1 help?",
             "base": {"recipe": "fast", "size": 67},
             "variants": {"one": {"inner": "1x1"}, "two": {"inner": "1x1,1x1"}},
             "seeds": [1, 2, 3],
             "quick": {"limit": 6000},
             "published": [{"variant": "two", "test_accuracy": 0.877, "source": "the book, MXNet"}]}
            """);
    whatIsShippedCanBeTrained(study);
    assertEquals(6, study.runs());
  }

  @Test
  void aStudyIsTrainedReportedAndNotTrainedAgain() throws IOException {
    String file =
        write("\"one\": {\"inner\": \"1x1\"}, \"two\": {}", ", \"quick\": {\"epochs\": 1}");
    String[] command = {file, "--quick", "--seeds", "1", "--device", "reference", "--out", out()};
    Shell.Outcome outcome = study(command);
    assertEquals(0, outcome.code(), () -> String.join("\n", outcome.err()));
    assertEquals(List.of(), outcome.err());
    List<String> lines = outcome.out();
    assertEquals("study mine: 2 runs in " + out(), lines.get(0));
    assertTrue(
        lines.get(2).matches("run 1/2 one-seed1: test [\\d.]+, [\\d.]+ s, [\\d:]+ left"),
        lines.get(2));
    assertTrue(lines.get(3).matches("run 2/2 two-seed1: test [\\d.]+, [\\d.]+ s"), lines.get(3));
    assertEquals(
        "2 of 2 runs are done: " + folder.resolve("out/study.md"), lines.get(lines.size() - 1));
    String report = Files.readString(folder.resolve("out/study.md"));
    assertTrue(
        report.contains(
            Text.of(
                "`nin study %s --quick --seeds 1 --out %s --device reference`, the quick form",
                file, out())),
        report);
    String train =
        "train --recipe d2l --network nin-mini --dataset shapes --size 8 --batch 8 --limit 24"
            + " --epochs 1 --inner 1x1 --seed 1 --device reference";
    assertTrue(report.contains("`nin " + train + "`"), report);
    assertTrue(Files.exists(folder.resolve("out/runs/one-seed1/config.json")));

    // The command of a run trains the same.
    List<String> alone = new ArrayList<>(List.of(train.split(" ")));
    alone.addAll(List.of("--out", folder.resolve("alone").toString()));
    assertEquals(0, new Shell(folder).run(alone.toArray(String[]::new)).code());
    try (Stream<Path> runs = Files.list(folder.resolve("alone"))) {
      assertEquals(
          losses(folder.resolve("out/runs/one-seed1")), losses(runs.findFirst().orElseThrow()));
    }

    Shell.Outcome again = study(command);
    assertEquals(0, again.code());
    assertEquals("2 of 2 runs are finished already: skipped", again.out().get(2));
  }

  private static List<Double> losses(Path run) {
    return Checkpoint.read(RunCheckpoints.last(run)).history().epochs().stream()
        .flatMap(r -> Stream.of(r.trainLoss(), r.testLoss(), r.testAccuracy()))
        .toList();
  }

  @Test
  void onATerminalABarComesAndGoesWithinItsWidth() throws IOException {
    String file = write("\"two\": {}", ", \"seeds\": [1]");
    Shell.Outcome outcome =
        new Shell(folder).runOnTerminal("study", file, "--device", "reference", "--out", out());
    assertEquals(0, outcome.code(), () -> String.join("\n", outcome.err()));
    String bars = String.join("\r", outcome.err());
    assertTrue(bars.contains("run 1/1"), bars);
    for (String bar : bars.split("\r")) {
      assertTrue(bar.replaceAll("\u001b\\[[0-9;?]*[A-Za-z]", "").length() < 80, bar);
    }
  }

  private static Arguments bad(int code, String message, String variants, String more) {
    return Arguments.of(code, message, variants, more);
  }

  static Stream<Arguments> badStudies() {
    return Stream.of(
        bad(2, "mine.json: the study has an unknown key 'sedes'", "\"a\": {}", ", \"sedes\": [1]"),
        bad(2, "mine.json: a variant's name has", "\"a/b\": {}", ""),
        bad(
            2,
            "variant 'b': there is no setting 'lrr'; there are average, batch, ",
            "\"b\": {\"lrr\": 1}",
            ""),
        bad(
            2,
            "variant 'b': there is no setting 'seed' here; see 'seeds'",
            "\"b\": {\"seed\": 1}",
            ""),
        bad(2, "quick: there is no setting 'epoch'", "\"b\": {}", ", \"quick\": {\"epoch\": 1}"),
        bad(2, "variant 'b': 'flip' is true or false, not 1", "\"b\": {\"flip\": 1}", ""),
        bad(2, "variant 'b': 'lr' is no switch, not true", "\"b\": {\"lr\": true}", ""),
        bad(
            2,
            "variant 'b': there is no network 'nun'",
            "\"a\": {}, \"b\": {\"network\": \"nun\"}",
            ""),
        bad(2, "variant 'b': there is no recipe 'x'; there are", "\"b\": {\"recipe\": \"x\"}", ""),
        bad(2, "variant 'b': a learning rate is above 0", "\"b\": {\"lr\": -0.1}", ""),
        bad(2, "variant 'b': Invalid value for option '--size'", "\"b\": {\"size\": \"big\"}", ""),
        bad(2, "variant 'b': there is no data set 'x'", "\"b\": {\"dataset\": \"x\"}", ""),
        bad(4, "variant 'b': ", "\"a\": {}, \"b\": {\"network\": \"vgg11\", \"size\": 16}", ""),
        bad(
            2,
            "variant 'b': nin-bn has batch normalisation and trains on whole batches",
            "\"b\": {\"network\": \"nin-bn\", \"size\": 67, \"batch\": 32}",
            ""),
        bad(7, "variant 'b': absent.json", "\"b\": {\"network\": \"absent.json\"}", ""));
  }

  @ParameterizedTest
  @MethodSource("badStudies")
  void whatCannotWorkIsNamedBeforeAnythingRuns(
      int code, String message, String variants, String more) throws IOException {
    Shell.Outcome outcome = study(write(variants, more), "--device", "reference", "--out", out());
    assertEquals(code, outcome.code(), () -> String.join("\n", outcome.err()));
    assertEquals(1, outcome.err().size());
    assertTrue(outcome.err().get(0).startsWith("nin study: "), outcome.err().get(0));
    assertTrue(outcome.err().get(0).contains(message), outcome.err().get(0));
    assertTrue(Files.notExists(Path.of(out())));
  }

  private void assertRefused(int code, String message, String... arguments) {
    Shell.Outcome outcome = study(arguments);
    assertEquals(code, outcome.code(), () -> String.join("\n", outcome.err()));
    assertEquals(1, outcome.err().size());
    assertTrue(outcome.err().get(0).contains(message), outcome.err().get(0));
  }

  @Test
  void aCommandThatMakesNoSenseIsRefused() throws IOException {
    String file = write("\"a\": {}, \"b\": {}", "");
    assertRefused(2, "name a study, or see them with --list");
    assertRefused(2, "there is no study 'heads'; there are hyperparameters, one-by-ones", "heads");
    assertRefused(2, "a study has 1 to 1000 seeds, not 0", file, "--seeds", "0");
    assertRefused(
        2,
        "the study mine has no variant 'c'; there are a, b",
        file,
        "--only",
        "a,c",
        "--device",
        "reference");
    assertRefused(7, "absent.json", folder.resolve("absent.json").toString());
    Files.writeString(folder.resolve("out"), "in the way");
    assertRefused(7, "cannot be made", file, "--out", out(), "--device", "reference");
  }

  @Test
  void twoAtOnceAreOneTooMany() throws IOException {
    String file = write("\"a\": {}", "");
    Path out = Files.createDirectory(folder.resolve("out"));
    try (RunLock lock = RunLock.take(out, "wait", remark -> {})) {
      assertRefused(
          7,
          Text.of(
              "process %d is training in %s: wait for its end, or choose another folder with --out",
              ProcessHandle.current().pid(), out),
          file,
          "--out",
          out(),
          "--device",
          "reference");
    }
  }

  @Test
  void whatIsFinishedIsKeptWhereTheDiskTakesNoMore() throws IOException {
    String file = write("\"a\": {\"epochs\": 1}", ", \"seeds\": [1, 2]");
    Files.createDirectories(folder.resolve("out/runs/a-seed2/result.json/in-the-way"));
    Shell.Outcome outcome = study(file, "--out", out(), "--device", "reference");
    assertEquals(7, outcome.code());
    String line = outcome.err().get(0);
    assertTrue(line.startsWith("nin study: a-seed2: "), line);
    assertTrue(
        line.endsWith(
            Text.of(
                "; what is finished is kept; go on with: nin study %s --out %s --device reference",
                file, out())),
        line);
    assertTrue(Files.readString(folder.resolve("out/study.md")).contains("1 of 2 runs are done."));
  }

  @Test
  @Timeout(value = 120, unit = TimeUnit.SECONDS)
  void aStudyToldToEndSavesAndSaysHowToGoOn() throws IOException, InterruptedException {
    String file =
        write("\"short\": {\"epochs\": 1}, \"long\": {\"epochs\": 100000}", ", \"seeds\": [1]");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                "org.nin4j.cli.Main",
                "study",
                file,
                "--device",
                "reference",
                "--out",
                out())
            .directory(folder.toFile())
            .redirectError(folder.resolve("err").toFile())
            .start();
    List<String> lines = new ArrayList<>();
    try (BufferedReader reader = process.inputReader()) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        lines.add(line);
        if (line.startsWith("run 1/2")) {
          awaitFirstCheckpoint(folder.resolve("out/runs/long-seed1"));
          process.toHandle().destroy();
        }
      }
    } finally {
      process.destroyForcibly();
    }
    assertEquals(TERMINATED, process.waitFor(), () -> String.join("\n", lines));
    assertEquals("", Files.readString(folder.resolve("err")));
    assertEquals(
        Text.of("stopped; go on with: nin study %s --out %s --device reference", file, out()),
        lines.get(lines.size() - 1));
    assertTrue(Files.readString(folder.resolve("out/study.md")).contains("1 of 2 runs are done."));
    assertTrue(
        Checkpoint.read(RunCheckpoints.last(folder.resolve("out/runs/long-seed1")))
                .position()
                .epoch()
            > 0);
  }

  private static void awaitFirstCheckpoint(Path run) {
    try {
      while (!Files.exists(RunCheckpoints.last(run))) {
        Thread.sleep(20);
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
