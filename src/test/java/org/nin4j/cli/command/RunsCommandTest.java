package org.nin4j.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.cli.Shell;
import org.nin4j.plan.step.Sgd;
import org.nin4j.text.Text;
import org.nin4j.train.history.EpochResult;
import org.nin4j.train.history.History;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.RecipeJson;
import org.nin4j.train.recipe.Recipes;

/** Runs whose files are written here. */
class RunsCommandTest {
  @TempDir private Path folder;

  private Shell shell;

  @BeforeEach
  void runs() throws IOException {
    shell = new Shell(folder);
    run("20260101-000000-nin", Recipes.standard(), 0.5, 0.75, 0.625);
    run(
        "20260102-000000-lenet",
        Recipes.d2l("lenet").toBuilder().optimizer(new Sgd(0.5f, false, 0)).build(),
        0.25);
    run("20260103-000000-nin", Recipes.fast());
  }

  private Path run(String name, Recipe recipe, double... accuracies) throws IOException {
    Path run = Files.createDirectories(folder.resolve("runs").resolve(name));
    JsonObject config = new JsonObject();
    config.addProperty(
        "started",
        Text.of(
            "%s-%s-%sT00:00:00Z",
            name.substring(0, 4), name.substring(4, 6), name.substring(6, 8)));
    config.add("recipe", RecipeJson.write(recipe));
    Files.writeString(run.resolve("config.json"), config.toString());
    History history = History.EMPTY;
    for (int i = 0; i < accuracies.length; i++) {
      history =
          history.with(
              new EpochResult(i + 1, 1, 0.5, 1, accuracies[i], 0.9, 60, 1000 + i, 0.1f, 0, 0));
    }
    if (accuracies.length > 0) {
      Files.writeString(run.resolve("history.csv"), history.toCsv());
    }
    return run;
  }

  private String runsFolder() {
    return folder.resolve("runs").toString();
  }

  private static List<String> words(List<String> lines) {
    return lines.stream().map(l -> l.strip().replaceAll(" +", " ")).toList();
  }

  @Test
  void listsTheLatestLast() {
    Shell.Outcome outcome = shell.run("runs", runsFolder());
    assertEquals(0, outcome.code());
    List<String> lines = words(outcome.out());
    assertEquals("Run Network Recipe Epochs Accuracy Best Time", lines.get(0));
    assertEquals("20260101-000000-nin nin default 3/5 0.6250 0.7500 (2) 3 min 0 s", lines.get(2));
    assertEquals("20260102-000000-lenet lenet d2l 1/10 0.2500 0.2500 (1) 1 min 0 s", lines.get(3));
    assertEquals("20260103-000000-nin nin fast 0/1 – – 0.0 s", lines.get(4));
    assertTrue(outcome.out().stream().allMatch(l -> l.length() <= 80), outcome::text);
  }

  @Test
  void listsTheBestLast() {
    List<String> lines = words(shell.run("runs", "--sort", "accuracy", runsFolder()).out());
    assertTrue(lines.get(2).startsWith("20260103"), lines::toString);
    assertTrue(lines.get(4).startsWith("20260101"), lines::toString);
  }

  @Test
  void comparesThoseThatAreNamed() {
    Path runs = folder.resolve("runs");
    Shell.Outcome outcome =
        shell.run(
            "runs",
            runs.resolve("20260101-000000-nin").toString(),
            runs.resolve("20260102-000000-lenet").toString());
    assertEquals(0, outcome.code());
    List<String> lines = words(outcome.out());
    assertEquals("20260101-000000-nin 20260102-000000-lenet", lines.get(0));
    assertTrue(lines.contains("network nin lenet"), lines::toString);
    assertTrue(lines.contains("optimizer adam sgd"), lines::toString);
    assertTrue(lines.contains("best (epoch) 0.7500 (2) 0.2500 (1)"), lines::toString);
    assertTrue(lines.contains("images/s 1,002 1,000"), lines::toString);
    assertTrue(lines.stream().noneMatch(l -> l.startsWith("seed ")), lines::toString);
  }

  @Test
  void aRunThatWentOnHasItsLastSettings() throws IOException {
    Path run = folder.resolve("runs").resolve("20260103-000000-nin");
    for (int i : new int[] {2, 10}) {
      JsonObject config = new JsonObject();
      config.add("recipe", RecipeJson.write(Recipes.fast().toBuilder().epochs(i).build()));
      Files.writeString(run.resolve(Text.of("config-%d.json", i)), config.toString());
    }
    Shell.Outcome outcome = shell.run("runs", "--json", run.toString());
    assertEquals(List.of(), outcome.err());
    JsonObject line = JsonParser.parseString(outcome.out().get(0)).getAsJsonObject();
    assertEquals(10, line.getAsJsonObject("recipe").get("epochs").getAsInt());
    assertEquals(0, line.get("epochs_done").getAsInt());
  }

  @Test
  void whatCannotBeReadIsSaidAndLeftOut() throws IOException {
    Path broken = Files.createDirectories(folder.resolve("runs/broken"));
    Files.writeString(broken.resolve("config.json"), "{");
    Files.createDirectories(folder.resolve("runs/no-run"));
    Shell.Outcome outcome = shell.run("runs", runsFolder());
    assertEquals(0, outcome.code());
    assertEquals(5, outcome.out().size(), outcome::text);
    assertEquals(1, outcome.err().size());
    assertTrue(outcome.err().get(0).startsWith("left out: " + broken), outcome.err().get(0));
  }

  @Test
  void aFolderWithoutRunsOrThatIsNotThere() throws IOException {
    Path empty = Files.createDirectories(folder.resolve("empty"));
    assertEquals(List.of("there is no run in " + empty), shell.run("runs", empty.toString()).out());
    Shell.Outcome missing = shell.run("runs", folder.resolve("missing").toString());
    assertEquals(7, missing.code());
    assertEquals(1, missing.err().size());
  }
}
