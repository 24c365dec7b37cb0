package org.nin4j.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.nin4j.model.Activation;
import org.nin4j.model.AvgPool2d;
import org.nin4j.model.BatchNorm;
import org.nin4j.model.Conv2d;
import org.nin4j.model.MaxPool2d;
import org.nin4j.model.Window;
import org.nin4j.plan.Precision;
import org.nin4j.plan.step.ActivationForward;
import org.nin4j.plan.step.AfterNorm;
import org.nin4j.plan.step.AvgPoolForward;
import org.nin4j.plan.step.BatchNormForward;
import org.nin4j.plan.step.BatchNormInference;
import org.nin4j.plan.step.ConcatForward;
import org.nin4j.plan.step.ConvolutionForward;
import org.nin4j.plan.step.GlobalAvgPoolForward;
import org.nin4j.plan.step.GlobalMaxPoolForward;
import org.nin4j.plan.step.LinearForward;
import org.nin4j.plan.step.MaxPoolForward;
import org.nin4j.plan.step.Sgd;
import org.nin4j.plan.step.SgdUpdate;
import org.nin4j.plan.step.SoftmaxCrossEntropy;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.Sum;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.plan.step.UpdateGroup;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;

/**
 * The ONNX project's own test cases as steps, see {@code src/test/resources/org/nin4j/onnx}.
 *
 * <p>Tolerance: 2e-6 of the largest magnitude of the expected tensor, at least of 1. The expected
 * values were computed in single precision too, over sums of at most 36 products; measured: 2.4e-7
 * on the reference, 1.6e-7 with oneDNN.
 */
public final class OnnxVectors {
  private static final double TOLERANCE = 2e-6;

  private record Values(int[] shape, float[] values) {}

  private record Vector(
      String name,
      String operator,
      JsonObject attributes,
      List<Values> inputs,
      List<Values> outputs) {
    int integer(String attribute, int otherwise) {
      return attributes.has(attribute) ? attributes.get(attribute).getAsInt() : otherwise;
    }

    float number(String attribute, float otherwise) {
      return attributes.has(attribute) ? attributes.get(attribute).getAsFloat() : otherwise;
    }

    /** A list of numbers that the product has as one. */
    int side(String attribute, int otherwise) {
      if (!attributes.has(attribute)) {
        return otherwise;
      }
      int[] all = new Gson().fromJson(attributes.get(attribute), int[].class);
      assertEquals(1, Arrays.stream(all).distinct().count(), name + ": " + attribute);
      return all[0];
    }

    Window window() {
      return new Window(side("kernel_shape", 0), side("strides", 1), side("pads", 0));
    }
  }

  /**
   * A step with its inputs and what it is to write.
   *
   * @param loss the sum of the samples' losses, of a loss
   */
  public record Case(StepCase stepCase, Map<TensorSpec, float[]> expected, OptionalDouble loss) {

    /**
     * Runs it and compares.
     *
     * @return the largest difference, relative as {@link OnnxVectors} has it
     */
    public double check(Backend backend) {
      StepCase.Outcome outcome = stepCase.run(backend, Precision.FP32);
      double worst = 0;
      for (Map.Entry<TensorSpec, float[]> entry : expected.entrySet()) {
        TensorSpec tensor = entry.getKey();
        float[] right = entry.getValue();
        float[] written = outcome.written().get(tensor).values();
        assertEquals(right.length, written.length);
        double largest = 1;
        for (float value : right) {
          largest = Math.max(largest, Math.abs(value));
        }
        double tolerance = tensor.type() == DType.F32 ? TOLERANCE * largest : 0;
        for (int i = 0; i < right.length; i++) {
          assertEquals(right[i], written[i], tolerance, stepCase + ": " + tensor + " at " + i);
          worst = Math.max(worst, Math.abs(right[i] - written[i]) / largest);
        }
      }
      loss.ifPresent(
          sum -> assertEquals(sum, outcome.metrics().lossSum(), TOLERANCE * sum, stepCase.name()));
      return worst;
    }

    @Override
    public String toString() {
      return stepCase.name();
    }
  }

  private final Vector vector;
  private final Map<TensorSpec, HostTensor> inputs = new LinkedHashMap<>();
  private final Map<TensorSpec, float[]> expected = new LinkedHashMap<>();
  private OptionalDouble loss = OptionalDouble.empty();
  private float rate = 0;

  private OnnxVectors(Vector vector) {
    this.vector = vector;
  }

  /** All of them. */
  public static Stream<Case> all() {
    try (InputStream stream =
            OnnxVectors.class.getResourceAsStream("/org/nin4j/onnx/vectors.json");
        Reader reader = new InputStreamReader(stream, StandardCharsets.UTF_8)) {
      Vector[] vectors = new Gson().fromJson(reader, Vector[].class);
      return Arrays.stream(vectors).map(v -> new OnnxVectors(v).made());
    } catch (IOException e) {
      throw new AssertionError("vectors.json cannot be read", e);
    }
  }

  private Case made() {
    Step step =
        switch (vector.operator()) {
          case "Conv" -> convolution();
          case "AveragePool" ->
              new AvgPoolForward(
                  "l",
                  new AvgPool2d(
                      vector.window(), ceil(), vector.integer("count_include_pad", 0) == 1),
                  image(0),
                  result(0));
          case "MaxPool" -> maxPool();
          case "GlobalAveragePool" -> new GlobalAvgPoolForward("l", image(0), result(0));
          case "GlobalMaxPool" ->
              new GlobalMaxPoolForward("l", image(0), result(0), Optional.empty());
          case "BatchNormalization" -> batchNorm();
          case "Sigmoid" -> new ActivationForward("l", Activation.SIGMOID, image(0), result(0));
          case "Tanh" -> new ActivationForward("l", Activation.TANH, image(0), result(0));
          case "Relu" -> new ActivationForward("l", Activation.RELU, image(0), result(0));
          case "LeakyRelu" ->
              new ActivationForward("l", Activation.LEAKY_RELU, image(0), result(0));
          case "Concat" -> new ConcatForward("l", images(), result(0));
          case "Sum", "Add" -> new Sum("l", images(), result(0), false);
          case "Gemm" -> linear();
          case "SoftmaxCrossEntropyLoss" -> crossEntropy();
          case "Momentum" -> update();
          default -> throw new AssertionError(vector.name() + ": " + vector.operator());
        };
    Epoch epoch = new Epoch(1, 0, new int[0], new float[] {rate});
    return new Case(
        new StepCase(vector.name(), step, inputs, Optional.empty(), epoch), expected, loss);
  }

  private boolean ceil() {
    return vector.integer("ceil_mode", 0) == 1;
  }

  /** Of rank 2 or 4, with ones behind. */
  private static Shape padded(int[] shape) {
    int rank = shape.length <= 2 ? 2 : 4;
    int[] dims = new int[rank];
    Arrays.fill(dims, 1);
    System.arraycopy(shape, 0, dims, 0, shape.length);
    return Shape.of(dims);
  }

  private TensorSpec given(String name, Shape shape, DType type, Role role, float[] values) {
    TensorSpec tensor = new TensorSpec(name, shape, type, role);
    inputs.put(tensor, new HostTensor(shape, values));
    return tensor;
  }

  private TensorSpec image(int number) {
    Values values = vector.inputs().get(number);
    return given("x" + number, padded(values.shape()), DType.F32, Role.ACTIVATION, values.values());
  }

  private List<TensorSpec> images() {
    return IntStream.range(0, vector.inputs().size()).mapToObj(this::image).toList();
  }

  private TensorSpec vector(String name, int number, Role role) {
    float[] values = vector.inputs().get(number).values();
    return given(name, Shape.of(values.length), DType.F32, role, values);
  }

  private TensorSpec result(int number) {
    Values values = vector.outputs().get(number);
    TensorSpec tensor =
        new TensorSpec("y" + number, padded(values.shape()), DType.F32, Role.ACTIVATION);
    expected.put(tensor, values.values());
    return tensor;
  }

  private Step convolution() {
    Values weight = vector.inputs().get(1);
    boolean bias = vector.inputs().size() > 2;
    Conv2d conv = new Conv2d(weight.shape()[0], vector.window(), vector.integer("group", 1), bias);
    return new ConvolutionForward(
        "l",
        conv,
        image(0),
        given("w", padded(weight.shape()), DType.F32, Role.PARAMETER, weight.values()),
        bias ? Optional.of(vector("b", 2, Role.PARAMETER)) : Optional.empty(),
        result(0),
        false);
  }

  /** ONNX says where the maximum is in the image, we say where in the window. */
  private Step maxPool() {
    Window window = vector.window();
    TensorSpec x = image(0);
    TensorSpec y = result(0);
    TensorSpec position = new TensorSpec("p", y.shape(), DType.U8, Role.ACTIVATION);
    if (vector.outputs().size() > 1) {
      float[] places = vector.outputs().get(1).values();
      int width = x.shape().dim(3);
      int columns = y.shape().dim(3);
      float[] positions = new float[places.length];
      for (int i = 0; i < places.length; i++) {
        int row = (int) places[i] / width - i / columns * window.stride() + window.padding();
        int column = (int) places[i] % width - i % columns * window.stride() + window.padding();
        positions[i] = row * window.kernel() + column;
      }
      expected.put(position, positions);
    }
    return new MaxPoolForward("l", new MaxPool2d(window, ceil()), x, y, Optional.of(position));
  }

  /** ONNX's momentum is the share that stays, and its running variance counts all M values as M. */
  private Step batchNorm() {
    BatchNorm norm =
        new BatchNorm(vector.number("epsilon", 1e-5f), 1 - vector.number("momentum", 0.9f));
    TensorSpec x = image(0);
    TensorSpec weight = vector("w", 1, Role.PARAMETER);
    TensorSpec bias = vector("b", 2, Role.PARAMETER);
    TensorSpec mean = vector("m", 3, Role.STATE);
    TensorSpec variance = vector("v", 4, Role.STATE);
    TensorSpec y = result(0);
    if (vector.integer("training_mode", 0) == 0) {
      return new BatchNormInference(
          "l", norm, x, weight, bias, mean, variance, y, AfterNorm.NOTHING);
    }
    float[] before = vector.inputs().get(4).values();
    float[] after = vector.outputs().get(2).values();
    double count = (double) x.shape().elements() / x.shape().dim(1);
    float[] unbiased = new float[after.length];
    for (int c = 0; c < after.length; c++) {
      double kept = (1.0 - norm.momentum()) * before[c];
      unbiased[c] = (float) (kept + (after[c] - kept) * count / (count - 1));
    }
    expected.put(mean, vector.outputs().get(1).values());
    expected.put(variance, unbiased);
    return new BatchNormForward(
        "l",
        norm,
        x,
        weight,
        bias,
        mean,
        variance,
        y,
        new TensorSpec("l.mean", mean.shape(), DType.F32, Role.ACTIVATION),
        new TensorSpec("l.inverse", mean.shape(), DType.F32, Role.ACTIVATION),
        AfterNorm.NOTHING);
  }

  private Step linear() {
    Values weight = vector.inputs().get(1);
    boolean ours = vector.integer("transB", 0) == 1;
    int rows = weight.shape()[ours ? 0 : 1];
    int columns = weight.shape()[ours ? 1 : 0];
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      int row = i / columns;
      int column = i % columns;
      values[i] = weight.values()[ours ? i : column * rows + row];
    }
    return new LinearForward(
        "l",
        image(0),
        given("w", Shape.of(rows, columns), DType.F32, Role.PARAMETER, values),
        vector("b", 2, Role.PARAMETER),
        result(0),
        false);
  }

  /**
   * The second output, log(softmax), gives the gradient: softmax less the label's 1, by samples.
   */
  private Step crossEntropy() {
    TensorSpec logits = image(0);
    float[] classes = vector.inputs().get(1).values();
    TensorSpec labels =
        given("labels", Shape.of(classes.length), DType.I32, Role.ACTIVATION, classes);
    boolean mean = vector.attributes().get("reduction").getAsString().equals("mean");
    loss =
        OptionalDouble.of(
            vector.outputs().get(0).values()[0] * (double) (mean ? classes.length : 1));
    if (vector.outputs().size() == 1) {
      return new SoftmaxCrossEntropy(logits, labels, Optional.empty(), 0);
    }
    TensorSpec gradient = new TensorSpec("g", logits.shape(), DType.F32, Role.ACTIVATION);
    float[] logarithms = vector.outputs().get(1).values();
    float[] gradients = new float[logarithms.length];
    int count = logits.shape().dim(1);
    for (int i = 0; i < gradients.length; i++) {
      double share = Math.exp(logarithms[i]) - (i % count == (int) classes[i / count] ? 1 : 0);
      gradients[i] = (float) (share / classes.length);
    }
    expected.put(gradient, gradients);
    return new SoftmaxCrossEntropy(logits, labels, Optional.of(gradient), 0);
  }

  /** Step 0, where ONNX's factor of the gradient is 1 as ours always is. */
  private Step update() {
    rate = vector.inputs().get(0).values()[0];
    assertEquals(0, vector.inputs().get(1).values()[0], vector.name() + ": step");
    Sgd sgd =
        new Sgd(
            vector.number("alpha", 0),
            vector.attributes().get("mode").getAsString().equals("nesterov"),
            vector.number("norm_coefficient", 0));
    int count = vector.outputs().size() / 2;
    List<TensorSpec> parameters = new ArrayList<>();
    List<TensorSpec> gradients = new ArrayList<>();
    List<TensorSpec> velocities = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      parameters.add(vector("p" + i, 2 + i, Role.PARAMETER));
      gradients.add(vector("p" + i + ".gradient", 2 + count + i, Role.PARAMETER_GRADIENT));
      velocities.add(vector("p" + i + ".velocity", 2 + 2 * count + i, Role.OPTIMIZER_STATE));
      expected.put(parameters.get(i), vector.outputs().get(i).values());
      expected.put(velocities.get(i), vector.outputs().get(count + i).values());
    }
    return new SgdUpdate(sgd, UpdateGroup.of(parameters, gradients), velocities);
  }
}
