package org.nin4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.data.shapes.Shapes;
import org.nin4j.model.zoo.Networks;
import org.nin4j.train.Trainer;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Recipes;

/** The programs of the folder examples, run as a reader would: {@code java FILE}. */
class ExampleProgramsTest {
  @TempDir private Path folder;

  private List<String> run(String name, String... arguments)
      throws IOException, InterruptedException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                Optional.ofNullable(System.getProperty("surefire.test.class.path"))
                    .orElse(System.getProperty("java.class.path")),
                Path.of("examples", name + ".java").toString()));
    command.addAll(List.of(arguments));
    Path log = folder.resolve("log.txt");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    builder.environment().put("OMP_NUM_THREADS", "2");
    Process process = builder.start();
    assertTrue(process.waitFor(2, TimeUnit.MINUTES), "it takes too long");
    assertEquals(0, process.exitValue(), Files.readString(log));
    return Files.readAllLines(log);
  }

  @Test
  void trainsOnArraysOfOnesOwn() throws Exception {
    Path file = folder.resolve("lines.safetensors");
    List<String> lines = run("TrainOnYourArrays", file.toString());
    String last = lines.stream().filter(l -> l.startsWith("epoch 5: ")).findFirst().orElseThrow();
    double accuracy = Double.parseDouble(last.substring(last.lastIndexOf(' ') + 1));
    assertTrue(accuracy > 0.9, () -> String.join("\n", lines));
    assertTrue(Files.size(file) > 0);
  }

  @Test
  void goesOnWithWhatAnotherTrainingLearned() throws Exception {
    Path known = known();
    Path tuned = folder.resolve("tuned.safetensors");
    List<String> lines = run("FineTune", known.toString(), tuned.toString());
    assertTrue(lines.stream().anyMatch(l -> l.contains("drawn: none")), lines::toString);
    assertTrue(Files.size(tuned) > 0);
  }

  private Path known() {
    Path known = folder.resolve("known.safetensors");
    Recipe recipe = Recipes.of("nin-mini").toBuilder().size(28).batch(8).epochs(1).build();
    try (ReferenceBackend backend = new ReferenceBackend()) {
      new Trainer(
              backend,
              recipe,
              Networks.named("nin-mini").network(Shapes.CLASS_NAMES.size()),
              Shapes.draw(1, 16, 8, 1),
              List.of())
          .train()
          .write(known);
    }
    return known;
  }

  @Test
  void answersManyThreads() throws Exception {
    List<String> lines = run("PredictInAService", known().toString());
    for (String name : Shapes.CLASS_NAMES) {
      assertTrue(lines.stream().anyMatch(l -> l.startsWith(name + ": ")), lines::toString);
    }
  }

  @Test
  void readsAPlan() throws Exception {
    List<String> lines = run("ReadThePlan");
    assertTrue(lines.stream().anyMatch(l -> l.startsWith("ConvolutionForward ")), lines::toString);
    assertTrue(lines.get(lines.size() - 1).contains(" steps described, "), lines::toString);
  }
}
