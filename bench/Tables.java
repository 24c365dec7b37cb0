import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;

/**
 * Makes the tables of measurements in README.md and bench/README.md from bench/records, between
 * {@code <!-- table: NAME -->} and {@code <!-- /table -->}.
 *
 * <p>Run from the project's folder, after a build: {@code java -cp 'target/lib/*'
 * bench/Tables.java}, or with {@code --check} to end with 1 where a table is not what the records
 * say.
 */
public final class Tables {
  private static final List<Path> PAGES = List.of(Path.of("README.md"), Path.of("bench/README.md"));

  private static final Pattern PLACE =
      Pattern.compile("(<!-- table: ([a-z0-9-]+) -->\n)(.*?)(<!-- /table -->)", Pattern.DOTALL);

  private static final String XEON = "2026-11-24T225131_race";
  private static final String ZEN = "2026-11-28T061835_race";
  private static final String AMX = "2026-11-27T140332_race";

  /** Races of many networks; what a later one measured again takes the place of an earlier one. */
  private static final List<String> ZEN_NETWORKS =
      List.of(
          "2026-11-26T045854_race",
          "2026-11-26T050216_race",
          "2026-11-26T050630_race",
          "2026-11-26T050959_race",
          "2026-11-26T080630_race",
          "2026-11-26T140226_race",
          "2026-11-26T143756_race");

  /** The order of rows. */
  private static final List<String> NETWORKS =
      List.of(
          ("nin nin-bn nin-11 nin-15 nin-16 nin-19 alexnet vgg11 vgg11-quarter googlenet resnet18"
                  + " densenet lenet lenet-bn")
              .split(" "));

  private static final List<String> AMX_NETWORKS =
      List.of("2026-11-27T133543_race", "2026-11-27T134940_race", AMX);

  /** All tables by name. */
  private static final Map<String, Supplier<String>> TABLES = new LinkedHashMap<>();

  static {
    TABLES.put("headline", Tables::headline);
    TABLES.put("race-xeon", () -> shortRace(XEON));
    TABLES.put("race-zen", () -> shortRace(ZEN));
    TABLES.put("race-amx", () -> shortRace(AMX));
    TABLES.put("race-h200", Tables::gpuRace);
    TABLES.put("full-xeon-train", () -> fullRace(XEON));
    TABLES.put("full-xeon-infer", () -> fullRace("2026-11-24T232253_race"));
    TABLES.put("full-amx", () -> fullRace(AMX));
    TABLES.put("full-amx-third", () -> fullRace("2026-11-27T103008_race"));
    TABLES.put("full-amx-small", () -> fullRace("2026-11-27T103145_race"));
    TABLES.put("full-amx-before", () -> fullRace("2026-11-27T051621_race"));
    TABLES.put("full-amx-infer", () -> fullRace("2026-11-27T180817_race"));
    TABLES.put("full-amx-pytorch", () -> fullRace("2026-11-27T181152_race"));
    TABLES.put("full-amx-pytorch-bf16", () -> fullRace("2026-11-27T182120_race"));
    TABLES.put("full-zen", () -> fullRace(ZEN));
    TABLES.put("full-zen-infer-tiles", () -> fullRace("2026-11-28T063208_race"));
    TABLES.put("networks-zen-tiles", () -> networks(List.of(ZEN, "2026-11-28T062216_race")));
    TABLES.put("full-zen-first", () -> fullRace("2026-11-22T080804_race"));
    TABLES.put("full-zen-busy", () -> fullRace("2026-11-22T082016_race"));
    TABLES.put("full-zen-infer", () -> fullRace("2026-11-22T081640_race"));
    TABLES.put("networks-zen", () -> networks(ZEN_NETWORKS));
    TABLES.put("networks-amx", () -> networks(AMX_NETWORKS));
    TABLES.put(
        "serving-amx", () -> serving("2026-11-27T074600_serving", "2026-11-27T074331_serving"));
    TABLES.put("serving-zen", () -> serving("2026-11-26T200757_serving"));
    TABLES.put("scaling-networks", Tables::scaling);
    TABLES.put("spark-rounds", Tables::sparkRounds);
    TABLES.put("local-steps", Tables::localSteps);
    TABLES.put("accuracy", Tables::accuracy);
  }

  /** What one engine took in a race. */
  private record Run(
      String engine,
      String network,
      String purpose,
      String precision,
      int batch,
      int pixels,
      List<Double> seconds,
      double memory) {
    static Run of(JsonObject json) {
      return new Run(
          json.get("engine").getAsString(),
          json.get("network").getAsString(),
          json.get("purpose").getAsString(),
          json.get("precision").getAsString(),
          json.get("batch").getAsInt(),
          json.get("pixels").getAsInt(),
          numbers(json.getAsJsonArray("secondsPerStep")),
          json.get("peakMemoryGiB").isJsonNull()
              ? Double.NaN
              : json.get("peakMemoryGiB").getAsDouble());
    }

    double median() {
      return Tables.median(seconds);
    }

    double imagesPerSecond() {
      return batch / median();
    }

    boolean ours() {
      return engine.startsWith("nin4j");
    }

    boolean sameWork(Run other) {
      return network.equals(other.network)
          && purpose.equals(other.purpose)
          && precision.equals(other.precision)
          && pixels == other.pixels;
    }

    /**
     * How many times as long as the other: the ratio of medians, and the least and most of a round.
     */
    String timesAsLongAs(Run other) {
      List<Double> ratios = new ArrayList<>();
      for (int i = 0; i < seconds.size(); i++) {
        ratios.add(seconds.get(i) / other.seconds.get(i));
      }
      return format("%.2f× (%.2f – %.2f)", median() / other.median(), least(ratios), most(ratios));
    }
  }

  private Tables() {}

  public static void main(String[] arguments) throws IOException {
    boolean check = Arrays.asList(arguments).contains("--check");
    boolean same = true;
    for (Path page : PAGES) {
      String before = Files.readString(page);
      String after =
          PLACE
              .matcher(before)
              .replaceAll(
                  place ->
                      Matcher.quoteReplacement(
                          place.group(1) + table(page, place.group(2)) + place.group(4)));
      if (!after.equals(before)) {
        same = false;
        System.out.println(page + (check ? ": a table is not what the records say" : ": changed"));
        if (!check) {
          Files.writeString(page, after);
        }
      }
    }
    if (check && !same) {
      System.err.println("bench/run tables makes them anew");
      System.exit(1);
    }
  }

  private static String table(Path page, String name) {
    return Optional.ofNullable(TABLES.get(name))
        .orElseThrow(() -> new IllegalArgumentException(page + ": there is no table " + name))
        .get();
  }

  private static JsonObject read(Path file) {
    try {
      return JsonParser.parseString(Files.readString(file)).getAsJsonObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static JsonObject record(String name) {
    return read(Path.of("bench/records", name, "record.json"));
  }

  private static List<Run> runs(String record) {
    List<Run> runs = new ArrayList<>();
    record(record)
        .getAsJsonArray("results")
        .forEach(result -> runs.add(Run.of(result.getAsJsonObject())));
    return runs;
  }

  /** Ours for NiN as published, and the fastest of the others that did the same work. */
  private record Pair(Run ours, Run best) {
    static Pair of(String record, String precision) {
      List<Run> runs = runs(record);
      Run ours =
          runs.stream()
              .filter(Run::ours)
              .filter(run -> run.network().equals("nin") && run.precision().equals(precision))
              .findFirst()
              .orElseThrow();
      Run best =
          runs.stream()
              .filter(run -> !run.ours() && run.sameWork(ours))
              .min((a, b) -> Double.compare(a.median(), b.median()))
              .orElseThrow();
      return new Pair(ours, best);
    }

    String ratio() {
      return best.timesAsLongAs(ours);
    }
  }

  private static String headline() {
    JsonObject gpu = gpuPeer("compiled-bf16");
    JsonObject graph = gpuPeer("channels-last-bf16-graph");
    StringBuilder table = new StringBuilder();
    table.append(
        "| training NiN, 224×224, batch 128 | images/s | beside its peer in the same run |\n");
    table.append("|---|---|---|\n");
    table.append(
        format(
            "| one NVIDIA H200, bf16 | %,.0f | %.2f times PyTorch 2.11 compiled, %.2f times as one CUDA"
                + " graph |\n",
            gpu.getAsJsonObject("nin4j").get("imagesPerSecond").getAsDouble(),
            gpu.get("ratio").getAsDouble(),
            graph.get("ratio").getAsDouble()));
    headlineRow(table, "an Intel Xeon (AVX-512), fp32", XEON, "fp32");
    headlineRow(table, "an AMD EPYC (Zen 5), fp32", ZEN, "fp32");
    headlineRow(table, "an AMD EPYC (Zen 5), bf16", ZEN, "bf16");
    headlineRow(table, "an Intel Xeon with AMX, bf16", AMX, "bf16");
    return table.toString();
  }

  private static void headlineRow(
      StringBuilder table, String processor, String record, String precision) {
    Pair pair = Pair.of(record, precision);
    table.append(
        format(
            "| two cores of %s | %.0f | %.2f times libtorch at its best, in %.2f of its memory |\n",
            processor,
            pair.ours.imagesPerSecond(),
            pair.best.median() / pair.ours.median(),
            pair.ours.memory() / pair.best.memory()));
  }

  private static String shortRace(String record) {
    StringBuilder table = new StringBuilder();
    table.append("| precision | NiN4J | libtorch | faster by | memory |\n|---|---|---|---|---|\n");
    for (String precision : List.of("fp32", "bf16")) {
      Pair pair = Pair.of(record, precision);
      table.append(
          format(
              "| %s | %.1f images/s | %.1f images/s | %s | %.2f against %.2f GB |\n",
              precision,
              pair.ours.imagesPerSecond(),
              pair.best.imagesPerSecond(),
              pair.ratio(),
              pair.ours.memory(),
              pair.best.memory()));
    }
    return table.toString();
  }

  /** Every engine of a race, over NiN. */
  private static String fullRace(String record) {
    List<Run> runs = runs(record).stream().filter(run -> run.network().equals("nin")).toList();
    StringBuilder table = new StringBuilder();
    table.append(
        "| precision | engine | ms a step | least – most | images/s | ours is faster by | memory GB |\n");
    table.append("|---|---|---|---|---|---|---|\n");
    Run ours = runs.get(0);
    for (Run run : runs) {
      ours = run.ours() ? run : ours;
      table.append(
          format(
              "| %s | %s | %.1f | %.1f – %.1f | %.1f | %s | %.2f |\n",
              run.precision(),
              run.ours() ? "**NiN4J**" : run.engine().replace('-', ' '),
              run.median() * 1e3,
              least(run.seconds()) * 1e3,
              most(run.seconds()) * 1e3,
              run.imagesPerSecond(),
              run.ours() ? "–" : run.timesAsLongAs(ours),
              run.memory()));
    }
    return table.toString();
  }

  /** Every network of several races: ours beside the fastest of the others. */
  private static String networks(List<String> records) {
    Map<String, Map<String, Run>> ours = new LinkedHashMap<>();
    Map<String, Map<String, Run>> best = new LinkedHashMap<>();
    for (String record : records) {
      Map<String, Map<String, Run>> others = new LinkedHashMap<>();
      for (Run run : runs(record)) {
        Map<String, Map<String, Run>> place = run.ours() ? ours : others;
        place
            .computeIfAbsent(run.network(), name -> new LinkedHashMap<>())
            .merge(
                run.precision(), run, (a, b) -> run.ours() ? b : a.median() <= b.median() ? a : b);
      }
      others.forEach(
          (network, runs) ->
              best.computeIfAbsent(network, n -> new LinkedHashMap<>()).putAll(runs));
    }
    StringBuilder table = new StringBuilder();
    table.append("| network | batch, pixels | fp32: ours, ms | libtorch | ours is faster by |");
    table.append(" bf16: ours, ms | libtorch | ours is faster by | GB, fp32 | GB, bf16 |\n");
    table.append("|---|---|---|---|---|---|---|---|---|---|\n");
    List<String> names = new ArrayList<>(NETWORKS);
    names.retainAll(ours.keySet());
    names.forEach(
        network -> {
          Map<String, Run> runs = ours.get(network);
          Run any = runs.values().iterator().next();
          Map<String, Run> peers = best.getOrDefault(network, Map.of());
          table.append(format("| `%s` | %d, %d |", network, any.batch(), any.pixels()));
          for (String precision : List.of("fp32", "bf16")) {
            table.append(beside(runs.get(precision), peers.get(precision)));
          }
          for (String precision : List.of("fp32", "bf16")) {
            table.append(
                format(" %s / %s |", memory(runs.get(precision)), memory(peers.get(precision))));
          }
          table.append("\n");
        });
    return table.toString();
  }

  /** Three cells: ours, theirs, and the ratio, bold where it reaches the aim of 1.2. */
  private static String beside(Run ours, Run theirs) {
    if (ours == null) {
      return " – | – | – |";
    }
    if (theirs == null) {
      return format(" %s | – | – |", milliseconds(ours));
    }
    boolean aim = theirs.median() / ours.median() >= 1.2;
    String ratio = theirs.timesAsLongAs(ours);
    return format(
        " %s | %s | %s |",
        milliseconds(ours),
        milliseconds(theirs),
        aim ? ratio.replaceFirst("^(\\S+)", "**$1**") : ratio);
  }

  private static String milliseconds(Run run) {
    double milliseconds = run.median() * 1e3;
    return format(milliseconds < 100 ? "%.1f" : "%.0f", milliseconds);
  }

  private static String memory(Run run) {
    return run == null || Double.isNaN(run.memory()) ? "–" : format("%.2f", run.memory());
  }

  /** Training of every network against the batch: the newest record of each that has its name. */
  private static String scaling() {
    StringBuilder table = new StringBuilder();
    table.append("| network, pixels | precision | images/s at a batch of 1 | 8 | 64 | 512 |");
    table.append(" plan at 512, GB | taken beside plan and data, MB: least – most |");
    table.append(" at 64 and 512, of the plan |\n|---|---|---|---|---|---|---|---|---|\n");
    for (String network : NETWORKS) {
      folders("_scaling-" + network + "-onednn")
          .map(Tables::record)
          .reduce((earlier, later) -> later)
          .ifPresent(record -> scalingRows(table, network, record.getAsJsonArray("points")));
    }
    return table.toString();
  }

  private static void scalingRows(StringBuilder table, String network, JsonArray points) {
    Map<String, Map<Integer, JsonObject>> byPrecision = new LinkedHashMap<>();
    for (JsonElement element : points) {
      JsonObject point = element.getAsJsonObject();
      if (point.get("purpose").getAsString().equals("train")
          && point.getAsJsonObject("result").get("refusal").getAsString().isEmpty()) {
        byPrecision
            .computeIfAbsent(point.get("precision").getAsString(), name -> new LinkedHashMap<>())
            .put(point.get("batch").getAsInt(), point);
      }
    }
    byPrecision.forEach(
        (precision, batches) -> {
          List<Double> beside = new ArrayList<>();
          List<Double> shares = new ArrayList<>();
          Map<Integer, String> speeds = new LinkedHashMap<>();
          batches.forEach(
              (batch, point) -> {
                JsonObject result = point.getAsJsonObject("result");
                double plan = result.get("plannedBytes").getAsDouble();
                double more =
                    result.get("takenBytes").getAsDouble()
                        - plan
                        - result.get("dataBytes").getAsDouble();
                beside.add(more / 1e6);
                if (batch >= 64) {
                  shares.add(100 * more / plan);
                }
                speeds.put(
                    batch,
                    format(
                        "%,.0f", batch / median(numbers(result.getAsJsonArray("secondsPerStep")))));
              });
          table.append(
              format(
                  "| `%s`, %d | %s | %s | %s | %s | %s | %s | %d – %d | %s %% |\n",
                  network,
                  batches.values().iterator().next().get("pixels").getAsInt(),
                  precision,
                  speeds.getOrDefault(1, "–"),
                  speeds.getOrDefault(8, "–"),
                  speeds.getOrDefault(64, "–"),
                  speeds.getOrDefault(512, "–"),
                  batches.containsKey(512)
                      ? format(
                          "%.2f",
                          batches
                                  .get(512)
                                  .getAsJsonObject("result")
                                  .get("plannedBytes")
                                  .getAsDouble()
                              / 1e9)
                      : "–",
                  Math.round(least(beside)),
                  Math.round(most(beside)),
                  shares.stream().map(v -> format("%.1f", v)).collect(Collectors.joining(", "))));
        });
  }

  /** The records of a kind, the oldest first. */
  private static Stream<String> folders(String kind) {
    try (Stream<Path> folders = Files.list(Path.of("bench/records"))) {
      return folders
          .map(folder -> folder.getFileName().toString())
          .filter(name -> name.endsWith(kind))
          .sorted()
          .toList()
          .stream();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** One image at a time, asked by 1, 2 and 8 threads: medians of the rounds. */
  private static String serving(String... records) {
    StringBuilder table = new StringBuilder();
    table.append("| engine | p50 ms, 1 asks | p50, 2 ask | images/s, 2 ask | p50, 8 ask |");
    table.append(" p99, 8 ask | images/s, 8 ask |\n|---|---|---|---|---|---|---|\n");
    Map<String, Map<Integer, JsonObject>> engines = new LinkedHashMap<>();
    for (String record : records) {
      Map<String, Map<Integer, JsonObject>> inIt = new LinkedHashMap<>();
      for (JsonElement element : record(record).getAsJsonArray("rows")) {
        JsonObject row = element.getAsJsonObject();
        inIt.computeIfAbsent(row.get("engine").getAsString(), name -> new LinkedHashMap<>())
            .put(row.get("clients").getAsInt(), row);
      }
      // A peer that ran in both was measured beside the first.
      inIt.forEach(engines::putIfAbsent);
    }
    engines.forEach(
        (engine, rows) ->
            table.append(
                format(
                    "| %s | %.3f | %.3f | %,.0f | %.3f | %.3f | %,.0f |\n",
                    engine
                        .replaceFirst("^NiN4J", "**NiN4J**")
                        .replaceFirst("lanes (\\d+) of threads", "lanes: $1, of threads:")
                        .replaceFirst("threads (\\d+)", "threads: $1"),
                    servingMedian(rows.get(1), "p50"),
                    servingMedian(rows.get(2), "p50"),
                    servingMedian(rows.get(2), "imagesPerSecond"),
                    servingMedian(rows.get(8), "p50"),
                    servingMedian(rows.get(8), "p99"),
                    servingMedian(rows.get(8), "imagesPerSecond"))));
    return table.toString();
  }

  private static double servingMedian(JsonObject row, String what) {
    return row.getAsJsonObject(what).get("median").getAsDouble();
  }

  private static List<String[]> csv(String file) {
    try {
      return Files.readAllLines(Path.of("bench/records", file)).stream()
          .skip(1)
          .map(line -> line.split(",(?=([^\"]*\"[^\"]*\")*[^\"]*$)")) // commas outside of quotes
          .map(cells -> Arrays.stream(cells).map(c -> c.replace("\"", "")).toArray(String[]::new))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Columns of the file: network, size, tasks, local_steps, part, round_ms, task_ms, busy_ms,
   * returned_bytes.
   */
  private static String sparkRounds() {
    StringBuilder table = new StringBuilder();
    table.append("| tasks K | local steps H | round, ms | longest task |");
    table.append(
        " executor with most to do | rest | MB back from each |\n|---|---|---|---|---|---|---|\n");
    for (String[] row : csv("2026-11-27_spark-rounds/rounds.csv")) {
      int round = Integer.parseInt(row[5]);
      int busy = Integer.parseInt(row[7]);
      table.append(
          format(
              "| %s | %s | %,d | %s | %,d | %d | %.1f |\n",
              row[2], row[3], round, row[6], busy, round - busy, Double.parseDouble(row[8]) / 1e6));
    }
    return table.toString();
  }

  /**
   * The last epoch of each seed; columns of the file: seed, variant, epoch, train_loss,
   * test_accuracy.
   */
  private static String localSteps() {
    Map<String, Map<String, String[]>> last = new LinkedHashMap<>();
    for (String[] row : csv("2026-11-27_local-steps/local-steps.csv")) {
      last.computeIfAbsent(row[1], variant -> new LinkedHashMap<>()).put(row[0], row);
    }
    StringBuilder table = new StringBuilder();
    table.append(
        "| K = 4 | training loss | test accuracy, seeds 1 to 3 | mean |\n|---|---|---|---|\n");
    last.forEach(
        (variant, seeds) -> {
          List<Double> accuracies =
              seeds.values().stream().map(row -> Double.parseDouble(row[4])).toList();
          double loss =
              seeds.values().stream()
                  .mapToDouble(row -> Double.parseDouble(row[3]))
                  .average()
                  .orElseThrow();
          table.append(
              format(
                  "| %s | %.3f | %s | %s |\n",
                  variant,
                  loss,
                  accuracies.stream().map(a -> format("%.4f", a)).collect(Collectors.joining(", ")),
                  spread(accuracies, "%.4f")));
        });
    return table.toString();
  }

  /** What the GPU kit reported of PyTorch in turn with ours. */
  private static JsonObject gpuPeer(String mode) {
    JsonElement report =
        read(Path.of("bench/results/2026-11-26-H200/reports.json"))
            .getAsJsonArray("reports")
            .get(3);
    return report
        .getAsJsonObject()
        .getAsJsonObject("parts")
        .getAsJsonObject("peer")
        .getAsJsonObject("numbers")
        .getAsJsonObject(mode);
  }

  private static String gpuRace() {
    Map<String, String> modes = new LinkedHashMap<>();
    modes.put("compiled-bf16", "bf16, PyTorch compiled (`max-autotune`)");
    modes.put("channels-last-bf16-graph", "bf16, PyTorch's whole step as one CUDA graph");
    StringBuilder table = new StringBuilder();
    table.append("| precision | NiN4J | PyTorch | faster by |\n|---|---|---|---|\n");
    modes.forEach(
        (mode, title) -> {
          JsonObject peer = gpuPeer(mode);
          table.append(
              format(
                  "| %s | %,.0f images/s | %,.0f images/s | %.2f× |\n",
                  title,
                  peer.getAsJsonObject("nin4j").get("imagesPerSecond").getAsDouble(),
                  peer.getAsJsonObject("pytorch").get("imagesPerSecond").getAsDouble(),
                  peer.get("ratio").getAsDouble()));
        });
    return table.toString();
  }

  /** Seconds from the start of the program to the first test accuracy of a goal or more. */
  private static String accuracy() {
    StringBuilder table = new StringBuilder();
    table.append(
        "| recipe | machine | seeds | goal | reached | seconds to it, mean ± sd | of it training |");
    table.append(" test accuracy in the end, mean ± sd | least – most |\n");
    table.append("|---|---|---|---|---|---|---|---|---|\n");
    folders("_accuracy").forEach(name -> accuracyRows(table, record(name)));
    return table.toString();
  }

  private static void accuracyRows(StringBuilder table, JsonObject record) {
    List<List<double[]>> trainings = new ArrayList<>();
    record
        .getAsJsonArray("trainings")
        .forEach(
            training -> {
              List<double[]> epochs = new ArrayList<>();
              training
                  .getAsJsonObject()
                  .getAsJsonArray("epochs")
                  .forEach(
                      epoch ->
                          epochs.add(
                              new double[] {
                                epoch.getAsJsonObject().get("testAccuracy").getAsDouble(),
                                epoch.getAsJsonObject().get("secondsSinceStart").getAsDouble(),
                                epoch.getAsJsonObject().get("trainingSeconds").getAsDouble()
                              }));
              trainings.add(epochs);
            });
    List<Double> ends = trainings.stream().map(t -> t.get(t.size() - 1)[0]).toList();
    for (double goal : numbers(record.getAsJsonArray("goals"))) {
      List<Double> seconds = new ArrayList<>();
      List<Double> training = new ArrayList<>();
      for (List<double[]> epochs : trainings) {
        double sum = 0;
        for (double[] epoch : epochs) {
          sum += epoch[2];
          if (epoch[0] >= goal) {
            seconds.add(epoch[1]);
            training.add(sum);
            break;
          }
        }
      }
      if (!seconds.isEmpty()) {
        table.append(
            format(
                "| %s | %s | %d | %.2f | %d of %d | %s | %s | %s | %.4f – %.4f |\n",
                record.get("recipe").getAsString(),
                record.get("machine").getAsString(),
                trainings.size(),
                goal,
                seconds.size(),
                trainings.size(),
                spread(seconds, "%.1f"),
                spread(training, "%.1f"),
                spread(ends, "%.4f"),
                least(ends),
                most(ends)));
      }
    }
  }

  private static String spread(List<Double> values, String form) {
    double mean = stream(values).average().orElseThrow();
    double squares = stream(values).map(v -> (v - mean) * (v - mean)).sum();
    return format(form, mean)
        + (values.size() > 1 ? " ± " + format(form, Math.sqrt(squares / (values.size() - 1))) : "");
  }

  private static List<Double> numbers(JsonArray array) {
    return array.asList().stream().map(JsonElement::getAsDouble).collect(Collectors.toList());
  }

  private static DoubleStream stream(List<Double> values) {
    return values.stream().mapToDouble(Double::doubleValue);
  }

  private static double least(List<Double> values) {
    return stream(values).min().orElseThrow();
  }

  private static double most(List<Double> values) {
    return stream(values).max().orElseThrow();
  }

  private static double median(List<Double> values) {
    double[] sorted = stream(values).sorted().toArray();
    int half = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }

  private static String format(String form, Object... values) {
    return String.format(Locale.ROOT, form, values);
  }
}
