package org.nin4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.text.Text;

/** Networks that leave and come back. */
class ExportImportTest {
  @TempDir private static Path folder;

  private static Shell shell;
  private static String run;

  @BeforeAll
  static void train() throws IOException {
    shell = new Shell(folder);
    Path runs = folder.resolve("runs");
    // Few images, under the name of a data set that takes any folder.
    assertEquals(0, run("data --dataset shapes --limit 40 --out " + file("idx")).code());
    Shell.Outcome trained =
        run(
            "train --device reference --dataset mnist --data "
                + file("idx")
                + " --network lenet-bn --recipe d2l --epochs 1"
                + " --limit 40 --batch 20 --mean 0.2 --std 0.4 --average 0.9 --out "
                + runs);
    assertEquals(0, trained.code(), () -> String.join("\n", trained.err()));
    try (Stream<Path> folders = Files.list(runs)) {
      run = folders.findFirst().orElseThrow().toString();
    }
  }

  /** Words without spaces in them. */
  private static Shell.Outcome run(String line) {
    return shell.run(line.split(" "));
  }

  private static String file(String name) {
    return folder.resolve(name).toString();
  }

  @Test
  void whatIsExportedAndImportedIsAsGood() {
    Shell.Outcome exported =
        shell.run("export", run, "--safetensors", file("a.safetensors"), "--onnx", file("a.onnx"));
    assertEquals(0, exported.code(), () -> String.join("\n", exported.err()));
    assertTrue(exported.text().contains("mean 0.2, std 0.4"), exported::text);
    assertTrue(Files.exists(folder.resolve("a.onnx")));
    assertEquals(0, shell.run(imported("a.safetensors", "a-imported")).code());
    assertEquals(accuracy(run), accuracy(file("a-imported")));
    Shell.Outcome resumed =
        run(
            Text.of(
                "train --device reference --data %s --limit 40 --batch 20 --epochs 1 --resume %s --out %s",
                file("idx"), file("a-imported"), file("resumed")));
    assertEquals(0, resumed.code(), () -> String.join("\n", resumed.err()));
  }

  private static String accuracy(String checkpoint) {
    List<String> lines =
        run(Text.of("evaluate --device reference --data %s %s", file("idx"), checkpoint)).out();
    String last = lines.get(lines.size() - 1);
    return last.substring(last.indexOf("loss"), last.indexOf(";"));
  }

  private static String[] imported(String from, String to, String... more) {
    List<String> arguments =
        List.of(
            "import",
            file(from),
            "--network",
            "lenet-bn",
            "--dataset",
            "mnist",
            "--data",
            file("idx"),
            "--mean",
            "0.2",
            "--std",
            "0.4",
            "--out",
            file(to));
    return Stream.concat(arguments.stream(), Arrays.stream(more)).toArray(String[]::new);
  }

  @Test
  void whatIsWrongIsToldInOneLine() throws IOException {
    assertEquals(0, shell.run("export", run, "--safetensors", file("b.safetensors")).code());
    Files.write(
        folder.resolve("huge"),
        ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN).putLong(100L << 30).array());
    byte[] bytes = Files.readAllBytes(folder.resolve("b.safetensors"));
    ByteBuffer.wrap(bytes)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putFloat(bytes.length - Float.BYTES, Float.NaN);
    Files.write(folder.resolve("nan"), bytes);
    Files.writeString(folder.resolve("text"), "no folder");
    bad(2, "say what to write", "export", run);
    bad(2, "name the same file", "export", run, "--onnx", file("x"), "--safetensors", file("x"));
    bad(5, "there is no checkpoint", "export", file("none"), "--onnx", file("x"));
    bad(7, "is there already", "export", run, "--onnx", file("text"));
    bad(7, "cannot be written", "export", run, "--onnx", file("text/x"));
    bad(7, "cannot be written", "export", run, "--safetensors", file("text/x"));
    bad(7, "is there already", imported("b.safetensors", "text"));
    bad(7, "cannot be written", imported("b.safetensors", "text/x"));
    bad(5, "there is no file", imported("none", "x"));
    bad(5, "107,374,182,400 bytes", imported("huge", "x"));
    // Told before the data, of which there is none here, are looked for.
    bad(5, "107,374,182,400 bytes", imported("huge", "x", "--data", file("none")));
    bad(5, "9.weight is NaN at [119, 399]", imported("nan", "x"));
    bad(5, "missing: 3.weight", imported("b.safetensors", "x", "--network", "lenet"));
    bad(2, "'(' is no regular expression", imported("b.safetensors", "x", "--rename", "(="));
    bad(2, "finds nothing", imported("b.safetensors", "x", "--rename", "^net="));
    bad(2, "there is no network 'x'", imported("b.safetensors", "x", "--network", "x"));
    bad(2, "there is no data set 'x'", imported("b.safetensors", "x", "--dataset", "x"));
    assertFalse(Files.exists(folder.resolve("x")));
    try (Stream<Path> files = Files.list(folder)) {
      assertTrue(files.noneMatch(f -> f.toString().endsWith(".part")));
    }
  }

  private static void bad(int code, String told, String... arguments) {
    Shell.Outcome outcome = shell.run(arguments);
    String line = String.join("\n", outcome.err());
    assertTrue(line.contains(told), line);
    assertEquals(1, outcome.err().size(), line);
    assertEquals(code, outcome.code(), line);
  }
}
