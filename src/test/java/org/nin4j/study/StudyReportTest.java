package org.nin4j.study;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.data.file.Csv;
import org.nin4j.train.history.EpochResult;
import org.nin4j.train.history.History;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Recipes;

/** Reports of results that were never trained, but are known. */
class StudyReportTest {
  @TempDir private Path folder;

  private static final Study STUDY =
      StudyJson.parse(
          """
          {"name": "two", "question": "Which?", "base": {"recipe": "d2l"},
           "variants": {"a": {}, "hot": {"lr": 10}}, "seeds": [1, 2],
           "published": [{"variant": "hot", "test_accuracy": 0.877, "source": "MXNet"}]}
          """);

  private static StudyPlan plan() {
    Recipe recipe = Recipes.d2l("nin-mini");
    List<PlannedRun> runs = new ArrayList<>();
    for (Study.Variant variant : STUDY.variants()) {
      for (long seed : STUDY.seeds()) {
        runs.add(
            new PlannedRun(
                variant,
                seed,
                STUDY.settings(variant, false).with("seed", String.valueOf(seed)),
                recipe.toBuilder().seed(seed).build(),
                recipe.network(10)));
      }
    }
    return new StudyPlan(STUDY, false, runs, runs);
  }

  private static RunResult result(PlannedRun run, Optional<String> divergence, double accuracy) {
    History history = History.EMPTY;
    if (divergence.isEmpty()) {
      history =
          history
              .with(new EpochResult(1, 2.0, 0.25, 1.9, 0.5, 0.75, 4, 100, 0.1f, 3, 1))
              .with(new EpochResult(2, 1.0, 0.5, 0.75, accuracy, 0.9, 4, 300, 0.1f, 7, 0));
    }
    return new RunResult(
        run.recipe(),
        run.network(),
        "some data, 800 + 40 images",
        "a \"device\", 2 threads",
        divergence,
        history,
        new Resources(
            8_042,
            429_888,
            12_345_678,
            OptionalLong.of(23_456_789),
            1_200_000,
            OptionalLong.empty(),
            1_234.5));
  }

  private static Map<PlannedRun, RunResult> results(StudyPlan plan) {
    Map<PlannedRun, RunResult> results = new LinkedHashMap<>();
    results.put(plan.runs().get(0), result(plan.runs().get(0), Optional.empty(), 0.8));
    results.put(plan.runs().get(1), result(plan.runs().get(1), Optional.empty(), 0.4));
    results.put(
        plan.runs().get(2), result(plan.runs().get(2), Optional.of("the loss became NaN"), 0));
    return results;
  }

  private static String command(PlannedRun run) {
    return "nin train " + String.join(" ", run.settings().arguments());
  }

  @Test
  void theTableHasALineForEachRun() {
    StudyPlan plan = plan();
    assertEquals(
        """
        study,variant,seed,status,test_accuracy,test_top5_accuracy,test_loss,train_accuracy,train_loss,best_test_accuracy,best_epoch,epochs,dead_classes,dead_units,seconds,train_images_per_second,prediction_images_per_second,parameters,multiply_adds,training_bytes_planned,training_bytes_measured,prediction_bytes_planned,prediction_bytes_measured,device,command
        two,a,1,trained,0.8,0.9,0.75,0.5,1.0,0.8,2,2,0,7,8.0,200.0,1234.5,8042,429888,12345678,23456789,1200000,,"a ""device"", 2 threads",nin train --recipe d2l --seed 1
        two,a,2,trained,0.4,0.9,0.75,0.5,1.0,0.5,1,2,0,7,8.0,200.0,1234.5,8042,429888,12345678,23456789,1200000,,"a ""device"", 2 threads",nin train --recipe d2l --seed 2
        two,hot,1,diverged,,,,,,,,0,,,0.0,,1234.5,8042,429888,12345678,23456789,1200000,,"a ""device"", 2 threads",nin train --recipe d2l --lr 10 --seed 1
        two,hot,2,open,,,,,,,,,,,,,,,,,,,,,nin train --recipe d2l --lr 10 --seed 2
        """
            .replace("\n", "\r\n"),
        StudyCsv.text(plan, results(plan), StudyReportTest::command));
  }

  @Test
  void cellsAreQuotedWhereTheyMustBe() {
    assertEquals("plain 'text'; more", Csv.line(List.of("plain 'text'; more")));
    assertEquals("\"a,b\"", Csv.line(List.of("a,b")));
    assertEquals("\"a\"\"b\"", Csv.line(List.of("a\"b")));
    assertEquals("\"a\nb\"", Csv.line(List.of("a\nb")));
  }

  @Test
  void theTextHasMeansAndWhatIsMissing() {
    StudyPlan plan = plan();
    String text =
        StudyMarkdown.text(
            plan,
            results(plan),
            "nin study two.json",
            StudyReportTest::command,
            List.of("accuracy.png"));
    // The sample's deviation of 0.8 and 0.4: √(2 · 0.2² / 1).
    String expected =
        """
        # two

        Which?

        Made by `nin study two.json`.

        3 of 4 runs are done, 1 of them diverged. All variants have in common: recipe d2l.

        - Images: some data, 800 + 40 images
        - Device: a "device", 2 threads
        - Computed in: fp32

        ## Accuracy

        ![accuracy](accuracy.png)

        | Variant | Changes | Test accuracy | Top-5 | Test loss | Train accuracy | Train loss | Dead classes | Dead units | Published |
        |---|---|---|---|---|---|---|---|---|---|
        | a | nothing | 0.6000 ± 0.2828 | 0.9000 ± 0.0000 | 0.7500 ± 0.0000 | 0.5000 ± 0.0000 | 1.0000 ± 0.0000 | 0, 0 | 7, 7 | – |
        | hot | lr 10 | –, 1 of 2 diverged, 1 of 2 open | – | – | – | – | – | – | 0.877 (MXNet) |

        ## Resources

        | Variant | Parameters | Multiply-adds | Training planned | Training measured | Prediction planned | Prediction measured | Training images/s | Prediction images/s |
        |---|---|---|---|---|---|---|---|---|
        | a | 8,042 | 429,888 | 12.3 MB | 23.5 MB | 1.2 MB | – | 200 | 1,235 |
        | hot | 8,042 | 429,888 | 12.3 MB | 23.5 MB | 1.2 MB | – | – | – |

        ## Runs

        | Run | Test accuracy | Training steps took | Command |
        |---|---|---|---|
        | a-seed1 | 0.8000 | 8.0 s | `nin train --recipe d2l --seed 1` |
        | a-seed2 | 0.4000 | 8.0 s | `nin train --recipe d2l --seed 2` |
        | hot-seed1 | diverged: the loss became NaN | 0.0 s | `nin train --recipe d2l --lr 10 --seed 1` |
        | hot-seed2 | open | – | `nin train --recipe d2l --lr 10 --seed 2` |

        ## How it was measured

        """;
    assertEquals(expected, text.substring(0, expected.length()));
  }

  @Test
  void filesAndPicturesAreWritten() throws IOException {
    StudyPlan plan = plan();
    List<String> remarks = new ArrayList<>();
    StudyReport report =
        new StudyReport(plan, folder, "nin study two", StudyReportTest::command, remarks::add);
    report.write(Map.of());
    assertTrue(Files.readString(report.file()).contains("0 of 4 runs are done."));
    report.write(results(plan));
    assertEquals(List.of(), remarks);
    assertTrue(Files.readString(report.file()).contains("![loss](loss.png)"));
    for (String picture : List.of("accuracy.png", "loss.png", "resources.png")) {
      assertTrue(ImageIO.read(folder.resolve(picture).toFile()).getWidth() >= 640, picture);
    }
    assertEquals(5, Files.readString(folder.resolve("study.csv")).split("\r\n").length);
  }

  @Test
  void aResultIsReadBack() throws IOException {
    StudyPlan plan = plan();
    for (RunResult result : results(plan).values()) {
      result.write(folder);
      assertEquals(Optional.of(result), RunResult.read(folder));
    }
    Files.writeString(folder.resolve("result.json"), "{}");
    assertEquals(Optional.empty(), RunResult.read(folder));
  }
}
