package org.nin4j.interop;

import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.gson.stream.MalformedJsonException;
import java.io.EOFException;
import java.io.IOException;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.nin4j.data.file.PartialFile;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;
import org.nin4j.train.checkpoint.CheckpointException;

/**
 * A safetensors file of any program, opened for reading: the header's length as a little-endian
 * 64-bit number, the header, which is a JSON object with type, shape and place of each tensor, and
 * their values. What the format's own parser rejects is rejected, before any value is read; only
 * the tensors that are asked for are.
 *
 * <p>Source: https://github.com/huggingface/safetensors, {@code safetensors/src/tensor.rs}.
 */
final class TensorFile implements AutoCloseable {
  private static final int LENGTH_BYTES = Long.BYTES;
  private static final int LARGEST_HEADER = 100_000_000;
  private static final int CHUNK = 1 << 20;

  /** How a zip archive begins, which is what PyTorch itself saves. */
  private static final int ZIP = 0x04034b50;

  private static final String METADATA = "__metadata__";

  /**
   * A tensor as the header describes it.
   *
   * @param dims its extents, which may be 0; none of a single value
   * @param begin of its values, counted from the header's end
   * @param end just behind them
   */
  record Entry(ValueType type, List<Long> dims, long begin, long end) {
    /** For example {@code 96×1×11×11}. */
    String shape() {
      return dims.isEmpty()
          ? "a single value"
          : String.join("×", dims.stream().map(String::valueOf).toList());
    }

    boolean is(Shape shape) {
      return dims.equals(shape.dims().stream().map(Integer::longValue).toList());
    }
  }

  private final Path path;
  private final FileChannel channel;
  private final long values;
  private final Map<String, Entry> entries = new LinkedHashMap<>();
  private final Map<String, String> metadata = new LinkedHashMap<>();

  private TensorFile(Path path, FileChannel channel) throws IOException {
    this.path = path;
    this.channel = channel;
    long size = channel.size();
    if (size < LENGTH_BYTES) {
      throw bad("has %,d bytes, too few for a safetensors file", size);
    }
    ByteBuffer start = bytes(0, LENGTH_BYTES);
    if (start.getInt(0) == ZIP) {
      throw bad(
          "holds pickled objects, as torch.save writes them; in Python,"
              + " safetensors.torch.save_file(model.state_dict(), FILE) writes what is read here");
    }
    long length = start.getLong();
    if (length < 0 || length > LARGEST_HEADER) {
      throw bad(
          "is no safetensors file: its header would have %s bytes, of at most %,d",
          Text.of("%,.0f", unsigned(length)), LARGEST_HEADER);
    }
    if (length > size - LENGTH_BYTES) {
      throw bad(
          "is cut short, or no safetensors file: its header would have %,d bytes, the file has %,d",
          length, size);
    }
    values = size - LENGTH_BYTES - length;
    readHeader(text(bytes(LENGTH_BYTES, (int) length)));
    requireNoGaps();
  }

  /**
   * Opens a file.
   *
   * @throws CheckpointException if there is none, or it is not in the format; the message names it
   * @throws java.io.UncheckedIOException if it cannot be read
   */
  static TensorFile open(Path path) {
    try {
      FileChannel channel = FileChannel.open(path, StandardOpenOption.READ);
      try {
        return new TensorFile(path, channel);
      } catch (IOException | RuntimeException e) {
        channel.close();
        throw e;
      }
    } catch (NoSuchFileException e) {
      throw new CheckpointException("there is no file " + path, e);
    } catch (IOException e) {
      throw PartialFile.unreadable(path, e);
    }
  }

  /** The tensors by name, in the header's order. */
  Map<String, Entry> entries() {
    return Collections.unmodifiableMap(entries);
  }

  /** The text that the file carries. */
  Map<String, String> metadata() {
    return Collections.unmodifiableMap(metadata);
  }

  /**
   * Reads a tensor's values.
   *
   * @throws CheckpointException if they are no floating-point numbers, or one of them is NaN,
   *     infinite, or beyond fp32; the message names its index
   */
  float[] read(String name) {
    Entry entry = entries.get(name);
    if (!entry.type().taken()) {
      throw bad("has %s in %s; F16, BF16, F32 and F64 are read", name, entry.type());
    }
    float[] read = new float[Math.toIntExact((entry.end() - entry.begin()) / entry.type().bytes())];
    int done = 0;
    for (long at = entry.begin(); at < entry.end(); at += CHUNK) {
      ByteBuffer chunk = chunk(at, (int) Math.min(CHUNK, entry.end() - at));
      while (chunk.hasRemaining()) {
        read[done] = entry.type().next(chunk);
        if (!Float.isFinite(read[done])) {
          throw bad(
              "cannot be used: %s is %s at %s",
              name,
              Float.isNaN(read[done]) ? "NaN" : "infinite, or beyond fp32,",
              index(entry, done));
        }
        done++;
      }
    }
    return read;
  }

  /** For example {@code [3, 0, 2, 2]}, which is how Python would name it. */
  private static String index(Entry entry, int flat) {
    List<Long> index = new ArrayList<>();
    long rest = flat;
    for (int axis = entry.dims().size() - 1; axis >= 0; axis--) {
      index.add(0, rest % entry.dims().get(axis));
      rest /= entry.dims().get(axis);
    }
    return index.toString();
  }

  private ByteBuffer chunk(long at, int count) {
    try {
      return bytes(channel.size() - values + at, count);
    } catch (IOException e) {
      throw PartialFile.unreadable(path, e);
    }
  }

  private ByteBuffer bytes(long at, int count) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(count).order(ByteOrder.LITTLE_ENDIAN);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer, at + buffer.position()) < 0) {
        throw new EOFException("it became shorter while it was read");
      }
    }
    return buffer.flip();
  }

  private String text(ByteBuffer header) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(header).toString();
    } catch (CharacterCodingException e) {
      throw bad("is no safetensors file: its header is not in UTF-8");
    }
  }

  private void readHeader(String header) {
    try (JsonReader json = new JsonReader(new StringReader(header))) {
      json.setStrictness(Strictness.STRICT);
      Set<String> names = new HashSet<>();
      json.beginObject();
      while (json.hasNext()) {
        String name = json.nextName();
        if (!names.add(name)) {
          throw bad("has two tensors named %s", name);
        }
        if (name.equals(METADATA)) {
          readMetadata(json);
        } else {
          entries.put(name, entry(name, json));
        }
      }
      json.endObject();
      if (json.peek() != JsonToken.END_DOCUMENT) {
        throw new MalformedJsonException("something follows");
      }
    } catch (MalformedJsonException | EOFException | IllegalStateException e) {
      throw bad("is no safetensors file: its header is no JSON object of tensors");
    } catch (IOException e) {
      throw PartialFile.unreadable(path, e);
    }
  }

  private void readMetadata(JsonReader json) throws IOException {
    if (json.peek() == JsonToken.NULL) {
      json.nextNull();
      return;
    }
    json.beginObject();
    while (json.hasNext()) {
      String key = json.nextName();
      if (json.peek() != JsonToken.STRING) {
        throw bad("has metadata that is no text: %s", key);
      }
      metadata.put(key, json.nextString());
    }
    json.endObject();
  }

  private Entry entry(String name, JsonReader json) throws IOException {
    Optional<String> type = Optional.empty();
    Optional<List<Long>> dims = Optional.empty();
    Optional<List<Long>> offsets = Optional.empty();
    Set<String> seen = new HashSet<>();
    json.beginObject();
    while (json.hasNext()) {
      String key = json.nextName();
      if (!seen.add(key)) {
        throw bad("says %s of %s twice", key, name);
      }
      switch (key) {
        case "dtype" -> type = Optional.of(json.nextString());
        case "shape" -> dims = Optional.of(numbers(name, json));
        case "data_offsets" -> offsets = Optional.of(numbers(name, json));
        default -> json.skipValue();
      }
    }
    json.endObject();
    if (type.isEmpty() || dims.isEmpty() || offsets.isEmpty()) {
      throw bad("does not say dtype, shape and data_offsets of %s", name);
    }
    if (offsets.get().size() != 2) {
      throw bad("has %d data_offsets of %s, not 2", offsets.get().size(), name);
    }
    return checked(
        name, new Entry(type(name, type.get()), dims.get(), begin(offsets), end(offsets)));
  }

  private static long begin(Optional<List<Long>> offsets) {
    return offsets.orElseThrow().get(0);
  }

  private static long end(Optional<List<Long>> offsets) {
    return offsets.orElseThrow().get(1);
  }

  private ValueType type(String name, String type) {
    for (ValueType known : ValueType.values()) {
      if (known.name().equals(type)) {
        return known;
      }
    }
    throw bad("has %s in the unknown type %s", name, type);
  }

  /** Whole numbers from 0 on, written as such. */
  private List<Long> numbers(String name, JsonReader json) throws IOException {
    List<Long> numbers = new ArrayList<>();
    json.beginArray();
    while (json.hasNext()) {
      String number = json.peek() == JsonToken.NUMBER ? json.nextString() : "";
      if (!number.matches("0|[1-9][0-9]{0,18}")
          || number.compareTo("9223372036854775807") > 0 && number.length() == 19) {
        throw bad("has a shape or data_offsets of %s that are no whole numbers from 0 on", name);
      }
      numbers.add(Long.parseLong(number));
    }
    json.endArray();
    return numbers;
  }

  private Entry checked(String name, Entry entry) {
    long bytes = entry.type().bytes();
    try {
      for (long dim : entry.dims()) {
        bytes = Math.multiplyExact(bytes, dim);
      }
    } catch (ArithmeticException e) {
      throw bad("has a shape of %s that no file could hold: %s", name, entry.shape());
    }
    if (entry.end() - entry.begin() != bytes) {
      throw bad(
          "has data_offsets of %s, %d and %d, that do not fit its %d bytes (%s, %s)",
          name, entry.begin(), entry.end(), bytes, entry.type(), entry.shape());
    }
    return entry;
  }

  /** Every byte of the values belongs to one tensor. */
  private void requireNoGaps() {
    long end = 0;
    List<Map.Entry<String, Entry>> ordered = new ArrayList<>(entries.entrySet());
    ordered.sort(
        Comparator.comparingLong((Map.Entry<String, Entry> e) -> e.getValue().begin())
            .thenComparingLong(e -> e.getValue().end()));
    for (Map.Entry<String, Entry> named : ordered) {
      if (named.getValue().begin() != end) {
        throw bad(
            "has values of %s from byte %d on, where byte %d is the next",
            named.getKey(), named.getValue().begin(), end);
      }
      end = named.getValue().end();
    }
    if (end != values) {
      throw bad(
          "is cut short or has bytes that belong to no tensor: %d of values, not %d", values, end);
    }
  }

  private static double unsigned(long number) {
    return number < 0 ? number + 0x1p64 : number;
  }

  /** What is wrong with the file, after its name. */
  CheckpointException bad(String what, Object... arguments) {
    return new CheckpointException(path + " " + Text.of(what, arguments));
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw PartialFile.unreadable(path, e);
    }
  }
}
