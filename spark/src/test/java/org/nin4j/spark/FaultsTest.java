package org.nin4j.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.Success$;
import org.apache.spark.launcher.JavaModuleOptions;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;
import org.apache.spark.scheduler.SparkListenerJobStart;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.recipe.Recipe;

/** What Spark mends changes no bit. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class FaultsTest {
  /** Trainings at most until a copy was first; all have the same bits. */
  private static final int TRAININGS = 6;

  private static StandaloneCluster cluster;

  @BeforeAll
  static void start(@TempDir Path folder) throws IOException {
    cluster = new StandaloneCluster(folder);
  }

  @AfterAll
  static void stop() {
    cluster.close();
  }

  /** Counts what happens, and does something at the start of every so many jobs. */
  private static final class Watch extends SparkListener {
    final AtomicInteger jobs = new AtomicInteger();
    final AtomicInteger failed = new AtomicInteger();
    final AtomicInteger copies = new AtomicInteger();
    final AtomicInteger executorsLost = new AtomicInteger();
    private final int every;
    private final Runnable what;

    Watch(int every, Runnable what) {
      this.every = every;
      this.what = what;
    }

    @Override
    public void onJobStart(SparkListenerJobStart start) {
      if (jobs.incrementAndGet() % every == 0) {
        what.run();
      }
    }

    @Override
    public void onTaskEnd(SparkListenerTaskEnd end) {
      boolean success = end.reason() instanceof Success$;
      failed.addAndGet(success ? 0 : 1);
      copies.addAndGet(success && end.taskInfo().speculative() ? 1 : 0);
    }

    @Override
    public void onExecutorRemoved(SparkListenerExecutorRemoved removed) {
      executorsLost.incrementAndGet();
    }
  }

  /** A device that is closed under a task: an exception in it, and another try. */
  @Test
  void aTaskThatFailsInEveryThirdRound() throws Exception {
    Checkpoint expected = Trial.onOneMachine(Trial.recipe(), Trial.rounds(2, 2), "reference");
    TaskDevice.Kind kind =
        TaskDevice.Kind.of(
            expected.recipe(),
            Trial.NETWORK,
            Trial.IMAGE,
            Trial.rounds(2, 2),
            "reference",
            1,
            Map.of());
    try (SparkSession spark = Trial.session(Trial.settings("local[2,4]"))) {
      Watch watch =
          new Watch(
              3,
              () ->
                  Lanes.use(
                      kind,
                      TaskDevice.class,
                      () -> TaskDevice.open(kind),
                      device -> {
                        device.close();
                        return true;
                      }));
      NinEstimator estimator = Trial.estimator(Trial.recipe(), 2, 2).setDevice("reference");
      spark.sparkContext().addSparkListener(watch);
      Trial.assertSameBits(expected, estimator.fit(Trial.frame(spark)).checkpoint());
      spark.sparkContext().listenerBus().waitUntilEmpty();
      System.out.printf(
          Locale.ROOT, "%d of %d jobs had a task fail%n", watch.failed.get(), watch.jobs.get());
      assertTrue(watch.failed.get() >= 2, () -> watch.failed + " tasks failed");
    }
  }

  @Test
  void anExecutorIsKilled() throws Exception {
    Recipe recipe = Trial.recipe().toBuilder().epochs(3).build();
    Checkpoint expected = Trial.onOneMachine(recipe, Trial.rounds(4, 1), "cpu");
    try (SparkSession spark = Trial.session(cluster.settings())) {
      Watch watch = new Watch(9, () -> cluster.executor().destroyForcibly());
      spark.sparkContext().addSparkListener(watch);
      NinModel model = Trial.estimator(recipe, 4, 1).fit(Trial.frame(spark));
      spark.sparkContext().listenerBus().waitUntilEmpty();
      System.out.printf(
          Locale.ROOT,
          "%d executors lost, %d tasks failed in %d jobs%n",
          watch.executorsLost.get(),
          watch.failed.get(),
          watch.jobs.get());
      assertTrue(watch.executorsLost.get() >= 1, "an executor was lost");
      Trial.assertSameBits(expected, model.checkpoint());
    }
  }

  /**
   * An executor that stands still for some seconds: a copy of its task runs on the other. Not each
   * time: it may have no task just then, or the copy waits for what only it can send.
   */
  @Test
  void aStragglerIsOvertaken() throws Exception {
    Checkpoint expected = Trial.onOneMachine(Trial.recipe(), Trial.rounds(4, 2), "reference");
    try (SparkSession spark =
        Trial.session(
            cluster
                .settings()
                .set("spark.speculation", "true")
                .set("spark.speculation.interval", "100ms")
                .set("spark.speculation.quantile", "0.25")
                .set("spark.speculation.multiplier", "1.5")
                .set("spark.locality.wait", "0s"))) {
      Watch watch = new Watch(8, () -> standStill(cluster.executor(), 6));
      spark.sparkContext().addSparkListener(watch);
      for (int training = 0; training < TRAININGS && watch.copies.get() == 0; training++) {
        NinModel model =
            Trial.estimator(Trial.recipe(), 4, 2).setDevice("reference").fit(Trial.frame(spark));
        spark.sparkContext().listenerBus().waitUntilEmpty();
        System.out.printf(Locale.ROOT, "%d copies were first%n", watch.copies.get());
        Trial.assertSameBits(expected, model.checkpoint());
      }
      assertTrue(watch.copies.get() >= 1, "a copy was first");
    }
  }

  private static void standStill(ProcessHandle process, int seconds) {
    signal("STOP", process);
    Thread later =
        new Thread(
            () -> {
              try {
                Thread.sleep(seconds * 1000L);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
              signal("CONT", process);
            });
    later.setDaemon(true);
    later.start();
  }

  private static void signal(String name, ProcessHandle process) {
    try {
      new ProcessBuilder("kill", "-" + name, "" + process.pid()).start().waitFor();
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void aDriverIsKilled(@TempDir Path folder) throws Exception {
    Path run = folder.resolve("run");
    Random random = new Random(11);
    for (int kill = 0; kill < 2; kill++) {
      Process driver = driver(run, folder.resolve("driver-" + kill + ".log"));
      long before = time(run);
      while (time(run) == before) {
        assertTrue(driver.isAlive(), () -> "ended: " + folder);
        Thread.sleep(20);
      }
      Thread.sleep(random.nextInt(300));
      assertTrue(driver.isAlive(), "was still training");
      driver.destroyForcibly().waitFor();
      Checkpoint last = Checkpoint.read(run.resolve("last.safetensors"));
      System.out.println("killed; saved was " + last.position());
      assertFalse(last.complete());
    }
    Checkpoint expected = Trial.onOneMachine(Driver.recipe(), Trial.rounds(2, 2), "reference");
    try (SparkSession spark = Trial.session(Trial.settings("local[2]"))) {
      Checkpoint resumed = Driver.estimator(run.toString()).fit(Trial.frame(spark)).checkpoint();
      Trial.assertSameBits(expected, resumed);
      assertEquals(6, resumed.history().epochs().size());
    }
  }

  private static long time(Path run) throws IOException {
    Path last = run.resolve("last.safetensors");
    return Files.exists(last) ? Files.getLastModifiedTime(last).toMillis() : 0;
  }

  private static Process driver(Path run, Path log) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin/java").toString());
    command.addAll(Arrays.asList(JavaModuleOptions.defaultModuleOptionArray()));
    command.addAll(
        List.of(
            "-cp", System.getProperty("java.class.path"), Driver.class.getName(), run.toString()));
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(log.toFile())
        .start();
  }
}
