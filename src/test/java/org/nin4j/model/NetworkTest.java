package org.nin4j.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.nin4j.model.zoo.NetworkInNetwork;
import org.nin4j.model.zoo.NinVariant;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

class NetworkTest {
  private static long count(Network network, Shape input) {
    return network.parameters(input).stream().mapToLong(p -> p.shape().elements()).sum();
  }

  /** Shapes and counts as the published summaries print them. */
  @Test
  void ninHasThePublishedShapesAndParameters() {
    Network nin = NetworkInNetwork.of(10);
    Shape input = Shape.of(1, 224, 224);
    List<Network.Node> layers = nin.nodes(input);
    List<String> table =
        layers.stream()
            .filter(p -> !(p.layer() == Activation.RELU))
            .map(
                p ->
                    Text.of(
                        "%s %s %d",
                        p.name(),
                        p.output(),
                        p.parameters().stream().mapToLong(q -> q.shape().elements()).sum()))
            .toList();
    assertEquals(
        List.of(
            "0.0 96×54×54 11712",
            "0.2 96×54×54 9312",
            "0.4 96×54×54 9312",
            "1 96×26×26 0",
            "2.0 256×26×26 614656",
            "2.2 256×26×26 65792",
            "2.4 256×26×26 65792",
            "3 256×12×12 0",
            "4.0 384×12×12 885120",
            "4.2 384×12×12 147840",
            "4.4 384×12×12 147840",
            "5 384×5×5 0",
            "6 384×5×5 0",
            "7.0 10×5×5 34570",
            "7.2 10×5×5 110",
            "7.4 10×5×5 110",
            "8 10×1×1 0",
            "9 10 0"),
        table);
    assertEquals(12, layers.stream().filter(p -> p.layer() == Activation.RELU).count());
    assertEquals(1_992_166, count(nin, input));
    assertEquals(2_015_398, count(nin, Shape.of(3, 224, 224)));
  }

  @Test
  void innerConvolutionsCanBeChanged() {
    Shape input = Shape.of(1, 224, 224);
    Network one =
        NetworkInNetwork.of(10, NinVariant.PUBLISHED.withInner(List.of(new Window(1, 1, 0))));
    long removed = 9_312 + 65_792 + 147_840 + 110;
    assertEquals(1_992_166 - removed, count(one, input));
    Network wide =
        NetworkInNetwork.of(
            10, NinVariant.PUBLISHED.withInner(List.of(new Window(3, 1, 1), new Window(3, 1, 1))));
    long weightsOf1x1 = 2L * (96 * 96 + 256 * 256 + 384 * 384 + 10 * 10);
    assertEquals(1_992_166 + 8 * weightsOf1x1, count(wide, input));
    assertEquals(Shape.of(10), wide.nodes(input).get(wide.nodes(input).size() - 1).output());
  }

  @Test
  void anImageTooSmallNamesTheLayerAndBothShapes() {
    ShapeException e =
        assertThrows(
            ShapeException.class, () -> NetworkInNetwork.of(10).nodes(Shape.of(1, 66, 66)));
    assertTrue(e.getMessage().contains("layer 5 (maxpool)"), e.getMessage());
    assertTrue(e.getMessage().contains("384×2×2"), e.getMessage());
    assertTrue(e.getMessage().contains("at least 3×3"), e.getMessage());
    NetworkInNetwork.of(10).nodes(Shape.of(1, 67, 67));
  }

  @Test
  void layersInTheWrongOrderSayWhatToDo() {
    Network network = new Network("wrong", Sequential.of(new Flatten(), new Conv2d(3, 3, 1, 1)));
    ShapeException e = assertThrows(ShapeException.class, () -> network.nodes(Shape.of(1, 4, 4)));
    assertEquals(
        "layer 1 (conv) of wrong: a convolution takes (channels × height × width), but 16 reaches it; place it before flatten",
        e.getMessage());
  }

  @Test
  void initialValuesFillTheirInterval() {
    Parameter weight = new Parameter("w", Shape.of(40, 30, 3, 3), Parameter.Role.WEIGHT, 270, 360);
    Parameter bias = new Parameter("b", Shape.of(40), Parameter.Role.BIAS, 270, 360);
    assertUniform(Initialisation.XAVIER_UNIFORM.draw(weight, 0, 1), Math.sqrt(6.0 / 630));
    assertUniform(Initialisation.HE_UNIFORM.draw(weight, 0, 1), Math.sqrt(6.0 / 270));
    assertUniform(Initialisation.PYTORCH.draw(weight, 0, 1), Math.sqrt(1.0 / 270));
    for (float b : Initialisation.HE_UNIFORM.draw(bias, 1, 1).values()) {
      assertEquals(0f, b);
    }
  }

  @Test
  void identityPassesOnWhatItCan() {
    Parameter square = new Parameter("w", Shape.of(5, 5, 3, 3), Parameter.Role.WEIGHT, 45, 45);
    float[] values = Initialisation.IDENTITY.draw(square, 0, 1).values();
    for (int i = 0; i < values.length; i++) {
      boolean centre = i % 9 == 4;
      int input = i / 9 % 5;
      int output = i / 45;
      assertEquals(centre && input == output ? 1f : 0f, values[i], "weight " + i);
    }
    Parameter bias = new Parameter("b", Shape.of(5), Parameter.Role.BIAS, 45, 45);
    assertArrayEquals(new float[5], Initialisation.IDENTITY.draw(bias, 1, 1).values());
  }

  @Test
  void identityDrawsOtherWeightsAroundTheirFiltersMean() {
    Parameter weight = new Parameter("w", Shape.of(40, 30, 3, 3), Parameter.Role.WEIGHT, 270, 360);
    float[] half = Initialisation.HE_UNIFORM.draw(weight, 0, 1).values();
    float[] values = Initialisation.IDENTITY.draw(weight, 0, 1).values();
    for (int filter = 0; filter < 40; filter++) {
      double mean = 0;
      double sum = 0;
      for (int i = 270 * filter; i < 270 * (filter + 1); i++) {
        mean += half[i] / 2 / 270;
        sum += values[i];
      }
      // 270 roundings of numbers below 0.1, each by at most 2⁻²⁸.
      assertEquals(0, sum, 270 * 0x1p-28);
      for (int i = 270 * filter; i < 270 * (filter + 1); i++) {
        assertEquals(half[i] / 2 - mean, values[i], 1e-8);
      }
    }
  }

  @Test
  void identityRaisesTheBiasesOfNarrowingLayersAlone() {
    Network network = NetworkInNetwork.of(10);
    List<Parameter> parameters = network.parameters(Shape.of(1, 67, 67));
    for (int i = 0; i < parameters.size(); i++) {
      Parameter parameter = parameters.get(i);
      if (parameter.role() == Parameter.Role.BIAS) {
        float expected = parameter.name().equals("7.0.bias") ? 1 : 0;
        for (float value : Initialisation.IDENTITY.draw(parameter, i, 1).values()) {
          assertEquals(expected, value, parameter.name());
        }
      }
    }
  }

  /** Variance of a uniform is bound²/3; 10,800 draws estimate it within 5 % but once in 10⁶. */
  private static void assertUniform(HostTensor values, double bound) {
    double sum = 0;
    double squares = 0;
    for (float v : values.values()) {
      assertTrue(Math.abs(v) <= bound);
      sum += v;
      squares += v * v;
    }
    int n = values.values().length;
    assertEquals(0, sum / n, 5 * bound / Math.sqrt(3.0 * n));
    assertEquals(bound * bound / 3, squares / n, 0.05 * bound * bound / 3);
  }
}
