package org.nin4j.train.checkpoint;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;
import org.nin4j.data.file.PartialFile;
import org.nin4j.data.whitening.Whitening;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

/**
 * The whitening of a run's images, in a safetensors file beside the checkpoints that name it:
 * {@code mean} [n], {@code matrix} [n, n] and {@code step} [1], see {@link Whitening}. It is larger
 * than many a network, never changes, and is called by the beginning of its fingerprint, so that
 * one file serves all checkpoints of a folder.
 */
final class WhiteningFile {
  /** The entry of the text that says what the file holds. */
  static final String CONTENT = "content";

  static final String WHITENING = "whitening";

  private static final int DIGITS = 12;
  private static final Pattern NAME = Pattern.compile("whitening-[0-9a-f]{12}\\.safetensors");

  private WhiteningFile() {}

  /** What the file of a whitening is called. */
  static String name(Whitening whitening) {
    return "whitening-" + whitening.fingerprint().substring(0, DIGITS) + ".safetensors";
  }

  /** Writes the file beside a checkpoint, unless it is there. */
  static void write(Whitening whitening, Path checkpoint) {
    Path file = checkpoint.resolveSibling(name(whitening));
    if (Files.exists(file)) {
      return;
    }
    int n = whitening.size();
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    tensors.put("mean", new HostTensor(Shape.of(n), whitening.mean()));
    tensors.put("matrix", new HostTensor(Shape.of(n, n), whitening.matrix()));
    tensors.put("step", new HostTensor(Shape.of(1), new float[] {whitening.step()}));
    new Safetensors(Map.of(CONTENT, WHITENING), tensors).write(file);
  }

  /**
   * The same after the checkpoint: the folder may have vanished in between, and been made anew with
   * the checkpoint alone. Where it cannot be found out whether the file is there, it is: it was.
   */
  static void writeWhereGone(Whitening whitening, Path checkpoint) {
    if (Files.notExists(checkpoint.resolveSibling(name(whitening)))) {
      write(whitening, checkpoint);
    }
  }

  /**
   * Reads the file that a checkpoint names.
   *
   * @throws CheckpointException if it is not beside the checkpoint, damaged or another
   */
  static Whitening read(String name, Path checkpoint) {
    if (!NAME.matcher(name).matches()) {
      throw new CheckpointException(
          checkpoint + " was written by another program: it names the whitening '" + name + "'");
    }
    Path file = checkpoint.resolveSibling(name);
    if (!PartialFile.isThere(file)) {
      throw new CheckpointException(
          Text.of(
              "%s was trained on whitened images and needs %s beside it, which is not there; copy it along",
              checkpoint, name));
    }
    Safetensors content = Safetensors.read(file);
    Whitening whitening = whitening(file, content.tensors());
    if (!name(whitening).equals(name)) {
      throw new CheckpointException(file + " holds another whitening than its name says");
    }
    return whitening;
  }

  private static Whitening whitening(Path file, Map<String, HostTensor> tensors) {
    for (String tensor : new String[] {"mean", "matrix", "step"}) {
      if (!tensors.containsKey(tensor)) {
        throw new CheckpointException(file + " is no whitening: it has no " + tensor);
      }
    }
    try {
      return new Whitening(
          tensors.get("mean").values(),
          tensors.get("matrix").values(),
          tensors.get("step").values()[0]);
    } catch (IllegalArgumentException e) {
      throw new CheckpointException(file + " is no whitening: " + e.getMessage(), e);
    }
  }
}
