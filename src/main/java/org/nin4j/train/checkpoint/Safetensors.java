package org.nin4j.train.checkpoint;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import java.io.IOException;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.nin4j.data.file.PartialFile;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

/**
 * Named fp32 tensors and text in one file, in the format safetensors: the header's length as a
 * little-endian 64-bit number; the header, a JSON object with the place of each tensor and, under
 * {@code __metadata__}, the text; the values, little-endian.
 *
 * <p>The text has three entries of its own: {@code format}, {@code version} and {@code digest}, the
 * SHA-256 sum of header and values with zeros in the digest's place, which finds any damage.
 *
 * <p>Source: the format's description at https://github.com/huggingface/safetensors.
 *
 * @param metadata the text
 * @param tensors by name
 */
record Safetensors(Map<String, String> metadata, Map<String, HostTensor> tensors) {
  private static final String FORMAT = "nin4j-checkpoint";
  private static final int VERSION = 1;
  private static final String NO_DIGEST = "0".repeat(64);
  private static final int LENGTH_BYTES = Long.BYTES;
  private static final int LARGEST_HEADER = 100_000_000;

  /**
   * Writes a file under another name beside its target, then renames it: whatever had the name
   * stays whole until then.
   *
   * @throws UncheckedIOException if that fails; the message is for people
   */
  void write(Path file) {
    byte[] data = data();
    String header = header(NO_DIGEST);
    header = header.replace(NO_DIGEST, digest(header, data, 0));
    byte[] headerBytes = header.getBytes(StandardCharsets.UTF_8);
    ByteBuffer length = ByteBuffer.allocate(LENGTH_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    length.putLong(headerBytes.length);
    try (PartialFile partial = PartialFile.create(file)) {
      partial.stream().write(length.array());
      partial.stream().write(headerBytes);
      partial.stream().write(data);
      partial.commit();
    } catch (IOException e) {
      throw new UncheckedIOException(file + " cannot be written: " + PartialFile.reason(e), e);
    }
  }

  private byte[] data() {
    long floats = tensors.values().stream().mapToLong(t -> t.values().length).sum();
    ByteBuffer data = ByteBuffer.allocate(Math.toIntExact(floats * Float.BYTES));
    data.order(ByteOrder.LITTLE_ENDIAN);
    for (HostTensor tensor : tensors.values()) {
      data.asFloatBuffer().put(tensor.values());
      data.position(data.position() + tensor.values().length * Float.BYTES);
    }
    return data.array();
  }

  private String header(String digest) {
    JsonObject text = new JsonObject();
    text.addProperty("format", FORMAT);
    text.addProperty("version", String.valueOf(VERSION));
    text.addProperty("digest", digest);
    metadata.forEach(text::addProperty);
    JsonObject header = new JsonObject();
    header.add("__metadata__", text);
    long offset = 0;
    for (Map.Entry<String, HostTensor> named : tensors.entrySet()) {
      long end = offset + (long) named.getValue().values().length * Float.BYTES;
      JsonObject tensor = new JsonObject();
      tensor.addProperty("dtype", "F32");
      tensor.add("shape", array(named.getValue().shape().dims()));
      tensor.add("data_offsets", array(List.of(offset, end)));
      header.add(named.getKey(), tensor);
      offset = end;
    }
    String json = header.toString();
    int bytes = json.getBytes(StandardCharsets.UTF_8).length;
    return json + " ".repeat(Math.floorMod(-bytes, LENGTH_BYTES));
  }

  private static JsonArray array(Iterable<? extends Number> numbers) {
    JsonArray array = new JsonArray();
    numbers.forEach(array::add);
    return array;
  }

  private static String digest(String header, byte[] data, int dataOffset) {
    try {
      MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
      sha256.update(header.getBytes(StandardCharsets.UTF_8));
      sha256.update(data, dataOffset, data.length - dataOffset);
      return HexFormat.of().formatHex(sha256.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java has SHA-256", e);
    }
  }

  /**
   * Reads a file.
   *
   * @throws CheckpointException if it is not such a file, or not as it was written
   * @throws UncheckedIOException if it cannot be read
   */
  static Safetensors read(Path file) {
    byte[] bytes = bytes(file);
    if (bytes.length < LENGTH_BYTES + 2) {
      throw CheckpointException.damaged(
          file + " is no checkpoint: it has " + bytes.length + " bytes");
    }
    long length = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
    if (length < 2 || length > LARGEST_HEADER || bytes[LENGTH_BYTES] != '{') {
      throw CheckpointException.damaged(
          file + " is no checkpoint: it does not begin as a safetensors file does");
    }
    if (length > bytes.length - LENGTH_BYTES) {
      throw CheckpointException.damaged(
          Text.of(
              "%s is cut short: its header alone has %d bytes, the file %d",
              file, length, bytes.length));
    }
    String header = new String(bytes, LENGTH_BYTES, (int) length, StandardCharsets.UTF_8);
    JsonObject json = json(file, header);
    Map<String, String> text = text(file, json);
    int dataOffset = LENGTH_BYTES + (int) length;
    String digest = text.getOrDefault("digest", "");
    String withoutDigest =
        header.replace("\"digest\":\"" + digest + "\"", "\"digest\":\"" + NO_DIGEST + "\"");
    if (!digest.equals(digest(withoutDigest, bytes, dataOffset))) {
      throw CheckpointException.damaged(
          file + " is damaged or cut short: its content does not fit its SHA-256 sum");
    }
    return new Safetensors(text, tensors(file, json, bytes, dataOffset));
  }

  private static byte[] bytes(Path file) {
    try {
      return Files.readAllBytes(file);
    } catch (NoSuchFileException e) {
      throw new CheckpointException("there is no checkpoint " + file, e);
    } catch (IOException e) {
      throw new UncheckedIOException(file + " cannot be read: " + PartialFile.reason(e), e);
    }
  }

  private static JsonObject json(Path file, String header) {
    try (JsonReader reader = new JsonReader(new StringReader(header))) {
      reader.setStrictness(Strictness.STRICT);
      JsonElement json = JsonParser.parseReader(reader);
      if (json.isJsonObject() && reader.peek() == JsonToken.END_DOCUMENT) {
        return json.getAsJsonObject();
      }
      throw CheckpointException.damaged(file + " is damaged: its header is no JSON object");
    } catch (IOException | JsonParseException e) {
      CheckpointException damage =
          CheckpointException.damaged(file + " is damaged: its header is not readable");
      damage.initCause(e);
      throw damage;
    }
  }

  private static Map<String, String> text(Path file, JsonObject json) {
    Map<String, String> text = new LinkedHashMap<>();
    if (json.get("__metadata__") instanceof JsonObject metadata) {
      metadata
          .entrySet()
          .forEach(
              e ->
                  text.put(
                      e.getKey(),
                      e.getValue().isJsonPrimitive()
                          ? e.getValue().getAsString()
                          : e.getValue().toString()));
    }
    if (!FORMAT.equals(text.get("format"))) {
      throw CheckpointException.damaged(
          file + " is a safetensors file, but no checkpoint of NiN4J, or damaged");
    }
    String version = text.getOrDefault("version", "");
    if (!version.equals(String.valueOf(VERSION))) {
      throw new CheckpointException(
          Text.of(
              "%s is written in version %s of the format; this program reads version %d",
              file, version, VERSION));
    }
    return text;
  }

  private static Map<String, HostTensor> tensors(
      Path file, JsonObject json, byte[] bytes, int dataOffset) {
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    TreeMap<Long, Long> extents = new TreeMap<>();
    for (Map.Entry<String, JsonElement> named : json.entrySet()) {
      if (named.getKey().equals("__metadata__")) {
        continue;
      }
      try {
        Entry entry = Entry.of(named.getValue().getAsJsonObject(), bytes.length - dataOffset);
        extents.put(entry.begin, entry.end);
        tensors.put(named.getKey(), entry.read(bytes, dataOffset));
      } catch (RuntimeException e) {
        // The digest fits, so another program wrote it.
        throw new CheckpointException(
            Text.of(
                "%s has a tensor %s that cannot be read: %s", file, named.getKey(), e.getMessage()),
            e);
      }
    }
    long end = 0;
    for (Map.Entry<Long, Long> extent : extents.entrySet()) {
      if (extent.getKey() != end) {
        break;
      }
      end = extent.getValue();
    }
    if (end != bytes.length - dataOffset || extents.size() != tensors.size()) {
      throw new CheckpointException(
          file + " has tensors that overlap, or bytes that belong to none");
    }
    return tensors;
  }

  /** Where a tensor's values lie, counted from the end of the header. */
  private record Entry(Shape shape, long begin, long end) {
    static Entry of(JsonObject tensor, long dataBytes) {
      String type = tensor.get("dtype").getAsString();
      if (!type.equals("F32")) {
        throw new IllegalArgumentException("its type is " + type + ", not F32");
      }
      Shape shape =
          Shape.of(
              tensor.getAsJsonArray("shape").asList().stream()
                  .mapToInt(JsonElement::getAsInt)
                  .toArray());
      List<JsonElement> offsets = tensor.getAsJsonArray("data_offsets").asList();
      if (offsets.size() != 2) {
        throw new IllegalArgumentException("it has " + offsets.size() + " offsets, not 2");
      }
      long begin = offsets.get(0).getAsLong();
      long end = offsets.get(1).getAsLong();
      long bytes = Math.multiplyExact(shape.elements(), (long) Float.BYTES);
      if (begin < 0 || end > dataBytes || end - begin != bytes) {
        throw new IllegalArgumentException(
            Text.of(
                "its offsets are %d and %d; %s takes %d bytes, and the file has %d of values",
                begin, end, shape, bytes, dataBytes));
      }
      return new Entry(shape, begin, end);
    }

    HostTensor read(byte[] bytes, int dataOffset) {
      HostTensor values = HostTensor.zeros(shape);
      ByteBuffer.wrap(bytes)
          .order(ByteOrder.LITTLE_ENDIAN)
          .position(Math.toIntExact(dataOffset + begin))
          .asFloatBuffer()
          .get(values.values());
      return values;
    }
  }
}
