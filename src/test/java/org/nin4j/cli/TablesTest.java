package org.nin4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nin4j.cli.output.ExitCode;

/** What is printed: the published numbers, and help. */
class TablesTest {
  @TempDir private Path folder;

  private Shell.Outcome run(String... arguments) {
    Shell.Outcome outcome = new Shell(folder).run(arguments);
    assertEquals(0, outcome.code(), () -> String.join("\n", outcome.err()));
    return outcome;
  }

  /** A table's line with single spaces. */
  private static List<String> squeezed(Shell.Outcome outcome) {
    return outcome.out().stream().map(l -> l.strip().replaceAll(" +", " ")).toList();
  }

  @Test
  void summaryPrintsThePublishedNumbers() {
    List<String> lines = squeezed(run("summary", "--device", "reference"));
    for (String expected :
        List.of(
            "0.0 (conv) [1, 1, 224, 224] [1, 96, 54, 54] 11,712",
            "0.1 (relu) [1, 96, 54, 54] [1, 96, 54, 54] 0",
            "0.2 (conv) [1, 96, 54, 54] [1, 96, 54, 54] 9,312",
            "1 (maxpool) [1, 96, 54, 54] [1, 96, 26, 26] 0",
            "2.0 (conv) [1, 96, 26, 26] [1, 256, 26, 26] 614,656",
            "2.4 (conv) [1, 256, 26, 26] [1, 256, 26, 26] 65,792",
            "4.0 (conv) [1, 256, 12, 12] [1, 384, 12, 12] 885,120",
            "4.4 (conv) [1, 384, 12, 12] [1, 384, 12, 12] 147,840",
            "5 (maxpool) [1, 384, 12, 12] [1, 384, 5, 5] 0",
            "6 (dropout) [1, 384, 5, 5] [1, 384, 5, 5] 0",
            "7.0 (conv) [1, 384, 5, 5] [1, 10, 5, 5] 34,570",
            "7.4 (conv) [1, 10, 5, 5] [1, 10, 5, 5] 110",
            "8 (globalavg) [1, 10, 5, 5] [1, 10, 1, 1] 0",
            "9 (flatten) [1, 10, 1, 1] [1, 10] 0",
            "Total params: 1,992,166",
            "Multiply-adds for one image: 762.3 M",
            "Input size (MB): 0.19",
            "Forward/backward pass size (MB): 24.20",
            "Params size (MB): 7.60",
            "Estimated Total Size (MB): 31.99")) {
      assertTrue(lines.contains(expected), expected);
    }
  }

  @Test
  void summaryOfThreeChannels() {
    List<String> lines = squeezed(run("summary", "--device", "reference", "--channels", "3"));
    assertTrue(lines.contains("Total params: 2,015,398"));
    assertTrue(lines.contains("Multiply-adds for one image: 830.0 M"));
  }

  @Test
  void summaryTakesTheExercisesBlocks() {
    // One 1×1 convolution less in each block: 9,312 + 65,792 + 147,840 + 110 parameters less.
    List<String> lines = squeezed(run("summary", "--device", "reference", "--inner", "1x1"));
    assertTrue(lines.contains("Total params: 1,769,112"), lines::toString);
  }

  @Test
  void planOfAnInferenceHasItsStepsInOrder() {
    List<String> lines =
        squeezed(
            run(
                "plan",
                "--device",
                "reference",
                "--network",
                "nin-mini",
                "--size",
                "28",
                "--batch",
                "2",
                "--inference"));
    assertEquals("Layer Step Output Parameters MMAC KiB At KiB Work KiB", lines.get(0));
    // 2 images of 28×28 floats are 6.1 KiB; 16 filters of 5×5 and their biases 416
    // parameters; 2·14·14·16·25 = 156,800 multiply-adds.
    assertTrue(lines.get(2).startsWith("0 batch MakeBatch images[2×1×28×28 F32] 7 "));
    assertTrue(
        lines.get(3).startsWith("1 0.0 ConvolutionForward [2×16×14×14 F32] 416 0.2 "),
        lines.get(3));
    assertTrue(lines.get(lines.size() - 2).contains("loss SoftmaxCrossEntropy"));
    assertTrue(
        lines
            .get(lines.size() - 1)
            .startsWith("inference for nin-mini, batch 2, fp32, on reference: 8,042 parameters, "),
        lines.get(lines.size() - 1));
  }

  @Test
  void planOfATrainingEndsWithTheUpdate() {
    List<String> lines =
        squeezed(run("plan", "--device", "reference", "--recipe", "d2l", "--batch", "1"));
    assertTrue(lines.get(lines.size() - 2).endsWith("update SgdUpdate"), lines::toString);
    // The published 2,253 M multiply-adds of a training step for one image.
    String total = lines.get(lines.size() - 1);
    assertTrue(
        total.matches(
            "training for nin, batch 1, .* 1,992,166 parameters, 2,25[23],\\d{3},\\d{3}"
                + " multiply-adds, .*"),
        total);
  }

  @Test
  void dataSaysWhatIsInIt() {
    Path sheet = folder.resolve("sheet.png");
    Shell.Outcome outcome =
        run("data", "--dataset", "shapes", "--limit", "25", "--sheet", sheet.toString());
    List<String> lines = squeezed(outcome);
    assertTrue(lines.contains("0 circle 3 3"), outcome::text);
    assertTrue(lines.contains("9 heart 2 2"), outcome::text);
    assertTrue(Files.exists(sheet));
  }

  @Test
  void writtenDataIsReadAgain() {
    String idx = folder.resolve("idx").toString();
    run("data", "--dataset", "shapes", "--limit", "25", "--out", idx);
    Shell.Outcome outcome = run("data", "--dataset", "mnist", "--data", idx);
    assertTrue(outcome.text().contains("MNIST: 25 images of 1×28×28 in 10 classes"), outcome::text);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "train",
        "evaluate",
        "predict",
        "runs",
        "show",
        "export",
        "import",
        "plan",
        "profile",
        "summary",
        "models",
        "data",
        "doctor",
        "completion"
      })
  void helpShowsDefaultsAndEndsInExamples(String command) {
    List<String> lines = run(command, "--help").out();
    int examples = lines.indexOf("Examples:");
    assertTrue(examples > 0);
    for (String example : lines.subList(examples + 1, lines.size())) {
      assertTrue(example.startsWith("  nin " + command), example);
    }
    assertTrue(lines.stream().noneMatch(l -> l.contains("${") || l.contains("@|")));
  }

  @Test
  void helpOfTrainNamesTheDefaultOfEveryOption() {
    String help = run("train", "--help").text().replaceAll("\\s+", " ");
    for (String option :
        List.of(
            "batch",
            "size",
            "lr",
            "epochs",
            "optimizer",
            "momentum",
            "beta1",
            "beta2",
            "epsilon",
            "bias-rate",
            "norm-rate",
            "last-rate",
            "clip",
            "average",
            "weight-decay",
            "warm-up",
            "init",
            "inner",
            "schedule",
            "seed",
            "precision",
            "device",
            "threads",
            "data",
            "dataset",
            "limit",
            "label-smoothing",
            "mean",
            "std",
            "shift",
            "cutout",
            "preprocess",
            "out",
            "recipe",
            "resume")) {
      int at = help.lastIndexOf(" --" + option + "=");
      assertTrue(at > 0, option);
      int next = help.indexOf(" --", at + 3);
      assertTrue(help.substring(at, next).contains("Default: "), option);
    }
  }

  @Test
  void helpNamesTheExitCodes() {
    List<String> lines = squeezed(run("--help"));
    for (ExitCode code : ExitCode.values()) {
      assertTrue(lines.contains(code.number() + " " + code.meaning()), code.meaning());
    }
  }

  @Test
  void withoutACommandThereIsHelp() {
    assertEquals(run("--help").out(), run().out());
    assertTrue(run("--version").out().get(0).startsWith("NiN4J "));
  }

  @Test
  void theDoctorNamesTheDevices() {
    Shell.Outcome outcome = new Shell(folder).run("doctor");
    String text = outcome.text();
    assertEquals(text.contains("The GPU can be used") ? 0 : 8, outcome.code());
    assertTrue(text.contains("reference: reference loops in Java, one thread"), text);
    assertTrue(text.contains("The GPU can"), text);
  }
}
