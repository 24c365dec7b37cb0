package org.nin4j.spark;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Map;
import org.apache.spark.SparkConf;
import org.junit.jupiter.api.Test;

class ClusterTest {
  private static final long MEBIBYTE = 1 << 20;

  private static Cluster cluster(String master, Map<String, String> environment, String... more) {
    SparkConf settings = new SparkConf(false).set("spark.master", master);
    for (int i = 0; i < more.length; i += 2) {
      settings.set(more[i], more[i + 1]);
    }
    return new Cluster(settings, environment);
  }

  private static void says(String message, Runnable action) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, action::run).getMessage());
  }

  @Test
  void versions() {
    assertDoesNotThrow(() -> Cluster.requireVersion("4.2.0", "2.13.18"));
    says(
        "this is Spark 3.5.1 with Scala 2.12.18; NiN4J runs on Spark 4 with Scala 2.13",
        () -> Cluster.requireVersion("3.5.1", "2.12.18"));
  }

  @Test
  void threads() {
    Map<String, String> one = Map.of("OMP_NUM_THREADS", "1");
    assertDoesNotThrow(() -> cluster("local[2]", one).requireThreads());
    says(
        "OMP_NUM_THREADS is not set, but a task has 1 of the cores (spark.task.cpus): start with OMP_NUM_THREADS=1 in the environment",
        () -> cluster("local[2,4]", Map.of()).requireThreads());
    says(
        "OMP_NUM_THREADS is 1, but a task has 4 of the cores (spark.task.cpus): start with OMP_NUM_THREADS=4 in the environment",
        () -> cluster("local", one, "spark.task.cpus", "4").requireThreads());
    // Executors' own: Spark sets it where nobody else does.
    assertDoesNotThrow(() -> cluster("yarn", Map.of()).requireThreads());
    assertDoesNotThrow(() -> cluster("local-cluster[2,1,1024]", Map.of()).requireThreads());
    says(
        "spark.executorEnv.OMP_NUM_THREADS is 8, but spark.task.cpus is 2: leave the first out, or make them the same",
        () ->
            cluster(
                    "spark://host:7077",
                    one,
                    "spark.task.cpus",
                    "2",
                    "spark.executorEnv.OMP_NUM_THREADS",
                    "8")
                .requireThreads());
  }

  @Test
  void memory() {
    Cluster plain = cluster("spark://host:7077", Map.of());
    assertDoesNotThrow(
        () -> plain.requireMemory(16, 8 * MEBIBYTE, 4096 * MEBIBYTE, 1024 * MEBIBYTE));
    says(
        "16 tasks return 2992 MiB in each round, and spark.driver.maxResultSize is 1024 MiB: raise it, or take fewer tasks",
        () -> plain.requireMemory(16, 187 * MEBIBYTE, 0, 8192 * MEBIBYTE));
    says(
        "the driver takes some 1496 MiB for 4 tasks, and its heap is 1024 MiB: raise spark.driver.memory, or take fewer tasks",
        () -> plain.requireMemory(4, 187 * MEBIBYTE, 0, 1024 * MEBIBYTE));
    Cluster yarn =
        cluster("yarn", Map.of(), "spark.executor.cores", "4", "spark.executor.memory", "2g");
    says(
        "an executor computes 4 tasks at once, which take 1600 MiB outside Java's heap, and has 384 MiB for it: set spark.executor.memoryOverhead=2000m or more",
        () -> yarn.requireMemory(4, MEBIBYTE, 400 * MEBIBYTE, 1024 * MEBIBYTE));
    Cluster enough =
        cluster(
            "k8s://https://host",
            Map.of(),
            "spark.executor.cores",
            "4",
            "spark.executor.memoryOverhead",
            "2000");
    assertDoesNotThrow(() -> enough.requireMemory(4, MEBIBYTE, 400 * MEBIBYTE, 1024 * MEBIBYTE));
  }
}
