package org.nin4j.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.nin4j.backend.Backend;
import org.nin4j.model.Network;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Precision;

/**
 * Steps of a network of ours, driven by lines on standard input: {@code run N} runs N steps and
 * answers with one line of JSON; the end of the input ends it. A step begins with bytes: gathering,
 * enlarging and scaling the batch are part of it.
 *
 * <p>Usage: {@code NetworkStep backend=onednn network=nin batch=128 pixels=224 precision=fp32|bf16
 * purpose=train|infer threads=2}; networks as {@code nin models} lists them.
 */
public final class NetworkStep {
  private NetworkStep() {}

  public static void main(String[] arguments) throws IOException {
    Map<String, String> options = options(arguments);
    int threads = Integer.parseInt(options.get("threads"));
    try (Backend backend = Bench.backend(options.get("backend"), threads);
        Bench bench = Bench.bind(backend, network(options), plan(options))) {
      System.out.printf(Locale.ROOT, "{\"ready\":\"%s\"}%n", backend.description());
      BufferedReader commands =
          new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
      for (String line = commands.readLine(); line != null; line = commands.readLine()) {
        answer(bench, Integer.parseInt(line.replace("run ", "")));
      }
    }
  }

  /** Settings of the form {@code name=value}. */
  static Map<String, String> options(String[] arguments) {
    Map<String, String> options = new HashMap<>();
    for (String argument : arguments) {
      String[] pair = argument.split("=", 2);
      options.put(pair[0], pair[1]);
    }
    return options;
  }

  /** The network that the setting of this name asks for, or NiN. */
  static Network network(Map<String, String> options) {
    return options.containsKey("network") ? Bench.network(options.get("network")) : Bench.NIN;
  }

  /** The plan that the settings network, batch, pixels, precision and purpose describe. */
  static Plan plan(Map<String, String> options) {
    int pixels = Integer.parseInt(options.get("pixels"));
    int batch = Integer.parseInt(options.get("batch"));
    Precision precision = Precision.valueOf(options.get("precision").toUpperCase(Locale.ROOT));
    return options.get("purpose").equals("train")
        ? Bench.training(network(options), pixels, batch, precision)
        : Bench.inference(network(options), pixels, batch, precision);
  }

  private static void answer(Bench bench, int steps) throws IOException {
    long begin = System.nanoTime();
    for (int i = 0; i < steps; i++) {
      bench.run();
    }
    double loss = bench.await().loss();
    double seconds = (System.nanoTime() - begin) * 1e-9;
    System.out.printf(
        Locale.ROOT,
        "{\"steps\":%d,\"seconds\":%.6f,\"loss\":%.6f,\"peakMemoryKiB\":%d}%n",
        steps,
        seconds,
        loss,
        peakMemory());
  }

  private static long peakMemory() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith("VmHWM:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
        .findFirst()
        .orElse(0);
  }
}
