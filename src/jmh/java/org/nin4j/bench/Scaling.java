package org.nin4j.bench;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.nin4j.bench.ScalingPoint.Result;
import org.nin4j.text.Text;

/**
 * Speed, memory and start-up of a network against batch and image size. Each point is a {@link
 * ScalingPoint}, a process of its own, so that its start-up and its peak of memory are its own. Run
 * by {@code bench/run scaling [name=value ...]} with the settings in {@link #DEFAULTS}.
 */
public final class Scaling {
  private static final Map<String, String> DEFAULTS =
      Map.ofEntries(
          Map.entry("backend", "onednn"),
          Map.entry("network", "nin"),
          Map.entry("threads", String.valueOf(Runtime.getRuntime().availableProcessors())),
          Map.entry("precision", "fp32,bf16"),
          Map.entry("purpose", "train,infer"),
          Map.entry("batches", "1,4,16,64,128,256,512,1024"),
          Map.entry("pixels", "224"),
          Map.entry("sizes", "96,128,160,224,320,448"),
          Map.entry("batch", "128"),
          Map.entry("seconds", "3"),
          Map.entry("heap", "128"),
          Map.entry("machine", "not told"),
          Map.entry("commit", "not told"),
          Map.entry("folder", "bench/records"));

  /** Exit code of a process that got signal 9. */
  private static final int KILLED = 128 + 9;

  /** One point: what is measured, and what came out. */
  record Point(String purpose, String precision, int batch, int pixels, Result result) {
    String series() {
      return (purpose.equals("train") ? "training " : "inference ") + precision;
    }

    double imagesPerSecond() {
      return batch / result.median();
    }
  }

  private final Map<String, String> settings;
  private final String command;
  private final List<Point> points = new ArrayList<>();
  private boolean failed;

  private Scaling(Map<String, String> settings, String command) {
    this.settings = settings;
    this.command = command;
  }

  public static void main(String[] arguments) throws IOException, InterruptedException {
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
    if (!settings.get("backend").matches("onednn|cuda(:\\d+)?")) {
      System.err.println("scaling is measured with backend=onednn, cuda or cuda:INDEX");
      System.exit(2);
    }
    String told =
        Arrays.stream(arguments)
            .filter(a -> !a.startsWith("machine=") && !a.startsWith("commit="))
            .collect(Collectors.joining(" "));
    String command = ("bench/run scaling " + told).trim();
    Scaling scaling = new Scaling(settings, command);
    scaling.measure();
    scaling.write();
    System.exit(scaling.failed ? 1 : 0);
  }

  private List<String> list(String setting) {
    return Arrays.stream(settings.get(setting).split(",")).filter(s -> !s.isEmpty()).toList();
  }

  private int number(String setting) {
    return Integer.parseInt(settings.get(setting));
  }

  private void measure() throws IOException, InterruptedException {
    for (String purpose : list("purpose")) {
      for (String precision : list("precision")) {
        for (String batch : list("batches")) {
          measure(purpose, precision, Integer.parseInt(batch), number("pixels"));
        }
        for (String size : list("sizes")) {
          measure(purpose, precision, number("batch"), Integer.parseInt(size));
        }
      }
    }
  }

  private void measure(String purpose, String precision, int batch, int pixels)
      throws IOException, InterruptedException {
    String what = Text.of("%s %s, batch %d, %d pixels", purpose, precision, batch, pixels);
    boolean done =
        points.stream()
            .anyMatch(
                p ->
                    p.purpose().equals(purpose)
                        && p.precision().equals(precision)
                        && p.batch() == batch
                        && p.pixels() == pixels);
    if (done) {
      return;
    }
    List<String> arguments = java();
    for (String shared : List.of("backend", "network", "threads", "seconds")) {
      arguments.add(shared + "=" + settings.get(shared));
    }
    arguments.addAll(
        List.of(
            "purpose=" + purpose,
            "precision=" + precision,
            "batch=" + batch,
            "pixels=" + pixels,
            "launched=" + System.currentTimeMillis()));
    ProcessBuilder builder = new ProcessBuilder(arguments);
    builder.environment().put("OMP_NUM_THREADS", settings.get("threads"));
    // As ./nin sets it.
    builder.environment().putIfAbsent("GOMP_SPINCOUNT", "10000");
    builder.redirectError(ProcessBuilder.Redirect.INHERIT);
    Process process = builder.start();
    String answer = "";
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        answer = line;
      }
    }
    int code = process.waitFor();
    if (code != 0 && code != KILLED) {
      failed = true;
      System.err.println(what + " failed with exit code " + code + " and is left out");
      return;
    }
    Result result =
        code == KILLED
            ? Result.refused("", "killed, as by Linux for want of memory", 0)
            : new Gson().fromJson(answer, Result.class);
    Point point = new Point(purpose, precision, batch, pixels, result);
    points.add(point);
    System.err.println(
        what
            + ": "
            + (result.measured()
                ? Text.of("%.1f images/s", point.imagesPerSecond())
                : result.refusal()));
  }

  private void write() throws IOException {
    String date = LocalDateTime.now().format(DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HHmmss"));
    String backend = settings.get("backend").replaceAll(":.*", "");
    String name = Text.of("%s_scaling-%s-%s", date, settings.get("network"), backend);
    Path folder = Files.createDirectories(Path.of(settings.get("folder"), name));
    Path json = folder.resolve("record.json");
    Files.writeString(json, json(date));
    StringBuilder text = new StringBuilder();
    text.append(Text.of("%s, %s, `%s`\n\n", date, settings.get("machine"), command));
    points.stream().findFirst().ifPresent(p -> text.append(p.result().description() + "\n\n"));
    text.append(Text.of("All figures: `%s`.\n", json.getFileName()));
    section(
        text,
        folder.resolve("batch.png"),
        Text.of("Against the batch, at %1$s×%1$s", settings.get("pixels")),
        points(p -> p.pixels() == number("pixels")),
        ScalingPlot.BATCH);
    section(
        text,
        folder.resolve("size.png"),
        "Against the image size, at batch " + settings.get("batch"),
        points(p -> p.batch() == number("batch")),
        ScalingPlot.SIZE);
    Path table = folder.resolve("tables.md");
    Files.writeString(table, text.toString());
    System.out.print(text);
    System.out.println("\nwritten to " + table + ", the plots it shows, and " + json);
  }

  /** Those of a series stay together, by batch and size. */
  private List<Point> points(Predicate<Point> wanted) {
    List<String> series = points.stream().map(Point::series).distinct().toList();
    return points.stream()
        .filter(wanted)
        .sorted(
            Comparator.comparingInt((Point p) -> series.indexOf(p.series()))
                .thenComparingInt(Point::batch)
                .thenComparingInt(Point::pixels))
        .toList();
  }

  private static void section(
      StringBuilder text, Path plot, String title, List<Point> points, ScalingPlot kind)
      throws IOException {
    if (points.isEmpty()) {
      return;
    }
    text.append(Text.of("\n## %s\n\n", title));
    List<Point> measured = points.stream().filter(p -> p.result().measured()).toList();
    if (!measured.isEmpty()) {
      kind.write(measured, plot);
      text.append(Text.of("![%s](%s)\n\n", title, plot.getFileName()));
    }
    text.append(
        """
        | | batch | pixels | images/s | least – most | ms a step | plan GB | taken GB | taken beside \
        plan and data MB | start-up s | of it binding |
        |---|---|---|---|---|---|---|---|---|---|---|
        """);
    points.forEach(p -> text.append(row(p)));
  }

  /**
   * A heap that is there as a whole from the beginning, so that a process grows by what a session
   * takes and by nothing of Java's. AlexNet and VGG-11, whose parameters are drawn there, need 768
   * MB.
   */
  private List<String> java() {
    return new ArrayList<>(
        List.of(
            "java",
            "-XX:+UseSerialGC",
            "-Xms" + number("heap") + "m",
            "-Xmx" + number("heap") + "m",
            "-XX:+AlwaysPreTouch",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            String.join(
                File.pathSeparator, "target/test-classes", "target/nin4j.jar", "target/lib/*"),
            ScalingPoint.class.getName()));
  }

  private static String row(Point p) {
    Result r = p.result();
    String begin = Text.of("| %s | %d | %d | ", p.series(), p.batch(), p.pixels());
    if (!r.measured()) {
      return begin
          + Text.of("%s | | | %s | | | | |\n", r.refusal(), decimals(3, r.plannedBytes() / 1e9));
    }
    List<String> cells =
        List.of(
            decimals(1, p.imagesPerSecond()),
            decimals(1, p.batch() / r.most()) + " – " + decimals(1, p.batch() / r.least()),
            decimals(2, r.median() * 1e3),
            decimals(3, r.plannedBytes() / 1e9),
            decimals(3, r.takenBytes() / 1e9),
            decimals(1, r.excessBytes() / 1e6),
            decimals(2, r.startSeconds()),
            decimals(2, r.bindSeconds()));
    return begin + String.join(" | ", cells) + " |\n";
  }

  private static String decimals(int places, double value) {
    return Text.of("%." + places + "f", value);
  }

  private String json(String date) throws IOException {
    Gson gson = new GsonBuilder().setPrettyPrinting().create();
    JsonObject json = new JsonObject();
    json.addProperty("what", "scaling");
    json.addProperty("date", date);
    json.addProperty("commit", settings.get("commit"));
    json.addProperty("machine", settings.get("machine"));
    json.addProperty("command", command);
    json.addProperty("network", settings.get("network"));
    json.add("points", gson.toJsonTree(points));
    return gson.toJson(json) + "\n";
  }
}
