package org.nin4j.interop;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.nin4j.data.file.PartialFile;
import org.nin4j.model.BatchNorm;
import org.nin4j.model.Network;
import org.nin4j.model.Parameter;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;
import org.nin4j.train.checkpoint.CheckpointException;
import org.nin4j.train.checkpoint.Parameters;

/**
 * A network's weights in safetensors files under the names that PyTorch's {@code state_dict} has
 * for them, both ways. Names are paths on both sides; what differs is that PyTorch's batch norm has
 * a fifth entry, {@code num_batches_tracked}, a single whole number. PyTorch uses it only where
 * there is no momentum, so it is written as 0 and not read.
 */
public final class PyTorchWeights {
  private static final String BATCHES = ".num_batches_tracked";
  private static final int NAMED = 20;
  private static final int CHUNK = 1 << 20;

  private PyTorchWeights() {}

  /**
   * Writes a file.
   *
   * @throws UncheckedIOException if that fails; what had the name is still there
   */
  public static void write(PortableNetwork trained, Path file) {
    Set<String> counters = new TreeSet<>();
    for (Network.Node node : trained.network().nodes(trained.input())) {
      if (node.layer() instanceof BatchNorm) {
        counters.add(node.name() + BATCHES);
      }
    }
    Map<String, HostTensor> values = new LinkedHashMap<>();
    for (Parameter parameter : Parameters.of(trained.network(), trained.input())) {
      values.put(parameter.name(), trained.values().get(parameter.name()));
    }
    write(file, trained.notes(), counters, values);
  }

  /**
   * Writes a file as the format's own writer orders it: by the size of values, descending, then by
   * name, the header padded to a multiple of 8 bytes.
   *
   * @param counters names of single whole numbers, all 0
   */
  static void write(
      Path file, Map<String, String> notes, Set<String> counters, Map<String, HostTensor> tensors) {
    TreeMap<String, HostTensor> values = new TreeMap<>(tensors);
    byte[] header = header(notes, new TreeSet<>(counters), values);
    try (PartialFile partial = PartialFile.create(file)) {
      OutputStream out = partial.stream();
      out.write(buffer(Long.BYTES).putLong(header.length).array());
      out.write(header);
      out.write(new byte[counters.size() * Long.BYTES]);
      for (HostTensor tensor : values.values()) {
        write(tensor.values(), out);
      }
      partial.commit();
    } catch (IOException e) {
      throw new UncheckedIOException(file + " cannot be written: " + PartialFile.reason(e), e);
    }
  }

  private static byte[] header(
      Map<String, String> notes, TreeSet<String> counters, TreeMap<String, HostTensor> values) {
    JsonObject text = new JsonObject();
    // What loaders of the Hugging Face family ask for.
    text.addProperty("format", "pt");
    notes.forEach(text::addProperty);
    JsonObject header = new JsonObject();
    header.add("__metadata__", text);
    long offset = 0;
    for (String counter : counters) {
      header.add(counter, entry(ValueType.I64, List.of(), offset, Long.BYTES));
      offset += Long.BYTES;
    }
    for (Map.Entry<String, HostTensor> named : values.entrySet()) {
      long bytes = (long) named.getValue().values().length * Float.BYTES;
      header.add(
          named.getKey(), entry(ValueType.F32, named.getValue().shape().dims(), offset, bytes));
      offset += bytes;
    }
    byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
    ByteBuffer padded = ByteBuffer.allocate(json.length + Math.floorMod(-json.length, Long.BYTES));
    padded.put(json);
    while (padded.hasRemaining()) {
      padded.put((byte) ' ');
    }
    return padded.array();
  }

  private static JsonObject entry(ValueType type, List<Integer> dims, long begin, long bytes) {
    JsonObject entry = new JsonObject();
    entry.addProperty("dtype", type.name());
    JsonArray shape = new JsonArray();
    dims.forEach(shape::add);
    entry.add("shape", shape);
    JsonArray offsets = new JsonArray();
    offsets.add(begin);
    offsets.add(begin + bytes);
    entry.add("data_offsets", offsets);
    return entry;
  }

  private static void write(float[] values, OutputStream out) throws IOException {
    ByteBuffer chunk = buffer(CHUNK);
    for (int at = 0; at < values.length; at += CHUNK / Float.BYTES) {
      int count = Math.min(CHUNK / Float.BYTES, values.length - at);
      chunk.asFloatBuffer().put(values, at, count);
      out.write(chunk.array(), 0, count * Float.BYTES);
    }
  }

  private static ByteBuffer buffer(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  /**
   * Reads a file of any program.
   *
   * @param network whose weights it holds
   * @param input (channels, height, width) that reaches it
   * @param renamings from the file's names to the network's, one after the other
   * @return parameters and state by name
   * @throws CheckpointException if the file is not in the format, or does not hold exactly the
   *     network's weights: then the message names what is missing, left over or of another shape
   * @throws IllegalArgumentException if a renaming finds nothing, or gives two tensors one name
   * @throws UncheckedIOException if it cannot be read
   */
  public static Map<String, HostTensor> read(
      Path file, Network network, Shape input, List<Renaming> renamings) {
    try (TensorFile content = TensorFile.open(file)) {
      Map<String, String> found = renamed(content, renamings);
      List<Parameter> wanted = Parameters.of(network, input);
      requireFitting(content, found, network, input, wanted);
      Map<String, HostTensor> values = new LinkedHashMap<>();
      for (Parameter parameter : wanted) {
        String name = parameter.name();
        values.put(name, new HostTensor(parameter.shape(), content.read(found.get(name))));
      }
      return values;
    }
  }

  /**
   * Checks that a file is there and in the format, without its values: before other work is begun.
   *
   * @throws CheckpointException if not; the message names it
   * @throws UncheckedIOException if it cannot be read
   */
  public static void requireReadable(Path file) {
    TensorFile.open(file).close();
  }

  /** The file's own names by what they become. */
  private static Map<String, String> renamed(TensorFile content, List<Renaming> renamings) {
    for (int i = 0; i < renamings.size(); i++) {
      List<Renaming> before = renamings.subList(0, i);
      if (content.entries().keySet().stream()
          .map(name -> Renaming.of(name, before))
          .noneMatch(renamings.get(i).matching().asPredicate())) {
        throw new IllegalArgumentException(
            Text.of(
                "the renaming %s finds nothing in the file's names, which are %s",
                renamings.get(i), named(List.copyOf(content.entries().keySet()))));
      }
    }
    Map<String, String> found = new LinkedHashMap<>();
    for (String name : content.entries().keySet()) {
      String renamed = Renaming.of(name, renamings);
      String other = found.putIfAbsent(renamed, name);
      if (other != null) {
        throw new IllegalArgumentException(
            Text.of("after the renamings %s and %s would both be %s", other, name, renamed));
      }
    }
    return found;
  }

  private static void requireFitting(
      TensorFile content,
      Map<String, String> found,
      Network network,
      Shape input,
      List<Parameter> wanted) {
    TreeSet<String> leftOver = new TreeSet<>(found.keySet());
    List<String> missing = new ArrayList<>();
    List<String> differing = new ArrayList<>();
    for (Parameter parameter : wanted) {
      leftOver.remove(parameter.name());
      String name = found.get(parameter.name());
      if (name == null) {
        missing.add(parameter.name());
      } else if (!content.entries().get(name).is(parameter.shape())) {
        differing.add(
            Text.of(
                "%s is %s and not %s",
                parameter.name(), content.entries().get(name).shape(), parameter.shape()));
      }
    }
    for (Network.Node node : network.nodes(input)) {
      if (node.layer() instanceof BatchNorm) {
        leftOver.remove(node.name() + BATCHES);
      }
    }
    List<String> differences = new ArrayList<>();
    said("missing: ", missing).ifPresent(differences::add);
    said("left over: ", List.copyOf(leftOver)).ifPresent(differences::add);
    said("of another shape: ", differing).ifPresent(differences::add);
    if (!differences.isEmpty()) {
      throw content.bad(
          "does not hold the weights of %s; %s",
          network.name() + " for images of " + input, String.join("; ", differences));
    }
  }

  private static Optional<String> said(String what, List<String> names) {
    return names.isEmpty() ? Optional.empty() : Optional.of(what + named(names));
  }

  private static String named(List<String> names) {
    String first = String.join(", ", names.subList(0, Math.min(NAMED, names.size())));
    return names.size() > NAMED ? first + " and " + (names.size() - NAMED) + " more" : first;
  }
}
