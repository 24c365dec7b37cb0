package org.nin4j.cli.command;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.cli.Shell;
import org.nin4j.cli.SmallTraining;
import org.nin4j.data.TrainTest;
import org.nin4j.data.shapes.Shapes;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.Sequential;
import org.nin4j.text.Text;
import org.nin4j.train.Trainer;
import org.nin4j.train.checkpoint.Best;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.history.History;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Recipes;
import org.nin4j.train.run.RunCheckpoints;

class TrainCommandTest {
  @TempDir private Path folder;

  private Shell.Outcome train(String... more) {
    List<String> command =
        new ArrayList<>(
            List.of(
                "train",
                "--recipe",
                "d2l",
                "--device",
                "reference",
                "--precision",
                "fp32",
                "--dataset",
                "shapes",
                "--network",
                "nin-mini",
                "--size",
                "8",
                "--batch",
                "8",
                "--limit",
                "40",
                "--out",
                runs().toString()));
    command.addAll(List.of(more));
    return new Shell(folder).run(command.toArray(String[]::new));
  }

  private Path runs() {
    return folder.resolve("runs");
  }

  private Path onlyRun() throws IOException {
    try (Stream<Path> folders = Files.list(runs())) {
      List<Path> all = folders.toList();
      assertEquals(1, all.size());
      return all.get(0);
    }
  }

  /** All but the clock's columns. */
  private static List<String> history(Path run) throws IOException {
    return Files.readAllLines(run.resolve("history.csv")).stream()
        .map(line -> String.join(",", List.of(line.split(",")).subList(0, 6)))
        .toList();
  }

  @Test
  void aRunsConfigurationTrainsTheSameAgain() throws IOException {
    assertEquals(0, train("--epochs", "2", "--seed", "7", "--flip").code());
    Path run = onlyRun();
    String config = run.resolve("config.json").toString();
    Path others = folder.resolve("others");
    Shell.Outcome again =
        new Shell(folder)
            .run(
                "train",
                "--config",
                config,
                "--device",
                "reference",
                "--quiet",
                "--out",
                others.toString());
    assertEquals(0, again.code(), again::text);
    assertEquals(1, again.out().size(), again::text);
    assertTrue(again.out().get(0).startsWith("nin-mini on shapes"), again::text);
    try (Stream<Path> folders = Files.list(others)) {
      assertEquals(history(run), history(folders.findFirst().orElseThrow()));
    }
  }

  @Test
  void aConfigurationThatIsNoneIsNamed() throws IOException {
    Path file = folder.resolve("some.json");
    Shell shell = new Shell(folder);
    assertEquals(7, shell.run("train", "--config", file.toString()).code());
    Files.writeString(file, "{\"recipe\": {\"name\": \"default\"}}");
    Shell.Outcome outcome = shell.run("train", "--config", file.toString());
    assertEquals(2, outcome.code());
    assertTrue(
        outcome.err().get(0).contains(file + " is no config.json of a run: "),
        outcome.err().get(0));
    assertEquals(2, shell.run("train", "--config", file.toString(), "--recipe", "d2l").code());
  }

  @Test
  void programsReadALineForEachEvent() throws IOException {
    Shell.Outcome outcome = train("--epochs", "2", "--json");
    assertEquals(0, outcome.code(), outcome::text);
    List<JsonObject> events =
        outcome.out().stream().map(l -> JsonParser.parseString(l).getAsJsonObject()).toList();
    assertEquals(
        List.of("start", "epoch", "epoch", "end"),
        events.stream().map(e -> e.get("event").getAsString()).toList());
    assertEquals(8, events.get(0).getAsJsonObject("recipe").get("size").getAsInt());
    assertEquals(2, events.get(2).get("epoch").getAsInt());
    assertEquals(onlyRun().toString(), events.get(3).get("run").getAsString());
    assertEquals(
        events.get(2).get("test_accuracy").getAsDouble(),
        events.get(3).get("test_accuracy").getAsDouble());
  }

  /** A rate of nearly 0 keeps what it started with, so that what is told is what was done. */
  @Test
  void fineTuningStartsWithTheValuesOfAnotherRun() throws IOException {
    assertEquals(0, train("--epochs", "1", "--seed", "7", "--lr", "0.01").code());
    Path first = onlyRun();
    Path others = folder.resolve("others");
    Shell.Outcome tuned =
        train(
            "--epochs",
            "1",
            "--lr",
            "1e-20",
            "--start-from",
            first.toString(),
            "--out",
            others.toString());
    assertEquals(0, tuned.code(), tuned::text);
    Checkpoint before = Checkpoint.read(first.resolve("best.safetensors"));
    int tensors = before.parameters().size();
    assertTrue(
        tuned.out().stream()
            .anyMatch(
                l ->
                    l.equals(
                        Text.of(
                            "%d of %d tensors start from the other training; drawn: none",
                            tensors, tensors))),
        tuned::text);
    try (Stream<Path> folders = Files.list(others)) {
      Path run = folders.findFirst().orElseThrow();
      Checkpoint after = Checkpoint.read(run.resolve("last.safetensors"));
      before
          .parameters()
          .forEach(
              (name, value) ->
                  assertArrayEquals(value.values(), after.parameters().get(name).values(), name));
      assertEquals(1, after.history().epochs().size());
      // Its configuration knows.
      Shell.Outcome again =
          new Shell(folder)
              .run(
                  "train",
                  "--config",
                  run.resolve("config.json").toString(),
                  "--device",
                  "reference",
                  "--out",
                  folder.resolve("again").toString());
      assertEquals(0, again.code(), again::text);
      assertTrue(
          again.out().stream().anyMatch(l -> l.contains("start from the other")), again::text);
    }
    // What is of another shape is drawn; what has nothing in common is named.
    Shell.Outcome wider =
        train("--epochs", "1", "--inner", "3x3p1,1x1", "--start-from", first.toString());
    assertEquals(0, wider.code(), wider::text);
    assertTrue(
        wider.out().stream().anyMatch(l -> l.matches("\\d+ of \\d+ tensors .*drawn: .*weight.*")),
        wider::text);
    Shell.Outcome none =
        train("--network", "lenet", "--size", "28", "--start-from", first.toString());
    assertEquals(5, none.code(), none::text);
    assertTrue(none.err().get(0).contains("none of its tensors"), none.err().get(0));
    assertEquals(5, train("--start-from", folder.resolve("missing").toString()).code());
    assertEquals(2, train("--start-from", "x", "--resume", first.toString()).code());
  }

  /** A run by kept back images goes on so, too; evaluate takes the test images all the same. */
  @Test
  void validationTestsWithTrainingImages() throws IOException {
    Shell.Outcome outcome = train("--validation", "0.25", "--epochs", "1");
    assertEquals(0, outcome.code(), outcome::text);
    assertEquals(
        "nin-mini (8,042 parameters) on shapes (drawn by the program): 30 training and 10 test"
            + " images, drawn from seed 1, 0.25 of the training images kept back for validation",
        outcome.out().get(0));
    Shell.Outcome more = resume(onlyRun(), "--epochs", "2");
    assertEquals(0, more.code(), more::text);
    assertTrue(more.out().get(0).contains("30 training and 10 test"), more::text);
    Shell.Outcome evaluated =
        new Shell(folder)
            .run("evaluate", onlyRun().toString(), "--device", "reference", "--limit", "40");
    assertTrue(
        evaluated.out().stream().anyMatch(l -> l.contains(", 40 test images")), evaluated::text);
    assertEquals(2, train("--validation", "1").code());
    Shell.Outcome few = train("--validation", "0.01");
    assertEquals(3, few.code());
    assertTrue(few.err().get(0).contains("leaves the class"), few.err().get(0));
  }

  @Test
  void aRunSaysWhatItDoesAndEndsWithItsResult() throws IOException {
    Shell.Outcome outcome = train("--epochs", "2", "--seed", "7");
    assertEquals(0, outcome.code(), () -> String.join("\n", outcome.err()));
    assertEquals(List.of(), outcome.err());
    Path run = onlyRun();
    assertTrue(run.getFileName().toString().matches("\\d{8}-\\d{6}-nin-mini"), run::toString);
    List<String> out = outcome.out();
    assertEquals(
        "nin-mini (8,042 parameters) on shapes (drawn by the program): 40 training and 40 test"
            + " images, drawn from seed 1",
        out.get(0));
    assertTrue(out.get(1).startsWith("device: reference loops in Java, one thread; "), out.get(1));
    assertTrue(out.get(2).startsWith("recipe d2l: limit 40, size 8, "), out.get(2));
    assertEquals(
        "changed: dataset shapes, limit 40, size 8, batch 8, epochs 2, seed 7", out.get(3));
    assertEquals("run: " + run, out.get(4));
    List<String> epochs = out.stream().filter(l -> l.startsWith("epoch")).toList();
    String result =
        "epoch %d/2: train loss [\\d.]+, accuracy [\\d.]+; test loss [\\d.]+, accuracy [\\d.]+,"
            + " top-5 [\\d.]+; [\\d,.]+ images/s, [\\d.]+ s; dead: \\d+ units?, \\d+ class(es)?;"
            + " [\\d.]+ s since the start";
    List<String> results = epochs.stream().filter(l -> l.contains("test loss")).toList();
    assertEquals(2, results.size());
    assertTrue(results.get(0).matches(Text.of(result, 1)), results.get(0));
    assertTrue(results.get(1).matches(Text.of(result, 2)), results.get(1));
    assertTrue(
        out.get(out.size() - 1)
            .matches(
                "nin-mini on shapes \\(drawn by the program\\): test accuracy [\\d.]+ after 2"
                    + " epochs \\(best [\\d.]+ after epoch \\d\\), .* of training: .*"),
        out.get(out.size() - 1));
    assertTrue(out.get(out.size() - 1).endsWith(run.toString()));
    // No terminal: nothing that moves the cursor.
    assertTrue(out.stream().noneMatch(l -> l.contains("\r") || l.contains("\u001b")));

    JsonObject config =
        JsonParser.parseString(Files.readString(run.resolve("config.json"))).getAsJsonObject();
    assertEquals(7, config.getAsJsonObject("recipe").get("seed").getAsLong());
    assertEquals(
        "shapes (drawn by the program)", config.getAsJsonObject("data").get("name").getAsString());
    try (Stream<Path> files = Files.list(run)) {
      assertEquals(
          Set.of(
              ".lock",
              "config.json",
              "history.csv",
              "curves.png",
              "last.safetensors",
              "best.safetensors",
              "events.out.tfevents"),
          files
              .map(f -> f.getFileName().toString().replaceFirst("(tfevents)\\.\\d+\\.nin4j", "$1"))
              .collect(Collectors.toSet()));
    }
  }

  @Test
  void onATerminalABarComesAndGoes() {
    Shell.Outcome outcome =
        new Shell(folder)
            .runOnTerminal(
                SmallTraining.command(
                    "--recipe",
                    "d2l",
                    "--limit",
                    "40",
                    "--epochs",
                    "2",
                    "--out",
                    runs().toString()));
    assertEquals(0, outcome.code());
    List<String> results = outcome.out().stream().filter(l -> l.startsWith("epoch")).toList();
    assertEquals(2, results.size(), outcome::text);
    assertTrue(outcome.out().stream().noneMatch(l -> l.contains("\r")), outcome::text);
    String bars = String.join("\r", outcome.err());
    assertTrue(bars.contains("epoch 2/2"), bars);
    assertTrue(bars.contains("testing 2/2"), bars);
    assertTrue(bars.contains("loss "), bars);
  }

  @Test
  void theSeedDecides() throws IOException {
    History one = history("a", "1");
    assertEquals(losses(one), losses(history("b", "1")));
    assertNotEquals(losses(one), losses(history("c", "2")));
  }

  private History history(String runs, String seed) throws IOException {
    Path out = folder.resolve(runs);
    assertEquals(0, train("--epochs", "2", "--seed", seed, "--out", out.toString()).code());
    try (Stream<Path> folders = Files.list(out)) {
      return History.parseCsv(
          Files.readString(folders.findFirst().orElseThrow().resolve("history.csv")));
    }
  }

  private static List<Double> losses(History history) {
    return history.epochs().stream()
        .flatMap(r -> Stream.of(r.trainLoss(), r.testLoss(), r.testAccuracy()))
        .toList();
  }

  @Test
  void aRunGoesOn() throws IOException {
    assertEquals(0, train("--epochs", "2").code());
    Path run = onlyRun();
    Shell shell = new Shell(folder);
    Shell.Outcome complete = shell.run("train", "--resume", run.toString());
    assertEquals(2, complete.code());
    assertTrue(complete.err().get(0).contains("the run is complete after epoch 2"));

    Shell.Outcome longer =
        shell.run(
            "train",
            "--resume",
            run.toString(),
            "--epochs",
            "3",
            "--lr",
            "0.001",
            "--device",
            "reference");
    assertEquals(0, longer.code(), () -> String.join("\n", longer.err()));
    assertTrue(longer.out().contains("changed: epochs 3, rate 0.001"), longer::text);
    assertTrue(
        longer
            .out()
            .contains(
                Text.of(
                    "going on after epoch 2 from %s in %s", run.resolve("last.safetensors"), run)),
        longer::text);
    assertEquals(3, History.parseCsv(Files.readString(run.resolve("history.csv"))).epochs().size());

    Shell.Outcome other =
        shell.run(
            "train",
            "--resume",
            run.toString(),
            "--epochs",
            "4",
            "--inner",
            "1x1",
            "--device",
            "reference");
    assertEquals(5, other.code());
    assertTrue(other.err().get(0).contains("of another network"), other.err().get(0));

    Shell.Outcome apart =
        shell.run(
            "train",
            "--resume",
            run.resolve("last.safetensors").toString(),
            "--epochs",
            "4",
            "--device",
            "reference",
            "--out",
            folder.resolve("apart").toString());
    assertEquals(0, apart.code(), () -> String.join("\n", apart.err()));
    assertTrue(Files.exists(folder.resolve("apart")));
    assertEquals(3, History.parseCsv(Files.readString(run.resolve("history.csv"))).epochs().size());
  }

  @Test
  void withoutDataAndNetworkShapesTakeTheirPlaceIfAsked() {
    Shell.Outcome outcome = train("--dataset", "fashion-mnist", "--or-shapes", "--epochs", "1");
    assertEquals(0, outcome.code(), () -> String.join("\n", outcome.err()));
    assertTrue(
        outcome
            .out()
            .get(0)
            .startsWith("There is neither the data set fashion-mnist nor a network"),
        outcome::text);
    assertTrue(outcome.out().get(1).contains("on shapes (drawn by the program)"), outcome::text);
  }

  @Test
  void aTrainedNetworkIsEvaluatedAndPredicts() throws IOException {
    assertEquals(0, train("--epochs", "1").code());
    Path run = onlyRun();
    Shell shell = new Shell(folder);
    Shell.Outcome evaluated =
        shell.run("evaluate", run.toString(), "--device", "reference", "--limit", "40");
    assertEquals(0, evaluated.code(), () -> String.join("\n", evaluated.err()));
    History history = History.parseCsv(Files.readString(run.resolve("history.csv")));
    assertEquals(
        Text.of("checkpoint: %s, after epoch 1", run.resolve("best.safetensors")),
        evaluated.out().get(0));
    String line = evaluated.out().get(evaluated.out().size() - 1);
    String expected =
        Text.of(
            "shapes (drawn by the program), 40 test images: loss %.4f, accuracy %.4f, top-5 %.4f;",
            history.last().orElseThrow().testLoss(),
            history.last().orElseThrow().testAccuracy(),
            history.last().orElseThrow().testTop5());
    assertTrue(line.startsWith(expected), line);

    BufferedImage picture = new BufferedImage(50, 40, BufferedImage.TYPE_INT_ARGB);
    picture.setRGB(20, 20, 0xffffffff);
    Path png = folder.resolve("a.png");
    ImageIO.write(picture, "png", png.toFile());
    Shell.Outcome predicted =
        shell.run(
            "predict",
            "--top",
            "5",
            "--checkpoint",
            run.toString(),
            "--device",
            "reference",
            png.toString());
    assertEquals(0, predicted.code(), () -> String.join("\n", predicted.err()));
    assertEquals(4, predicted.out().size());
    assertEquals(
        Text.of("checkpoint: %s, after epoch 1", run.resolve("best.safetensors")),
        predicted.out().get(0));
    assertTrue(predicted.out().get(3).matches(".*a\\.png(  \\w+ +[\\d.]+ %){5}"), predicted::text);

    Shell.Outcome noPicture =
        shell.run(
            "predict",
            "--checkpoint",
            run.toString(),
            "--device",
            "reference",
            run.resolve("config.json").toString());
    assertEquals(3, noPicture.code());
    assertTrue(noPicture.err().get(0).contains("is no PNG"), noPicture.err().get(0));
  }

  private Shell.Outcome resume(Path from, String... more) {
    List<String> command =
        new ArrayList<>(List.of("train", "--resume", from.toString(), "--device", "reference"));
    command.addAll(List.of(more));
    return new Shell(folder).run(command.toArray(String[]::new));
  }

  private Shell.Outcome evaluate(Path checkpoint) {
    return new Shell(folder).run("evaluate", checkpoint.toString(), "--device", "reference");
  }

  @Test
  void onOtherTestImagesTheBestStartsAnew() throws IOException {
    // Of one image that is both trained and tested on, the accuracy is 1 or 0.
    assertEquals(0, train("--limit", "1", "--epochs", "1").code());
    Path run = onlyRun();
    Checkpoint one = Checkpoint.read(RunCheckpoints.last(run));
    RunCheckpoints.best(run).toFile().delete();
    Checkpoint perfect = perfect(one);
    perfect.write(RunCheckpoints.last(run));
    perfect.write(RunCheckpoints.best(run));
    Shell.Outcome outcome = resume(run, "--limit", "40", "--epochs", "3");
    assertEquals(0, outcome.code(), () -> String.join("\n", outcome.err()));
    assertTrue(
        outcome
            .out()
            .contains(
                "The test images are not those of the best so far, 1.0000 after epoch 1: best"
                    + " starts anew."),
        outcome::text);
    String end = outcome.out().get(outcome.out().size() - 1);
    assertTrue(end.matches(".* \\(best 0\\.\\d+ after epoch [23]\\), .*"), end);
    Checkpoint best = Checkpoint.read(RunCheckpoints.best(run));
    assertTrue(best.position().epoch() > 1, () -> best.position().toString());
    assertTrue(end.contains("after epoch " + best.position().epoch()), end);
  }

  /** The same checkpoint with an accuracy of 1. */
  private static Checkpoint perfect(Checkpoint of) {
    Best best = of.best().orElseThrow();
    return new Checkpoint(
        of.recipe(),
        of.network(),
        of.image(),
        of.classes(),
        of.data(),
        of.position(),
        of.history(),
        Optional.of(new Best(best.epoch(), 1, best.testData())),
        of.parameters(),
        of.optimizerState(),
        Optional.empty());
  }

  @Test
  void theBestGoesAlongIntoANewFolderAndIsNamed() throws IOException {
    assertEquals(0, train("--epochs", "1").code());
    Path run = onlyRun();
    perfect(Checkpoint.read(RunCheckpoints.last(run))).write(RunCheckpoints.last(run));
    Path apart = folder.resolve("apart");
    Shell.Outcome outcome =
        resume(RunCheckpoints.last(run), "--epochs", "2", "--out", apart.toString());
    assertEquals(0, outcome.code(), () -> String.join("\n", outcome.err()));
    Path other;
    try (Stream<Path> folders = Files.list(apart)) {
      other = folders.findFirst().orElseThrow();
    }
    assertTrue(
        outcome
            .out()
            .contains(
                Text.of("going on after epoch 1 from %s in %s", RunCheckpoints.last(run), other)),
        outcome::text);
    assertEquals(
        Text.of("checkpoint: %s, after epoch 1", RunCheckpoints.best(other)),
        evaluate(other).out().get(0));
    Files.delete(RunCheckpoints.best(other));
    assertEquals(
        Text.of(
            "checkpoint: %s, after epoch 2; there is no best.safetensors",
            RunCheckpoints.last(other)),
        evaluate(other).out().get(0));
  }

  @Test
  void aLossThatIsNoNumberLeavesTheCheckpointThatItWentOnFrom() throws IOException {
    assertEquals(0, train("--epochs", "1").code());
    Path last = RunCheckpoints.last(onlyRun());
    Path apart = folder.resolve("apart");
    Shell.Outcome outcome =
        resume(last, "--epochs", "2", "--lr", "1e30", "--out", apart.toString());
    assertEquals(6, outcome.code());
    String line = outcome.err().get(0);
    assertTrue(line.endsWith("; the last good checkpoint is " + last), line);
    try (Stream<Path> folders = Files.list(apart)) {
      assertEquals(0, folders.count());
    }
  }

  @Test
  void aHistoryThatCannotBeWrittenIsSaidAndTrainingGoesOn() throws IOException {
    assertEquals(0, train("--epochs", "1").code());
    Path run = onlyRun();
    Path history = run.resolve("history.csv");
    Files.delete(history);
    Files.createDirectories(history.resolve("in the way"));
    Shell.Outcome outcome = resume(run, "--epochs", "3");
    assertEquals(0, outcome.code(), () -> String.join("\n", outcome.err()));
    String said = String.join("\n", outcome.err()) + String.join("\n", outcome.out());
    assertTrue(said.contains(history + " cannot be written: "), said);
    assertEquals(3, Checkpoint.read(RunCheckpoints.last(run)).position().epoch());
    Files.delete(history.resolve("in the way"));
    Files.delete(history);
    assertEquals(0, resume(run, "--epochs", "4").code());
    assertEquals(4, history(run).size() - 1);
  }

  @Test
  void fromADamagedLastCheckpointTheNewestWholeOneTakesItsPlace() throws IOException {
    assertEquals(0, train("--epochs", "4", "--keep", "1", "--seed", "3").code());
    Path run = onlyRun();
    Checkpoint whole = Checkpoint.read(RunCheckpoints.last(run));
    List<String> history = history(run);
    Path last = RunCheckpoints.last(run);
    Files.write(last, Arrays.copyOf(Files.readAllBytes(last), 1000));
    Shell.Outcome resumed = resume(run);
    assertEquals(0, resumed.code(), () -> String.join("\n", resumed.err()));
    Path kept = run.resolve("epoch-3.safetensors");
    assertTrue(
        resumed.out().stream()
            .anyMatch(
                line ->
                    line.startsWith(last + " is cut short: ")
                        && line.endsWith(
                            Text.of(
                                ": going on from the newest checkpoint that is whole, %s, after epoch 3",
                                kept))),
        resumed::text);
    assertTrue(
        resumed.out().contains(Text.of("going on after epoch 3 from %s in %s", kept, run)),
        resumed::text);
    assertEquals(history, history(run));
    Checkpoint again = Checkpoint.read(last);
    whole
        .parameters()
        .forEach(
            (name, tensor) ->
                assertArrayEquals(tensor.values(), again.parameters().get(name).values(), 0));
  }

  @Test
  void aRunThatWasKilledBeforeItsFirstCheckpointBeginsAnew() throws IOException {
    assertEquals(0, train("--epochs", "2", "--seed", "3", "--flip").code());
    Path run = onlyRun();
    Checkpoint whole = Checkpoint.read(RunCheckpoints.last(run));
    List<String> history = history(run);
    for (String name :
        List.of("last.safetensors", "best.safetensors", "history.csv", "curves.png")) {
      Files.delete(run.resolve(name));
    }
    Shell.Outcome resumed = resume(run);
    assertEquals(0, resumed.code(), () -> String.join("\n", resumed.err()));
    assertTrue(
        resumed
            .out()
            .contains(
                Text.of("%s holds no whole checkpoint: beginning anew by its config.json", run)),
        resumed::text);
    assertEquals(history, history(run));
    Checkpoint again = Checkpoint.read(RunCheckpoints.last(run));
    assertEquals(whole.recipe(), again.recipe());
    whole
        .parameters()
        .forEach(
            (name, tensor) ->
                assertArrayEquals(tensor.values(), again.parameters().get(name).values(), 0));
  }

  @Test
  void howOftenItIsSavedHasBounds() {
    for (String bad : List.of("-1", "NaN", "1e9", "often")) {
      Shell.Outcome outcome = train("--checkpoint-every", bad);
      assertEquals(2, outcome.code(), bad);
      assertTrue(outcome.err().get(0).contains("--checkpoint-every"), outcome.err().get(0));
    }
    assertEquals(2, train("--keep", "-1").code());
  }

  @Test
  void theLatestRunIsTheOneStartedLastWhateverItsName() throws IOException {
    assertEquals(0, train("--epochs", "1").code());
    Path first = Files.move(onlyRun(), runs().resolve("zzz-first-try"));
    assertEquals(first, Runs.latest(runs()));
    assertEquals(0, train("--epochs", "1").code());
    Path second = Runs.latest(runs());
    assertNotEquals(first, second);
    assertEquals(0, resume(first, "--epochs", "2").code());
    assertEquals(first, Runs.latest(runs()));
  }

  /** Described by a program, used without it. */
  @Test
  void aNetworkOfOnesOwnIsEvaluatedAndGoesOn() throws IOException {
    TrainTest data = Shapes.draw(1, 8, 8, 1);
    Recipe recipe = Recipes.d2l().toBuilder().dataset("shapes").size(8).batch(8).epochs(1).build();
    Network own =
        new Network(
            "my-own", Sequential.of(new Conv2d(10, 3, 1, 1), new GlobalAvgPool2d(), new Flatten()));
    Path file = folder.resolve("own.safetensors");
    new Trainer(new ReferenceBackend(), recipe, own, data, List.of()).train().write(file);
    Shell.Outcome evaluated =
        new Shell(folder)
            .run("evaluate", file.toString(), "--device", "reference", "--limit", "20");
    assertEquals(0, evaluated.code(), () -> String.join("\n", evaluated.err()));
    Shell.Outcome resumed =
        resume(file, "--epochs", "2", "--limit", "20", "--out", runs().toString());
    assertEquals(0, resumed.code(), () -> String.join("\n", resumed.err()));
    assertTrue(onlyRun().getFileName().toString().endsWith("-my-own"));
    assertEquals(own, Checkpoint.read(RunCheckpoints.last(onlyRun())).network());
  }

  @Test
  void aPrecisionIsReplacedUnlessAskedFor() {
    Shell.Outcome outcome = train("--recipe", "default", "--epochs", "1", "--precision", "bf16");
    assertEquals(8, outcome.code());
    assertTrue(
        outcome.err().get(0).contains("has no instructions for bf16; leave out --precision"),
        outcome.err().get(0));
    outcome =
        new Shell(folder)
            .run(
                SmallTraining.command("--limit", "8", "--epochs", "1", "--out", runs().toString()));
    assertEquals(0, outcome.code());
    assertEquals(
        "This device has no instructions for bf16: computing in fp32 instead.",
        outcome.out().get(0));
    assertTrue(outcome.text().contains(", precision fp32"), outcome::text);
  }
}
