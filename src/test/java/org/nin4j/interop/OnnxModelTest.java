package org.nin4j.interop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnx.proto.OnnxMl;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nin4j.backend.Backend;
import org.nin4j.backend.Metrics;
import org.nin4j.backend.choice.Devices;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.TrainTest;
import org.nin4j.data.shapes.Shapes;
import org.nin4j.model.Activation;
import org.nin4j.model.AvgPool2d;
import org.nin4j.model.BatchNorm;
import org.nin4j.model.Concat;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Dropout;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalMaxPool2d;
import org.nin4j.model.Identity;
import org.nin4j.model.Layer;
import org.nin4j.model.Linear;
import org.nin4j.model.MaxPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.Sequential;
import org.nin4j.model.Sum;
import org.nin4j.model.Window;
import org.nin4j.model.zoo.Networks;
import org.nin4j.plan.step.Adam;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;
import org.nin4j.train.Evaluator;
import org.nin4j.train.Trainer;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.checkpoint.CheckpointException;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Recipes;
import org.nin4j.train.recipe.Schedule;

/** ONNX Runtime computes with our files what the reference does. */
class OnnxModelTest {
  @TempDir private Path folder;

  static List<String> networks() {
    return Networks.NAMES;
  }

  @ParameterizedTest
  @MethodSource("networks")
  void everyNetworkGivesTheSameLogits(String name) throws Exception {
    requireRuntime();
    assertSameLogits(name, ZooCase.of(name));
  }

  /** Windows that are partly filled, and what no network of the library has. */
  static Stream<Layer> layers() {
    Window wide = new Window(3, 2, 1);
    return Stream.of(
        new MaxPool2d(wide, true),
        new MaxPool2d(new Window(2, 3, 1), true),
        new MaxPool2d(new Window(3, 2, 0), true),
        new AvgPool2d(wide, false, true),
        new AvgPool2d(wide, false, false),
        new AvgPool2d(wide, true, true),
        new AvgPool2d(wide, true, false),
        new AvgPool2d(new Window(3, 2, 0), true, true),
        new AvgPool2d(new Window(2, 3, 1), true, true),
        new Conv2d(4, new Window(3, 2, 2), 2, false),
        Sequential.of(new BatchNorm(1e-2f, 0.1f), Activation.TANH),
        Sequential.of(new BatchNorm(1e-2f, 0.1f), Activation.LEAKY_RELU),
        Sum.of(new Identity(), new Conv2d(2, 1, 1, 0), new Dropout(0.5f)),
        Sum.of(new Conv2d(2, 3, 1, 1)),
        Concat.of(new Identity(), new Identity(), new Conv2d(3, 3, 1, 1)),
        new GlobalMaxPool2d());
  }

  @ParameterizedTest
  @MethodSource("layers")
  void everyLayerGivesTheSameLogits(Layer layer) throws Exception {
    requireRuntime();
    for (int side : new int[] {7, 8, 9}) {
      Network network = new Network("one", Sequential.of(layer, new Flatten()));
      assertSameLogits(layer + " " + side, ZooCase.of(network, Shape.of(2, side, side + 1)));
    }
  }

  @Test
  void aNetworkMayEndInWhatIsLeftOut() throws Exception {
    requireRuntime();
    Network network =
        new Network("one", Sequential.of(new Flatten(), new Linear(3), new Dropout(0.5f)));
    assertSameLogits("dropout", ZooCase.of(network, Shape.of(1, 4, 4)));
  }

  private void assertSameLogits(String what, ZooCase one) throws Exception {
    Path file = folder.resolve("model.onnx");
    OnnxModel.write(one.network(), file);
    float[] expected = one.logits().values();
    try (Runtime runtime = new Runtime(file)) {
      float[] both = runtime.logits(one.images());
      ZooCase.assertClose(what, expected, both, 1e-5);
      HostTensor first =
          new HostTensor(
              one.network().input().batched(1),
              Arrays.copyOf(one.images().values(), one.images().values().length / ZooCase.SAMPLES));
      float[] alone = runtime.logits(first);
      ZooCase.assertClose(
          what, Arrays.copyOf(expected, expected.length / ZooCase.SAMPLES), alone, 1e-5);
    }
  }

  @Test
  void countsTheSameRightAnswers() throws Exception {
    requireRuntime();
    TrainTest data = Shapes.draw(3, 160, 100, 2);
    Recipe recipe =
        Recipes.d2l("lenet-bn").toBuilder()
            .dataset("shapes")
            .batch(16)
            .epochs(2)
            .mean(List.of(0.2f))
            .std(List.of(0.4f))
            .optimizer(Adam.USUAL)
            .schedule(new Schedule.Constant(0.003f))
            .build();
    try (Backend backend = Devices.open("reference", 2)) {
      Checkpoint trained = new Trainer(backend, recipe, data, List.of()).train();
      ImageDataset test = data.test();
      Metrics ours;
      try (Evaluator evaluator = new Evaluator(backend, recipe, trained.network(), test)) {
        ours = evaluator.evaluate(trained.inUse(), () -> false, sums -> {}).orElseThrow();
      }
      PortableNetwork network = PortableNetwork.of(trained);
      assertEquals("0.2", network.notes().get(PortableNetwork.MEAN));
      Path file = folder.resolve("lenet-bn.onnx");
      OnnxModel.write(network, file);
      try (Runtime runtime = new Runtime(file)) {
        float[] logits = runtime.logits(images(test, recipe));
        int[] answers = answers(logits, test.classNames().size());
        assertEquals(
            ours.top1(),
            IntStream.range(0, test.count()).filter(n -> answers[n] == test.label(n)).count());
        // It has not learnt much, but does not say one thing always.
        assertTrue(Arrays.stream(answers).distinct().count() > 2);
      }
    }
  }

  private static HostTensor images(ImageDataset data, Recipe recipe) {
    BatchSpec spec = recipe.images(Shape.of(data.channels(), data.height(), data.width()));
    HostTensor images = HostTensor.zeros(spec.output().batched(data.count()));
    for (int i = 0; i < images.values().length; i++) {
      float unit = (data.pixels().get(i) & 0xff) / 255f;
      images.values()[i] = (unit - spec.mean().get(0)) / spec.std().get(0);
    }
    return images;
  }

  private static int[] answers(float[] logits, int classes) {
    int[] answers = new int[logits.length / classes];
    for (int n = 0; n < answers.length; n++) {
      for (int k = 1; k < classes; k++) {
        if (logits[n * classes + k] > logits[n * classes + answers[n]]) {
          answers[n] = k;
        }
      }
    }
    return answers;
  }

  @Test
  void aModelSaysWhatItIs() throws IOException {
    Path file = folder.resolve("model.onnx");
    PortableNetwork network = ZooCase.of("lenet-bn").network();
    OnnxModel.write(network, file);
    OnnxMl.ModelProto model = OnnxMl.ModelProto.parseFrom(Files.readAllBytes(file));
    assertEquals(8, model.getIrVersion());
    assertEquals(17, model.getOpsetImport(0).getVersion());
    assertEquals("nin4j.note", model.getMetadataProps(0).getKey());
    assertEquals("π", model.getMetadataProps(0).getValue());
    OnnxMl.GraphProto graph = model.getGraph();
    assertEquals("lenet-bn", graph.getName());
    OnnxMl.TensorShapeProto input = graph.getInput(0).getType().getTensorType().getShape();
    assertEquals("batch", input.getDim(0).getDimParam());
    assertEquals(28, input.getDim(3).getDimValue());
    assertEquals("logits", graph.getOutput(0).getName());
    assertEquals(
        network.values().keySet(),
        graph.getInitializerList().stream()
            .map(OnnxMl.TensorProto::getName)
            .collect(Collectors.toSet()));
    assertEquals("0", graph.getNode(0).getName());
  }

  @Test
  void theSameNetworkGivesTheSameBytes() {
    assertEquals(
        OnnxModel.of(ZooCase.of("nin-mini").network()).toByteString(),
        OnnxModel.of(ZooCase.of("nin-mini").network()).toByteString());
  }

  @Test
  void valuesThatAreMissingAreNamed() {
    PortableNetwork whole = ZooCase.of("lenet").network();
    Map<String, HostTensor> values = new LinkedHashMap<>(whole.values());
    values.remove("7.weight");
    CheckpointException thrown =
        assertThrows(
            CheckpointException.class,
            () -> new PortableNetwork(whole.network(), whole.input(), values, Map.of()));
    assertTrue(thrown.getMessage().contains("7.weight of lenet has no values"));
  }

  private static void requireRuntime() {
    try {
      OrtEnvironment.getEnvironment();
    } catch (LinkageError | IllegalStateException e) {
      String reason = "ONNX Runtime cannot be loaded here: " + e;
      System.out.println("skipped: " + reason);
      Assumptions.abort(reason);
    }
  }

  /** A model in ONNX Runtime, on the CPU. */
  private static final class Runtime implements AutoCloseable {
    private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
    private final OrtSession.SessionOptions options = new OrtSession.SessionOptions();
    private final OrtSession session;

    Runtime(Path file) throws OrtException {
      options.setIntraOpNumThreads(1);
      session = environment.createSession(file.toString(), options);
    }

    float[] logits(HostTensor images) throws OrtException {
      long[] shape = images.shape().dims().stream().mapToLong(d -> d).toArray();
      try (OnnxTensor input =
              OnnxTensor.createTensor(environment, FloatBuffer.wrap(images.values()), shape);
          OrtSession.Result result = session.run(Map.of("images", input))) {
        FloatBuffer logits = ((OnnxTensor) result.get("logits").orElseThrow()).getFloatBuffer();
        float[] values = new float[logits.remaining()];
        logits.get(values);
        return values;
      }
    }

    @Override
    public void close() throws OrtException {
      session.close();
      options.close();
    }
  }
}
