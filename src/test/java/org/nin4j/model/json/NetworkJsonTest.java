package org.nin4j.model.json;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonParser;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nin4j.backend.RandomNetworks;
import org.nin4j.model.Activation;
import org.nin4j.model.AvgPool2d;
import org.nin4j.model.BatchNorm;
import org.nin4j.model.Branches;
import org.nin4j.model.Concat;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Dropout;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.GlobalMaxPool2d;
import org.nin4j.model.Identity;
import org.nin4j.model.Layer;
import org.nin4j.model.Leaf;
import org.nin4j.model.Linear;
import org.nin4j.model.MaxPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.Part;
import org.nin4j.model.Sequential;
import org.nin4j.model.Sum;
import org.nin4j.model.Window;
import org.nin4j.model.zoo.AlexNet;
import org.nin4j.model.zoo.DenseNet;
import org.nin4j.model.zoo.GoogLeNet;
import org.nin4j.model.zoo.LeNet;
import org.nin4j.model.zoo.NetworkInNetwork;
import org.nin4j.model.zoo.Networks;
import org.nin4j.model.zoo.ResNet;
import org.nin4j.model.zoo.Vgg;

class NetworkJsonTest {
  private static final Network EVERYTHING =
      new Network(
          "everything",
          Sequential.of(
              Part.of("grouped", new Conv2d(6, new Window(3, 2, 1), 3, false)),
              Part.of("norm", new BatchNorm(1e-3f, 0.25f)),
              Part.of("plain-norm", new BatchNorm()),
              Part.of("max", new MaxPool2d(new Window(3, 2, 1), true)),
              Part.of("avg", new AvgPool2d(new Window(2, 1, 0), true, false)),
              Part.inline(
                  "sum",
                  Sum.of(Part.of("skip", new Identity()), Part.inline("relu", Activation.RELU))),
              Part.of(
                  "concat", Concat.of(Activation.SIGMOID, Activation.TANH, Activation.LEAKY_RELU)),
              Part.inline("nested", Sequential.of(new Dropout(0.3f), new GlobalMaxPool2d())),
              Part.of("average", new GlobalAvgPool2d()),
              Part.of("flat", new Flatten()),
              Part.of("out", new Linear(10))));

  @Test
  void whatIsWrittenReadsAsTheSame() {
    long seed = System.nanoTime();
    System.out.println("random networks from seed " + seed);
    List<Network> networks =
        new ArrayList<>(
            List.of(
                EVERYTHING,
                LeNet.of(10),
                AlexNet.of(10),
                Vgg.eleven(7),
                GoogLeNet.of(10),
                ResNet.eighteen(10),
                DenseNet.of(10),
                NetworkInNetwork.of(10)));
    Networks.all().forEach(known -> networks.add(known.network(10)));
    for (int i = 0; i < 20; i++) {
      networks.add(RandomNetworks.draw(seed + i, 5));
    }
    for (Network network : networks) {
      String text = NetworkWriter.write(network).toString();
      assertEquals(network, NetworkReader.read(JsonParser.parseString(text)), text);
    }
  }

  /** A kind that the reader forgets would fail the test above, if only it is in there. */
  @Test
  void everyKindIsAmongWhatIsTried() {
    Set<Class<?>> met = new HashSet<>();
    collect(EVERYTHING.layers(), met);
    for (Class<?> kind :
        Stream.of(Leaf.class, Branches.class)
            .flatMap(parent -> Stream.of(parent.getPermittedSubclasses()))
            .toList()) {
      assertTrue(met.contains(kind), kind + " is not tried");
    }
  }

  private static void collect(Layer layer, Set<Class<?>> met) {
    met.add(layer.getClass());
    List<Part> parts =
        layer instanceof Sequential s
            ? s.parts()
            : layer instanceof Branches b ? b.branches() : List.of();
    parts.forEach(part -> collect(part.layer(), met));
  }

  @Test
  void aPersonMayWriteItShort() {
    Network network =
        NetworkReader.read(
            JsonParser.parseString(
                """
                {"name": "mine", "layers": [
                  {"kind": "conv", "channels": 8, "kernel": 3, "padding": 1}, "batchnorm", "relu",
                  {"kind": "sum", "branches": ["identity",
                    [{"kind": "conv", "channels": 8, "kernel": 3, "padding": 1}, "relu"]]},
                  {"kind": "maxpool", "kernel": 2, "stride": 2}, "globalavg", "flatten",
                  {"kind": "linear", "features": 10}]}
                """));
    assertEquals(
        new Network(
            "mine",
            Sequential.of(
                new Conv2d(8, 3, 1, 1),
                new BatchNorm(),
                Activation.RELU,
                Sum.of(new Identity(), Sequential.of(new Conv2d(8, 3, 1, 1), Activation.RELU)),
                new MaxPool2d(2, 2),
                new GlobalAvgPool2d(),
                new Flatten(),
                new Linear(10))),
        network);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "[\"convx\"] | layers[0]: there is no kind \"convx\"; there are conv, linear, relu",
        "[[\"relu\", {\"kind\": \"conv\", \"channels\": 3}]] | layers[0][1] has no \"kernel\"",
        "[{\"channels\": 3}] | layers[0] has no \"kind\"",
        "[{\"kind\": \"relu\", \"slope\": 3}] | layers[0] has an unknown \"slope\"",
        "[{\"kind\": \"linear\", \"features\": 0}] | layers[0]: a linear layer needs at least 1",
        "[{\"kind\": \"linear\", \"features\": 1e12}] | layers[0].features is a whole number below",
        "[{\"kind\": \"linear\", \"features\": 2.5}] | layers[0].features is a whole number below",
        "[{\"kind\": \"linear\", \"features\": \"ten\"}] | layers[0].features is a whole number, not",
        "[{\"kind\": \"conv\", \"channels\": 1, \"kernel\": 1, \"bias\": 1}] | true or false",
        "[{\"kind\": \"sum\", \"branches\": 3}] | layers[0].branches is an array of layers",
        "[{\"kind\": \"sum\", \"branches\": {\"a b\": \"relu\"}}] | a part's name has letters",
        "[{\"kind\": \"dropout\"}] | layers[0] has no \"probability\"",
        "[] | layers: a sequence needs at least one layer",
        "17 | layers is an object",
      })
  void whatDescribesNoNetworkIsNamed(String layers, String message) {
    DescriptionException e =
        assertThrows(
            DescriptionException.class,
            () ->
                NetworkReader.read(
                    JsonParser.parseString("{\"name\": \"n\", \"layers\": " + layers + "}")));
    assertTrue(e.getMessage().contains(message), e.getMessage());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "{\"name\": \"a\", \"layers\": [\"relu\"], \"name\": \"b\"} | the description has \"name\" twice",
        "{\"name\": \"a\", \"layers\": [\"relu\", {\"kind\": \"relu\", \"kind\": \"tanh\"}]}"
            + " | the description has \"kind\" twice in layers[1]",
      })
  void aNameGivenTwiceIsRefused(String json, String message) {
    DescriptionException e =
        assertThrows(DescriptionException.class, () -> NetworkReader.parse(json));
    assertTrue(e.getMessage().contains(message), e.getMessage());
  }

  @ParameterizedTest
  @CsvSource({"150, more than 100 deep", "2000, is no JSON", "1000000, is no JSON"})
  void layersNestedTooDeepAreRefusedBeforeTheStackEnds(int depth, String told) {
    String layers = "[".repeat(depth) + "\"relu\"" + "]".repeat(depth);
    String message = problem("{\"name\": \"n\", \"layers\": " + layers + "}");
    assertTrue(message.contains(told), message);
    assertTrue(message.length() < 300, message);
  }

  private static String problem(String json) {
    return assertThrows(DescriptionException.class, () -> NetworkReader.parse(json)).getMessage();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "hello | the description is no JSON",
        "{\"name\": | the description is no JSON",
        "'' | the description is no JSON",
        "{\"layers\": [\"relu\"]} | the description has no \"name\"",
        "{\"name\": \"n\"} | the description has no \"layers\"",
        "{\"name\": \"../n\", \"layers\": [\"relu\"]} | a network's name, which folders get",
        "{\"name\": \"n\", \"layers\": [{\"kind\": \"maxpool\", \"kernel\": 1000000000}]} |"
            + " layers[0]: a window's kernel, stride and padding are at most 65536",
      })
  void whatIsNoDescriptionIsNamed(String json, String message) {
    String problem = problem(json);
    assertTrue(
        problem.toLowerCase(Locale.ROOT).contains(message.toLowerCase(Locale.ROOT)), problem);
  }
}
