package org.nin4j.cli.command;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.cli.SmallTraining;
import org.nin4j.standin.StandIn;
import org.nin4j.tensor.HostTensor;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.history.Timeless;
import org.nin4j.train.run.RunCheckpoints;
import org.nin4j.train.run.RunConfigs;

/**
 * Trainings whose process is killed, as by {@code kill -9}, again and again, and which go on: they
 * must end with the bits of one that nobody disturbed. The moments are drawn; {@code -Dkill.seed=N}
 * draws those of an earlier time.
 */
@Timeout(value = 3600, unit = TimeUnit.SECONDS)
class KillTest {
  private static final String EVERY_MINUTES = "0.002";
  private static final int KEPT = 2;
  private static final int LONGEST_SECONDS = 300;

  @TempDir private Path folder;

  /** In what a process is to be killed. */
  private enum Moment {
    START_UP,
    STEPS_AND_EVALUATION,
    CHECKPOINT,
    CURVES
  }

  /** Trains in processes of its own. */
  private final class Training {
    private final String device;
    private final List<String> words;
    private final Path out;
    private final Random random;
    private final Map<Moment, Integer> moments = new EnumMap<>(Moment.class);
    private int processes;

    Training(String device, Path out, long seed, String... more) {
      this.device = device;
      this.out = out;
      random = new Random(seed);
      words = new ArrayList<>(List.of(SmallTraining.command(more)));
      words.addAll(List.of("--device", device, "--out", out.toString()));
    }

    /** The run's folder, once it has a configuration; what came before that is removed. */
    private Optional<Path> run() {
      Optional<Path> found = Optional.empty();
      try {
        for (Path run : Files.isDirectory(out) ? list(out) : List.<Path>of()) {
          if (RunConfigs.latest(run).isPresent()) {
            assertTrue(found.isEmpty(), "two runs");
            found = Optional.of(run);
          } else {
            for (Path file : list(run)) {
              Files.delete(file);
            }
            Files.delete(run);
          }
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      return found;
    }

    private Process start() throws IOException {
      List<String> command =
          new ArrayList<>(
              List.of(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-XX:+UseSerialGC",
                  "-XX:TieredStopAtLevel=1",
                  "--enable-native-access=ALL-UNNAMED",
                  "-Djava.awt.headless=true",
                  "-cp",
                  System.getProperty("java.class.path"),
                  "org.nin4j.cli.Main"));
      Optional<Path> run = run();
      if (run.isPresent()) {
        command.addAll(
            List.of(
                "train", "--resume", run.get().toString(), "--device", device, "--threads", "1"));
      } else {
        command.addAll(words);
        command.addAll(List.of("--threads", "1"));
      }
      if (device.equals("cuda")) {
        command.addAll(List.of("--cuda-libs", StandIn.libraries().toString()));
      }
      command.addAll(List.of("--checkpoint-every", EVERY_MINUTES, "--keep", String.valueOf(KEPT)));
      processes++;
      ProcessBuilder builder =
          new ProcessBuilder(command)
              .redirectOutput(folder.resolve("out.txt").toFile())
              .redirectError(folder.resolve("err.txt").toFile());
      // As the launcher does.
      builder.environment().put("OMP_NUM_THREADS", "1");
      builder.environment().put("NIN4J_CACHE", folder.resolve("cache").toString());
      return builder.start();
    }

    /** Starts it once, and kills it at a moment; false where it ended before. */
    boolean kill(Moment moment) throws IOException, InterruptedException {
      Process process = start();
      try {
        switch (moment) {
          case START_UP -> park(random.nextDouble(1.5));
          case STEPS_AND_EVALUATION -> {
            await(process, () -> said("going on ") || said("run: "));
            park(random.nextDouble(1.5));
          }
          case CHECKPOINT -> {
            await(process, () -> said("going on ") || said("run: "));
            park(random.nextDouble(0.5));
            await(process, () -> partial(".safetensors."));
          }
          case CURVES -> {
            await(process, () -> partial("curves.png.") || partial("history.csv."));
            park(random.nextDouble(0.05));
          }
        }
        if (!process.isAlive()) {
          requireGoodEnd(process.exitValue());
          return false;
        }
        process.destroyForcibly();
        assertEquals(128 + 9, process.waitFor());
        moments.merge(moment, 1, Integer::sum);
        return true;
      } finally {
        process.destroyForcibly();
      }
    }

    private void park(double seconds) {
      LockSupport.parkNanos(Math.round(1e9 * seconds));
    }

    private interface Condition {
      boolean holds() throws IOException;
    }

    private void await(Process process, Condition condition) throws IOException {
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(LONGEST_SECONDS);
      while (process.isAlive() && !condition.holds()) {
        assertTrue(System.nanoTime() < end, () -> "nothing happens: " + told());
        LockSupport.parkNanos(200_000);
      }
    }

    private boolean said(String text) throws IOException {
      return Files.readString(folder.resolve("out.txt")).contains(text);
    }

    private boolean partial(String name) throws IOException {
      if (!Files.isDirectory(out)) {
        return false;
      }
      for (Path run : list(out)) {
        if (list(run).stream()
            .map(file -> file.getFileName().toString())
            .anyMatch(file -> file.contains(name) && file.endsWith(".part"))) {
          return true;
        }
      }
      return false;
    }

    /** A run that is complete is said to be, and is all there. */
    private void requireGoodEnd(int code) {
      String told = told();
      assertTrue(code == 0 || code == 2 && told.contains("the run is complete"), told);
    }

    private String told() {
      try {
        return Files.readString(folder.resolve("out.txt"))
            + Files.readString(folder.resolve("err.txt"));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    /** Trains to the end, and is killed until then, so many times at most. */
    Path train(int kills) throws IOException, InterruptedException {
      Moment[] all = Moment.values();
      for (int i = 0; i < kills; i++) {
        if (!kill(all[random.nextInt(all.length)])) {
          break;
        }
      }
      Process process = start();
      assertTrue(process.waitFor(LONGEST_SECONDS, TimeUnit.SECONDS), this::told);
      requireGoodEnd(process.exitValue());
      return run().orElseThrow();
    }

    int kills() {
      return moments.values().stream().mapToInt(count -> count).sum();
    }
  }

  private static List<Path> list(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.toList();
    }
  }

  private static void assertSame(Map<String, HostTensor> expected, Map<String, HostTensor> actual) {
    assertEquals(expected.keySet(), actual.keySet());
    expected.forEach(
        (name, tensor) -> {
          float[] values = actual.get(name).values();
          assertArrayEquals(tensor.values(), values, name);
        });
  }

  private static void assertSame(Checkpoint expected, Checkpoint actual) {
    assertEquals(expected.recipe(), actual.recipe());
    assertEquals(expected.position(), actual.position());
    assertEquals(expected.best(), actual.best());
    assertEquals(Timeless.of(expected.history()), Timeless.of(actual.history()));
    assertSame(expected.parameters(), actual.parameters());
    assertSame(expected.optimizerState(), actual.optimizerState());
  }

  /** Without what each start adds, and without the kept ones: those depend on the clock. */
  private static Set<String> files(Path run) throws IOException {
    return list(run).stream()
        .map(file -> file.getFileName().toString())
        .filter(name -> !name.matches("(config-|events|epoch-).*"))
        .collect(Collectors.toSet());
  }

  /** As many trainings, one after the other, as take so many kills. */
  private void requireSameEnd(String device, int kills, String... more)
      throws IOException, InterruptedException {
    Path whole = new Training(device, folder.resolve("whole"), 0, more).train(0);
    long seed = Long.getLong("kill.seed", System.nanoTime());
    Map<Moment, Integer> moments = new EnumMap<>(Moment.class);
    int left = kills;
    int trainings = 0;
    try {
      while (left > 0) {
        Training killed =
            new Training(device, folder.resolve("killed-" + trainings), seed + trainings, more);
        trainings++;
        requireSame(whole, killed.train(left));
        left -= killed.kills();
        killed.moments.forEach((moment, count) -> moments.merge(moment, count, Integer::sum));
      }
    } finally {
      System.out.printf(
          Locale.ROOT,
          "kill -9 on %s, kill.seed=%d: %s in %d trainings%n",
          device,
          seed,
          moments,
          trainings);
    }
  }

  private static void requireSame(Path whole, Path run) throws IOException {
    assertSame(
        Checkpoint.read(RunCheckpoints.last(whole)), Checkpoint.read(RunCheckpoints.last(run)));
    assertSame(
        Checkpoint.read(RunCheckpoints.best(whole)), Checkpoint.read(RunCheckpoints.best(run)));
    Checkpoint last = Checkpoint.read(RunCheckpoints.last(run));
    assertEquals(last.history().toCsv(), Files.readString(run.resolve("history.csv")));
    assertEquals(files(whole), files(run));
    List<Path> kept =
        list(run).stream().filter(f -> f.getFileName().toString().startsWith("epoch-")).toList();
    assertTrue(kept.size() <= KEPT, kept::toString);
    kept.forEach(Checkpoint::read);
  }

  @Test
  void aTrainingThatIsKilledAFewTimesEndsWithTheSameBits()
      throws IOException, InterruptedException {
    requireSameEnd("reference", 3, "--limit", "240", "--epochs", "6", "--seed", "3");
  }

  @Tag("slow")
  @Test
  void aTrainingThatIsKilledFiftyTimesEndsWithTheSameBits()
      throws IOException, InterruptedException {
    requireSameEnd("reference", 50, "--limit", "240", "--epochs", "8", "--seed", "3");
  }

  @Tag("slow")
  @Test
  void onOneDnnToo() throws IOException, InterruptedException {
    String[] more = {"--limit", "240", "--epochs", "8", "--seed", "3"};
    requireSameEnd("cpu", 10, more);
  }

  @Tag("slow")
  @Test
  void onTheCudaStandInToo() throws IOException, InterruptedException {
    StandIn.assumeAvailable();
    requireSameEnd("cuda", 4, "--limit", "80", "--epochs", "4", "--seed", "3");
  }
}
