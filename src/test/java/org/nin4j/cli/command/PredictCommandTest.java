package org.nin4j.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nin4j.cli.Shell;

/** Answers about pictures, good and bad, and about what becomes of answers. */
class PredictCommandTest {
  @TempDir private static Path folder;

  private static Shell shell;
  private static Path run;

  @BeforeAll
  static void train() throws IOException {
    shell = new Shell(folder);
    String line =
        "train --recipe d2l --device reference --dataset shapes --network nin-mini --size 8"
            + " --batch 8 --limit 40 --epochs 1 --out "
            + folder.resolve("runs");
    assertEquals(0, shell.run(line.split(" ")).code());
    try (Stream<Path> runs = Files.list(folder.resolve("runs"))) {
      run = runs.findFirst().orElseThrow();
    }
    for (int side : new int[] {10, 20}) {
      BufferedImage picture = new BufferedImage(40, 40, BufferedImage.TYPE_BYTE_GRAY);
      for (int y = side / 2; y < 20 + side / 2; y++) {
        for (int x = 10; x < 10 + side; x++) {
          picture.getRaster().setSample(x, y, 0, 230);
        }
      }
      ImageIO.write(picture, "png", folder.resolve("good" + side + ".png").toFile());
      ImageIO.write(picture, "jpg", folder.resolve("good" + side + ".jpg").toFile());
    }
    Files.writeString(folder.resolve("text.png"), "This is a text, and nothing else.");
    Files.createFile(folder.resolve("empty.png"));
    byte[] whole = Files.readAllBytes(folder.resolve("good20.jpg"));
    Files.write(folder.resolve("cut.jpg"), Arrays.copyOf(whole, whole.length - 40));
    BufferedImage plain = new BufferedImage(9, 9, BufferedImage.TYPE_INT_ARGB);
    ImageIO.write(plain, "png", folder.resolve("plain.png").toFile());
    for (int i = 0; i < 81; i++) {
      plain.setRGB(i % 9, i / 9, i == 40 ? 0xff000000 : 0xffffffff);
    }
    ImageIO.write(plain, "png", folder.resolve("light.png").toFile());
  }

  private static Shell.Outcome predict(String... pictures) {
    return shell.run(command(pictures));
  }

  private static String[] command(String... pictures) {
    List<String> command =
        new ArrayList<>(
            List.of("predict", "--device", "reference", "--checkpoint", run.toString()));
    for (String picture : pictures) {
      command.add(picture.startsWith("--") ? picture : folder.resolve(picture).toString());
    }
    return command.toArray(String[]::new);
  }

  @Test
  void theGoodAreAnsweredAndEachBadOneIsNamed() {
    List<String> first = predict("good10.png").out();
    List<String> second = predict("good20.png").out();
    Shell.Outcome outcome =
        predict("text.png", "good10.png", "none.png", "cut.jpg", "good20.png", "empty.png");
    assertEquals(3, outcome.code());
    // The first line names the checkpoint.
    assertEquals(2 + 2, first.size());
    assertEquals(
        List.of(rows(first).get(0), rows(second).get(0)), rows(outcome.out()), outcome::text);
    assertEquals(first.get(0), outcome.out().get(0));
    assertEquals(4, outcome.err().size(), () -> outcome.err().toString());
    assertTrue(outcome.err().stream().allMatch(l -> l.startsWith("nin predict: ")));
    assertTrue(outcome.err().get(0).contains("text.png is no PNG"), outcome.err().get(0));
    assertTrue(outcome.err().get(1).contains("no picture"), outcome.err().get(1));
    assertTrue(outcome.err().get(2).contains("cut.jpg is damaged"), outcome.err().get(2));
    assertTrue(outcome.err().get(3).contains("empty.png is no PNG"), outcome.err().get(3));
  }

  /** The table's rows, behind the checkpoint, the titles and a rule; without their columns. */
  private static List<String> rows(List<String> lines) {
    return lines.stream().skip(3).map(l -> l.replaceAll(" +", " ")).toList();
  }

  @Test
  void onlyBadOnesLeaveNoAnswer() {
    Shell.Outcome outcome = predict("text.png", "cut.jpg");
    assertEquals(3, outcome.code());
    assertEquals(1, outcome.out().size(), outcome::text);
    assertTrue(outcome.out().get(0).startsWith("checkpoint: "), outcome::text);
    assertEquals(2, outcome.err().size());
  }

  @Test
  void whatTheNetworkCannotSeeIsSaid() {
    Shell.Outcome outcome = predict("good10.png", "plain.png", "light.png");
    assertEquals(0, outcome.code());
    assertEquals(1 + 2 + 3, outcome.out().size());
    assertEquals(
        List.of(
            "nin predict: "
                + folder.resolve("plain.png")
                + " is of one colour, so there is nothing to recognise; if it has a transparent"
                + " ground, try --invert",
            "nin predict: " + folder.resolve("light.png") + " has a light ground; try --invert"),
        outcome.err());
    Shell.Outcome inverted = predict("--invert", "light.png");
    assertEquals(List.of(), inverted.err());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "predict",
        "evaluate --device reference RUN",
        "data --dataset shapes --limit 10",
        "summary --device reference",
        "plan --device reference --inference --batch 1",
        "doctor",
        "profile --device reference --dataset shapes --network nin-mini --size 8 --batch 2"
            + " --steps 1 --warm-up-steps 0",
        "--version",
        "--help",
        "train --help"
      })
  void lostAnswersAreNoSuccess(String line) {
    String[] command =
        line.equals("predict")
            ? command("good10.png")
            : line.replace("RUN", run.toString()).split(" ");
    Shell.Outcome outcome = shell.runOnFullDisk(command);
    assertEquals(7, outcome.code(), () -> outcome.err().toString());
    assertEquals(1, outcome.err().size(), () -> outcome.err().toString());
    assertTrue(
        outcome.err().get(0).startsWith("nin: standard output cannot be written"),
        outcome.err().get(0));
  }

  @Test
  void aFailureSaysMoreThanLostOutput() {
    Shell.Outcome outcome =
        shell.runOnFullDisk("evaluate", "--device", "reference", "--batch", "0", run.toString());
    assertEquals(2, outcome.code());
  }
}
