import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerJobEnd;
import org.apache.spark.scheduler.SparkListenerJobStart;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.nin4j.data.TrainTest;
import org.nin4j.data.shapes.Shapes;
import org.nin4j.spark.Frames;
import org.nin4j.spark.NinEstimator;

/**
 * Times rounds on a cluster against the number of tasks and of local steps: from the start of one
 * job to that of the next, and what tasks compute meanwhile. The rest is what a round costs: to
 * tell, to schedule, to collect, to add up, to update. {@code bench/run spark} starts it.
 */
final class RoundTimes {
  /**
   * What a round took, in milliseconds, and what each task returned, in bytes.
   *
   * @param longest of its tasks
   * @param busy of the executor with most to do, which takes its tasks in turn
   */
  private record Times(double round, double longest, double busy, long returned) {}

  /** Notes what Spark tells of the training's jobs, which are called after the network. */
  private static final class Watch extends SparkListener {
    final List<Long> starts = new ArrayList<>();
    final List<Long> longest = new ArrayList<>();
    final List<Long> busiest = new ArrayList<>();
    final Map<Integer, Integer> jobs = new HashMap<>();
    final Map<Integer, Long> computed = new HashMap<>();
    final Map<Integer, Map<String, Long>> busy = new HashMap<>();
    private final String network;
    long returned;

    Watch(String network) {
      this.network = network;
    }

    @Override
    public synchronized void onJobStart(SparkListenerJobStart start) {
      Properties properties = start.properties();
      String title = properties == null ? "" : properties.getProperty("spark.job.description", "");
      if (title.startsWith(network + ":")) {
        starts.add(start.time());
        start.stageIds().foreach(stage -> jobs.put((Integer) stage, start.jobId()));
      }
    }

    @Override
    public synchronized void onTaskEnd(SparkListenerTaskEnd end) {
      if (jobs.containsKey(end.stageId())) {
        int job = jobs.get(end.stageId());
        long took = end.taskMetrics().executorRunTime();
        computed.merge(job, took, Math::max);
        busy.computeIfAbsent(job, j -> new HashMap<>())
            .merge(end.taskInfo().executorId(), took, Long::sum);
        returned = end.taskMetrics().resultSize();
      }
    }

    @Override
    public synchronized void onJobEnd(SparkListenerJobEnd end) {
      if (computed.containsKey(end.jobId())) {
        longest.add(computed.get(end.jobId()));
        busiest.add(busy.get(end.jobId()).values().stream().max(Long::compare).orElseThrow());
      }
    }

    /** Without the first rounds, in which Java and the devices start. */
    synchronized Times times(int warmUp) {
      double[] rounds = new double[starts.size() - 1];
      for (int i = 0; i < rounds.length; i++) {
        rounds[i] = starts.get(i + 1) - starts.get(i);
      }
      return new Times(
          median(Arrays.copyOfRange(rounds, Math.min(warmUp, rounds.length - 1), rounds.length)),
          median(longest.stream().skip(warmUp).mapToDouble(t -> t).toArray()),
          median(busiest.stream().skip(warmUp).mapToDouble(t -> t).toArray()),
          returned);
    }
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted.length == 0 ? Double.NaN : sorted[sorted.length / 2];
  }

  public static void main(String[] arguments) throws IOException {
    Locale.setDefault(Locale.ROOT);
    Map<String, String> settings = new HashMap<>();
    for (String argument : arguments) {
      settings.put(argument.split("=", 2)[0], argument.split("=", 2)[1]);
    }
    String network = settings.getOrDefault("network", "nin");
    int size = Integer.parseInt(settings.getOrDefault("size", "67"));
    int part = Integer.parseInt(settings.getOrDefault("part", "32"));
    int rounds = Integer.parseInt(settings.getOrDefault("rounds", "12"));
    Path file = Path.of(settings.getOrDefault("out", "bench/records/spark-rounds/rounds.csv"));
    Files.createDirectories(file.toAbsolutePath().getParent());
    try (SparkSession spark = SparkSession.builder().appName("NiN4J rounds").getOrCreate();
        PrintWriter csv = new PrintWriter(Files.newBufferedWriter(file))) {
      csv.println("network,size,tasks,local_steps,part,round_ms,task_ms,busy_ms,returned_bytes");
      System.out.println("K  H  part  round ms  task ms  busy ms  rest ms  MB a task");
      for (int tasks : numbers(settings.getOrDefault("tasks", "1,2,4,8"))) {
        for (int steps : numbers(settings.getOrDefault("steps", "1,8"))) {
          Times t = times(spark, network, size, part, tasks, steps, rounds);
          csv.printf(
              "%s,%d,%d,%d,%d,%.0f,%.0f,%.0f,%d%n",
              network, size, tasks, steps, part, t.round(), t.longest(), t.busy(), t.returned());
          csv.flush();
          System.out.printf(
              "%d  %d  %d  %.0f  %.0f  %.0f  %.0f  %.1f%n",
              tasks,
              steps,
              part,
              t.round(),
              t.longest(),
              t.busy(),
              t.round() - t.busy(),
              t.returned() / 1e6);
        }
      }
    }
  }

  private static int[] numbers(String text) {
    return Arrays.stream(text.split(",")).mapToInt(Integer::parseInt).toArray();
  }

  /** One epoch of so many rounds, each task with the same part of a batch whatever their number. */
  private static Times times(
      SparkSession spark, String network, int size, int part, int tasks, int steps, int rounds) {
    TrainTest data = Shapes.draw(1, part * tasks * steps * rounds, 10, 1);
    Dataset<Row> frame = Frames.of(spark, data, 2);
    Watch watch = new Watch(network);
    spark.sparkContext().addSparkListener(watch);
    new NinEstimator()
        .setNetwork(network)
        .setSize(size)
        .setEpochs(1)
        .setTrainingBatch(part * tasks)
        .setTasks(tasks)
        .setLocalSteps(steps)
        .fit(frame);
    try {
      spark.sparkContext().listenerBus().waitUntilEmpty();
    } catch (java.util.concurrent.TimeoutException e) {
      throw new IllegalStateException(e);
    }
    spark.sparkContext().removeSparkListener(watch);
    return watch.times(2);
  }
}
