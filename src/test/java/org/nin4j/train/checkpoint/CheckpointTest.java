package org.nin4j.train.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nin4j.model.Activation;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Dropout;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.MaxPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.Sequential;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;
import org.nin4j.train.Trial;

class CheckpointTest {
  private static final Shape INPUT = Shape.of(1, 8, 8);

  @TempDir private static Path folder;

  private static Checkpoint checkpoint;
  private static Path file;
  private static byte[] bytes;

  @BeforeAll
  static void train() throws IOException {
    checkpoint = Trial.trainer(Trial.recipe().toBuilder().epochs(1).build()).train();
    file = folder.resolve("good.safetensors");
    checkpoint.write(file);
    bytes = Files.readAllBytes(file);
  }

  private static String problem(byte[] content) throws IOException {
    Path damaged = folder.resolve("damaged.safetensors");
    Files.write(damaged, content);
    return assertThrows(CheckpointException.class, () -> Checkpoint.read(damaged)).getMessage();
  }

  @Test
  void everythingReadsBack() {
    Checkpoint read = Checkpoint.read(file);
    assertEquals(checkpoint.recipe(), read.recipe());
    assertEquals(checkpoint.network(), read.network());
    assertEquals(checkpoint.image(), read.image());
    assertEquals(checkpoint.classes(), read.classes());
    assertEquals(checkpoint.data(), read.data());
    assertEquals(checkpoint.position(), read.position());
    assertEquals(checkpoint.history(), read.history());
    assertEquals(checkpoint.best(), read.best());
    assertEquals(1, read.best().orElseThrow().epoch());
    assertEquals(Trial.NETWORK, read.network());
    assertEquals(
        List.copyOf(checkpoint.parameters().keySet()), List.copyOf(read.parameters().keySet()));
    checkpoint
        .parameters()
        .forEach((n, t) -> assertArrayEquals(t.values(), read.parameters().get(n).values(), n));
    assertEquals(checkpoint.optimizerState().keySet(), read.optimizerState().keySet());
    checkpoint
        .optimizerState()
        .forEach((n, t) -> assertArrayEquals(t.values(), read.optimizerState().get(n).values(), n));
  }

  /** Reads by the format's description alone, as another program would. */
  @Test
  void theFileIsInTheFormatSafetensors() {
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int length = Math.toIntExact(buffer.getLong());
    assertEquals(0, (8 + length) % 8, "values are aligned");
    JsonObject header =
        JsonParser.parseString(new String(bytes, 8, length, StandardCharsets.UTF_8))
            .getAsJsonObject();
    header
        .getAsJsonObject("__metadata__")
        .entrySet()
        .forEach(e -> assertTrue(e.getValue().getAsJsonPrimitive().isString(), e.getKey()));
    long end = 0;
    for (String name : header.keySet()) {
      if (name.equals("__metadata__")) {
        continue;
      }
      JsonObject tensor = header.getAsJsonObject(name);
      assertEquals("F32", tensor.get("dtype").getAsString());
      assertEquals(end, tensor.getAsJsonArray("data_offsets").get(0).getAsLong(), "no gaps");
      end = tensor.getAsJsonArray("data_offsets").get(1).getAsLong();
    }
    assertEquals(bytes.length - 8 - length, end);
    JsonObject weight = header.getAsJsonObject("4.weight");
    assertEquals("[10,4,3,3]", weight.get("shape").toString());
    int offset = 8 + length + weight.getAsJsonArray("data_offsets").get(0).getAsInt();
    float[] values = checkpoint.parameters().get("4.weight").values();
    for (int i = 0; i < values.length; i++) {
      assertEquals(values[i], buffer.getFloat(offset + 4 * i));
    }
  }

  @Test
  void aFileCutShortIsFound() throws IOException {
    int header = 8 + ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt();
    // Around the borders of the sections, and through all of the file.
    for (int length = 0; length < bytes.length; length++) {
      boolean border = length < 16 || Math.abs(length - header) < 4 || length > bytes.length - 4;
      if (border || length % 61 == 0) {
        String message = problem(Arrays.copyOf(bytes, length));
        assertTrue(message.contains("damaged.safetensors"), message);
      }
    }
    assertTrue(problem(Arrays.copyOf(bytes, bytes.length - 1)).contains("cut short"));
    assertTrue(problem(Arrays.copyOf(bytes, 100)).contains("cut short"));
  }

  @Test
  void aByteTooManyIsFound() throws IOException {
    assertTrue(problem(Arrays.copyOf(bytes, bytes.length + 1)).contains("damaged"));
  }

  @Test
  void aFlippedBitIsFoundWhereverItIs() throws IOException {
    byte[] damaged = bytes.clone();
    for (int i = 0; i < bytes.length; i++) {
      if (i > 16 && i % 7 != 0) {
        continue;
      }
      damaged[i] ^= (byte) (1 << i % 8);
      String message = problem(damaged);
      assertTrue(message.contains("damaged.safetensors"), message);
      damaged[i] = bytes[i];
    }
  }

  @Test
  void otherFilesAreNoCheckpoints() throws IOException {
    assertTrue(problem(new byte[0]).contains("no checkpoint"));
    assertTrue(
        problem("hello, this is a text".getBytes(StandardCharsets.UTF_8))
            .contains("no checkpoint"));
    Path other = folder.resolve("other.safetensors");
    ByteBuffer foreign = ByteBuffer.allocate(10).order(ByteOrder.LITTLE_ENDIAN);
    foreign.putLong(2).put((byte) '{').put((byte) '}');
    Files.write(other, foreign.array());
    String message =
        assertThrows(CheckpointException.class, () -> Checkpoint.read(other)).getMessage();
    assertTrue(message.contains("no checkpoint of NiN4J"), message);
    Path missing = folder.resolve("missing.safetensors");
    message = assertThrows(CheckpointException.class, () -> Checkpoint.read(missing)).getMessage();
    assertTrue(message.contains("there is no checkpoint"), message);
    assertThrows(UncheckedIOException.class, () -> Checkpoint.read(folder));
  }

  @Test
  void anotherVersionIsNamed() throws IOException {
    // Latin 1 keeps every byte.
    String newer =
        new String(bytes, StandardCharsets.ISO_8859_1)
            .replace("\"version\":\"1\"", "\"version\":\"2\"");
    String message = problem(newer.getBytes(StandardCharsets.ISO_8859_1));
    assertTrue(message.contains("version 2"), message);
    assertTrue(message.contains("reads version 1"), message);
  }

  @Test
  void theSameNetworkFits() {
    checkpoint.requireFits(Trial.NETWORK, INPUT);
    // Convolutions and global pooling do not mind the size.
    checkpoint.requireFits(Trial.NETWORK, Shape.of(1, 16, 16));
  }

  @Test
  void anotherNetworkIsToldByWhatDiffers() {
    Network wider =
        new Network(
            "wider",
            Sequential.of(
                new Conv2d(6, 3, 1, 1),
                Activation.RELU,
                new MaxPool2d(2, 2),
                new Dropout(0.25f),
                new Conv2d(10, 1, 1, 0),
                new Conv2d(10, 1, 1, 0),
                new GlobalAvgPool2d(),
                new Flatten()));
    String message =
        assertThrows(CheckpointException.class, () -> checkpoint.requireFits(wider, INPUT))
            .getMessage();
    assertTrue(message.startsWith("the checkpoint is of another network, tiny: "), message);
    assertTrue(message.contains("0.bias is 4 in the checkpoint and 6 in wider"), message);
    assertTrue(
        message.contains("0.weight is 4×1×3×3 in the checkpoint and 6×1×3×3 in wider"), message);
    assertTrue(message.contains("4.weight is 10×4×3×3"), message);
    assertTrue(message.contains("and 2 more"), message);
  }

  @Test
  void aNetworkWithTheSameParametersAndOtherLayersIsTold() {
    Network other =
        new Network(
            "other",
            Sequential.of(
                new Conv2d(4, 3, 1, 1),
                Activation.RELU,
                new MaxPool2d(3, 2),
                new Dropout(0.25f),
                new Conv2d(10, 3, 1, 1),
                Activation.RELU,
                new GlobalAvgPool2d(),
                new Flatten()));
    String message =
        assertThrows(CheckpointException.class, () -> checkpoint.requireFits(other, INPUT))
            .getMessage();
    assertEquals(
        "the checkpoint is of another network, tiny: 2"
            + " {\"kind\":\"maxpool\",\"kernel\":2,\"stride\":2} in the checkpoint, 2"
            + " {\"kind\":\"maxpool\",\"kernel\":3,\"stride\":2} in other",
        message);
  }

  @Test
  void aFailedWriteLeavesWhatWasThere() throws IOException {
    Path target = folder.resolve("kept");
    Files.createDirectory(target);
    Files.writeString(target.resolve("inside"), "content");
    assertThrows(UncheckedIOException.class, () -> checkpoint.write(target));
    assertEquals("content", Files.readString(target.resolve("inside")));
    try (Stream<Path> files = Files.list(folder)) {
      assertTrue(files.noneMatch(f -> f.toString().endsWith(".part")));
    }
  }

  @Test
  void aParameterWithoutADigestOfItsOwnIsStillFoundMissing() {
    Map<String, HostTensor> less = new java.util.LinkedHashMap<>(checkpoint.parameters());
    less.remove("4.bias");
    Checkpoint lacking =
        new Checkpoint(
            checkpoint.recipe(),
            checkpoint.network(),
            checkpoint.image(),
            checkpoint.classes(),
            checkpoint.data(),
            checkpoint.position(),
            checkpoint.history(),
            checkpoint.best(),
            less,
            Map.of(),
            Optional.empty());
    String message =
        assertThrows(CheckpointException.class, () -> lacking.requireFits(Trial.NETWORK, INPUT))
            .getMessage();
    assertTrue(message.contains("4.bias is missing in the checkpoint"), message);
  }

  /** The file with another header and with the digest that fits it, as another program writes. */
  private static byte[] resealed(UnaryOperator<String> header, UnaryOperator<byte[]> values)
      throws IOException, NoSuchAlgorithmException {
    int length = Math.toIntExact(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong());
    String written = new String(bytes, 8, length, StandardCharsets.UTF_8);
    String zeros = "0".repeat(64);
    String changed =
        header.apply(written.replaceFirst("\"digest\":\"\\w+\"", "\"digest\":\"" + zeros + "\""));
    byte[] data = values.apply(Arrays.copyOfRange(bytes, 8 + length, bytes.length));
    MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
    sha256.update(changed.getBytes(StandardCharsets.UTF_8));
    String digest = HexFormat.of().formatHex(sha256.digest(data));
    byte[] head = changed.replace(zeros, digest).getBytes(StandardCharsets.UTF_8);
    ByteBuffer all =
        ByteBuffer.allocate(8 + head.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
    return all.putLong(head.length).put(head).put(data).array();
  }

  private static String problemOfHeader(String of, String by)
      throws IOException, NoSuchAlgorithmException {
    return problem(
        resealed(
            header -> {
              assertTrue(header.contains(of), header);
              return header.replace(of, by);
            },
            values -> values));
  }

  @Test
  void aFileSealedAgainUnchangedIsRead() throws IOException, NoSuchAlgorithmException {
    Path same = folder.resolve("same.safetensors");
    Files.write(same, resealed(header -> header, values -> values));
    assertEquals(checkpoint.position(), Checkpoint.read(same).position());
  }

  @Test
  void tensorsOfAnotherFormAreNamed() throws IOException, NoSuchAlgorithmException {
    // 0.weight: 4×1×3×3 floats at the beginning; 0.bias: the next 4.
    String weight = "\"0.weight\":{\"dtype\":\"F32\",\"shape\":[4,1,3,3],\"data_offsets\":[0,144]}";
    String message = problemOfHeader(weight, weight.replace("F32", "F16"));
    assertTrue(message.contains("0.weight that cannot be read: its type is F16"), message);
    message = problemOfHeader(weight, weight.replace("[4,1,3,3]", "[4,1,3,4]"));
    assertTrue(message.contains("its offsets are 0 and 144; 4×1×3×4 takes 192 bytes"), message);
    message = problemOfHeader(weight, weight.replace("[0,144]", "[0,148]"));
    assertTrue(message.contains("its offsets are 0 and 148; 4×1×3×3 takes 144 bytes"), message);
    message = problemOfHeader(weight, weight.replace("[0,144]", "[-144,0]"));
    assertTrue(message.contains("its offsets are -144 and 0"), message);
    message = problemOfHeader(weight, weight.replace("[0,144]", "[999999900,1000000044]"));
    assertTrue(message.contains("its offsets are 999999900 and 1000000044"), message);
    message = problemOfHeader(weight, weight.replace("[0,144]", "[144,288]"));
    assertTrue(message.contains("overlap, or bytes that belong to none"), message);
    message = problemOfHeader(weight, weight.replace("[4,1,3,3]", "[2000000000,2000000000,9]"));
    assertTrue(message.contains("0.weight that cannot be read"), message);
    message =
        problem(resealed(header -> header, values -> Arrays.copyOf(values, values.length + 4)));
    assertTrue(message.contains("overlap, or bytes that belong to none"), message);
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({"NaN, NaN", "Infinity, infinite", "-Infinity, infinite"})
  void valuesThatAreNoNumbersAreFound(float value, String told)
      throws IOException, NoSuchAlgorithmException {
    String message =
        problem(
            resealed(
                header -> header,
                values -> {
                  ByteBuffer.wrap(values).order(ByteOrder.LITTLE_ENDIAN).putFloat(20, value);
                  return values;
                }));
    assertTrue(message.endsWith("cannot be used: 0.weight is " + told + " somewhere"), message);
  }

  @Test
  void aPositionThatNoRunReachesIsFound() throws IOException, NoSuchAlgorithmException {
    String message = problemOfHeader("\"step\":\"0\"", "\"step\":\"999999\"");
    assertTrue(message.contains("in epoch 2, after step 999999"), message);
    message = problemOfHeader("\"epoch\":\"1\"", "\"epoch\":\"2\"");
    assertTrue(message.contains("after epoch 2 of a run of 1"), message);
    message = problemOfHeader("\"epoch\":\"1\"", "\"epoch\":\"0\"");
    assertTrue(message.contains("results of 1 epochs and stands after epoch 0"), message);
    message = problemOfHeader("\"seconds\":\"0.0\"", "\"seconds\":\"NaN\"");
    assertTrue(message.contains("no run has such sums"), message);
    message = problemOfHeader("\"best_epoch\":\"1\"", "\"best_epoch\":\"2\"");
    assertTrue(message.contains("its best epoch comes after its last one"), message);
  }

  /** Then, it was the network's name alone. */
  @Test
  void aFileFromBeforeDescriptionsIsToldInOneLine() throws IOException, NoSuchAlgorithmException {
    String message =
        problem(
            resealed(
                header ->
                    header.replaceFirst(
                        "\"network\":\"(\\\\.|[^\"\\\\])*\"",
                        "\"network\":\"nin\",\"layers\":\"conv1 Conv2d\""),
                values -> values));
    assertTrue(
        message.endsWith(
            "damaged.safetensors was written before checkpoints carried their network (nin), and"
                + " cannot be read any more; train again"),
        message);
  }

  @Test
  void aDescriptionThatIsNoneIsTold() throws IOException, NoSuchAlgorithmException {
    String message =
        problemOfHeader("\\\"kind\\\":\\\"maxpool\\\"", "\\\"kind\\\":\\\"poolmax\\\"");
    assertTrue(message.contains("layers[2]: there is no kind \"poolmax\""), message);
  }

  @Test
  void aFileThatDoesNotNameItsBestEpochIsRead() throws IOException, NoSuchAlgorithmException {
    Path old = folder.resolve("old.safetensors");
    Files.write(old, resealed(header -> header.replace("\"best_", "\"other_"), values -> values));
    Checkpoint read = Checkpoint.read(old);
    assertEquals(Optional.empty(), read.best());
    assertEquals(checkpoint.history(), read.history());
  }
}
