package org.nin4j.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.cli.Shell;

/** Commands on a run whose images are whitened: what was fitted lies in its folder. */
class PreprocessedRunTest {
  @TempDir private Path folder;

  private Shell.Outcome run(int code, String... arguments) {
    Shell.Outcome outcome = new Shell(folder).run(arguments);
    assertEquals(code, outcome.code(), () -> String.join("\n", outcome.err()));
    return outcome;
  }

  private Shell.Outcome train(String... more) {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "train",
                "--network",
                "nin-mini",
                "--dataset",
                "shapes",
                "--size",
                "28",
                "--device",
                "cpu",
                "--limit",
                "120",
                "--batch",
                "20",
                "--preprocess",
                "gcn-zca",
                "--cutout",
                "7",
                "--out",
                folder.resolve("runs").toString()));
    arguments.addAll(List.of(more));
    return run(0, arguments.toArray(String[]::new));
  }

  private static List<Path> whitening(Path run) throws IOException {
    try (Stream<Path> files = Files.list(run)) {
      return files.filter(f -> f.getFileName().toString().startsWith("whitening-")).toList();
    }
  }

  @Test
  void aRunGoesOnEvaluatesAndPredictsWithItsWhitening() throws IOException {
    Shell.Outcome trained = train("--epochs", "1");
    assertTrue(trained.text().contains("Fitting the whitening to 120 images."), trained::text);
    assertTrue(trained.text().contains("preprocess gcn-zca, mean 0, std 1"), trained::text);
    Path run;
    try (Stream<Path> folders = Files.list(folder.resolve("runs"))) {
      run = folders.findFirst().orElseThrow();
    }
    assertEquals(1, whitening(run).size());
    Shell.Outcome more =
        run(0, "train", "--resume", run.toString(), "--epochs", "2", "--device", "cpu");
    assertTrue(!more.text().contains("Fitting"), more::text);
    assertEquals(1, whitening(run).size());
    Path last = run.resolve("last.safetensors");
    String end = more.out().get(more.out().size() - 1);
    String accuracy = end.replaceAll(".*: test accuracy (0\\.\\d+) after.*", "$1");
    String evaluated =
        run(0, "evaluate", last.toString(), "--device", "cpu", "--limit", "120").text();
    assertTrue(evaluated.contains("accuracy " + accuracy), () -> end + "\n" + evaluated);
    Path picture = folder.resolve("sheet.png");
    run(0, "data", "--dataset", "shapes", "--limit", "20", "--sheet", picture.toString());
    run(0, "predict", "--device", "cpu", "--checkpoint", last.toString(), picture.toString());

    Path alone = Files.createDirectory(folder.resolve("alone")).resolve("last.safetensors");
    Files.copy(last, alone);
    for (String[] command :
        new String[][] {
          {"evaluate", alone.toString()},
          {"predict", "--checkpoint", alone.toString(), picture.toString()},
          {"train", "--resume", alone.toString(), "--epochs", "3"}
        }) {
      String error = run(5, command).err().get(0);
      assertTrue(
          error.contains("needs " + whitening(run).get(0).getFileName() + " beside it"), error);
    }
    Path apart = folder.resolve("apart");
    run(
        0,
        "train",
        "--resume",
        last.toString(),
        "--epochs",
        "3",
        "--device",
        "cpu",
        "--out",
        apart.toString());
    try (Stream<Path> folders = Files.list(apart)) {
      assertEquals(1, whitening(folders.findFirst().orElseThrow()).size());
    }
  }
}
