package org.nin4j.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nin4j.cli.output.ExitCode;
import org.nin4j.cli.output.Failures;
import org.nin4j.data.file.PartialFile;
import org.nin4j.data.picture.ImageFile;
import org.nin4j.data.picture.Picture;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;
import picocli.CommandLine.Model.CommandSpec;

/** Whatever is wrong: one line, and the code that the help names. */
class ErrorsTest {
  @TempDir private static Path folder;

  private static Shell shell;

  @BeforeAll
  static void prepare() throws IOException {
    shell = new Shell(folder);
    Files.createDirectory(folder.resolve("empty"));
    Files.createDirectory(folder.resolve("truncated"));
    Files.writeString(folder.resolve("text.json"), "This is a text.");
    Files.writeString(folder.resolve("text"), "This is a text, and nothing else.");
    DESCRIPTIONS.forEach(ErrorsTest::write);
    write("images.json", "\"relu\"");
    shell.run(
        "data", "--dataset", "shapes", "--limit", "20", "--out", folder.resolve("idx").toString());
    try (Stream<Path> files = Files.list(folder.resolve("idx"))) {
      for (Path file : files.toList()) {
        byte[] bytes = Files.readAllBytes(file);
        Files.write(
            folder.resolve("truncated").resolve(file.getFileName()),
            java.util.Arrays.copyOf(bytes, bytes.length / 2));
      }
    }
  }

  private static final String CONV = "{\"kind\": \"conv\", \"channels\": 4, \"kernel\": 3}";

  /** The layers of networks that there cannot be, before their end. */
  private static final Map<String, String> DESCRIPTIONS =
      Map.of(
          "unknown.json",
          "{\"kind\": \"convolve\"}",
          "lacking.json",
          "{\"kind\": \"conv\", \"channels\": 4}",
          "sum.json",
          "{\"kind\": \"sum\", \"branches\": [\"identity\", " + CONV + "]}",
          "heights.json",
          "{\"kind\": \"concat\", \"branches\": {\"a\": \"relu\", \"b\": " + CONV + "}}",
          "channels.json",
          CONV.replace("4", "1000000000"),
          "kernel.json",
          CONV.replace("3", "1000000000"),
          "norm.json",
          "\"globalavg\", \"batchnorm\"",
          "whole.json",
          "\"batchnorm\"");

  private static void write(String name, String layers) {
    String json =
        name.equals("images.json")
            ? "{\"name\": \"n\", \"layers\": {\"kind\": \"sequence\", \"parts\": {\"images\":"
                + " \"relu\", \"flat\": \"flatten\", \"out\": {\"kind\": \"linear\","
                + " \"features\": 10}}}}"
            : Text.of(
                "{\"name\": \"n\", \"layers\": [%s, \"flatten\", {\"kind\": \"linear\", \"features\": %d}]}",
                layers, 10);
    try {
      Files.writeString(folder.resolve(name), json);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Arguments bad(int code, String message, String... command) {
    return Arguments.of(List.of(command), code, message);
  }

  static Stream<Arguments> badCalls() {
    return Stream.of(
        bad(2, "there is no command 'trian'; did you mean plan or train", "trian"),
        bad(2, "there is no option '--epoch'; did you mean --epochs", "train", "--epoch", "3"),
        bad(2, "there is no option '--qwxz'; see", "plan", "--qwxz"),
        bad(2, "there is no use for 'b'", "evaluate", "a", "b"),
        bad(2, "'x' is not a whole number", "train", "--epochs", "x"),
        bad(2, "the number of epochs is at least 1", "train", "--epochs", "0"),
        bad(2, "from -2147483648 to 2147483647", "train", "--epochs", "2147483648"),
        bad(2, "from -9223372036854775808 to 9223372036854775807", "train", "--seed", "1e30"),
        bad(2, "'NaN' is not between -3.4e+38 and 3.4e+38", "train", "--mean", "NaN"),
        bad(2, "'Infinity' is not between -3.4e+38 and", "train", "--std", "0.5,Infinity"),
        bad(2, "'1e39' is not between", "train", "--weight-decay", "1e39"),
        bad(2, "'-1e39' is not between", "train", "--lr", "-1e39"),
        bad(2, "'1e-50' is too near to 0; the least is 1.4e-45", "train", "--lr", "1e-50"),
        bad(2, "'NaN' is not between", "train", "--momentum", "NaN"),
        bad(2, "'NaN' is not between", "train", "--label-smoothing", "NaN"),
        bad(2, "'NaN' is not between", "train", "--warm-up", "NaN"),
        bad(2, "'NaN' is not between", "train", "--schedule", "steps", "--factor", "NaN"),
        bad(2, "'NaN' is not between", "train", "--schedule", "steps", "--milestones", "NaN"),
        bad(2, "'x' is not a number", "profile", "--momentum", "x"),
        bad(2, "means are from -1.00000e+06 to 1.00000e+06", "train", "--mean", "-3e38"),
        bad(2, "deviations are above 0, from 1.00000e-06 to", "train", "--std", "1e-45"),
        bad(2, "the batch size is at most 65536, not 65537", "train", "--batch", "65537"),
        bad(2, "the batch size is at most 65536", plan("--batch", "100000000")),
        bad(2, "the batch size is at most 65536", "summary", "--batch", "2147483647"),
        bad(2, "the image size is at most 4096", "train", "--size", "4097"),
        bad(2, "the shift is at most 4096", "train", "--shift", "2147483647"),
        bad(
            2,
            "images preprocessed by gcn-zca have a mean and deviation of their own",
            "train",
            "--preprocess",
            "gcn-zca",
            "--mean",
            "0.5"),
        bad(2, "'zca' is none of none, gcn-zca", "train", "--preprocess", "zca"),
        bad(2, "the cut-out is at most 4096", "train", "--cutout", "4097"),
        bad(2, "a cut-out is at least 0 pixels", "train", "--cutout", "-1"),
        bad(2, "at most 1024 channels and 65536 classes", "summary", "--channels", "2147483647"),
        bad(2, "at most 1024 channels and 65536 classes", plan("--classes", "65537")),
        bad(2, "at most 100000 each", "profile", "--steps", "2147483647"),
        bad(2, "the batch size is at least 1", "train", "--batch", "-4"),
        bad(2, "a learning rate is above 0", "train", "--lr", "0"),
        bad(2, "the warm-up is a share in [0, 1)", "train", "--warm-up", "1"),
        bad(2, "has no --warm-up", "train", "--schedule", "steps", "--warm-up", "0.1"),
        bad(2, "has no --milestones", "train", "--milestones", "0.5"),
        bad(2, "there is no schedule 'zigzag'", "train", "--schedule", "zigzag"),
        bad(2, "there is no recipe 'finest'; there are default", "train", "--recipe", "finest"),
        bad(2, "there is no network 'vgg'; there are nin, nin-bn", "train", "--network", "vgg"),
        bad(2, "there is no device 'tpu'; there are auto", "train", "--device", "tpu"),
        bad(2, "at least 1 thread", "train", "--threads", "0"),
        bad(
            2,
            "measured, direct, widened, tiles, im2col, not 'best'",
            "train",
            "--algorithms",
            "best"),
        bad(2, "'fp8' is none of fp32, tf32, bf16", "train", "--precision", "fp8"),
        bad(2, "'often' is none of measured, always, never", "train", "--fusions", "often"),
        bad(2, "'zero' is none of xavier-uniform", "train", "--init", "zero"),
        bad(2, "inner convolutions are written like", "train", "--inner", "1x2"),
        bad(
            2,
            "there is no data set 'cats'",
            "train",
            "--dataset",
            "cats",
            "--device",
            "reference"),
        bad(2, "leave out --recipe", "train", "--resume", "x", "--recipe", "d2l"),
        bad(2, "leave out --minutes", "train", "--resume", "x", "--minutes", "9"),
        bad(
            2,
            "--minutes chooses the epochs; leave out --minutes or --epochs",
            "train",
            "--minutes",
            "9",
            "--epochs",
            "3"),
        bad(2, "leave out --minutes or --recipe d2l", "train", "--minutes", "9", "--recipe", "d2l"),
        bad(2, "--minutes is from 0.1 to 10,000, not 0.0", "train", "--minutes", "0"),
        bad(2, "--minutes is from 0.1 to 10,000, not -3.0", "train", "--minutes", "-3"),
        bad(2, "--minutes is from 0.1 to 10,000, not 0.09", "train", "--minutes", "0.09"),
        bad(2, "--minutes is from 0.1 to 10,000, not NaN", "train", "--minutes", "NaN"),
        bad(2, "--minutes is from 0.1 to 10,000, not Infinity", "train", "--minutes", "1e999"),
        bad(2, "'soon' is not a number", "train", "--minutes", "soon"),
        bad(2, "IMAGE", "predict"),
        bad(2, "there is at least 1 channel", "summary", "--channels", "0"),
        bad(2, "--limit is at least 1", "data", "--limit", "0"),
        bad(3, "holds no Fashion-MNIST", train("--dataset", "fashion-mnist", "--data", "empty")),
        bad(3, "Put the files train-images-idx3-ubyte.gz", train("--dataset", "fashion-mnist")),
        bad(3, "truncated", train("--dataset", "mnist", "--data", "truncated")),
        bad(2, "there are fashion-mnist, mnist, cifar-10", "data", "--dataset", "cats"),
        bad(2, "folder: is followed by", train("--dataset", "folder:")),
        bad(2, "'x' is not a number", train("--dataset", "folder:empty", "--split", "x")),
        bad(2, "above 0 and below 1, not 1.0", train("--dataset", "folder:empty", "--split", "1")),
        bad(2, "--split-seed is for a --split", "data", "--split-seed", "3"),
        bad(2, "shapes is divided already", "data", "--dataset", "shapes", "--split", "0.5"),
        bad(2, "shapes is divided already", train("--split", "0.5")),
        bad(2, "--skip-bad is for a folder", "data", "--dataset", "shapes", "--skip-bad"),
        bad(2, "--data is for published", train("--dataset", "folder:empty", "--data", "empty")),
        bad(3, "there is no folder", train("--dataset", "folder:none")),
        bad(3, "no folder of a class", train("--dataset", "folder:empty", "--split", "0.1")),
        bad(3, "not divided into folders train", "data", "--dataset", "folder:empty"),
        bad(3, "Put the file cifar-100-binary.tar.gz", train("--dataset", "cifar-100")),
        bad(2, "there is no network 'x'; there are nin, nin-bn", "models", "x"),
        bad(2, "--json prints one network's description; name one", "models", "--json"),
        bad(2, "lenet is as published", "summary", "--network", "lenet", "--inner", "1x1"),
        bad(2, "no last block", "plan", "--network", "nin-mini", "--head", "linear"),
        bad(2, "reduce its channels in 4 steps", "summary", "--reduce", "96,48,24,10"),
        bad(2, "as there are classes, 10, not 12", "summary", "--reduce", "96,12"),
        bad(2, "not made for this network", "train", "--network", "lenet", "--minutes", "1"),
        bad(2, "a file says everything itself", train("--network", "norm.json", "--inner", "1x1")),
        bad(2, "a file says", "plan", "--network", "norm.json", "--classes", "5"),
        bad(
            2,
            "20 images are fewer than a batch of 21",
            train("--network", "whole.json", "--batch", "21")),
        bad(4, "unknown.json: layers[0]: there is no kind \"convolve\"", network("unknown.json")),
        bad(4, "lacking.json: layers[0] has no \"kernel\"", network("lacking.json")),
        bad(4, "text.json: the description is", network("text.json")),
        bad(4, "layer 0 (sum) of n: a sum adds equal shapes", network("sum.json")),
        bad(4, "layer 0 (concat) of n: a concatenation joins", network("heights.json")),
        bad(4, "layer 0 (conv) of n would have 1000000000×", network("channels.json")),
        bad(4, "kernel.json: layers[0]: a window's kernel", network("kernel.json")),
        bad(4, "another tensor of the plan is called images", network("images.json")),
        bad(
            4,
            "layer 1 (batchnorm) gets one value",
            train("--network", "norm.json", "--batch", "1")),
        bad(7, "none.json", network("none.json")),
        bad(4, "layer 0.0 (conv) of nin: ", train("--network", "nin", "--size", "10")),
        bad(4, "384×1×1 reaches it; it needs at least 3×3", "summary", "--size", "40"),
        bad(5, "there is no checkpoint", "train", "--resume", "none.safetensors"),
        bad(5, "holds no checkpoint last.safetensors", "train", "--resume", "empty"),
        bad(5, "is no checkpoint", "train", "--resume", "text"),
        bad(5, "is no checkpoint", "evaluate", "text"),
        bad(5, "is no checkpoint", "predict", "--checkpoint", "text", "a.png"),
        bad(6, "loss became NaN", train("--lr", "1e30")),
        bad(7, "no run folder can be made in", train("--out", "text")),
        bad(
            7,
            "stands there already",
            "data",
            "--dataset",
            "shapes",
            "--limit",
            "9",
            "--out",
            "idx"),
        bad(
            7,
            "cannot be written",
            "data",
            "--dataset",
            "shapes",
            "--limit",
            "9",
            "--sheet",
            "text/x.png"));
  }

  private static String[] network(String file) {
    return new String[] {"plan", "--device", "reference", "--network", file};
  }

  private static String[] plan(String option, String value) {
    return new String[] {"plan", "--device", "reference", option, value};
  }

  /** A short training, with something else about it. */
  private static String[] train(String... more) {
    return Stream.concat(
            Stream.of(
                "train",
                "--recipe",
                "d2l",
                "--device",
                "reference",
                "--dataset",
                "shapes",
                "--network",
                "nin-mini",
                "--size",
                "8",
                "--limit",
                "20",
                "--epochs",
                "2",
                "--out",
                "runs"),
            Stream.of(more))
        .toArray(String[]::new);
  }

  private static final List<String> FILES =
      List.of(
          "empty", "idx", "truncated", "text", "none.safetensors", "a.png", "runs", "text/x.png");

  private static boolean isFile(String word) {
    return FILES.contains(word) || word.endsWith(".json");
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("badCalls")
  void aBadCallEndsWithOneLineAndItsCode(List<String> command, int code, String message) {
    Shell.Outcome outcome = shell.run(inFolder(command));
    assertEquals(1, outcome.err().size(), () -> String.join("\n", outcome.err()));
    String line = outcome.err().get(0);
    assertTrue(line.contains(message), line);
    assertTrue(line.startsWith("nin"), line);
    assertEquals(code, outcome.code(), line);
  }

  /**
   * The same call with its files in the test's folder; of an option given twice the last counts.
   */
  private static String[] inFolder(List<String> command) {
    return command.stream()
        .map(
            word -> {
              String before = word.startsWith("folder:") ? "folder:" : "";
              String name = word.substring(before.length());
              return isFile(name) ? before + folder.resolve(name) : word;
            })
        .toArray(String[]::new);
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      value = {
        "Java heap space | NIN_JAVA_FLAGS=-Xmx",
        "GC overhead limit exceeded | NIN_JAVA_FLAGS=-Xmx",
        "Cannot reserve 9 bytes of direct buffer memory (allocated: 1, limit: 2)"
            + " | NIN_JAVA_FLAGS=-Xmx",
        "unable to create native thread | a smaller --batch or --size needs less"
      })
  void fullMemorySaysWhatWouldHelp(String problem, String help) {
    CommandSpec train = CommandSpec.create().name("train");
    OutOfMemoryError error = new OutOfMemoryError(problem);
    assertEquals(ExitCode.DEVICE, Failures.code(error));
    String line = Failures.line(train, error);
    assertTrue(line.startsWith("train: not enough memory (" + problem + ")"), line);
    assertTrue(line.contains(help), line);
    assertEquals(help.contains("--batch"), line.contains("--batch"), line);
  }

  @Test
  void debugShowsTheOrigin() {
    Shell.Outcome outcome = shell.run("summary", "--size", "40", "--debug");
    assertEquals(4, outcome.code());
    assertTrue(outcome.err().stream().anyMatch(l -> l.contains("\tat org.nin4j.model.")));
  }

  @Test
  void aRunThatFailsAtOnceLeavesNoFolder() throws IOException {
    Path runs = folder.resolve("failed");
    Shell.Outcome outcome = shell.run(train("--lr", "1e30", "--out", runs.toString()));
    assertEquals(6, outcome.code());
    assertTrue(outcome.err().get(0).contains("there is no good checkpoint yet"));
    try (Stream<Path> left = Files.list(runs)) {
      assertEquals(0, left.count());
    }
  }

  @Test
  void dataInTheWayStaysAsItIs() throws IOException {
    Path data = folder.resolve("kept");
    shell.run("data", "--dataset", "shapes", "--limit", "30", "--out", data.toString());
    Path labels = data.resolve("t10k-labels-idx1-ubyte.gz");
    byte[] before = Files.readAllBytes(labels);
    Shell.Outcome outcome =
        shell.run(
            "data",
            "--dataset",
            "mnist",
            "--data",
            data.toString(),
            "--limit",
            "10",
            "--out",
            data.toString());
    assertEquals(7, outcome.code());
    assertArrayEquals(before, Files.readAllBytes(labels));
    // Whatever its form: of two, the gzipped one would be read.
    Path unpacked = Files.createDirectory(folder.resolve("unpacked"));
    Files.writeString(unpacked.resolve("train-labels.idx1-ubyte"), "somebody's");
    assertEquals(
        7,
        shell
            .run("data", "--dataset", "shapes", "--limit", "9", "--out", unpacked.toString())
            .code());
    try (Stream<Path> left = Files.list(unpacked)) {
      assertEquals(1, left.count());
    }
  }

  @Test
  void unreadableFilesAreNoDamagedOnes() throws IOException {
    Path file = Path.of("x");
    UncheckedIOException told =
        PartialFile.unreadable(file, new java.nio.file.AccessDeniedException("x"));
    assertEquals("access to x is denied", told.getMessage());
    assertEquals(ExitCode.FILES, Failures.code(told));
    Path secret = folder.resolve("secret.png");
    Files.writeString(secret, "nobody's business");
    Files.setPosixFilePermissions(secret, Set.of());
    boolean superuser = Files.isReadable(secret);
    if (superuser) {
      System.out.println("ErrorsTest: files without permissions not tried: this user reads all");
    }
    assumeFalse(superuser, "this user reads all files");
    UncheckedIOException refused =
        assertThrows(
            UncheckedIOException.class,
            () -> ImageFile.read(secret, Shape.of(1, 2, 2), Picture.Fit.STRETCH, false));
    assertEquals("access to " + secret + " is denied", refused.getMessage());
    Path data = folder.resolve("secret");
    shell.run("data", "--dataset", "shapes", "--limit", "10", "--out", data.toString());
    Files.setPosixFilePermissions(data.resolve("train-images-idx3-ubyte.gz"), Set.of());
    Shell.Outcome outcome = shell.run("data", "--dataset", "mnist", "--data", data.toString());
    assertEquals(7, outcome.code(), outcome.err().toString());
    assertTrue(outcome.err().get(0).contains("is denied"), outcome.err().get(0));
    Set<PosixFilePermission> own = Files.getPosixFilePermissions(data);
    Files.setPosixFilePermissions(data, Set.of());
    outcome = shell.run("data", "--dataset", "mnist", "--data", data.toString());
    Files.setPosixFilePermissions(data, own);
    assertEquals(7, outcome.code(), outcome.err().get(0));
  }
}
