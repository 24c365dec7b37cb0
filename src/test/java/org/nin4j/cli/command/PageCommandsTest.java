package org.nin4j.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.cli.Shell;
import org.nin4j.cli.SmallTraining;
import org.nin4j.page.PageReader;
import org.nin4j.text.Text;
import org.nin4j.train.history.EpochResult;
import org.nin4j.train.history.History;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.RecipeJson;
import org.nin4j.train.recipe.Recipes;

/** The commands that serve a page, and what its buttons do to a run. */
@Timeout(value = 900, unit = TimeUnit.SECONDS)
class PageCommandsTest {
  @TempDir private Path folder;

  private NinProcess train(String... more) throws IOException {
    return new NinProcess(folder, SmallTraining.endless(more));
  }

  @Test
  void aRunIsWatchedPausedAndStoppedAndGoesOn() throws IOException, InterruptedException {
    String last;
    try (NinProcess nin = train("--ui", "0")) {
      PageReader reader = new PageReader(nin.page());
      JsonObject first = reader.await("an epoch", state -> PageReader.epochs(state) > 0);
      reader.await("more", state -> PageReader.epochs(state) > PageReader.epochs(first));
      assertEquals(204, reader.post("pause"));
      JsonObject paused = reader.awaitPhase("paused");
      assertEquals(1, reader.json("runs").getAsJsonArray("runs").size());
      assertEquals(204, reader.post("resume"));
      reader.await("more", state -> PageReader.points(state) > PageReader.points(paused));
      assertEquals(204, reader.post("pause"));
      reader.awaitPhase("paused");
      assertEquals(204, reader.post("stop"));
      assertEquals(130, nin.exitCode(), () -> "stop is what Ctrl-C is");
      List<String> lines = nin.out();
      assertEquals(1, lines.stream().filter(l -> l.startsWith("page: ")).count());
      assertEquals(2, lines.stream().filter(l -> l.startsWith("paused ")).count());
      last = lines.get(lines.size() - 1);
      assertEquals(List.of(), nin.err());
    }
    assertTrue(
        last.matches("stopped (in|after) epoch .*; go on with: nin train --resume runs/\\S+ .*"),
        last);
    Path run = folder.resolve(last.replaceAll(".*--resume (\\S+) .*", "$1"));
    int epochs = History.parseCsv(Files.readString(run.resolve("history.csv"))).epochs().size();
    Shell.Outcome resumed =
        new Shell(folder)
            .run(
                "train",
                "--resume",
                run.toString(),
                "--device",
                "reference",
                "--ui",
                "0",
                "--epochs",
                String.valueOf(epochs + 1));
    assertEquals(0, resumed.code(), () -> String.join("\n", resumed.err()));
    assertTrue(resumed.out().get(0).startsWith("page: http://127.0.0.1:"), resumed::text);
  }

  @Test
  void sigtermEndsARunThatIsPaused() throws IOException, InterruptedException {
    try (NinProcess nin = train("--ui", "0", "--json")) {
      PageReader reader = new PageReader(nin.page());
      reader.await("an epoch", state -> PageReader.epochs(state) > 0);
      reader.post("pause");
      reader.awaitPhase("paused");
      nin.process().toHandle().destroy();
      assertEquals(143, nin.exitCode());
      List<String> lines = nin.out();
      assertTrue(lines.get(lines.size() - 1).startsWith("{\"event\":\"stopped\""), lines::toString);
      assertTrue(lines.stream().allMatch(l -> l.startsWith("{")), "lines for programs only");
    }
  }

  /** A page, and readers, change nothing in what a run leaves. */
  @Test
  void theSameBitsWithAPageAndWithout() throws IOException, InterruptedException {
    List<String> histories = new ArrayList<>();
    for (List<String> page : List.of(List.<String>of(), List.of("--ui", "0", "--quiet"))) {
      List<String> command = new ArrayList<>(List.of(SmallTraining.endless()));
      command.addAll(List.of("--epochs", "3", "--device", "cpu", "--threads", "1"));
      command.addAll(List.of("--out", folder.resolve("runs" + page.size()).toString()));
      command.addAll(page);
      Shell.Outcome outcome = new Shell(folder).run(command.toArray(String[]::new));
      assertEquals(0, outcome.code(), () -> String.join("\n", outcome.err()));
      try (Stream<Path> runs = Files.list(folder.resolve("runs" + page.size()))) {
        Path run = runs.findFirst().orElseThrow();
        // All but the clock's columns: exact values, to the last bit.
        histories.add(
            Files.readAllLines(run.resolve("history.csv")).stream()
                .map(line -> String.join(",", List.of(line.split(",")).subList(0, 6)))
                .toList()
                .toString());
      }
    }
    assertEquals(histories.get(0), histories.get(1));
  }

  @Test
  void aPortInUseIsOneLine() throws IOException {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
      String port = String.valueOf(taken.getLocalPort());
      Shell.Outcome outcome = new Shell(folder).run(SmallTraining.endless("--ui", port));
      assertEquals(7, outcome.code());
      assertEquals(List.of(), outcome.out());
      assertEquals(
          List.of(
              Text.of(
                  "nin train: port %s cannot be used: Address already in use; name another with --ui PORT, or 0 for any that is free",
                  port)),
          outcome.err());
      Path runs = Files.createDirectories(folder.resolve("runs"));
      Shell.Outcome ui = new Shell(folder).run("ui", runs.toString(), "--port", port);
      assertEquals(7, ui.code());
      assertEquals(1, ui.err().size());
    }
  }

  @Test
  void whatIsNoPortIsRefused() {
    for (String port : List.of("65536", "-1", "x")) {
      Shell.Outcome train = new Shell(folder).run("train", "--ui=" + port);
      assertEquals(2, train.code(), port);
      assertEquals(1, train.err().size());
      assertEquals(2, new Shell(folder).run("ui", "--port=" + port).code(), port);
    }
  }

  @Test
  void aFolderThatIsNotThereIsOneLine() {
    Shell.Outcome outcome = new Shell(folder).run("ui", folder.resolve("nowhere").toString());
    assertEquals(7, outcome.code());
    assertEquals(1, outcome.err().size());
  }

  private Path run(String name, Recipe recipe, double... accuracies) throws IOException {
    Path run = Files.createDirectories(folder.resolve("runs").resolve(name));
    JsonObject config = new JsonObject();
    config.add("recipe", RecipeJson.write(recipe));
    config.addProperty("started", Text.of("2026-01-0%sT00:00:00Z", name.substring(7, 8)));
    Files.writeString(run.resolve("config.json"), config.toString());
    History history = History.EMPTY;
    for (int i = 0; i < accuracies.length; i++) {
      history =
          history.with(new EpochResult(i + 1, 1, 0.5, 1, accuracies[i], 0.9, 60, 1000, 0.1f, 0, 0));
    }
    Files.writeString(run.resolve("history.csv"), history.toCsv());
    return run;
  }

  private static List<String> names(JsonObject runs) {
    List<String> names = new ArrayList<>();
    runs.getAsJsonArray("runs")
        .forEach(r -> names.add(r.getAsJsonObject().get("name").getAsString()));
    return names;
  }

  @Test
  void finishedRunsAreServedAndGrow() throws IOException, InterruptedException {
    run("2026010200-lenet", Recipes.d2l("lenet"), 0.25);
    run("2026010100-nin", Recipes.standard(), 0.5, 0.75);
    Path broken = run("2026010300-nin", Recipes.fast(), 0.5);
    Files.writeString(broken.resolve("history.csv"), "no history");
    Files.createDirectories(folder.resolve("runs/no-run"));
    try (NinProcess nin = new NinProcess(folder, "ui", "--port", "0")) {
      URI page = nin.page();
      PageReader reader = new PageReader(page);
      assertEquals(200, reader.get("").statusCode());
      assertFalse(reader.json("state").has("phase"));
      assertEquals(409, reader.post("stop"));
      JsonObject runs = reader.json("runs");
      assertEquals(List.of("2026010100-nin", "2026010200-lenet"), names(runs));
      JsonArray leftOut = runs.getAsJsonArray("left_out");
      assertEquals(1, leftOut.size());
      assertTrue(leftOut.get(0).getAsString().contains("2026010300-nin"), leftOut::toString);
      run("2026010300-nin", Recipes.fast(), 0.5, 0.625);
      assertEquals(3, names(reader.json("runs")).size());
      nin.process().toHandle().destroy();
      assertEquals(143, nin.exitCode());
      assertEquals(List.of("page: " + page), nin.out());
      assertEquals(List.of(), nin.err());
    }
  }

  @Test
  void anEmptyFolderAndASingleRunAreServed() throws IOException, InterruptedException {
    Path empty = Files.createDirectories(folder.resolve("empty"));
    try (NinProcess nin = new NinProcess(folder, "ui", empty.toString(), "--port", "0")) {
      PageReader reader = new PageReader(nin.page());
      assertEquals(200, reader.get("").statusCode());
      assertEquals(List.of(), names(reader.json("runs")));
    }
    Path run = run("2026010100-nin", Recipes.standard(), 0.5, 0.75);
    try (NinProcess nin = new NinProcess(folder, "ui", run.toString(), "--port", "0")) {
      assertEquals(List.of("2026010100-nin"), names(new PageReader(nin.page()).json("runs")));
    }
  }
}
