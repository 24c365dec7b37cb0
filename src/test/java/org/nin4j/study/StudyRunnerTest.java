package org.nin4j.study;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.backend.Backend;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.data.TrainTest;
import org.nin4j.data.shapes.Shapes;
import org.nin4j.model.ShapeException;
import org.nin4j.tensor.HostTensor;
import org.nin4j.text.Text;
import org.nin4j.train.Progress;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.checkpoint.Position;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Recipes;
import org.nin4j.train.recipe.Schedule;
import org.nin4j.train.run.RunCheckpoints;

class StudyRunnerTest {
  private static final TrainTest DATA = Shapes.draw(1, 40, 24, 1);

  /** A whole study, which no test changes. */
  @TempDir private static Path whole;

  private static final Heard HEARD = new Heard();

  @TempDir private Path folder;

  @BeforeAll
  static void trainAll() {
    try (Backend backend = new ReferenceBackend()) {
      assertTrue(runner(backend, plan(backend, study("0.01")), whole, HEARD).run());
    }
  }

  /** A copy of the whole study but for some runs. */
  private void copyWithout(String... runs) throws IOException {
    try (Stream<Path> files = Files.walk(whole)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        if (List.of(runs).contains(file.getParent().getFileName().toString())) {
          continue;
        }
        Path copy = folder.resolve(whole.relativize(file).toString());
        Files.createDirectories(copy.getParent());
        Files.copy(file, copy);
      }
    }
  }

  private static Study study(String slow) {
    return StudyJson.parse(
        Text.of(
            """
        {"name": "rates", "question": "Which rate?",
         "variants": {"slow": {"lr": %s}, "fast": {"lr": 0.1}}, "seeds": [1, 2]}
        """,
            slow));
  }

  /** Knows two words. */
  private record Words(int size) implements Interpreter {
    @Override
    public void requireKnown(Settings settings) {
      if (!List.of("lr").containsAll(settings.words().keySet())) {
        throw new IllegalArgumentException("there is no setting " + settings);
      }
    }

    @Override
    public Meaning interpret(Settings settings) {
      Recipe recipe =
          Recipes.d2l("nin-mini").toBuilder()
              .dataset("shapes")
              .size(size)
              .batch(8)
              .epochs(2)
              .schedule(new Schedule.Constant(Float.parseFloat(settings.words().get("lr"))))
              .seed(Long.parseLong(settings.words().get("seed")))
              .build();
      return new Meaning(recipe, data -> recipe, recipe::network);
    }
  }

  private static StudyPlan plan(Backend backend, Study study, String... only) {
    return StudyPlan.of(study, false, List.of(only), new Words(8), backend, recipe -> DATA);
  }

  private static StudyRunner runner(
      Backend backend, StudyPlan plan, Path out, StudyListener listener) {
    StudyReport report =
        new StudyReport(plan, out, "nin study rates", PlannedRun::name, listener::remarked);
    return new StudyRunner(
        backend,
        plan,
        out,
        recipe -> DATA,
        (run, data, of) -> List.of(),
        StudyRunner.Saving.PLAIN,
        report,
        listener);
  }

  /** Writes down what it hears. */
  private static final class Heard implements StudyListener {
    private final List<String> lines = new ArrayList<>();
    private final List<Double> shares = new ArrayList<>();

    @Override
    public void remarked(String remark) {
      lines.add(remark);
    }

    @Override
    public void began(Place place, Optional<Position> from) {
      lines.add(
          Text.of(
              "%d/%d %s%s",
              place.number(),
              place.of(),
              place.run().name(),
              from.map(position -> " " + position).orElse("")));
    }

    @Override
    public void progressed(Place place, Progress progress, double share) {
      shares.add(share);
    }

    @Override
    public void ended(Place place, RunResult result, double share) {
      shares.add(share);
    }
  }

  private Map<String, HostTensor> parameters(Path out, String run) {
    return Checkpoint.read(RunCheckpoints.last(out.resolve("runs").resolve(run))).parameters();
  }

  private void assertSame(String run) {
    Map<String, HostTensor> wanted = parameters(whole, run);
    Map<String, HostTensor> got = parameters(folder, run);
    assertEquals(wanted.keySet(), got.keySet());
    wanted.forEach(
        (name, tensor) -> assertArrayEquals(tensor.values(), got.get(name).values(), name));
  }

  @Test
  void allRunsAreTrainedAndThenSkipped() throws IOException {
    assertEquals(
        List.of("1/4 slow-seed1", "2/4 slow-seed2", "3/4 fast-seed1", "4/4 fast-seed2"),
        HEARD.lines);
    assertEquals(HEARD.shares.stream().sorted().toList(), HEARD.shares);
    assertEquals(1, HEARD.shares.get(HEARD.shares.size() - 1), 1e-9);
    try (Backend backend = new ReferenceBackend()) {
      StudyPlan plan = plan(backend, study("0.01"));
      String report = Files.readString(whole.resolve("study.md"));
      Heard again = new Heard();
      StudyRunner runner = runner(backend, plan, whole, again);
      assertTrue(runner.run());
      assertEquals(List.of("4 of 4 runs are finished already: skipped"), again.lines);
      assertEquals(report, Files.readString(whole.resolve("study.md")));

      assertEquals(4, runner.results().size());
      RunResult result = runner.results().get(plan.runs().get(2));
      assertEquals(2, result.history().epochs().size());
      assertEquals(8_042, result.resources().parameters());
      assertEquals(Optional.empty(), result.divergence());
      assertTrue(result.resources().trainingPlanned() > result.resources().predictionPlanned());
      assertTrue(result.resources().predictionsPerSecond() > 0);
      // An ordinary run folder.
      Path run = whole.resolve("runs/fast-seed1");
      assertEquals(result.history().toCsv(), Files.readString(run.resolve("history.csv")));
      assertTrue(Checkpoint.read(RunCheckpoints.last(run)).complete());
    }
  }

  @Test
  void someVariantsMayBeTrainedFirst() throws IOException {
    copyWithout("slow-seed1", "slow-seed2");
    try (Backend backend = new ReferenceBackend()) {
      Heard heard = new Heard();
      assertTrue(runner(backend, plan(backend, study("0.01"), "fast"), folder, heard).run());
      assertEquals(List.of("2 of 2 runs are finished already: skipped"), heard.lines);
      assertTrue(Files.readString(folder.resolve("study.md")).contains("2 of 4 runs are done."));
      Heard rest = new Heard();
      assertTrue(runner(backend, plan(backend, study("0.01")), folder, rest).run());
      assertEquals(
          List.of("2 of 4 runs are finished already: skipped", "1/4 slow-seed1", "2/4 slow-seed2"),
          rest.lines);
    }
  }

  @Test
  void anInterruptedStudyGoesOnAsIfItHadNeverStopped() throws IOException {
    try (Backend backend = new ReferenceBackend()) {
      StudyPlan plan = plan(backend, study("0.01"), "slow");
      AtomicReference<StudyRunner> runner = new AtomicReference<>();
      StudyListener stops =
          new StudyListener() {
            @Override
            public void progressed(Place place, Progress progress, double share) {
              if (place.number() == 2 && progress.epoch() == 2) {
                runner.get().stop();
              }
            }
          };
      runner.set(runner(backend, plan, folder, stops));
      assertFalse(runner.get().run());
      assertTrue(Files.readString(folder.resolve("study.md")).contains("1 of 4 runs are done."));
      assertFalse(
          Checkpoint.read(RunCheckpoints.last(folder.resolve("runs/slow-seed2"))).complete());

      Heard heard = new Heard();
      assertTrue(runner(backend, plan, folder, heard).run());
      assertEquals("1 of 2 runs are finished already: skipped", heard.lines.get(0));
      assertEquals("2/2 slow-seed2 in epoch 2, after step 5", heard.lines.get(1));
      assertSame("slow-seed1");
      assertSame("slow-seed2");
    }
  }

  /** As when it is stopped after the last epoch, while resources are measured. */
  @Test
  void aCompleteRunWithoutAResultIsNotTrainedAgain() throws IOException {
    copyWithout();
    try (Backend backend = new ReferenceBackend()) {
      StudyPlan plan = plan(backend, study("0.01"), "fast");
      Path run = folder.resolve("runs/fast-seed1");
      RunResult before = RunResult.read(run).orElseThrow();
      Files.delete(run.resolve("result.json"));
      Heard heard = new Heard();
      assertTrue(runner(backend, plan, folder, heard).run());
      assertEquals("1/2 fast-seed1 after epoch 2", heard.lines.get(1));
      assertEquals(before.history(), RunResult.read(run).orElseThrow().history());
    }
  }

  @Test
  void aFolderOfAnotherTrainingIsLeftAlone() throws IOException {
    copyWithout("fast-seed1", "fast-seed2");
    try (Backend backend = new ReferenceBackend()) {
      byte[] before = Files.readAllBytes(RunCheckpoints.last(folder.resolve("runs/slow-seed1")));
      StudyRunner changed = runner(backend, plan(backend, study("0.02")), folder, new Heard());
      String told = assertThrows(StudyException.class, changed::run).getMessage();
      String there = "{\"kind\":\"constant\",\"rate\":0.01}";
      assertEquals(
          folder.resolve("runs/slow-seed1")
              + " holds another training than slow-seed1: schedule "
              + there
              + " there, "
              + there.replace("0.01", "0.02")
              + " now; remove that folder to train anew, or choose another with --out",
          told);
      // Without its result, its checkpoint says the same.
      Files.delete(folder.resolve("runs/slow-seed1/result.json"));
      assertEquals(told, assertThrows(StudyException.class, changed::run).getMessage());
      assertArrayEquals(
          before, Files.readAllBytes(RunCheckpoints.last(folder.resolve("runs/slow-seed1"))));
      assertFalse(Files.exists(folder.resolve("runs/fast-seed1")));
    }
  }

  @Test
  void aRunThatDivergesIsWrittenDownAndTheStudyGoesOn() throws IOException {
    try (Backend backend = new ReferenceBackend()) {
      StudyPlan plan = plan(backend, study("1e30").withSeeds(1));
      StudyRunner runner = runner(backend, plan, folder, new Heard());
      assertTrue(runner.run());
      RunResult hot = runner.results().get(plan.runs().get(0));
      assertTrue(hot.divergence().orElseThrow().contains("by epoch 1"), hot::toString);
      assertEquals(8_042, hot.resources().parameters());
      assertFalse(runner.results().get(plan.runs().get(1)).diverged());
      Heard again = new Heard();
      assertTrue(runner(backend, plan, folder, again).run());
      assertEquals(List.of("2 of 2 runs are finished already: skipped"), again.lines);
    }
  }

  /** A folder stands where a file is to be written, as on a disk that takes no more. */
  @Test
  void whatIsFinishedStaysWhereARunCannotBeWritten() throws IOException {
    try (Backend backend = new ReferenceBackend()) {
      StudyPlan plan = plan(backend, study("0.01"), "slow");
      Files.createDirectories(folder.resolve("runs/slow-seed2/result.json/in-the-way"));
      StudyRunner runner = runner(backend, plan, folder, new Heard());
      assertThrows(UncheckedIOException.class, runner::run);
      assertEquals("slow-seed2", runner.current().orElseThrow().name());
      assertTrue(Files.readString(folder.resolve("study.md")).contains("1 of 4 runs are done."));
      assertEquals(1, runner.results().size());
    }
  }

  @Test
  void variantsThatCannotWorkAreNamedBeforeAnythingRuns() {
    try (Backend backend = new ReferenceBackend()) {
      Study unknown =
          StudyJson.parse(
              "{\"name\": \"s\", \"question\": \"q\", \"variants\": {\"a\": {\"rate\": 1}}}");
      assertEquals(
          "variant 'a': there is no setting rate 1",
          assertThrows(StudyException.class, () -> plan(backend, unknown)).getMessage());
      assertEquals(
          "variant 'slow': a learning rate is above 0 and finite, not -1.0",
          assertThrows(StudyException.class, () -> plan(backend, study("-1"))).getMessage());
      assertEquals(
          "the study rates has no variant 'medium'; there are slow, fast",
          assertThrows(StudyException.class, () -> plan(backend, study("1"), "medium"))
              .getMessage());
      String told =
          assertThrows(
                  ShapeException.class,
                  () ->
                      StudyPlan.of(
                          study("1"), false, List.of(), new Words(2), backend, recipe -> DATA))
              .getMessage();
      assertTrue(told.startsWith("variant 'slow': "), told);
    }
  }
}
