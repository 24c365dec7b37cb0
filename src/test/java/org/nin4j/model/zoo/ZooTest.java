package org.nin4j.model.zoo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nin4j.model.Network;
import org.nin4j.model.Parameter;
import org.nin4j.model.Window;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.tensor.Shape;

/** Counts and shapes that follow by arithmetic from the published code. */
class ZooTest {
  static Stream<Arguments> published() {
    Window one = new Window(1, 1, 0);
    Window three = new Window(3, 1, 1);
    return Stream.of(
        of(
            NetworkInNetwork.of(10),
            224,
            1_992_166,
            24,
            762_297_352,
            "96×54×54",
            "96×26×26",
            "256×26×26",
            "256×12×12",
            "384×12×12",
            "384×5×5",
            "10×5×5"),
        of(
            NetworkInNetwork.fifteen(10, NinVariant.PUBLISHED),
            224,
            2_225_510,
            30,
            1_678_678_048,
            "64×112×112",
            "64×55×55",
            "256×55×55",
            "256×27×27",
            "256×13×13",
            "384×6×6",
            "10×6×6"),
        // Stages of 1-1-2-2-2, 2-2-3-3-3 and 2-2-4-4-4 convolutions, and three in the last block.
        of(
            NetworkInNetwork.eleven(10, NinVariant.PUBLISHED),
            224,
            4_547_046,
            2 * 11,
            3_523_415_072L,
            "64×224×224",
            "64×111×111",
            "128×111×111",
            "128×55×55",
            "256×55×55",
            "256×27×27",
            "512×27×27",
            "512×13×13",
            "512×6×6",
            "10×6×6"),
        of(
            NetworkInNetwork.sixteen(10, NinVariant.PUBLISHED),
            224,
            5_158_822,
            2 * 16,
            4_364_454_944L,
            "64×224×224",
            "512×6×6",
            "10×6×6"),
        of(
            NetworkInNetwork.nineteen(10, NinVariant.PUBLISHED),
            224,
            5_749_926,
            2 * 19,
            4_798_106_656L,
            "64×224×224",
            "512×6×6",
            "10×6×6"),
        // Two parameters a channel more: 3 × (96 + 256 + 384 + 10) channels.
        of(
            NetworkInNetwork.withBatchNorm(10, NinVariant.PUBLISHED),
            224,
            1_992_166 + 2 * 2_238,
            48,
            762_297_352),
        of(LeNet.withBatchNorm(10), 28, 61_706 + 2 * (6 + 16 + 120 + 84), 18, 416_520),
        of(LeNet.of(10), 28, 61_706, 10, 416_520, "6×14×14", "16×5×5"),
        of(AlexNet.of(10), 224, 46_764_746, 16, 938_146_176, "96×54×54", "96×26×26", "256×5×5"),
        of(Vgg.eleven(10), 224, 128_806_154, 22, 7_547_232_256L, "64×112×112", "512×7×7"),
        of(Vgg.elevenQuarter(10), 224, 43_093_322, 22, 512_155_648, "16×112×112", "128×7×7"),
        of(
            GoogLeNet.of(10),
            96,
            5_977_530,
            116,
            276_066_304,
            "64×24×24",
            "192×12×12",
            "480×6×6",
            "832×3×3",
            "1024×3×3"),
        of(
            ResNet.eighteen(10),
            96,
            11_178_378,
            76,
            318_657_536,
            "64×24×24",
            "128×12×12",
            "256×6×6",
            "512×3×3"),
        of(ResNet.eighteen(10), 224, 11_178_378, 76, 1_734_890_496),
        of(
            DenseNet.of(10),
            96,
            758_226,
            84,
            129_077_168,
            "192×24×24",
            "96×12×12",
            "224×12×12",
            "112×6×6",
            "240×6×6",
            "120×3×3",
            "248×3×3"),
        of(
            NetworkInNetwork.of(10, NinVariant.PUBLISHED.withInner(List.of(one))),
            224,
            1_769_112,
            16,
            669_884_996),
        of(
            NetworkInNetwork.of(10, NinVariant.PUBLISHED.withInner(List.of(one, one, one))),
            224,
            2_215_220,
            32,
            854_709_708),
        of(
            NetworkInNetwork.of(10, NinVariant.PUBLISHED.withInner(List.of(three, three))),
            224,
            5_549_094,
            24,
            2_240_895_048L));
  }

  private static Arguments of(
      Network network,
      int size,
      long parameters,
      int tensors,
      long multiplyAdds,
      String... shapes) {
    return Arguments.of(network, size, parameters, tensors, multiplyAdds, List.of(shapes));
  }

  @ParameterizedTest
  @MethodSource("published")
  void countsAndShapesAreThePublishedOnes(
      Network network,
      int size,
      long parameters,
      int tensors,
      long multiplyAdds,
      List<String> shapes) {
    Shape input = Shape.of(1, size, size);
    List<Parameter> all = network.parameters(input);
    assertEquals(tensors, all.size());
    assertEquals(parameters, all.stream().mapToLong(p -> p.shape().elements()).sum());
    assertEquals(
        multiplyAdds,
        Planner.plan(
                network,
                BatchSpec.unit(input, size, size),
                1,
                Precision.FP32,
                new Purpose.Inference())
            .multiplyAdds());
    List<String> met =
        network.nodes(input).stream().map(n -> n.output().toString()).distinct().toList();
    assertTrue(met.containsAll(shapes), () -> shapes + " are not all among " + met);
  }

  /**
   * By arithmetic: convolutions of k² · in · out weights and out biases, applied at each pixel of
   * 32×32, 16×16 and 8×8.
   */
  @Test
  void thePapersNetworkIsTheAuthorsConfiguration() {
    Network network = NetworkInNetwork.cifar(10);
    Shape input = Shape.of(3, 32, 32);
    long first = 25 * 3 * 192 + 192 * 160 + 160 * 96;
    long second = 25 * 96 * 192 + 192 * 192 + 192 * 192;
    long third = 9 * 192 * 192 + 192 * 192 + 192 * 10;
    long biases = 192 + 160 + 96 + 5 * 192 + 10;
    assertEquals(966_986, first + second + third + biases);
    assertEquals(
        966_986, network.parameters(input).stream().mapToLong(p -> p.shape().elements()).sum());
    assertEquals(18, network.parameters(input).size());
    assertEquals(222_486_528, 1024 * first + 256 * second + 64 * third);
    assertEquals(
        222_486_528,
        Planner.plan(
                network, BatchSpec.unit(input, 32, 32), 1, Precision.FP32, new Purpose.Inference())
            .multiplyAdds());
    List<String> pooled =
        network.nodes(input).stream()
            .filter(n -> n.layer().kind().equals("maxpool"))
            .map(n -> n.output().toString())
            .toList();
    assertEquals(List.of("96×16×16", "192×8×8"), pooled);
    long relus = network.nodes(input).stream().filter(n -> n.layer().kind().equals("relu")).count();
    assertEquals(9, relus);
  }

  private static List<Integer> lastBlock(NinVariant variant) {
    return NetworkInNetwork.of(10, variant).nodes(Shape.of(1, 224, 224)).stream()
        .filter(n -> n.name().startsWith("7.") && n.layer().kind().equals("conv"))
        .map(n -> n.output().dim(0))
        .toList();
  }

  @Test
  void theLastBlocksChannelsMayGoDownInSteps() {
    NinVariant published = NinVariant.PUBLISHED;
    assertEquals(List.of(10, 10, 10), lastBlock(published));
    assertEquals(List.of(10, 10, 10), lastBlock(published.withReduction(List.of(10))));
    assertEquals(List.of(192, 10, 10), lastBlock(published.withReduction(List.of(192, 10))));
    assertEquals(List.of(96, 48, 10), lastBlock(published.withReduction(List.of(96, 48, 10))));
    NinVariant wrong = published.withReduction(List.of(96, 48, 24, 10));
    assertThrows(IllegalArgumentException.class, () -> NetworkInNetwork.of(10, wrong));
    assertThrows(
        IllegalArgumentException.class,
        () -> NetworkInNetwork.of(10, published.withReduction(List.of(96, 12))));
  }

  /** 10×5×5 values to 10 classes: 2,510 parameters more. */
  @Test
  void theHeadMayBeALinearLayer() {
    Network network =
        NetworkInNetwork.of(10, NinVariant.PUBLISHED.withHead(NinVariant.Head.LINEAR));
    Map<String, String> shapes = shapes(network, 224);
    assertEquals("10×250", shapes.get("9.weight"));
    assertEquals(
        1_992_166 + 2_510,
        network.parameters(Shape.of(1, 224, 224)).stream()
            .mapToLong(p -> p.shape().elements())
            .sum());
  }

  @Test
  void theLastReluMayBeLeftOut() {
    List<String> published = kinds(NinVariant.Head.AVERAGE);
    List<String> open = kinds(NinVariant.Head.AVERAGE_NO_RELU);
    assertEquals(List.of("relu", "globalavg", "flatten"), published.subList(27, 30));
    assertEquals(List.of("conv", "globalavg", "flatten"), open.subList(26, 29));
    assertEquals(published.subList(0, 27), open.subList(0, 27));
  }

  private static List<String> kinds(NinVariant.Head head) {
    return NetworkInNetwork.of(10, NinVariant.PUBLISHED.withHead(head))
        .nodes(Shape.of(1, 224, 224))
        .stream()
        .map(n -> n.layer().kind())
        .toList();
  }

  @Test
  void theFamilysNumbersAreNotVaried() {
    NinVariant one = NinVariant.PUBLISHED.withInner(List.of(new Window(1, 1, 0)));
    assertThrows(IllegalArgumentException.class, () -> NetworkInNetwork.sixteen(10, one));
    NinVariant stepwise = NinVariant.PUBLISHED.withReduction(List.of(192, 10));
    assertTrue(shapes(NetworkInNetwork.sixteen(10, stepwise), 224).containsValue("192×512×3×3"));
  }

  @Test
  void batchNormStandsBetweenEachConvolutionAndItsRelu() {
    List<String> kinds =
        NetworkInNetwork.withBatchNorm(10, NinVariant.PUBLISHED)
            .nodes(Shape.of(1, 224, 224))
            .stream()
            .filter(n -> n.name().startsWith("0."))
            .map(n -> n.layer().kind())
            .toList();
    List<String> one = List.of("conv", "batchnorm", "relu");
    assertEquals(Stream.of(one, one, one).flatMap(List::stream).toList(), kinds);
  }

  @Test
  void everyNameIsItsNetworks() {
    assertEquals(
        List.of(
            "nin",
            "nin-bn",
            "nin-15",
            "nin-11",
            "nin-16",
            "nin-19",
            "nin-mini",
            "nin-cifar",
            "lenet",
            "lenet-bn",
            "alexnet",
            "vgg11",
            "vgg11-quarter",
            "googlenet",
            "resnet18",
            "densenet"),
        Networks.NAMES);
    for (Networks.Known known : Networks.all()) {
      assertEquals(known.name(), known.network(10).name());
      assertEquals(known, Networks.named(known.name()));
    }
  }

  /** Names and shapes as the book's code gives them in PyTorch. */
  @Test
  void parametersAreCalledAsInTheBook() {
    Map<String, String> google = shapes(GoogLeNet.of(10), 96);
    assertEquals("64×1×7×7", google.get("0.0.weight"));
    assertEquals("192×64×3×3", google.get("1.2.weight"));
    assertEquals("128×96×3×3", google.get("2.0.p2_2.weight"));
    assertEquals("32×192×1×1", google.get("2.0.p4_2.weight"));
    assertEquals("48×832×1×1", google.get("4.1.p3_1.weight"));
    assertEquals("10×1024", google.get("5.weight"));
    Map<String, String> res = shapes(ResNet.eighteen(10), 96);
    assertEquals("64", res.get("0.1.weight"));
    assertEquals("64×64×3×3", res.get("1.0.conv1.weight"));
    assertEquals("128×64×1×1", res.get("2.0.conv3.weight"));
    assertEquals("512", res.get("4.1.bn2.bias"));
    assertEquals("10×512", res.get("7.weight"));
    Map<String, String> dense = shapes(DenseNet.of(10), 96);
    assertEquals("160", dense.get("1.net.3.0.weight"));
    assertEquals("32×160×3×3", dense.get("1.net.3.2.weight"));
    assertEquals("96×192×1×1", dense.get("2.2.weight"));
    assertEquals("248", dense.get("8.weight"));
    assertEquals("10×248", dense.get("12.weight"));
    assertEquals(
        List.of("0.1.running_mean", "0.1.running_var", "1.0.bn1.running_mean"),
        ResNet.eighteen(10).state(Shape.of(1, 96, 96)).stream()
            .map(Parameter::name)
            .limit(3)
            .toList());
  }

  private static Map<String, String> shapes(Network network, int size) {
    return network.parameters(Shape.of(1, size, size)).stream()
        .collect(Collectors.toMap(Parameter::name, p -> p.shape().toString()));
  }
}
