package org.nin4j.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.cli.Shell;
import org.nin4j.cli.output.ExitCode;

class ProfileCommandTest {
  private static final String NUMBER = "[\\d,]+\\.\\d+";

  @TempDir private Path folder;

  private Shell.Outcome run(String... more) {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "profile",
                "--device",
                "reference",
                "--network",
                "nin-mini",
                "--size",
                "12",
                "--batch",
                "2",
                "--precision",
                "fp32",
                "--steps",
                "2",
                "--warm-up-steps",
                "0"));
    arguments.addAll(List.of(more));
    return new Shell(folder).run(arguments.toArray(String[]::new));
  }

  @Test
  void printsStepsBlocksAndTheRunAndWritesThemAsJson() throws Exception {
    Path file = folder.resolve("profile.json");
    Shell.Outcome outcome = run("--sort", "plan", "--json", file.toString());
    assertEquals(0, outcome.code(), () -> String.join("\n", outcome.err()));
    List<String> lines = outcome.out().stream().map(l -> l.strip().replaceAll(" +", " ")).toList();
    // No data set and no network to get it from.
    assertTrue(lines.get(0).contains("using shapes"), outcome::text);
    assertEquals("device: reference loops in Java, one thread", lines.get(1));
    assertTrue(
        lines
            .get(2)
            .matches(
                "measured: N GB/s to and from memory, N GFLOP/s in fp32 convolutions"
                    .replace("N", NUMBER)),
        lines.get(2));
    assertEquals(
        "Layer Step Time µs Spread µs MB MFLOP GB/s GFLOP/s Peak % Floor µs Time/floor",
        lines.get(4));
    assertTrue(lines.get(6).matches("0 batch MakeBatch( N){6}".replace("N", NUMBER)));
    assertTrue(lines.get(7).matches("1 0\\.0 ConvolutionForward( N){9}".replace("N", NUMBER)));

    JsonObject json = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
    List<JsonElement> steps = json.getAsJsonArray("steps").asList();
    int titles =
        lines.indexOf("Block Time µs Share % MB MFLOP GB/s GFLOP/s Peak % Floor µs Time/floor");
    assertEquals(6 + steps.size() + 1, titles);
    assertTrue(lines.get(titles - 2).startsWith(steps.size() - 1 + " update AdamUpdate "));
    List<String> blocks = List.of("batch", "0", "2", "4", "loss", "update", "all steps");
    for (int i = 0; i < blocks.size(); i++) {
      assertTrue(lines.get(titles + 2 + i).startsWith(blocks.get(i) + " "), outcome::text);
    }
    assertTrue(lines.get(titles + 10).startsWith("a whole run of 2 images: "), outcome::text);
    assertEquals("written: " + file, lines.get(titles + 11));

    double sum =
        steps.stream().mapToDouble(s -> s.getAsJsonObject().get("seconds").getAsDouble()).sum();
    assertEquals(sum, json.getAsJsonObject("total").get("seconds").getAsDouble(), 1e-9 * sum);
    assertTrue(json.get("run_seconds").getAsDouble() > 0);
    assertEquals("training", json.get("purpose").getAsString());
  }

  @Test
  void theWorstStepsComeFirst() {
    Shell.Outcome outcome = run("--inference", "--dataset", "shapes");
    assertEquals(0, outcome.code(), () -> String.join("\n", outcome.err()));
    List<Double> lost = new ArrayList<>();
    for (String line : outcome.out()) {
      String[] words = line.strip().split(" +");
      if (words.length > 3 && words[0].matches("\\d+") && !words[2].matches("[\\d,.]+")) {
        // Time after three words, floor last but one; blocks have other titles and no step.
        lost.add(number(words[3]) - number(words[words.length - 2]));
      }
    }
    // Batch, 7 convolutions, 6 ReLUs, pool, average, flatten and loss.
    assertEquals(18, lost.size(), outcome::text);
    List<Double> sorted = new ArrayList<>(lost);
    sorted.sort(Comparator.reverseOrder());
    for (int i = 0; i < lost.size(); i++) {
      // Times and floors are printed to a tenth.
      assertEquals(sorted.get(i), lost.get(i), 0.2);
    }
  }

  private static double number(String text) {
    return Double.parseDouble(text.replace(",", ""));
  }

  @Test
  void refusesWhatMakesNoSense() {
    assertEquals(ExitCode.USAGE.number(), run("--steps", "0").code());
    assertEquals(ExitCode.USAGE.number(), run("--recipe", "none").code());
    assertEquals(ExitCode.USAGE.number(), run("--sort", "random").code());
  }
}
