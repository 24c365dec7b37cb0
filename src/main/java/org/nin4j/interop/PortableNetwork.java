package org.nin4j.interop;

import com.google.gson.JsonArray;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.nin4j.model.Network;
import org.nin4j.model.Parameter;
import org.nin4j.model.json.NetworkWriter;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.checkpoint.CheckpointException;
import org.nin4j.train.checkpoint.Parameters;

/**
 * A trained network as other programs use it.
 *
 * @param network what it computes
 * @param input (channels, height, width) that reaches it
 * @param values of its parameters and state, by name
 * @param notes what a user of the network should know, as text by key: files carry it
 */
public record PortableNetwork(
    Network network, Shape input, Map<String, HostTensor> values, Map<String, String> notes) {
  /** The note on what is done to images. */
  public static final String IMAGES = "nin4j.images";

  /** The note with what is subtracted from each channel, in units of [0, 1]. */
  public static final String MEAN = "nin4j.mean";

  /** The note with what the difference is divided by. */
  public static final String STD = "nin4j.std";

  /**
   * Checks that the values are all there.
   *
   * @throws CheckpointException if one is missing or of another shape; the message names it
   */
  public PortableNetwork {
    values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
    notes = Collections.unmodifiableMap(new LinkedHashMap<>(notes));
    for (Parameter parameter : Parameters.of(network, input)) {
      HostTensor value = values.get(parameter.name());
      if (value == null || !value.shape().equals(parameter.shape())) {
        throw new CheckpointException(
            Text.of(
                "%s of %s has %s, not values of %s",
                parameter.name(),
                network.name(),
                value == null ? "no values" : "values of " + value.shape(),
                parameter.shape()));
      }
    }
  }

  /**
   * What a checkpoint's network is used with, running averages in the parameters' place where there
   * are any. The notes say what images must be before they reach the network.
   */
  public static PortableNetwork of(Checkpoint checkpoint) {
    BatchSpec images = checkpoint.recipeInUse().images(checkpoint.image());
    JsonArray classes = new JsonArray();
    checkpoint.classes().forEach(classes::add);
    Map<String, String> notes = new LinkedHashMap<>();
    notes.put("nin4j.network", NetworkWriter.write(checkpoint.network()).toString());
    notes.put("nin4j.classes", classes.toString());
    notes.put("nin4j.input", join(images.output().dims()));
    notes.put(MEAN, join(images.mean()));
    notes.put(STD, join(images.std()));
    notes.put(
        IMAGES,
        checkpoint.whitening().isPresent()
            ? "preprocessed by gcn-zca as in training, which this file does not hold"
            : "(pixel / 255 - mean) / std, channels first");
    return new PortableNetwork(checkpoint.network(), images.output(), checkpoint.inUse(), notes);
  }

  private static String join(List<?> values) {
    return values.stream().map(String::valueOf).collect(Collectors.joining(","));
  }
}
