package org.nin4j.bench.libtorch;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.InferenceMode;
import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.DeviceType;
import org.bytedeco.pytorch.global.torch.MemoryFormat;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * NiN steps in libtorch, driven by lines on standard input: {@code run N} runs N steps and answers
 * with one line of JSON; the end of the input ends it. The batches lie in memory as floats, in the
 * layout asked for, and take turns.
 *
 * <p>Usage: {@code TrainingStep batch=128 pixels=224 precision=fp32|bf16 layout=nchw|nhwc
 * purpose=train|infer threads=2}; bf16 is autocast.
 */
public final class TrainingStep {
  private static final int BATCHES = 4;
  private static final double LEARNING_RATE = 0.01;

  private final boolean train;
  private final boolean bf16;
  private final Chain network;
  private final List<Tensor> images = new ArrayList<>();
  private final List<Tensor> labels = new ArrayList<>();
  private final SGD sgd;
  private int runs;
  private float loss;

  private TrainingStep(Map<String, String> options) {
    train = options.get("purpose").equals("train");
    bf16 = options.get("precision").equals("bf16");
    int batch = Integer.parseInt(options.get("batch"));
    int pixels = Integer.parseInt(options.get("pixels"));
    MemoryFormat layout =
        options.get("layout").equals("nhwc") ? MemoryFormat.ChannelsLast : MemoryFormat.Contiguous;
    torch.set_num_threads(Integer.parseInt(options.get("threads")));
    torch.manual_seed(1);
    network = BookNetworks.named("nin", 1, pixels, i -> x -> torch.dropout(x, 0.5, train));
    TensorVector parameters = network.parameters();
    for (int i = 0; i < parameters.size(); i++) {
      initialise(parameters.get(i), layout);
    }
    for (int i = 0; i < BATCHES; i++) {
      images.add(in(layout, torch.rand(batch, 1, pixels, pixels)));
      labels.add(torch.randint(10, new long[] {batch}).to(ScalarType.Long));
    }
    sgd = new SGD(parameters, new SGDOptions(LEARNING_RATE));
  }

  /** He-uniform weights, biases of 0. */
  private static void initialise(Tensor parameter, MemoryFormat layout) {
    long[] shape = parameter.shape();
    Tensor first = torch.zeros(shape);
    if (shape.length == 4) {
      double bound = Math.sqrt(6.0 / (shape[1] * shape[2] * shape[3]));
      first = in(layout, torch.rand(shape).sub(scalar(0.5)).mul(scalar(2 * bound)));
    }
    parameter.set_data(first);
  }

  private static org.bytedeco.pytorch.Scalar scalar(double value) {
    return new org.bytedeco.pytorch.Scalar(value);
  }

  private static Tensor in(MemoryFormat layout, Tensor tensor) {
    return tensor.to(ScalarType.Float, false, true, new MemoryFormatOptional(layout)).detach();
  }

  public static void main(String[] arguments) throws IOException {
    Map<String, String> options = new HashMap<>();
    for (String argument : arguments) {
      String[] pair = argument.split("=", 2);
      options.put(pair[0], pair[1]);
    }
    TrainingStep step = new TrainingStep(options);
    System.out.printf(
        "{\"ready\":\"libtorch %s, %s, %d threads\"}%n",
        Loader.getVersion("org.bytedeco", "pytorch"),
        torch.get_cpu_capability().getString(),
        torch.get_num_threads());
    BufferedReader commands =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = commands.readLine(); line != null; line = commands.readLine()) {
      int steps = Integer.parseInt(line.replace("run ", ""));
      long begin = System.nanoTime();
      for (int i = 0; i < steps; i++) {
        step.run();
      }
      double seconds = (System.nanoTime() - begin) * 1e-9;
      System.out.printf(
          "{\"steps\":%d,\"seconds\":%.6f,\"loss\":%.6f,\"peakMemoryKiB\":%d}%n",
          steps, seconds, step.loss, peakMemory());
    }
  }

  private void run() {
    int turn = runs++ % BATCHES;
    try (PointerScope scope = new PointerScope()) {
      if (train) {
        train(images.get(turn), labels.get(turn));
      } else {
        try (InferenceMode mode = new InferenceMode(true)) {
          loss = loss(images.get(turn), labels.get(turn)).item_float();
        }
      }
    }
  }

  private void train(Tensor x, Tensor y) {
    sgd.zero_grad();
    Tensor value = loss(x, y);
    value.backward();
    sgd.step();
    loss = value.item_float();
  }

  private Tensor loss(Tensor x, Tensor y) {
    if (bf16) {
      // Each weight is used once a step, so there is nothing for a cache to save.
      torch.set_autocast_cache_enabled(false);
      torch.set_autocast_dtype(DeviceType.CPU, ScalarType.BFloat16);
      torch.set_autocast_enabled(DeviceType.CPU, true);
    }
    Tensor logits = network.apply(x);
    Tensor value = torch.cross_entropy_loss(logits, y);
    torch.set_autocast_enabled(DeviceType.CPU, false);
    return value;
  }

  private static long peakMemory() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith("VmHWM:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
        .findFirst()
        .orElse(0);
  }
}
