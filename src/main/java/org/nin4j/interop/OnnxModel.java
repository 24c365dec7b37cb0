package org.nin4j.interop;

import ai.onnx.proto.OnnxMl;
import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.nin4j.data.file.PartialFile;
import org.nin4j.model.Activation;
import org.nin4j.model.AvgPool2d;
import org.nin4j.model.BatchNorm;
import org.nin4j.model.Concat;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Dropout;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.GlobalMaxPool2d;
import org.nin4j.model.Identity;
import org.nin4j.model.Linear;
import org.nin4j.model.MaxPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.OperationVisitor;
import org.nin4j.model.Sum;
import org.nin4j.model.Window;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;
import org.nin4j.train.checkpoint.CheckpointException;

/**
 * A trained network as an ONNX model for inference, opset 17: from {@code images} (batch, channels,
 * height, width), as the network takes them, to {@code logits} (batch, classes). The batch is free,
 * the image's size is not. Mean and deviation are not part of it, as they are no part of the
 * network in PyTorch either: both take the same images, and the notes tell how to make them.
 *
 * <p>A pure function of the network and its values. Source: the operators' descriptions at
 * https://onnx.ai/onnx/operators.
 */
public final class OnnxModel {
  static final String INPUT = "images";
  static final String OUTPUT = "logits";

  private static final int OPSET = 17;
  private static final int IR_VERSION = 8;

  /** Protobuf's messages are shorter than this; the rest of a model is small beside its values. */
  private static final long MOST_BYTES = Integer.MAX_VALUE - (16L << 20);

  private final PortableNetwork trained;
  private final List<Network.Node> nodes;
  private final OnnxMl.GraphProto.Builder graph = OnnxMl.GraphProto.newBuilder();

  /** What each node's output is called in the graph. */
  private final List<String> outputs = new ArrayList<>();

  private OnnxModel(PortableNetwork trained) {
    this.trained = trained;
    nodes = trained.network().nodes(trained.input());
  }

  /**
   * Writes a model.
   *
   * @throws CheckpointException if it is too large for one file
   * @throws UncheckedIOException if that fails; what had the name is still there
   */
  public static void write(PortableNetwork trained, Path file) {
    OnnxMl.ModelProto model = of(trained);
    try (PartialFile partial = PartialFile.create(file)) {
      model.writeTo(partial.stream());
      partial.commit();
    } catch (IOException e) {
      throw new UncheckedIOException(file + " cannot be written: " + PartialFile.reason(e), e);
    }
  }

  static OnnxMl.ModelProto of(PortableNetwork trained) {
    long bytes =
        Float.BYTES * trained.values().values().stream().mapToLong(t -> t.values().length).sum();
    if (bytes > MOST_BYTES) {
      throw new CheckpointException(
          Text.of(
              "%s has %,d bytes of parameters; an ONNX file holds at most %,d, a safetensors file any number",
              trained.network().name(), bytes, MOST_BYTES));
    }
    return new OnnxModel(trained).model();
  }

  private OnnxMl.ModelProto model() {
    graph.setName(trained.network().name());
    graph.addInput(floats(INPUT, trained.input()));
    for (int i = 0; i < nodes.size(); i++) {
      Network.Node node = nodes.get(i);
      List<String> inputs = node.inputs().stream().map(this::value).toList();
      outputs.add(node.layer().accept(new NodesOf(node, inputs)));
    }
    int last = nodes.size() - 1;
    graph.addNode(node("Identity", OUTPUT, List.of(value(last)), OUTPUT));
    graph.addOutput(floats(OUTPUT, last < 0 ? trained.input() : nodes.get(last).output()));
    OnnxMl.ModelProto.Builder model =
        OnnxMl.ModelProto.newBuilder()
            .setIrVersion(IR_VERSION)
            .addOpsetImport(OnnxMl.OperatorSetIdProto.newBuilder().setDomain("").setVersion(OPSET))
            .setProducerName("NiN4J")
            .setGraph(graph);
    trained
        .notes()
        .forEach(
            (key, text) ->
                model.addMetadataProps(
                    OnnxMl.StringStringEntryProto.newBuilder().setKey(key).setValue(text)));
    return model.build();
  }

  private String value(int node) {
    return node == Network.IMAGES ? INPUT : outputs.get(node);
  }

  /** Adds what computes a layer, and says what its output is called. */
  private final class NodesOf implements OperationVisitor<String> {
    private final Network.Node node;
    private final List<String> inputs;
    private final String output;

    NodesOf(Network.Node node, List<String> inputs) {
      this.node = node;
      this.inputs = inputs;
      output = node.name() + ".output";
    }

    @Override
    public String visit(Conv2d layer) {
      Window window = layer.window();
      return add(
          "Conv",
          withParameters(),
          ints("kernel_shape", square(window.kernel())),
          ints("strides", square(window.stride())),
          ints("pads", pads(window.padding(), window.padding(), window.padding())),
          number("group", layer.groups()));
    }

    @Override
    public String visit(Linear layer) {
      return add("Gemm", withParameters(), number("transB", 1));
    }

    @Override
    public String visit(Activation layer) {
      return add(
          switch (layer) {
            case RELU -> "Relu";
            case SIGMOID -> "Sigmoid";
            case TANH -> "Tanh";
            // Its slope below 0 is the one that ONNX takes where none is given.
            case LEAKY_RELU -> "LeakyRelu";
          },
          inputs);
    }

    @Override
    public String visit(BatchNorm layer) {
      return add("BatchNormalization", withParameters(), real("epsilon", layer.eps()));
    }

    /**
     * A last, partly filled window is padded explicitly: rounding up has meant different things to
     * different versions of ONNX's run times, and the padding never wins.
     */
    @Override
    public String visit(MaxPool2d layer) {
      Window window = layer.window();
      return add(
          "MaxPool",
          inputs,
          ints("kernel_shape", square(window.kernel())),
          ints("strides", square(window.stride())),
          ints("pads", pads(window.padding(), end(window, 1), end(window, 2))));
    }

    /**
     * What counts are the image's pixels and, where the layer says so, its padding, but never what
     * rounding up adds behind it. Where both are there, the former is put into the image.
     */
    @Override
    public String visit(AvgPool2d layer) {
      Window window = layer.window();
      boolean rounded = end(window, 1) > window.padding() || end(window, 2) > window.padding();
      boolean first = rounded && layer.countPadding() && window.padding() > 0;
      int inside = first ? window.padding() : 0;
      List<String> image = first ? List.of(padded(window.padding())) : inputs;
      return add(
          "AveragePool",
          image,
          ints("kernel_shape", square(window.kernel())),
          ints("strides", square(window.stride())),
          ints(
              "pads",
              pads(window.padding() - inside, end(window, 1) - inside, end(window, 2) - inside)),
          number("count_include_pad", layer.countPadding() && !rounded ? 1 : 0));
    }

    private String padded(int padding) {
      String name = node.name() + ".padded";
      // Before and behind (samples, channels, height, width).
      long[] pads = {0, 0, padding, padding, 0, 0, padding, padding};
      OnnxMl.TensorProto.Builder values =
          OnnxMl.TensorProto.newBuilder()
              .setName(node.name() + ".padding")
              .setDataType(OnnxMl.TensorProto.DataType.INT64.getNumber())
              .addDims(pads.length);
      for (long pad : pads) {
        values.addInt64Data(pad);
      }
      graph.addInitializer(values);
      graph.addNode(node("Pad", name, List.of(inputs.get(0), node.name() + ".padding"), name));
      return name;
    }

    @Override
    public String visit(GlobalAvgPool2d layer) {
      return add("GlobalAveragePool", inputs);
    }

    @Override
    public String visit(GlobalMaxPool2d layer) {
      return add("GlobalMaxPool", inputs);
    }

    /** Nothing is dropped in inference. */
    @Override
    public String visit(Dropout layer) {
      return inputs.get(0);
    }

    @Override
    public String visit(Flatten layer) {
      return add("Flatten", inputs, number("axis", 1));
    }

    @Override
    public String visit(Identity layer) {
      return inputs.get(0);
    }

    /** Run times put an Add of two into the convolution before it, a Sum not. */
    @Override
    public String visit(Sum layer) {
      return add(inputs.size() == 2 ? "Add" : "Sum", inputs);
    }

    @Override
    public String visit(Concat layer) {
      return add("Concat", inputs, number("axis", 1));
    }

    private String add(
        String kind, List<String> from, OnnxMl.AttributeProto.Builder... attributes) {
      graph.addNode(node(kind, node.name(), from, output, attributes));
      return output;
    }

    /** What reaches the layer, then its parameters and state in ONNX's order, which is ours. */
    private List<String> withParameters() {
      List<String> from = new ArrayList<>(inputs);
      node.parameters().forEach(p -> from.add(initialised(p.name())));
      node.state().forEach(p -> from.add(initialised(p.name())));
      return from;
    }

    private String initialised(String name) {
      HostTensor values = trained.values().get(name);
      OnnxMl.TensorProto.Builder tensor =
          OnnxMl.TensorProto.newBuilder()
              .setName(name)
              .setDataType(OnnxMl.TensorProto.DataType.FLOAT.getNumber())
              .setRawData(bytes(values.values()));
      values.shape().dims().forEach(tensor::addDims);
      graph.addInitializer(tensor);
      return name;
    }

    /**
     * The padding behind an axis that makes the layer's windows fit, none of them partly filled
     * beyond it: (windows − 1) · stride + kernel − extent − padding, at least the padding itself.
     */
    private int end(Window window, int axis) {
      int reached = (node.output().dim(axis) - 1) * window.stride() + window.kernel();
      return Math.max(window.padding(), reached - node.input().dim(axis) - window.padding());
    }
  }

  private static OnnxMl.NodeProto node(
      String kind,
      String name,
      List<String> inputs,
      String output,
      OnnxMl.AttributeProto.Builder... attributes) {
    OnnxMl.NodeProto.Builder node =
        OnnxMl.NodeProto.newBuilder()
            .setOpType(kind)
            .setName(name)
            .addAllInput(inputs)
            .addOutput(output);
    for (OnnxMl.AttributeProto.Builder attribute : attributes) {
      node.addAttribute(attribute);
    }
    return node.build();
  }

  /** A tensor of floats with any number of samples. */
  private static OnnxMl.ValueInfoProto floats(String name, Shape sample) {
    OnnxMl.TensorShapeProto.Builder shape = OnnxMl.TensorShapeProto.newBuilder();
    shape.addDimBuilder().setDimParam("batch");
    sample.dims().forEach(dim -> shape.addDimBuilder().setDimValue(dim));
    OnnxMl.TypeProto.Tensor.Builder tensor =
        OnnxMl.TypeProto.Tensor.newBuilder()
            .setElemType(OnnxMl.TensorProto.DataType.FLOAT.getNumber())
            .setShape(shape);
    return OnnxMl.ValueInfoProto.newBuilder()
        .setName(name)
        .setType(OnnxMl.TypeProto.newBuilder().setTensorType(tensor))
        .build();
  }

  /** Little-endian, as the format wants them. */
  private static ByteString bytes(float[] values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(Math.multiplyExact(values.length, Float.BYTES))
            .order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return UnsafeByteOperations.unsafeWrap(bytes);
  }

  private static int[] square(int side) {
    return new int[] {side, side};
  }

  /** Above, left, below, right. */
  private static int[] pads(int begin, int below, int right) {
    return new int[] {begin, begin, below, right};
  }

  private static OnnxMl.AttributeProto.Builder ints(String name, int[] values) {
    return OnnxMl.AttributeProto.newBuilder()
        .setName(name)
        .setType(OnnxMl.AttributeProto.AttributeType.INTS)
        .addAllInts(IntStream.of(values).mapToObj(i -> (long) i).toList());
  }

  private static OnnxMl.AttributeProto.Builder number(String name, int value) {
    return OnnxMl.AttributeProto.newBuilder()
        .setName(name)
        .setType(OnnxMl.AttributeProto.AttributeType.INT)
        .setI(value);
  }

  private static OnnxMl.AttributeProto.Builder real(String name, float value) {
    return OnnxMl.AttributeProto.newBuilder()
        .setName(name)
        .setType(OnnxMl.AttributeProto.AttributeType.FLOAT)
        .setF(value);
  }
}
