package org.nin4j.spark;

import java.util.Map;
import java.util.Optional;
import org.apache.spark.SparkConf;
import org.apache.spark.network.util.JavaUtils;
import org.nin4j.backend.choice.Devices;
import org.nin4j.text.Text;

/** What of Spark's settings must fit a training; asked before any task starts. */
final class Cluster {
  private static final String THREADS = "OMP_NUM_THREADS";
  private static final double MEBIBYTE = 1 << 20;

  private final SparkConf settings;
  private final Map<String, String> environment;

  /**
   * @param environment of the driver
   */
  Cluster(SparkConf settings, Map<String, String> environment) {
    this.settings = settings;
    this.environment = environment;
  }

  /**
   * Checks that this Spark is one that the module was built for.
   *
   * @throws IllegalArgumentException if not
   */
  static void requireVersion(String spark, String scala) {
    if (!spark.startsWith("4.") || !scala.startsWith("2.13.")) {
      throw new IllegalArgumentException(
          Text.of(
              "this is Spark %s with Scala %s; NiN4J runs on Spark 4 with Scala 2.13",
              spark, scala));
    }
  }

  /**
   * Checks that there is a device of that name, on some machine.
   *
   * @throws IllegalArgumentException if not
   */
  static void requireDevice(String name) {
    if (!name.matches("auto|cpu|reference|cuda(:\\d{1,3})?")) {
      throw new IllegalArgumentException(
          Text.of("there is no device '%s'; there are %s", name, Devices.NAMES));
    }
  }

  /** Threads of a task on processors: {@code spark.task.cpus}. */
  int threads() {
    return settings.getInt("spark.task.cpus", 1);
  }

  /** Whether executors are threads of the driver. */
  boolean isLocal() {
    String master = settings.get("spark.master", "");
    return master.equals("local") || master.startsWith("local[");
  }

  /**
   * Checks that tasks will compute with as many threads as they have cores. OpenMP reads its number
   * when Java starts; for executor processes Spark sets it to {@code spark.task.cpus}.
   *
   * @throws IllegalArgumentException if not
   */
  void requireThreads() {
    String setting = "spark.executorEnv." + THREADS;
    String given =
        isLocal() ? environment.getOrDefault(THREADS, "") : settings.get(setting, "" + threads());
    if (given.equals("" + threads())) {
      return;
    }
    throw new IllegalArgumentException(
        isLocal()
            ? Text.of(
                "%s is %s, but a task has %d of the cores (spark.task.cpus): start with %s=%d in the environment",
                THREADS, given.isEmpty() ? "not set" : given, threads(), THREADS, threads())
            : Text.of(
                "%s is %s, but spark.task.cpus is %d: leave the first out, or make them the same",
                setting, given, threads()));
  }

  /**
   * Checks that what a round moves fits.
   *
   * @param tasks of a round
   * @param returned bytes that each task returns
   * @param taskBytes that a task takes outside Java's heap
   * @param heap of the driver, in bytes
   * @throws IllegalArgumentException if not
   */
  void requireMemory(int tasks, long returned, long taskBytes, long heap) {
    long most = JavaUtils.byteStringAsBytes(settings.get("spark.driver.maxResultSize", "1g"));
    long all = tasks * returned;
    if (most > 0 && all > most) {
      throw new IllegalArgumentException(
          Text.of(
              "%d tasks return %s in each round, and spark.driver.maxResultSize is %s: raise it, or take fewer tasks",
              tasks, megabytes(all), megabytes(most)));
    }
    // What comes back, its mean in float and double, and the state of the training.
    long needed = all + 4 * returned;
    if (needed > heap) {
      throw new IllegalArgumentException(
          Text.of(
              "the driver takes some %s for %d tasks, and its heap is %s: raise spark.driver.memory, or take fewer tasks",
              megabytes(needed), tasks, megabytes(heap)));
    }
    requireOverhead(taskBytes);
  }

  /** Where containers are measured, natives must fit beside the heap. */
  private void requireOverhead(long taskBytes) {
    String master = settings.get("spark.master", "");
    if (!master.startsWith("yarn") && !master.startsWith("k8s")) {
      return;
    }
    long heap = JavaUtils.byteStringAsBytes(settings.get("spark.executor.memory", "1g"));
    double factor = settings.getDouble("spark.executor.memoryOverheadFactor", 0.1);
    long overhead =
        Optional.of(settings.get("spark.executor.memoryOverhead", ""))
            .filter(text -> !text.isEmpty())
            .map(text -> JavaUtils.byteStringAsMb(text) << 20)
            .orElse(Math.max(384L << 20, (long) (factor * heap)));
    long atOnce = Math.max(1, settings.getInt("spark.executor.cores", 1) / threads());
    long needed = atOnce * taskBytes;
    if (needed > overhead) {
      throw new IllegalArgumentException(
          Text.of(
              "an executor computes %d tasks at once, which take %s outside Java's heap, and has %s for it: set spark.executor.memoryOverhead=%dm or more",
              atOnce,
              megabytes(needed),
              megabytes(overhead),
              (long) Math.ceil(1.25 * needed / MEBIBYTE)));
    }
  }

  private static String megabytes(long bytes) {
    return Text.of("%.0f MiB", bytes / MEBIBYTE);
  }
}
