package org.nin4j.spark;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.spark.SparkConf;
import org.apache.spark.launcher.JavaModuleOptions;

/**
 * A master and two workers as processes, each with one core. The workers have addresses of their
 * own, since Spark starts a copy of a slow task on another host only.
 */
final class StandaloneCluster implements AutoCloseable {
  private static final Path HOME = Path.of(System.getenv("SPARK_HOME"));

  private final String master;
  private final List<Process> processes = new ArrayList<>();

  StandaloneCluster(Path folder) throws IOException {
    int port;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
      port = free.getLocalPort();
    }
    master = "spark://127.0.0.1:" + port;
    start(
        folder.resolve("master.log"),
        "127.0.0.1",
        "org.apache.spark.deploy.master.Master",
        "--host",
        "127.0.0.1",
        "--port",
        "" + port,
        "--webui-port",
        "0");
    await(folder.resolve("master.log"), "New state: ALIVE");
    for (int i = 2; i <= 3; i++) {
      String host = "127.0.0." + i;
      start(
          folder.resolve("worker-" + i + ".log"),
          host,
          "org.apache.spark.deploy.worker.Worker",
          "--host",
          host,
          "--webui-port",
          "0",
          "--cores",
          "1",
          "--memory",
          "1g",
          "--work-dir",
          Files.createDirectories(folder.resolve("work-" + i)).toString(),
          master);
    }
    for (int i = 2; i <= 3; i++) {
      await(folder.resolve("worker-" + i + ".log"), "Successfully registered with master");
    }
  }

  /** Whoever asks earlier is told to come back in half a minute. */
  private static void await(Path log, String line) throws IOException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
    while (!Files.exists(log) || !Files.readString(log).contains(line)) {
      if (System.nanoTime() > end) {
        throw new IOException(log + " does not say: " + line + "\n" + Files.readString(log));
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(100));
    }
  }

  private void start(Path log, String host, String main, String... arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin/java").toString());
    command.addAll(Arrays.asList(JavaModuleOptions.defaultModuleOptionArray()));
    command.addAll(List.of("-Xmx512m", "-cp", HOME.resolve("jars") + "/*", main));
    command.addAll(Arrays.asList(arguments));
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    builder.environment().put("SPARK_LOCAL_IP", host);
    builder.environment().put("SPARK_SCALA_VERSION", "2.13"); // As an installed Spark's scripts do.
    builder.environment().remove("OMP_NUM_THREADS"); // Spark sets it for executors.
    processes.add(builder.start());
  }

  SparkConf settings() {
    return Trial.settings(master)
        .set("spark.executor.extraClassPath", System.getProperty("java.class.path"))
        .set("spark.executor.memory", "512m")
        .set("spark.scheduler.minRegisteredResourcesRatio", "1.0")
        .set("spark.scheduler.maxRegisteredResourcesWaitingTime", "120s");
  }

  /** The executor that the first worker has started: it starts nothing else. */
  ProcessHandle executor() {
    return processes.get(1).descendants().findFirst().orElseThrow();
  }

  @Override
  public void close() {
    for (Process process : processes) {
      List<ProcessHandle> executors = process.descendants().toList();
      process.destroyForcibly();
      executors.forEach(ProcessHandle::destroyForcibly);
    }
    for (Process process : processes) {
      try {
        process.waitFor(20, TimeUnit.SECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
