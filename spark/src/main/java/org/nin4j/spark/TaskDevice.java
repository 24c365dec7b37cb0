package org.nin4j.spark;

import com.google.gson.JsonParser;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.nin4j.backend.Backend;
import org.nin4j.backend.CpuOptions.Convolution;
import org.nin4j.backend.CudaOptions;
import org.nin4j.backend.Samples;
import org.nin4j.backend.choice.Devices;
import org.nin4j.model.Network;
import org.nin4j.model.json.NetworkReader;
import org.nin4j.model.json.NetworkWriter;
import org.nin4j.tensor.Shape;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.RecipeJson;
import org.nin4j.train.rounds.Round;
import org.nin4j.train.rounds.RoundTask;
import org.nin4j.train.rounds.Rounds;

/** A device of an executor with what a task of a training computes bound to it. */
final class TaskDevice implements AutoCloseable {

  /**
   * What is bound, as it travels.
   *
   * @param recipe as JSON
   * @param network as JSON
   * @param image dimensions of a stored image, (channels, height, width), with commas
   * @param outerRate 0 where there is no outer step
   * @param device its name, see {@link Devices#open(String, int)}
   * @param threads of a task, on processors
   * @param chosen what the driver found fastest, so that all executors add in the same order
   */
  record Kind(
      String recipe,
      String network,
      String image,
      int tasks,
      int localSteps,
      float outerRate,
      float outerMomentum,
      String device,
      int threads,
      TreeMap<String, Convolution> chosen)
      implements Serializable {
    static Kind of(
        Recipe recipe,
        Network network,
        Shape image,
        Rounds rounds,
        String device,
        int threads,
        Map<String, Convolution> chosen) {
      return new Kind(
          RecipeJson.write(recipe).toString(),
          NetworkWriter.write(network).toString(),
          String.join(",", image.dims().stream().map(String::valueOf).toList()),
          rounds.tasks(),
          rounds.localSteps(),
          rounds.outer().map(Rounds.Outer::rate).orElse(0f),
          rounds.outer().map(Rounds.Outer::momentum).orElse(0f),
          device,
          threads,
          new TreeMap<>(chosen));
    }

    Rounds rounds() {
      return new Rounds(
          tasks,
          localSteps,
          outerRate == 0
              ? Optional.empty()
              : Optional.of(new Rounds.Outer(outerRate, outerMomentum)));
    }

    RoundTask bind(Backend backend) {
      return new RoundTask(
          backend,
          rounds(),
          RecipeJson.read(JsonParser.parseString(recipe).getAsJsonObject()),
          NetworkReader.parse(network),
          Shape.of(Arrays.stream(image.split(",")).mapToInt(Integer::parseInt).toArray()));
    }
  }

  /** The training images, as they travel: once to each executor. */
  record Stored(byte[] images, byte[] labels, int[] image) implements Serializable {
    static Stored of(Samples samples) {
      return new Stored(
          bytes(samples.images()),
          bytes(samples.labels()),
          samples.image().dims().stream().mapToInt(i -> i).toArray());
    }

    private static byte[] bytes(ByteBuffer buffer) {
      byte[] bytes = new byte[buffer.capacity()];
      buffer.get(0, bytes);
      return bytes;
    }

    Samples samples() {
      return new Samples(
          ByteBuffer.wrap(images), ByteBuffer.wrap(labels), labels.length, Shape.of(image));
    }
  }

  private final Backend backend;
  private final RoundTask task;
  private long loaded = -1;

  private TaskDevice(Backend backend, RoundTask task) {
    this.backend = backend;
    this.task = task;
  }

  static TaskDevice open(Kind kind) {
    Backend backend =
        Devices.open(
            kind.device(),
            Devices.processor(kind.threads()).withChosen(kind.chosen()),
            CudaOptions.STANDARD);
    try {
      return new TaskDevice(backend, kind.bind(backend));
    } catch (RuntimeException | Error e) {
      backend.close();
      throw e;
    }
  }

  /**
   * Computes a task.
   *
   * @param number of these images: those of the last call are not loaded again
   */
  Round.Part compute(long number, Stored images, Round round, int which) {
    if (loaded != number) {
      task.load(images.samples());
      loaded = number;
    }
    return task.compute(round, which);
  }

  @Override
  public void close() {
    task.close();
    backend.close();
  }
}
