package org.nin4j.interop;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nin4j.model.Flatten;
import org.nin4j.model.Linear;
import org.nin4j.model.Network;
import org.nin4j.model.Sequential;
import org.nin4j.model.zoo.Networks;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;
import org.nin4j.train.checkpoint.CheckpointException;

class PyTorchWeightsTest {
  /** Weights 1.weight [2, 3] and 1.bias [2]. */
  private static final Network SMALL =
      new Network("small", Sequential.of(new Flatten(), new Linear(2)));

  private static final Shape INPUT = Shape.of(1, 1, 3);

  private static final String BIAS =
      "\"1.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}";

  private static final String WEIGHT =
      "\"1.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[8,32]}";

  @TempDir private Path folder;

  @Test
  void whatPyTorchWroteGivesItsLogits() throws IOException {
    Path weights = resource("lenet-bn.safetensors");
    Network network = Networks.named("lenet-bn").network(10);
    Shape input = Shape.of(1, 28, 28);
    PortableNetwork read =
        new PortableNetwork(
            network, input, PyTorchWeights.read(weights, network, input, List.of()), Map.of());
    try (TensorFile recorded = TensorFile.open(resource("lenet-bn.answers.safetensors"))) {
      HostTensor images = new HostTensor(input.batched(2), recorded.read("images"));
      ZooCase.assertClose(
          "lenet-bn", recorded.read("logits"), ZooCase.logits(read, images).values(), 1e-5);
    }
  }

  @Test
  void whatIsWrittenIsReadAgain() throws IOException {
    PortableNetwork written = ZooCase.of("lenet-bn").network();
    Path file = folder.resolve("weights");
    PyTorchWeights.write(written, file);
    Map<String, HostTensor> read =
        PyTorchWeights.read(file, written.network(), written.input(), List.of());
    assertEquals(written.values().keySet(), read.keySet());
    written
        .values()
        .forEach((name, v) -> assertArrayEquals(v.values(), read.get(name).values(), name));
    try (TensorFile content = TensorFile.open(file)) {
      assertEquals("pt", content.metadata().get("format"));
      assertEquals("π", content.metadata().get("nin4j.note"));
      TensorFile.Entry counter = content.entries().get("1.num_batches_tracked");
      assertEquals(ValueType.I64, counter.type());
      assertEquals(List.of(), counter.dims());
    }
    long header =
        ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN).getLong();
    assertEquals(0, header % 8);
  }

  @ParameterizedTest
  @CsvSource({
    "0x0000, 0",
    "0x8000, -0.0",
    "0x3c00, 1",
    "0xc000, -2",
    "0x0001, 5.9604645e-8",
    "0x03ff, 6.097555e-5",
    "0x0400, 6.1035156e-5",
    "0x7bff, 65504",
    "0x3555, 0.33325195",
    "0x7c00, Infinity",
    "0xfc00, -Infinity",
    "0x7e00, NaN"
  })
  void halfPrecisionIsExact(String bits, float value) {
    assertEquals(value, ValueType.half((short) (int) Integer.decode(bits)));
  }

  @Test
  void everyFloatingPointTypeIsRead() throws IOException {
    ByteBuffer values = ByteBuffer.allocate(4 * 8 + 2 * 2).order(ByteOrder.LITTLE_ENDIAN);
    values.putShort((short) 0x3f80).putShort((short) 0xc000);
    for (double value : new double[] {1, -2, 0.5, 0}) {
      values.putDouble(value);
    }
    Path file =
        write(
            "{\"b\":{\"dtype\":\"F64\",\"shape\":[2,2],\"data_offsets\":[4,36]},"
                + "\"a\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]}}",
            values.array());
    try (TensorFile content = TensorFile.open(file)) {
      assertArrayEquals(new float[] {1, -2}, content.read("a"));
      assertArrayEquals(new float[] {1, -2, 0.5f, 0}, content.read("b"));
    }
  }

  /** Headers that the format's own parser rejects, each over 32 bytes of values. */
  static Stream<Arguments> rejected() {
    String t = "{\"dtype\":\"F32\",\"shape\":[8],\"data_offsets\":[0,32]}";
    return Stream.of(
        Arguments.of("header is no JSON object", ""),
        Arguments.of("header is no JSON object", "[]"),
        Arguments.of("header is no JSON object", "{\"a\":" + t),
        Arguments.of("header is no JSON object", "{\"a\":3}"),
        Arguments.of("header is no JSON object", "{'a':" + t + "}"),
        Arguments.of("header is no JSON object", "{\"a\":" + t + "}{}"),
        Arguments.of("two tensors named a", "{\"a\":" + t + ",\"a\":" + t + "}"),
        Arguments.of("metadata that is no text: x", "{\"__metadata__\":{\"x\":1},\"a\":" + t + "}"),
        Arguments.of("header is no JSON object", "{\"__metadata__\":\"x\",\"a\":" + t + "}"),
        Arguments.of("unknown type F31", "{\"a\":" + t.replace("F32", "F31") + "}"),
        Arguments.of("does not say", "{\"a\":{\"dtype\":\"F32\",\"shape\":[8]}}"),
        Arguments.of("1 data_offsets", "{\"a\":" + t.replace("0,32", "32") + "}"),
        Arguments.of("do not fit its 32 bytes", "{\"a\":" + t.replace("0,32", "32,0") + "}"),
        Arguments.of("do not fit its 28 bytes", "{\"a\":" + t.replace("[8]", "[7]") + "}"),
        Arguments.of("no whole numbers", "{\"a\":" + t.replace("[8]", "[-8]") + "}"),
        Arguments.of("no whole numbers", "{\"a\":" + t.replace("[8]", "[8.0]") + "}"),
        Arguments.of("no whole numbers", "{\"a\":" + t.replace("[8]", "[\"8\"]") + "}"),
        Arguments.of(
            "no whole numbers", "{\"a\":" + t.replace("[8]", "[9999999999999999999]") + "}"),
        Arguments.of(
            "no file could hold", "{\"a\":" + t.replace("[8]", "[4294967296,4294967296]") + "}"),
        Arguments.of("belong to no tensor", "{}"),
        Arguments.of(
            "belong to no tensor", "{\"a\":" + t.replace("[8]", "[7]").replace("32]", "28]") + "}"),
        Arguments.of(
            "cut short", "{\"a\":" + t.replace("[8]", "[9]").replace(",32]", ",36]") + "}"),
        Arguments.of(
            "from byte 4 on, where byte 0 is the next",
            "{\"a\":" + t.replace("[8]", "[7]").replace("0,32", "4,32") + "}"),
        Arguments.of("from byte 0 on, where byte 32", "{\"a\":" + t + ",\"b\":" + t + "}"));
  }

  @ParameterizedTest
  @MethodSource("rejected")
  void whatTheFormatsParserRejectsIsRejected(String told, String header) throws IOException {
    assertBad(told, write(header, new byte[32]));
  }

  @Test
  void whatIsNoSafetensorsFileIsRejected() throws IOException {
    byte[] bytes = Files.readAllBytes(write("{" + BIAS + "}", new byte[8]));
    Path file = folder.resolve("other");
    Files.write(file, Arrays.copyOf(bytes, 7));
    assertBad("7 bytes, too few", file);
    Files.write(file, Arrays.copyOf(bytes, 30));
    assertBad("is cut short, or no safetensors file", file);
    Files.write(file, Arrays.copyOf(bytes, bytes.length - 1));
    assertBad("7 of values, not 8", file);
    Files.write(file, length(100L << 30));
    assertBad("its header would have 107,374,182,400 bytes", file);
    Files.write(file, length(-1));
    assertBad("its header would have 18,446,744,073,709,55", file);
    Files.write(file, "PK\3\4 and what torch.save writes".getBytes(StandardCharsets.US_ASCII));
    assertBad("pickled", file);
    bytes[10] = (byte) 0xff;
    Files.write(file, bytes);
    assertBad("not in UTF-8", file);
    assertBad("there is no file", folder.resolve("none"));
    assertThrows(UncheckedIOException.class, () -> TensorFile.open(folder));
  }

  @Test
  void noValuesAndSingleOnesAreLegal() throws IOException {
    Path file =
        write(
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[3,0],\"data_offsets\":[0,0]},"
                + "\"b\":{\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[0,2]}}  ",
            new byte[] {0, 0x3c});
    try (TensorFile content = TensorFile.open(file)) {
      assertEquals(0, content.read("a").length);
      assertArrayEquals(new float[] {1}, content.read("b"));
    }
  }

  @Test
  void valuesThatAreNoNumbersAreNamed() throws IOException {
    byte[] values = new byte[32];
    ByteBuffer.wrap(values).order(ByteOrder.LITTLE_ENDIAN).putFloat(28, Float.NaN);
    Path file = write("{" + BIAS + "," + WEIGHT + "}", values);
    assertUnfit("1.weight is NaN at [1, 2]", file);
    ByteBuffer.wrap(values).order(ByteOrder.LITTLE_ENDIAN).putFloat(4, Float.NEGATIVE_INFINITY);
    Files.write(file, Files.readAllBytes(write("{" + BIAS + "," + WEIGHT + "}", values)));
    // The network's order: weights first.
    assertUnfit("1.weight is NaN at [1, 2]", file);
    ByteBuffer.wrap(values).order(ByteOrder.LITTLE_ENDIAN).putFloat(28, 0);
    assertUnfit("1.bias is infinite", write("{" + BIAS + "," + WEIGHT + "}", values));
    assertUnfit(
        "1.bias in I32",
        write("{" + BIAS.replace("F32", "I32") + "," + WEIGHT + "}", new byte[32]));
  }

  @Test
  void whatDoesNotFitIsNamed() throws IOException {
    assertUnfit(
        "missing: 1.weight; left over: fc.weight",
        write("{" + BIAS + "," + WEIGHT.replace("1.w", "fc.w") + "}", new byte[32]));
    assertUnfit(
        "of another shape: 1.weight is 3×2 and not 2×3",
        write("{" + BIAS + "," + WEIGHT.replace("2,3", "3,2") + "}", new byte[32]));
    // No batch norm is there that would count batches.
    assertUnfit(
        "left over: 1.num_batches_tracked",
        write(
            "{"
                + BIAS
                + ","
                + WEIGHT
                + ",\"1.num_batches_tracked\":"
                + "{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[32,40]}}",
            new byte[40]));
  }

  @Test
  void namesAreChangedInTurn() throws IOException {
    Path file = write(("{" + BIAS + "," + WEIGHT + "}").replace("1.", "net.fc1."), new byte[32]);
    List<Renaming> renamings = Stream.of("^net\\.=", "^fc(\\d+)=$1").map(Renaming::parse).toList();
    assertEquals(2, PyTorchWeights.read(file, SMALL, INPUT, renamings).size());
    assertRenaming("finds nothing", file, "^net\\.=", "^net\\.=");
    assertRenaming("both be x", file, ".*=x");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "a", "=b", "(=b", "a=$1", "a=\\", "a=${x}"})
  void whatIsNoRenamingIsRefused(String text) {
    assertThrows(IllegalArgumentException.class, () -> Renaming.parse(text));
  }

  @Test
  void aFileThatCannotBeWrittenLeavesNothing() throws IOException {
    Path file = folder.resolve("text");
    Files.writeString(file, "a file, no folder");
    PortableNetwork network = ZooCase.of("nin-mini").network();
    for (Path below : List.of(file.resolve("weights"), Path.of("/proc/weights"))) {
      assertThrows(UncheckedIOException.class, () -> PyTorchWeights.write(network, below));
      assertThrows(UncheckedIOException.class, () -> OnnxModel.write(network, below));
      assertFalse(Files.exists(below));
    }
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(List.of(file), files.toList());
    }
  }

  private void assertRenaming(String told, Path file, String... renamings) {
    IllegalArgumentException thrown =
        assertThrows(
            IllegalArgumentException.class,
            () ->
                PyTorchWeights.read(
                    file, SMALL, INPUT, Stream.of(renamings).map(Renaming::parse).toList()));
    assertTrue(thrown.getMessage().contains(told), thrown::getMessage);
  }

  private static void assertUnfit(String told, Path file) {
    CheckpointException thrown =
        assertThrows(
            CheckpointException.class, () -> PyTorchWeights.read(file, SMALL, INPUT, List.of()));
    assertTrue(thrown.getMessage().contains(told), thrown::getMessage);
  }

  private static void assertBad(String told, Path file) {
    CheckpointException thrown =
        assertThrows(CheckpointException.class, () -> TensorFile.open(file).close());
    assertTrue(thrown.getMessage().contains(told), thrown::getMessage);
    assertTrue(thrown.getMessage().contains(file.toString()), thrown::getMessage);
  }

  private Path write(String header, byte[] values) throws IOException {
    byte[] text = header.getBytes(StandardCharsets.UTF_8);
    ByteBuffer bytes =
        ByteBuffer.allocate(8 + text.length + values.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putLong(text.length).put(text).put(values);
    return Files.write(folder.resolve("file.safetensors"), bytes.array());
  }

  private static byte[] length(long length) {
    return ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN).putLong(length).array();
  }

  private Path resource(String name) throws IOException {
    return Files.write(
        folder.resolve(name), PyTorchWeightsTest.class.getResourceAsStream(name).readAllBytes());
  }
}
