package org.nin4j.bench;

import ai.onnxruntime.OrtException;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.ToDoubleFunction;
import org.nin4j.plan.Precision;
import org.nin4j.text.Text;

/**
 * How long one image takes and how many are answered in a second, by our pool of classifiers beside
 * ONNX Runtime with the exported network: the same images, asked by the same number of threads,
 * engines in turn. Run by {@code bench/run serving [name=value ...]} with the settings in {@link
 * #DEFAULTS}.
 */
public final class Serving {
  private static final Map<String, String> DEFAULTS =
      Map.of(
          "threads", String.valueOf(Runtime.getRuntime().availableProcessors()),
          "lanes", "1",
          "network", "nin",
          "size", "67",
          "precision", "fp32,bf16",
          "clients", "1,2,8",
          "rounds", "5",
          "seconds", "2",
          "folder", "bench/records");

  /** What one round gave: nanoseconds of each answer, sorted, and how long all of it took. */
  record Round(long[] nanoseconds, double seconds) {
    double milliseconds(double share) {
      int index = (int) Math.min(nanoseconds.length - 1L, Math.round(share * nanoseconds.length));
      return nanoseconds[index] / 1e6;
    }

    double imagesPerSecond() {
      return nanoseconds.length / seconds;
    }
  }

  /** The median of the rounds, and the least and the most. */
  record Spread(double median, double least, double most) {
    static Spread of(List<Round> rounds, ToDoubleFunction<Round> figure) {
      double[] sorted = rounds.stream().mapToDouble(figure).sorted().toArray();
      return new Spread(sorted[sorted.length / 2], sorted[0], sorted[sorted.length - 1]);
    }
  }

  record Row(String engine, int clients, Spread p50, Spread p99, Spread imagesPerSecond) {}

  private Serving() {}

  public static void main(String[] arguments)
      throws IOException, OrtException, InterruptedException, ExecutionException {
    Map<String, String> settings = new TreeMap<>(DEFAULTS);
    for (String argument : arguments) {
      String[] pair = argument.split("=", 2);
      if (pair.length != 2 || !DEFAULTS.containsKey(pair[0])) {
        System.err.println(
            "there is no setting '" + argument + "'; there are " + new TreeMap<>(DEFAULTS));
        System.exit(2);
      }
      settings.put(pair[0], pair[1]);
    }
    List<Row> rows = rows(settings);
    StringBuilder table =
        new StringBuilder(
            """
            | engine | threads that ask | p50 ms | p99 ms | images/s | least – most |
            |---|---|---|---|---|---|
            """);
    for (Row row : rows) {
      table.append(
          Text.of(
              "| %s | %d | %.3f | %.3f | %.0f | %.0f – %.0f |%n",
              row.engine(),
              row.clients(),
              row.p50().median(),
              row.p99().median(),
              row.imagesPerSecond().median(),
              row.imagesPerSecond().least(),
              row.imagesPerSecond().most()));
    }
    System.out.print(table);
    write(settings, rows);
  }

  private static List<Row> rows(Map<String, String> settings)
      throws IOException, OrtException, InterruptedException, ExecutionException {
    int threads = Integer.parseInt(settings.get("threads"));
    int lanes = Integer.parseInt(settings.get("lanes"));
    int size = Integer.parseInt(settings.get("size"));
    Map<String, ServingModel.Engine> engines = new TreeMap<>();
    Path file = Files.createTempFile("nin4j-serving", ".onnx");
    try {
      int images = 0;
      for (String name : settings.get("precision").split(",")) {
        Precision precision = Precision.valueOf(name.toUpperCase(Locale.ROOT));
        ServingModel model = ServingModel.of(settings.get("network"), size, precision, threads);
        images = model.images();
        engines.put(
            Text.of("NiN4J %s, lanes %d of threads %d", name, lanes, threads),
            model.ours(lanes, threads));
        int theirs = lanes * threads;
        if (precision == Precision.FP32) {
          engines.put("ONNX Runtime fp32, threads " + theirs, model.onnxRuntime(file, theirs));
          if (theirs > 1) {
            engines.put("ONNX Runtime fp32, threads 1", model.onnxRuntime(file, 1));
          }
        }
      }
      List<Row> rows = new ArrayList<>();
      for (String clients : settings.get("clients").split(",")) {
        rows.addAll(measure(engines, Integer.parseInt(clients), images, settings));
      }
      return rows;
    } finally {
      engines.values().forEach(ServingModel.Engine::close);
      Files.delete(file);
    }
  }

  private static List<Row> measure(
      Map<String, ServingModel.Engine> engines,
      int clients,
      int images,
      Map<String, String> settings)
      throws InterruptedException, ExecutionException {
    double seconds = Double.parseDouble(settings.get("seconds"));
    Map<String, List<Round>> rounds = new TreeMap<>();
    // The first round warms up.
    for (int round = 0; round <= Integer.parseInt(settings.get("rounds")); round++) {
      for (Map.Entry<String, ServingModel.Engine> engine : engines.entrySet()) {
        Round result = round(engine.getValue(), clients, images, seconds);
        if (round > 0) {
          rounds.computeIfAbsent(engine.getKey(), e -> new ArrayList<>()).add(result);
        }
      }
    }
    return rounds.entrySet().stream()
        .map(
            e ->
                new Row(
                    e.getKey(),
                    clients,
                    Spread.of(e.getValue(), r -> r.milliseconds(0.5)),
                    Spread.of(e.getValue(), r -> r.milliseconds(0.99)),
                    Spread.of(e.getValue(), Round::imagesPerSecond)))
        .toList();
  }

  private static Round round(ServingModel.Engine engine, int clients, int images, double seconds)
      throws InterruptedException, ExecutionException {
    ExecutorService callers = Executors.newFixedThreadPool(clients);
    try {
      long begin = System.nanoTime();
      long end = begin + (long) (seconds * 1e9);
      List<Future<long[]>> answers = new ArrayList<>();
      for (int c = 0; c < clients; c++) {
        int first = c;
        answers.add(callers.submit(() -> ask(engine, first, images, end)));
      }
      List<long[]> all = new ArrayList<>();
      for (Future<long[]> answer : answers) {
        all.add(answer.get());
      }
      double took = (System.nanoTime() - begin) / 1e9;
      return new Round(all.stream().flatMapToLong(Arrays::stream).sorted().toArray(), took);
    } finally {
      callers.shutdown();
    }
  }

  private static long[] ask(ServingModel.Engine engine, int first, int images, long end) {
    long[] times = new long[1024];
    int count = 0;
    for (long now = System.nanoTime(); now < end; count++) {
      engine.answer((first + count) % images);
      long after = System.nanoTime();
      if (count == times.length) {
        times = Arrays.copyOf(times, 2 * count);
      }
      times[count] = after - now;
      now = after;
    }
    return Arrays.copyOf(times, count);
  }

  private static void write(Map<String, String> settings, List<Row> rows) throws IOException {
    String date = LocalDateTime.now().format(DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HHmmss"));
    var gson = new GsonBuilder().setPrettyPrinting().create();
    JsonObject json = new JsonObject();
    json.addProperty("date", date);
    json.addProperty("machine", Machine.name());
    json.add("settings", gson.toJsonTree(settings));
    json.add("rows", gson.toJsonTree(rows));
    Path file =
        Files.createDirectories(Path.of(settings.get("folder"), date + "_serving"))
            .resolve("record.json");
    Files.writeString(file, gson.toJson(json) + "\n");
    System.out.println("\nwritten to " + file);
  }
}
