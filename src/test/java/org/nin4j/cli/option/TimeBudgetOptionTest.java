package org.nin4j.cli.option;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.cli.Shell;
import org.nin4j.data.TrainTest;
import org.nin4j.data.shapes.Shapes;
import org.nin4j.train.TimeBudget;
import org.nin4j.train.Trainer;
import org.nin4j.train.TrainingListener;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Recipes;

class TimeBudgetOptionTest {
  private static final String AGAIN = "the same training again: nin ";
  private static final int IMAGES = 40;

  @TempDir private Path folder;

  private Shell.Outcome run(String out, String... command) {
    List<String> whole = new ArrayList<>(List.of(command));
    whole.addAll(List.of("--out", folder.resolve(out).toString()));
    Shell.Outcome outcome = new Shell(folder).run(whole.toArray(String[]::new));
    assertEquals(0, outcome.code(), () -> String.join("\n", outcome.err()));
    assertEquals(List.of(), outcome.err());
    return outcome;
  }

  /** Some seconds' time for a network that takes none: what chooses is the second each epoch. */
  private Shell.Outcome inTime(String out, String... more) {
    List<String> command =
        new ArrayList<>(
            List.of(
                "train",
                "--minutes",
                "0.15",
                "--device",
                "reference",
                "--dataset",
                "shapes",
                "--network",
                "nin-mini",
                "--size",
                "8",
                "--limit",
                String.valueOf(IMAGES),
                "--seed",
                "7"));
    command.addAll(List.of(more));
    return run(out, command.toArray(String[]::new));
  }

  private Path onlyRun(String out) throws IOException {
    try (Stream<Path> folders = Files.list(folder.resolve(out))) {
      List<Path> all = folders.toList();
      assertEquals(1, all.size());
      return all.get(0);
    }
  }

  private Checkpoint last(String out) throws IOException {
    return Checkpoint.read(onlyRun(out).resolve("last.safetensors"));
  }

  private static void assertSameBits(Checkpoint expected, Checkpoint actual) {
    assertEquals(expected.parameters().keySet(), actual.parameters().keySet());
    expected
        .parameters()
        .forEach(
            (name, tensor) ->
                assertArrayEquals(
                    bits(tensor.values()), bits(actual.parameters().get(name).values()), name));
  }

  private static int[] bits(float[] values) {
    int[] bits = new int[values.length];
    Arrays.setAll(bits, i -> Float.floatToRawIntBits(values[i]));
    return bits;
  }

  private static boolean measures(Shell.Outcome outcome) {
    return outcome.out().stream().anyMatch(l -> l.startsWith("This device trains"));
  }

  @Test
  void thePrintedOptionsTrainTheSame() throws IOException {
    Shell.Outcome outcome = inTime("runs");
    List<String> out = outcome.out();
    assertTrue(
        out.stream()
            .anyMatch(
                l ->
                    l.matches(
                        "This device trains [\\d.,]+ images/s: \\d epochs? takes? some \\d[\\d.]* s of"
                            + " the \\d[\\d.]* s that are left\\.")),
        outcome::text);
    Checkpoint trained = last("runs");
    Recipe used = trained.recipe();
    // 8.1 s less what the start takes, which may be most of them on a busy machine.
    assertTrue(used.epochs() >= 1 && used.epochs() <= 5, used::toString);
    Recipe tested = Recipes.standard(used.epochs());
    assertEquals(tested.schedule(), used.schedule());
    assertEquals(tested.batch(), used.batch());
    assertEquals(tested.augmentation(), used.augmentation());
    assertEquals(tested.labelSmoothing(), used.labelSmoothing());
    JsonObject config =
        JsonParser.parseString(Files.readString(onlyRun("runs").resolve("config.json")))
            .getAsJsonObject();
    assertEquals(used.epochs(), config.getAsJsonObject("recipe").get("epochs").getAsInt());
    JsonObject budget = config.getAsJsonObject("time_budget");
    assertEquals(used.epochs(), budget.get("epochs").getAsInt());
    assertTrue(budget.get("fits").getAsBoolean());
    assertTrue(budget.get("images_per_second").getAsDouble() > 0);

    String again = out.stream().filter(l -> l.startsWith(AGAIN)).findFirst().orElseThrow();
    Shell.Outcome second = run("again", again.substring(AGAIN.length()).split(" "));
    assertFalse(measures(second), second::text);
    assertEquals(used, last("again").recipe());
    assertSameBits(trained, last("again"));
  }

  @Test
  void optionsChangeWhatIsChosen() throws IOException {
    inTime("runs", "--lr", "0.001", "--batch", "16", "--flip", "--precision", "fp32");
    Recipe used = last("runs").recipe();
    assertEquals(0.001f, used.schedule().base());
    assertEquals(16, used.batch());
    assertTrue(used.augmentation().flip());
  }

  @Test
  void aResumedRunKeepsWhatWasChosen() throws IOException {
    inTime("runs", "--batch", "8");
    Checkpoint whole = last("runs");
    Path file = folder.resolve("stopped.safetensors");
    stopAfterAnEpoch(whole.recipe()).write(file);
    Shell.Outcome outcome =
        run("resumed", "train", "--device", "reference", "--resume", file.toString());
    assertFalse(measures(outcome), outcome::text);
    assertEquals(whole.recipe(), last("resumed").recipe());
    assertSameBits(whole, last("resumed"));
  }

  private static Checkpoint stopAfterAnEpoch(Recipe recipe) {
    TrainTest data = Shapes.draw(1, IMAGES, IMAGES, 1);
    AtomicReference<Trainer> trainer = new AtomicReference<>();
    TrainingListener stop =
        new TrainingListener() {
          @Override
          public void checkpointed(Checkpoint checkpoint, boolean best) {
            trainer.get().stop();
          }
        };
    trainer.set(new Trainer(new ReferenceBackend(), recipe, data, List.of(stop)));
    Checkpoint stopped = trainer.get().train();
    assertEquals(1, stopped.position().epoch());
    return stopped;
  }

  @Test
  void whereEvenTheShortestIsTooLongItIsSaidSo() {
    assertEquals(
        "This device trains 12.5 images/s, too few for the 8 min 20 s that are left: even the"
            + " shortest recipe's 1 epoch takes some 1 h 26 min.",
        TimeBudgetOption.line(new TimeBudget(500).choose(12.5, 60_000, 10_000), 500));
    assertEquals(
        "This device trains 440 images/s, too few for the 0.0 s that are left: even the shortest"
            + " recipe's 1 epoch takes some 2 min 29 s.",
        TimeBudgetOption.line(new TimeBudget(-5).choose(440, 60_000, 10_000), -5));
  }
}
