package org.nin4j.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nin4j.cli.Shell;
import org.nin4j.model.json.NetworkReader;
import org.nin4j.model.zoo.Networks;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.run.RunCheckpoints;

/** The library's networks by name, their descriptions, and networks from files. */
class ModelsCommandTest {
  @TempDir private Path folder;

  private Shell.Outcome run(String... arguments) {
    Shell.Outcome outcome = new Shell(folder).run(arguments);
    assertEquals(0, outcome.code(), () -> String.join("\n", outcome.err()));
    return outcome;
  }

  @Test
  void theListHasCountsAndPublishedSettings() {
    List<String> lines =
        run("models", "--device", "reference").out().stream()
            .map(l -> l.strip().replaceAll(" +", " "))
            .toList();
    assertEquals(3 + Networks.NAMES.size(), lines.size());
    assertTrue(lines.stream().allMatch(l -> l.length() <= 90));
    for (String expected :
        List.of(
            "nin 1,992,166 762,297,352 .* 224 128 0.1",
            "nin-cifar 966,986 222,[0-9,]+ .* 32 128 0.1",
            "nin-15 2,225,510 1,678,678,048 .* 224 128 0.1",
            "lenet 61,706 416,520 .* 28 256 0.9",
            "alexnet 46,764,746 938,146,176 .* 224 128 0.01",
            "vgg11 128,806,154 7,547,232,256 .* 224 128 0.05",
            "vgg11-quarter 43,093,322 512,155,648 .* 224 128 0.05",
            "googlenet 5,977,530 276,066,304 .* 96 128 0.1",
            "resnet18 11,178,378 318,657,536 .* 96 256 0.05",
            "densenet 758,226 129,077,168 .* 96 256 0.1")) {
      assertTrue(lines.stream().anyMatch(l -> l.matches(expected)), () -> expected + lines);
    }
  }

  static List<String> names() {
    return Networks.NAMES;
  }

  @ParameterizedTest
  @MethodSource("names")
  void aDescriptionIsTakenBack(String name) throws IOException {
    List<String> json = run("models", name, "--json").out();
    assertTrue(json.stream().allMatch(l -> l.length() <= 90), json::toString);
    assertEquals(Networks.named(name).network(10), NetworkReader.parse(String.join("\n", json)));
    Path file = Files.write(folder.resolve(name + ".json"), json);
    String size = String.valueOf(Networks.named(name).size());
    assertEquals(
        run("plan", "--device", "reference", "--network", name).out(),
        run("plan", "--device", "reference", "--network", file.toString(), "--size", size).out());
  }

  /** As the documentation has it. */
  private static final String OWN =
      """
      {"name": "mine", "layers": [
        {"kind": "conv", "channels": 8, "kernel": 3, "padding": 1}, "batchnorm", "relu",
        {"kind": "maxpool", "kernel": 2, "stride": 2},
        {"kind": "sum", "branches": ["identity",
          [{"kind": "conv", "channels": 8, "kernel": 3, "padding": 1}, "batchnorm", "relu"]]},
        "globalavg", "flatten", {"kind": "linear", "features": 10}]}
      """;

  @Test
  void aNetworkOfOnesOwnTrainsGoesOnEvaluatesAndPredicts() throws IOException {
    Path file = Files.writeString(folder.resolve("own.json"), OWN);
    String runs = folder.resolve("runs").toString();
    String[] train = {
      "train",
      "--network",
      file.toString(),
      "--dataset",
      "shapes",
      "--device",
      "reference",
      "--limit",
      "40",
      "--batch",
      "8",
      "--size",
      "12",
      "--epochs",
      "1",
      "--out",
      runs
    };
    List<String> lines = run(train).out();
    assertTrue(lines.get(0).startsWith("mine (786 parameters) on shapes"), lines.get(0));
    Path run;
    try (Stream<Path> folders = Files.list(Path.of(runs))) {
      run = folders.findFirst().orElseThrow();
    }
    assertTrue(run.getFileName().toString().endsWith("-mine"), run::toString);
    assertTrue(Files.readString(run.resolve("config.json")).contains("\"batchnorm\""));
    // The file is not needed any more.
    Files.delete(file);
    Checkpoint trained = Checkpoint.read(RunCheckpoints.last(run));
    assertEquals(NetworkReader.parse(OWN), trained.network());
    run("train", "--resume", run.toString(), "--epochs", "2", "--device", "reference");
    assertTrue(
        run("evaluate", run.toString(), "--device", "reference", "--limit", "40")
            .text()
            .contains("40 test images"));
    Path picture = folder.resolve("sheet.png");
    run("data", "--dataset", "shapes", "--limit", "20", "--sheet", picture.toString());
    run("predict", "--device", "reference", "--checkpoint", run.toString(), picture.toString());
    Shell.Outcome other =
        new Shell(folder)
            .run(
                "train",
                "--device",
                "reference",
                "--resume",
                run.toString(),
                "--epochs",
                "3",
                "--network",
                "lenet");
    assertEquals(5, other.code(), () -> String.join("\n", other.err()));
    assertTrue(other.err().get(0).contains("of another network, mine"), other.err().get(0));
  }

  @Test
  void variantsTrainAndAreKept() throws IOException {
    String runs = folder.resolve("runs").toString();
    run(
        "train",
        "--network",
        "nin",
        "--recipe",
        "d2l",
        "--head",
        "linear",
        "--reduce",
        "24,10",
        "--inner",
        "1x1",
        "--size",
        "67",
        "--dataset",
        "shapes",
        "--device",
        "cpu",
        "--limit",
        "8",
        "--batch",
        "4",
        "--epochs",
        "1",
        "--out",
        runs);
    try (Stream<Path> folders = Files.list(Path.of(runs))) {
      Path run = folders.findFirst().orElseThrow();
      Checkpoint trained = Checkpoint.read(RunCheckpoints.last(run));
      assertEquals(List.of(24, 10), trained.recipe().variant().reduction());
      assertEquals(trained.recipe().network(10), trained.network());
      assertTrue(trained.parameters().containsKey("9.weight"));
    }
  }

  /** The small ones; the others differ in size alone. */
  @ParameterizedTest
  @ValueSource(strings = {"lenet", "lenet-bn"})
  void aNetworkTrainsByItsNameAlone(String name) {
    List<String> lines =
        run(
                "train",
                "--network",
                name,
                "--dataset",
                "shapes",
                "--device",
                "cpu",
                "--limit",
                "256",
                "--epochs",
                "1",
                "--out",
                folder.resolve("runs").toString())
            .out();
    assertTrue(
        lines.stream()
            .anyMatch(
                l ->
                    l.startsWith("recipe d2l: ") && l.contains("lr 0.9") || l.contains("rate 0.9")),
        lines::toString);
  }
}
