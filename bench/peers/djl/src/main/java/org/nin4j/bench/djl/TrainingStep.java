package org.nin4j.bench.djl;

import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.convolutional.Conv2d;
import ai.djl.nn.norm.Dropout;
import ai.djl.nn.pooling.Pool;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.GradientCollector;
import ai.djl.training.Trainer;
import ai.djl.training.initializer.XavierInitializer;
import ai.djl.training.loss.Loss;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * NiN steps in DJL with its PyTorch engine, driven by lines on standard input: {@code run N} runs N
 * steps and answers with one line of JSON; the end of the input ends it. The batches lie in memory
 * as floats and take turns. DJL has fp32 in NCHW only.
 *
 * <p>Usage: {@code TrainingStep batch=128 pixels=224 precision=fp32 purpose=train|infer threads=2}.
 */
public final class TrainingStep {
  private static final int BATCHES = 4;

  private final boolean train;
  private final Trainer trainer;
  private final List<NDArray> images = new ArrayList<>();
  private final List<NDArray> labels = new ArrayList<>();
  private final Loss loss = Loss.softmaxCrossEntropyLoss();
  private int runs;
  private float lastLoss;

  private TrainingStep(Model model, Map<String, String> options) {
    train = options.get("purpose").equals("train");
    int batch = Integer.parseInt(options.get("batch"));
    int pixels = Integer.parseInt(options.get("pixels"));
    model.setBlock(nin());
    trainer =
        model.newTrainer(
            new DefaultTrainingConfig(loss)
                .optInitializer(new XavierInitializer(), "weight")
                .optOptimizer(
                    Optimizer.sgd().setLearningRateTracker(Tracker.fixed(0.01f)).build()));
    trainer.initialize(new Shape(batch, 1, pixels, pixels));
    NDManager manager = trainer.getManager();
    for (int i = 0; i < BATCHES; i++) {
      images.add(manager.randomUniform(0, 1, new Shape(batch, 1, pixels, pixels)));
      labels.add(manager.randomInteger(0, 10, new Shape(batch), DataType.INT64));
    }
  }

  private static SequentialBlock nin() {
    SequentialBlock net = new SequentialBlock();
    block(net, 96, 11, 4, 0);
    pool(net);
    block(net, 256, 5, 1, 2);
    pool(net);
    block(net, 384, 3, 1, 1);
    pool(net);
    net.add(Dropout.builder().optRate(0.5f).build());
    block(net, 10, 3, 1, 1);
    return net.add(Pool.globalAvgPool2dBlock());
  }

  private static void block(SequentialBlock net, int channels, int kernel, int stride, int pad) {
    convolution(net, channels, kernel, stride, pad);
    convolution(net, channels, 1, 1, 0);
    convolution(net, channels, 1, 1, 0);
  }

  private static void convolution(
      SequentialBlock net, int channels, int kernel, int stride, int pad) {
    net.add(
            Conv2d.builder()
                .setFilters(channels)
                .setKernelShape(new Shape(kernel, kernel))
                .optStride(new Shape(stride, stride))
                .optPadding(new Shape(pad, pad))
                .build())
        .add(Activation::relu);
  }

  private static void pool(SequentialBlock net) {
    net.add(Pool.maxPool2dBlock(new Shape(3, 3), new Shape(2, 2)));
  }

  public static void main(String[] arguments) throws IOException {
    Map<String, String> options = new HashMap<>();
    for (String argument : arguments) {
      String[] pair = argument.split("=", 2);
      options.put(pair[0], pair[1]);
    }
    if (!options.get("precision").equals("fp32")) {
      throw new IllegalArgumentException("DJL trains in fp32 only");
    }
    // Read by the engine when it starts.
    System.setProperty("ai.djl.pytorch.num_threads", options.get("threads"));
    System.setProperty("ai.djl.offline", "true");
    try (Model model = Model.newInstance("nin")) {
      TrainingStep step = new TrainingStep(model, options);
      Engine engine = Engine.getInstance();
      System.out.printf(
          "{\"ready\":\"DJL %s, %s %s, %s threads\"}%n",
          Engine.getDjlVersion(),
          engine.getEngineName(),
          engine.getVersion(),
          options.get("threads"));
      BufferedReader commands =
          new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
      for (String line = commands.readLine(); line != null; line = commands.readLine()) {
        step.answer(Integer.parseInt(line.replace("run ", "")));
      }
      step.trainer.close();
    }
  }

  private void answer(int steps) throws IOException {
    long begin = System.nanoTime();
    for (int i = 0; i < steps; i++) {
      int turn = runs++ % BATCHES;
      if (train) {
        train(images.get(turn), labels.get(turn));
      } else {
        infer(images.get(turn), labels.get(turn));
      }
    }
    double seconds = (System.nanoTime() - begin) * 1e-9;
    System.out.printf(
        Locale.ROOT,
        "{\"steps\":%d,\"seconds\":%.6f,\"loss\":%.6f,\"peakMemoryKiB\":%d}%n",
        steps,
        seconds,
        lastLoss,
        peakMemory());
  }

  private void train(NDArray x, NDArray y) {
    try (GradientCollector collector = trainer.newGradientCollector();
        NDManager scope = trainer.getManager().newSubManager()) {
      NDArray value = loss.evaluate(during(scope, y), trainer.forward(during(scope, x)));
      collector.backward(value);
      lastLoss = value.getFloat();
    }
    trainer.step();
  }

  private void infer(NDArray x, NDArray y) {
    try (NDManager scope = trainer.getManager().newSubManager()) {
      NDList logits = trainer.evaluate(during(scope, x));
      lastLoss = loss.evaluate(during(scope, y), logits).getFloat();
    }
  }

  /** What is computed from an array is freed with its manager; the array goes back to its own. */
  private static NDList during(NDManager scope, NDArray array) {
    NDList list = new NDList(array);
    list.tempAttach(scope);
    return list;
  }

  private static long peakMemory() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith("VmHWM:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
        .findFirst()
        .orElse(0);
  }
}
