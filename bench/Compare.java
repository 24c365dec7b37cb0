import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;

/**
 * Runs the same steps of a network in several engines, in turn, and prints how long each takes.
 * Every engine is a process that stays alive and runs steps when told to, so that whatever else the
 * machine does meets all of them alike. The first engine named is the one that the others are
 * compared with.
 *
 * <p>Run from the project's folder, after what {@code bench/run} builds: {@code java
 * bench/Compare.java [name=value ...]}; see {@link #DEFAULTS}.
 */
public final class Compare {
  private static final Map<String, String> DEFAULTS =
      Map.ofEntries(
          Map.entry("engines", "nin4j-onednn,libtorch-nchw,libtorch-nhwc"),
          Map.entry("network", "nin"),
          Map.entry("precision", "fp32,bf16"),
          Map.entry("purpose", "train"),
          Map.entry("batch", "published"),
          Map.entry("pixels", "published"),
          Map.entry("threads", String.valueOf(Runtime.getRuntime().availableProcessors())),
          Map.entry("rounds", "5"),
          Map.entry("steps", "3"),
          Map.entry("warmup", "3"),
          Map.entry("profile", "5"),
          Map.entry("machine", "not told"),
          Map.entry("commit", "not told"),
          Map.entry("records", "bench/records"));

  /**
   * What the networks of the book are trained with there; 128 images of 224 pixels but for these.
   */
  private static final Map<String, Published> PUBLISHED =
      Map.of(
          "nin-mini", new Published(128, 28),
          "lenet", new Published(256, 28),
          "lenet-bn", new Published(256, 28),
          "googlenet", new Published(128, 96),
          "resnet18", new Published(256, 96),
          "densenet", new Published(256, 96));

  /** Images in a batch, and their side in pixels. */
  private record Published(int batch, int pixels) {}

  /** glibc keeps what it has and asks for large pages, instead of returning memory every step. */
  private static final Map<String, String> TUNED =
      Map.of(
          "MALLOC_ARENA_MAX", "1",
          "MALLOC_MMAP_THRESHOLD_", "8589934592",
          "MALLOC_TRIM_THRESHOLD_", "21474836480",
          "MALLOC_TOP_PAD_", "67108864",
          "GLIBC_TUNABLES", "glibc.malloc.hugetlb=1");

  private static final Pattern NUMBER = Pattern.compile("\"(\\w+)\":([-+.\\deE]+|NaN)");

  /** What of the profile is shown: the measured rates, the sums by block, the whole run. */
  private static final Pattern PROFILE =
      Pattern.compile("(?s)\\n(measured: [^\\n]*)\\n.*\\n( *Block .*)");

  /** Ours, and what {@code nin} calls their devices. */
  private static final Map<String, String> DEVICES =
      Map.of("nin4j-onednn", "cpu", "nin4j-cuda", "cuda");

  /** One comparison: what all engines do alike. */
  private record Work(
      String network,
      String precision,
      String purpose,
      int batch,
      int pixels,
      int threads,
      int warmup) {
    String title() {
      return "%s, %s, %s, batch %d, 1×%d×%d, %d threads"
          .formatted(
              network,
              purpose.equals("train") ? "training step" : "inference",
              precision,
              batch,
              pixels,
              pixels,
              threads);
    }
  }

  /** An engine at work. */
  private static final class Engine {
    final String name;
    final String description;
    final List<Double> secondsPerStep = new ArrayList<>();
    double peakMemory;
    private final Process process;
    private final BufferedReader replies;
    private final PrintWriter commands;

    Engine(String name, Work work) throws IOException {
      this.name = name;
      ProcessBuilder builder = new ProcessBuilder(command(name, work));
      builder.environment().put("OMP_NUM_THREADS", String.valueOf(work.threads()));
      builder.environment().putAll(environment(name));
      builder.redirectError(ProcessBuilder.Redirect.INHERIT);
      process = builder.start();
      replies =
          new BufferedReader(
              new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
      commands = new PrintWriter(process.getOutputStream(), true, StandardCharsets.UTF_8);
      String ready = reply();
      description = ready.replaceAll(".*\"ready\":\"(.*)\".*", "$1");
    }

    private String reply() throws IOException {
      String line = replies.readLine();
      while (line != null && !line.startsWith("{")) {
        line = replies.readLine();
      }
      if (line == null) {
        throw new IOException(name + " ended before it answered; its messages are above");
      }
      return line;
    }

    /** Seconds a step, over the given number of steps. */
    double run(int steps) throws IOException {
      commands.println("run " + steps);
      Map<String, Double> numbers = new LinkedHashMap<>();
      Matcher matcher = NUMBER.matcher(reply());
      while (matcher.find()) {
        numbers.put(matcher.group(1), Double.valueOf(matcher.group(2)));
      }
      if (!Double.isFinite(numbers.get("loss"))) {
        throw new IOException(name + " computed a loss of " + numbers.get("loss"));
      }
      peakMemory = numbers.get("peakMemoryKiB") / (1 << 20);
      return numbers.get("seconds") / steps;
    }

    /** An engine ends when its input does. */
    void end() throws IOException {
      commands.close();
      try {
        process.waitFor();
      } catch (InterruptedException e) {
        process.destroy();
        Thread.currentThread().interrupt();
      }
    }

    double median() {
      List<Double> sorted = secondsPerStep.stream().sorted().toList();
      int middle = sorted.size() / 2;
      return sorted.size() % 2 == 1
          ? sorted.get(middle)
          : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
    }

    double least() {
      return Collections.min(secondsPerStep);
    }

    double most() {
      return Collections.max(secondsPerStep);
    }
  }

  private Compare() {}

  public static void main(String[] arguments) throws IOException {
    Map<String, String> options = new LinkedHashMap<>(DEFAULTS);
    for (String argument : arguments) {
      String[] pair = argument.split("=", 2);
      if (pair.length != 2 || !DEFAULTS.containsKey(pair[0])) {
        System.err.println("there is no setting '" + argument + "'; there are " + DEFAULTS);
        System.exit(2);
      }
      options.put(pair[0], pair[1]);
    }
    String date = LocalDateTime.now().format(DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HHmmss"));
    Path folder = Path.of(options.get("records")).resolve(date + "_race");
    StringBuilder json = new StringBuilder();
    StringBuilder tables = new StringBuilder();
    for (String network : options.get("network").split(",")) {
      for (String purpose : options.get("purpose").split(",")) {
        for (String precision : options.get("precision").split(",")) {
          Work work = work(network, purpose, precision, options);
          List<Engine> engines = race(work, options);
          String table = table(work, engines) + profile(work, engines.get(0), options);
          System.out.println(table);
          tables.append(table).append('\n');
          engines.forEach(e -> json.append(json.isEmpty() ? "" : ",\n").append(json(work, e)));
          // After each: a race of hours may be ended before its end.
          write(folder, date, options, json.toString(), tables.toString());
        }
      }
    }
    System.out.println("written to " + folder);
  }

  private static Work work(
      String network, String purpose, String precision, Map<String, String> options) {
    Published published = PUBLISHED.getOrDefault(network, new Published(128, 224));
    boolean batch = options.get("batch").equals("published");
    boolean pixels = options.get("pixels").equals("published");
    return new Work(
        network,
        precision,
        purpose,
        batch ? published.batch() : number(options, "batch"),
        pixels ? published.pixels() : number(options, "pixels"),
        number(options, "threads"),
        number(options, "warmup"));
  }

  private static int number(Map<String, String> options, String name) {
    return Integer.parseInt(options.get(name));
  }

  /** An engine that fails is left out from then on, unless it is the first: ours. */
  private static List<Engine> race(Work work, Map<String, String> options) throws IOException {
    int rounds = number(options, "rounds");
    int steps = number(options, "steps");
    String[] names = options.get("engines").split(",");
    List<Engine> engines = new ArrayList<>();
    try {
      for (String name : names) {
        if (name.equals("djl") && !(work.precision() + work.network()).equals("fp32nin")) {
          System.err.println("djl has nin in fp32 only and is left out");
          continue;
        }
        System.err.println(work.title() + ": starting " + name);
        try {
          Engine engine = new Engine(name, work);
          engines.add(engine);
          engine.run(work.warmup());
        } catch (IOException e) {
          leaveOut(name, names[0], engines, e);
        }
      }
      for (int round = 0; round < rounds; round++) {
        List<Engine> turn = new ArrayList<>(engines);
        Collections.rotate(turn, round);
        for (Engine engine : turn) {
          try {
            // Threads and caches come back from the engine before.
            engine.run(1);
            engine.secondsPerStep.add(engine.run(steps));
          } catch (IOException e) {
            leaveOut(engine.name, names[0], engines, e);
          }
        }
        System.err.printf("round %d of %d: %s%n", round + 1, rounds, last(engines));
      }
    } finally {
      for (Engine engine : engines) {
        engine.end();
      }
    }
    return engines;
  }

  private static void leaveOut(String name, String first, List<Engine> engines, IOException e)
      throws IOException {
    if (name.equals(first)) {
      throw e;
    }
    System.err.println(e.getMessage() + "; it is left out");
    engines.removeIf(engine -> engine.name.equals(name));
  }

  private static String last(List<Engine> engines) {
    return engines.stream()
        .map(
            e ->
                String.format(
                    Locale.ROOT,
                    "%s %.3f s",
                    e.name,
                    e.secondsPerStep.get(e.secondsPerStep.size() - 1)))
        .collect(Collectors.joining(", "));
  }

  private static List<String> command(String name, Work work) {
    List<String> settings =
        List.of(
            "network=" + work.network(),
            "batch=" + work.batch(),
            "pixels=" + work.pixels(),
            "precision=" + work.precision(),
            "purpose=" + work.purpose(),
            "threads=" + work.threads());
    String[] parts = name.split("-");
    String libtorch = "bench/peers/libtorch/target/";
    String djl = "bench/peers/djl/target/";
    List<String> command =
        new ArrayList<>(
            List.of("java", "-XX:+UseSerialGC", "--enable-native-access=ALL-UNNAMED", "-cp"));
    switch (parts[0]) {
      case "nin4j" -> {
        command.add(path("target/test-classes", "target/nin4j.jar", "target/lib/*"));
        command.addAll(List.of("org.nin4j.bench.NetworkStep", "backend=" + parts[1]));
      }
      case "libtorch" -> {
        command.add(path(libtorch + "peer-libtorch.jar", libtorch + "lib/*"));
        command.addAll(List.of("org.nin4j.bench.libtorch.TrainingStep", "layout=" + parts[1]));
      }
      case "djl" -> {
        command.add(path(djl + "peer-djl.jar", djl + "lib/*"));
        command.add("org.nin4j.bench.djl.TrainingStep");
      }
      case "pytorch" -> {
        String mode = "mode=" + name.substring("pytorch-".length());
        String python = System.getenv().getOrDefault("NIN4J_PYTHON", "python3");
        command = new ArrayList<>(List.of(python, "bench/peers/pytorch/nin_step.py", "serve"));
        command.add(mode);
      }
      default -> throw new IllegalArgumentException("there is no engine " + name);
    }
    command.addAll(settings);
    return command;
  }

  /**
   * Where the time of ours goes, block by block, beside what this device needs at least: measured
   * after the race, in a process of its own.
   */
  private static String profile(Work work, Engine first, Map<String, String> options)
      throws IOException {
    String device = DEVICES.get(first.name);
    if (device == null || number(options, "profile") == 0) {
      return "";
    }
    System.err.println(work.title() + ": profiling " + first.name);
    List<String> command =
        new ArrayList<>(
            List.of("java", "-XX:+UseSerialGC", "--enable-native-access=ALL-UNNAMED", "-cp"));
    command.add(path("target/nin4j.jar", "target/lib/*"));
    command.addAll(List.of("org.nin4j.cli.Main", "profile", "--dataset=shapes"));
    command.add("--device=" + device);
    command.add("--network=" + work.network());
    command.add("--precision=" + work.precision());
    command.add("--batch=" + work.batch());
    command.add("--size=" + work.pixels());
    command.add("--threads=" + work.threads());
    command.add("--warm-up-steps=" + work.warmup());
    command.add("--steps=" + options.get("profile"));
    if (!work.purpose().equals("train")) {
      command.add("--inference");
    }
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("OMP_NUM_THREADS", String.valueOf(work.threads()));
    builder.environment().putAll(environment(first.name));
    builder.redirectError(ProcessBuilder.Redirect.INHERIT);
    Process process = builder.start();
    String all =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).stripTrailing();
    Matcher parts = PROFILE.matcher(all);
    if (!parts.find()) {
      System.err.println("profiling " + first.name + " failed");
      return "";
    }
    return "\n%s, by block:\n\n```\n%s\n\n%s\n```\n"
        .formatted(first.name, parts.group(1), parts.group(2));
  }

  private static String path(String... parts) {
    return String.join(File.pathSeparator, parts);
  }

  /** Ours gets what its launcher sets; the peers get the allocator that suits them best. */
  private static Map<String, String> environment(String name) {
    if (name.startsWith("nin4j")) {
      return Map.of("GLIBC_TUNABLES", TUNED.get("GLIBC_TUNABLES"));
    }
    Map<String, String> environment = new LinkedHashMap<>();
    if (!name.endsWith("-untuned")) {
      environment.putAll(TUNED);
    }
    // Where DJL unpacks its libraries, and that it reports to nobody.
    environment.put("DJL_CACHE_DIR", Path.of("bench/peers/djl/target/cache").toAbsolutePath() + "");
    environment.put("OPT_OUT_TRACKING", "true");
    return environment;
  }

  private static String table(Work work, List<Engine> engines) {
    Engine first = engines.get(0);
    StringBuilder table = new StringBuilder();
    table.append("%s\n\n".formatted(work.title()));
    engines.forEach(e -> table.append("- %s: %s\n".formatted(e.name, e.description)));
    table.append('\n');
    table.append(
        "| engine | ms a step: median | least – most | images/s | %s is faster by | peak memory GB |\n"
            .formatted(first.name));
    table.append("|---|---|---|---|---|---|\n");
    for (Engine engine : engines) {
      String ratio =
          engine == first
              ? "–"
              : String.format(
                  Locale.ROOT,
                  "%.2f× (%.2f – %.2f)",
                  engine.median() / first.median(),
                  ratios(engine, first).min().orElseThrow(),
                  ratios(engine, first).max().orElseThrow());
      table.append(
          String.format(
              Locale.ROOT,
              "| %s | %.1f | %.1f – %.1f | %.1f | %s | %.2f |\n",
              engine.name,
              engine.median() * 1e3,
              engine.least() * 1e3,
              engine.most() * 1e3,
              work.batch() / engine.median(),
              ratio,
              engine.peakMemory));
    }
    return table.toString();
  }

  /** Round by round. */
  private static DoubleStream ratios(Engine engine, Engine first) {
    List<Double> ratios = new ArrayList<>();
    for (int i = 0; i < engine.secondsPerStep.size(); i++) {
      ratios.add(engine.secondsPerStep.get(i) / first.secondsPerStep.get(i));
    }
    return ratios.stream().mapToDouble(Double::doubleValue);
  }

  private static String json(Work work, Engine engine) {
    return String.format(
        Locale.ROOT,
        "{\"engine\":\"%s\",\"description\":\"%s\",\"network\":\"%s\",\"purpose\":\"%s\",\"precision\":\"%s\","
            + "\"batch\":%d,\"pixels\":%d,\"threads\":%d,\"medianSecondsPerStep\":%.6f,"
            + "\"secondsPerStep\":%s,\"peakMemoryGiB\":%.3f}",
        engine.name,
        engine.description,
        work.network(),
        work.purpose(),
        work.precision(),
        work.batch(),
        work.pixels(),
        work.threads(),
        engine.median(),
        engine.secondsPerStep,
        engine.peakMemory);
  }

  private static void write(
      Path folder, String date, Map<String, String> options, String json, String tables)
      throws IOException {
    String command =
        options.entrySet().stream()
            .filter(e -> !List.of("machine", "commit", "records").contains(e.getKey()))
            .filter(e -> !e.getValue().equals(DEFAULTS.get(e.getKey())))
            .map(e -> e.getKey() + "=" + e.getValue())
            .collect(Collectors.joining(" ", "bench/run peers ", ""))
            .trim();
    Files.createDirectories(folder);
    Files.writeString(
        folder.resolve("record.json"),
        "{\"what\": \"race\", \"date\": \"%s\", \"commit\": \"%s\", \"machine\": \"%s\", \"command\": \"%s\", \"results\": [\n%s\n]}\n"
            .formatted(date, options.get("commit"), options.get("machine"), command, json));
    Files.writeString(
        folder.resolve("tables.md"),
        "%s, %s, commit %s, `%s`\n\n%s"
            .formatted(date, options.get("machine"), options.get("commit"), command, tables));
  }
}
