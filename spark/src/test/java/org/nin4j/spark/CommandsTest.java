package org.nin4j.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.text.Text;

/** What spark-submit starts, on a folder of pictures. */
class CommandsTest {
  @Test
  void trainsEvaluatesAndPredicts(@TempDir Path folder) throws Exception {
    for (String set : List.of("train", "test")) {
      for (int i = 0; i < 24; i++) {
        BufferedImage image = new BufferedImage(28, 28, BufferedImage.TYPE_BYTE_GRAY);
        int value = i % 2 == 0 ? 0xff303030 : 0xffd0d0d0;
        for (int pixel = 0; pixel < 28 * 28; pixel++) {
          image.setRGB(pixel % 28, pixel / 28, value + i * 0x010101);
        }
        Path file =
            folder.resolve(Text.of("data/%s/%s/%d.png", set, i % 2 == 0 ? "dark" : "light", i));
        Files.createDirectories(file.getParent());
        assertTrue(ImageIO.write(image, "png", file.toFile()));
      }
    }
    System.setProperty("spark.master", "local[2]");
    System.setProperty("spark.ui.enabled", "false");
    System.setProperty("spark.driver.host", "127.0.0.1");
    String data = folder.resolve("data").toString();
    String model = folder.resolve("model").toString();
    Ran trained =
        run(
            "train",
            "--data",
            data,
            "--out",
            model,
            "--network",
            "lenet-bn",
            "--epochs",
            "4",
            "--batch",
            "8",
            "--tasks",
            "2",
            "--seed",
            "3",
            "--checkpoints",
            folder.resolve("run").toString());
    assertEquals(0, trained.code(), trained.text());
    assertTrue(trained.text().contains("epoch 4: loss "), trained.text());
    assertTrue(trained.text().contains("saved: " + model), trained.text());

    Ran evaluated = run("evaluate", "--data", data, "--model", model);
    assertTrue(
        evaluated.text().matches("(?s)accuracy [01]\\.\\d{4}: \\d+ of 24 images\\n"),
        evaluated.text());
    assertEquals(
        evaluated.text(),
        run(
                "evaluate",
                "--data",
                data,
                "--model",
                folder.resolve("run/last.safetensors").toString())
            .text());

    Path out = folder.resolve("answers");
    assertEquals(
        0,
        run("predict", "--model", model, "--images", data + "/test", "--out", out.toString())
            .code());
    try (Stream<Path> files = Files.list(out)) {
      long lines = 0;
      for (Path file : files.filter(f -> f.toString().endsWith(".json")).toList()) {
        List<String> read = Files.readAllLines(file);
        assertTrue(read.get(0).contains("\"name\":\""), read.get(0));
        lines += read.size();
      }
      assertEquals(24, lines);
    }

    Ran wrong = run("train", "--data", data, "--out", model, "--tasks", "0");
    assertEquals(2, wrong.code());
    assertTrue(
        wrong.text().contains("nin4j-spark: a round has at least 1 task, not 0"), wrong.text());
    assertEquals(2, run("train", "--data", "no-such-set", "--out", model).code());
    assertEquals(2, run("train", "--out", model).code());
  }

  private record Ran(int code, String text) {}

  private static Ran run(String... arguments) {
    PrintStream out = System.out;
    PrintStream err = System.err;
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    try (PrintStream stream = new PrintStream(text, true, StandardCharsets.UTF_8)) {
      System.setOut(stream);
      System.setErr(stream);
      int code = Commands.run(arguments);
      return new Ran(code, text.toString(StandardCharsets.UTF_8));
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
  }
}
