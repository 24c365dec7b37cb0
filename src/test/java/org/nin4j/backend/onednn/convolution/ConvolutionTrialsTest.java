package org.nin4j.backend.onednn.convolution;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.backend.CpuOptions;
import org.nin4j.backend.CpuOptions.Convolution;
import org.nin4j.backend.onednn.OneDnnBackend;
import org.nin4j.model.Activation;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.Sequential;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.Sgd;
import org.nin4j.tensor.Shape;

/** Steps that are long enough are tried once; whatever is chosen, it is what is said. */
class ConvolutionTrialsTest {
  /** Over 20 million multiply-adds in the first two convolutions, fewer in the third. */
  private static final Network NETWORK =
      new Network(
          "tried",
          Sequential.of(
              new Conv2d(64, 7, 2, 3),
              Activation.RELU,
              new Conv2d(32, 3, 1, 1),
              Activation.RELU,
              new Conv2d(5, 1, 1, 0),
              new GlobalAvgPool2d(),
              new Flatten()));

  private static final Plan PLAN =
      Planner.plan(
          NETWORK,
          BatchSpec.unit(Shape.of(1, 28, 28), 28, 28),
          64,
          Precision.FP32,
          new Purpose.Training(Sgd.PLAIN));

  @TempDir private Path folder;

  @Test
  void longStepsAreTriedOnceAndKept() throws IOException {
    List<String> first = ways(CpuOptions.of(2).withCache(folder));
    Path file = only(folder.resolve("cpu"));
    String kept = Files.readString(file);
    // The first one's two steps and the second one's three.
    assertEquals(5, kept.lines().filter(line -> line.contains(" = ")).count(), kept);
    // Somebody else's choice counts as one's own.
    Files.writeString(file, kept.replaceAll(" = [A-Z0-9]+", " = DIRECT"));
    List<String> direct = ways(CpuOptions.of(2).withCache(folder));
    assertEquals(first.size(), direct.size());
    assertTrue(direct.stream().allMatch("direct"::equals), direct.toString());
  }

  /** Of one sample the tiles are few, and their products slow: they were never chosen. */
  @Test
  void whatTilesMayComputeIsTriedWithSeveralOfTheirChunks() throws IOException {
    Network wide =
        new Network(
            "wide",
            Sequential.of(
                new Conv2d(96, 1, 1, 0),
                Activation.RELU,
                new Conv2d(256, 5, 1, 2),
                new GlobalAvgPool2d(),
                new Flatten()));
    BatchSpec images = BatchSpec.unit(Shape.of(1, 26, 26), 26, 26);
    Plan plan = Planner.plan(wide, images, 16, Precision.FP32, new Purpose.Training(Sgd.PLAIN));
    ways(plan, CpuOptions.of(2).withCache(folder));
    String kept = Files.readString(only(folder.resolve("cpu")));
    List<String> tried = kept.lines().filter(line -> line.contains("256×96×5×5")).toList();
    assertEquals(3, tried.size(), kept);
    // Two samples are a chunk; eight have 3.3 billion multiply-adds, sixteen were too many.
    assertTrue(tried.stream().allMatch(line -> line.contains(" 8×256×26×26 ")), kept);
  }

  @Test
  void whoOnlyPlansTriesNothing() {
    List<String> ways = ways(CpuOptions.of(2).withCache(folder).withoutTrials());
    assertTrue(ways.stream().allMatch("direct"::equals), ways.toString());
    assertFalse(Files.exists(folder.resolve("cpu")));
  }

  @Test
  void oneWayIsTakenWhereverItIsPossible() {
    assertEquals(
        List.of("direct", "tiles", "direct"),
        ways(CpuOptions.of(1).withConvolutions(Convolution.TILES)).subList(0, 3));
    List<String> im2col = ways(CpuOptions.of(1).withConvolutions(Convolution.IM2COL));
    assertTrue(im2col.stream().allMatch("im2col"::equals), im2col.toString());
  }

  private static List<String> ways(CpuOptions options) {
    return ways(PLAN, options);
  }

  private static List<String> ways(Plan plan, CpuOptions options) {
    try (OneDnnBackend backend = new OneDnnBackend(options)) {
      Plan prepared = backend.prepare(plan).plan();
      return prepared.steps().stream()
          .flatMap(step -> backend.way(prepared, step).stream())
          .toList();
    }
  }

  private static Path only(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      List<Path> all = files.toList();
      assertEquals(1, all.size(), all.toString());
      return all.get(0);
    }
  }
}
