package org.nin4j.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.cli.Shell;
import org.nin4j.text.Text;

/** Folders, standard input, other forms of answers, evidence, layers, and evaluation by class. */
class LookCommandsTest {
  @TempDir private static Path folder;

  private static Shell shell;
  private static Path run;
  private static Path lenet;
  private static Path pictures;

  @BeforeAll
  static void prepare() throws IOException {
    shell = new Shell(folder);
    run = train("nin-mini --size 16", "mini");
    lenet = train("lenet --size 28", "lenet");
    pictures = Files.createDirectories(folder.resolve("my pictures/straße/b"));
    pictures = folder.resolve("my pictures");
    for (String name : List.of("z.png", "a.bmp", "straße/one two.gif", "straße/b/ä.jpg")) {
      draw(pictures.resolve(name));
    }
    Files.writeString(pictures.resolve("notes.txt"), "no picture");
    Files.createDirectories(folder.resolve("nothing/here"));
  }

  private static Path train(String network, String name) throws IOException {
    Path runs = folder.resolve(name);
    String line =
        "train --recipe d2l --device reference --dataset shapes --batch 8 --limit 40 --epochs 1"
            + Text.of(" --network %s --out %s", network, runs);
    Shell.Outcome trained = shell.run(line.split(" "));
    assertEquals(0, trained.code(), () -> trained.err().toString());
    try (Stream<Path> all = Files.list(runs)) {
      return all.findFirst().orElseThrow();
    }
  }

  private static void draw(Path file) throws IOException {
    BufferedImage picture = new BufferedImage(40, 40, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < 400; i++) {
      picture.setRGB(8 + i % 20, 10 + i / 20, 0xe0e0e0);
    }
    String name = file.getFileName().toString();
    assertTrue(ImageIO.write(picture, name.substring(name.length() - 3), file.toFile()));
  }

  private static Shell.Outcome predict(Shell in, Path from, String... arguments) {
    List<String> command =
        new ArrayList<>(
            List.of("predict", "--device", "reference", "--checkpoint", from.toString()));
    command.addAll(List.of(arguments));
    return in.run(command.toArray(String[]::new));
  }

  private static Shell.Outcome predict(String... arguments) {
    return predict(shell, run, arguments);
  }

  private static void assertEnded(int code, Shell.Outcome outcome) {
    assertEquals(code, outcome.code(), () -> outcome.err().toString());
  }

  @Test
  void aFolderAndThoseBelowItAreAnsweredInOrder() throws IOException {
    Path bad = pictures.resolve("straße/b/bad.jpg");
    byte[] whole = Files.readAllBytes(pictures.resolve("straße/b/ä.jpg"));
    Files.write(bad, Arrays.copyOf(whole, whole.length / 2));
    Shell.Outcome outcome = predict("--top", "1", pictures.toString());
    Files.delete(bad);
    assertEnded(3, outcome);
    assertEquals(1, outcome.err().size(), () -> outcome.err().toString());
    assertTrue(outcome.err().get(0).contains("b/bad.jpg is damaged"), outcome.err().get(0));
    assertTrue(outcome.out().get(1).matches("Picture +1"), outcome::text);
    List<String> rows = outcome.out().subList(3, outcome.out().size());
    List<String> names = List.of("a.bmp", "straße/b/ä.jpg", "straße/one two.gif", "z.png");
    assertEquals(names.size(), rows.size(), outcome::text);
    for (int i = 0; i < rows.size(); i++) {
      assertTrue(rows.get(i).startsWith(pictures.resolve(names.get(i)) + " "), rows.get(i));
      assertTrue(rows.get(i).matches(".*  \\w+ +\\d+\\.\\d %"), rows.get(i));
      assertEquals(outcome.out().get(2).length(), rows.get(i).length());
    }
  }

  /** More than are answered together. */
  @Test
  void manyPicturesAreAnsweredLikeOne() throws IOException {
    Path many = Files.createDirectories(folder.resolve("many"));
    for (int i = 0; i < 600; i++) {
      Files.copy(pictures.resolve("z.png"), many.resolve(Text.of("%03d.png", i)));
    }
    Shell.Outcome one = predict("--csv", "--top", "1", pictures.resolve("z.png").toString());
    Shell.Outcome outcome = predict("--csv", "--top", "1", many.toString());
    assertEnded(0, outcome);
    assertEquals(601, outcome.out().size());
    String answer = one.out().get(1).substring(one.out().get(1).indexOf(','));
    for (int i = 0; i < 600; i++) {
      assertEquals(many.resolve(Text.of("%03d.png", i)) + answer, outcome.out().get(1 + i));
    }
  }

  @Test
  void aFolderWithoutPicturesIsSaid() {
    Shell.Outcome outcome = predict(folder.resolve("nothing").toString());
    assertEnded(3, outcome);
    assertEquals(
        List.of(
            "nin predict: there are no pictures in the folder "
                + folder.resolve("nothing")
                + " (no files .png, .jpg, .jpeg, .gif, .bmp, .webp)"),
        outcome.err());
    // The others are answered.
    Shell.Outcome both =
        predict(folder.resolve("nothing").toString(), pictures.resolve("z.png").toString());
    assertEnded(3, both);
    assertEquals(4, both.out().size());
  }

  @Test
  void standardInputIsOnePicture() throws IOException {
    byte[] bytes = Files.readAllBytes(pictures.resolve("z.png"));
    Shell.Outcome outcome = predict(shell.withInput(bytes), run, "--json", "--top", "3", "-");
    assertEnded(0, outcome);
    assertEquals(1, outcome.out().size(), outcome::text);
    assertTrue(outcome.err().get(0).startsWith("checkpoint: "), () -> outcome.err().toString());
    JsonObject piped = JsonParser.parseString(outcome.out().get(0)).getAsJsonObject();
    assertEquals("-", piped.get("picture").getAsString());
    assertEquals(3, piped.getAsJsonArray("answers").size());
    Shell.Outcome named = predict("--json", "--top", "3", pictures.resolve("z.png").toString());
    JsonObject read = JsonParser.parseString(named.out().get(0)).getAsJsonObject();
    assertEquals(read.get("answers"), piped.get("answers"));
    JsonObject first = piped.getAsJsonArray("answers").get(0).getAsJsonObject();
    assertEquals(Set.of("class", "label", "probability"), first.keySet());
    double probability = first.get("probability").getAsDouble();
    assertTrue(probability > 0.1 && probability <= 1);
    Shell.Outcome nothing = predict("-");
    assertEnded(3, nothing);
    assertTrue(
        nothing.err().get(0).contains("standard input is no PNG"), () -> nothing.err().toString());
  }

  @Test
  void csvHasALineForEachAnswer() throws IOException {
    Path comma = folder.resolve("a, \"b\".png");
    Files.copy(pictures.resolve("z.png"), comma);
    Shell.Outcome outcome = predict("--csv", "--top", "99", comma.toString());
    assertEnded(0, outcome);
    assertEquals("picture,rank,class,label,probability", outcome.out().get(0));
    assertEquals(1 + 10, outcome.out().size());
    String quoted = '"' + comma.toString().replace("\"", "\"\"") + "\",10,";
    assertTrue(outcome.out().get(10).startsWith(quoted), outcome::text);
  }

  @Test
  void whatMakesNoSenseIsRefused() {
    String picture = pictures.resolve("z.png").toString();
    for (String[] words :
        new String[][] {
          {"--json", "--csv", picture}, {"--top", "0", picture}, {"-", "-"},
        }) {
      Shell.Outcome outcome = predict(words);
      assertEnded(2, outcome);
      assertEquals(1, outcome.err().size(), () -> outcome.err().toString());
    }
    Shell.Outcome text =
        shell.run("show", run.toString(), "--device", "reference", "--out", "layers.txt");
    assertEnded(2, text);
  }

  private static BufferedImage image(Path file) throws IOException {
    BufferedImage image = ImageIO.read(file.toFile());
    Set<Integer> colours = new HashSet<>();
    for (int i = 0; i < image.getWidth() * image.getHeight(); i++) {
      colours.add(image.getRGB(i % image.getWidth(), i / image.getWidth()));
    }
    assertTrue(colours.size() > 10, file + " has " + colours.size() + " colours");
    return image;
  }

  @Test
  void evidenceIsDrawnIntoOneFileOrMany() throws IOException {
    Path sheet = folder.resolve("maps/all.png");
    Shell.Outcome outcome = predict("--top", "3", "--maps", sheet.toString(), pictures.toString());
    assertEnded(0, outcome);
    assertEquals("written: " + sheet, outcome.out().get(outcome.out().size() - 1));
    BufferedImage four = image(sheet);
    Path each = folder.resolve("each");
    assertEnded(0, predict("--top", "3", "--maps", each.toString(), pictures.toString()));
    try (Stream<Path> files = Files.list(each)) {
      assertEquals(
          List.of("0001-a.bmp.png", "0002-ä.jpg.png", "0003-one two.gif.png", "0004-z.png.png"),
          files.map(f -> f.getFileName().toString()).sorted().toList());
    }
    BufferedImage one = image(each.resolve("0001-a.bmp.png"));
    assertEquals(four.getWidth(), one.getWidth());
    assertTrue(four.getHeight() > 3 * one.getHeight());
  }

  @Test
  void aNetworkWithoutEvidenceSaysWhatIsNeeded() {
    Path maps = folder.resolve("none.png");
    Shell.Outcome outcome =
        predict(shell, lenet, "--maps", maps.toString(), pictures.resolve("z.png").toString());
    assertEnded(4, outcome);
    assertEquals(1, outcome.err().size());
    assertTrue(
        outcome.err().get(0).contains("must end in a global average pool"), outcome.err().get(0));
    assertFalse(Files.exists(maps));
  }

  @Test
  void showDrawsFiltersAndLayers() throws IOException {
    Path filters = folder.resolve("filters.png");
    Shell.Outcome outcome =
        shell.run("show", lenet.toString(), "--device", "reference", "--out", filters.toString());
    assertEnded(0, outcome);
    assertEquals("written: " + filters, outcome.out().get(1));
    Path layers = folder.resolve("layers.png");
    assertEnded(
        0,
        shell.run(
            "show",
            lenet.toString(),
            pictures.resolve("z.png").toString(),
            "--device",
            "reference",
            "--out",
            layers.toString()));
    assertTrue(image(layers).getHeight() > image(filters).getHeight());
  }

  @Test
  void evaluateCountsByClassAndDraws() throws IOException {
    Path out = folder.resolve("evaluation");
    Shell.Outcome outcome =
        shell.run(
            "evaluate",
            run.toString(),
            "--device",
            "reference",
            "--limit",
            "40",
            "--out",
            out.toString());
    assertEnded(0, outcome);
    List<String> lines = outcome.out();
    int titles = lines.indexOf("Class     Images  Precision  Recall      F1");
    assertTrue(titles > 0, outcome::text);
    assertTrue(lines.get(titles + 2).startsWith("circle         4 "), outcome::text);
    assertEquals("written: " + out, lines.get(titles + 2 + 10));
    List<String> csv = Files.readAllLines(out.resolve("confusion.csv"));
    assertEquals(1 + 10, csv.size());
    int all = 0;
    int right = 0;
    for (int row = 0; row < 10; row++) {
      String[] cells = csv.get(1 + row).split(",");
      for (int column = 0; column < 10; column++) {
        all += Integer.parseInt(cells[1 + column]);
      }
      right += Integer.parseInt(cells[1 + row]);
    }
    assertEquals(40, all);
    String accuracy = Text.of("accuracy %.4f", right / 40.0);
    assertTrue(lines.get(lines.size() - 1).contains(accuracy), lines.get(lines.size() - 1));
    image(out.resolve("confusion.png"));
    image(out.resolve("mistakes.png"));
  }
}
