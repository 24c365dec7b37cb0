package org.nin4j.train.checkpoint;

import com.google.gson.JsonArray;
import com.google.gson.JsonParser;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.nin4j.backend.Metrics;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.whitening.Whitening;
import org.nin4j.model.Leaf;
import org.nin4j.model.Network;
import org.nin4j.model.Parameter;
import org.nin4j.model.json.NetworkReader;
import org.nin4j.model.json.NetworkWriter;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;
import org.nin4j.train.history.History;
import org.nin4j.train.recipe.Preprocessing;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.RecipeJson;
import org.nin4j.train.session.Images;

/**
 * All state of a run: the network with its values, optimizer state and position. A run that goes on
 * from it ends as if it had never stopped; and the network can be used without the program that
 * described it.
 *
 * @param recipe of the run
 * @param network what was trained, the library's or one's own
 * @param image (channels, height, width) of the stored images
 * @param classes their names by label
 * @param data fingerprint of the data set
 * @param position how far the run is
 * @param history of the complete epochs
 * @param best of these epochs; empty before the first
 * @param parameters of the network and its state, such as running means, by name
 * @param optimizerState by name
 * @param whitening of the images, where the recipe says so; kept in a file of its own
 */
public record Checkpoint(
    Recipe recipe,
    Network network,
    Shape image,
    List<String> classes,
    String data,
    Position position,
    History history,
    Optional<Best> best,
    Map<String, HostTensor> parameters,
    Map<String, HostTensor> optimizerState,
    Optional<Whitening> whitening) {
  private static final String OPTIMIZER_PREFIX = "optimizer.";
  private static final int DIFFERENCES_NAMED = 3;

  /**
   * Checks that position, history and recipe agree.
   *
   * @throws IllegalArgumentException if they do not
   */
  public Checkpoint {
    classes = List.copyOf(classes);
    parameters = Collections.unmodifiableMap(new LinkedHashMap<>(parameters));
    optimizerState = Collections.unmodifiableMap(new LinkedHashMap<>(optimizerState));
    position.requireWithin(recipe);
    require(
        recipe.network().equals(network.name()),
        Text.of("its recipe is for %s, but it holds %s", recipe.network(), network.name()));
    for (int i = 0; i < history.epochs().size(); i++) {
      require(
          history.epochs().get(i).epoch() == i + 1,
          "its history does not number its epochs from 1");
    }
    require(
        history.epochs().size() == position.epoch(),
        Text.of("it has results of %d epochs and stands %s", history.epochs().size(), position));
    require(
        best.isEmpty() || best.get().epoch() <= position.epoch(),
        "its best epoch comes after its last one");
    require(
        whitening.isPresent() == (recipe.preprocessing() == Preprocessing.GCN_ZCA),
        "its recipe and its whitening do not fit each other");
    whitening.ifPresent(
        fitted ->
            require(
                fitted.size() == image.elements(),
                Text.of("its whitening is for images of %d values", fitted.size())));
  }

  private static void require(boolean right, String message) {
    if (!right) {
      throw new IllegalArgumentException(message);
    }
  }

  /** Whether these are the parameters of the best epoch. */
  public boolean holdsBest() {
    return position.step() == 0 && best.isPresent() && best.get().epoch() == position.epoch();
  }

  /** The same state, with another best epoch. */
  public Checkpoint withBest(Optional<Best> other) {
    return new Checkpoint(
        recipe,
        network,
        image,
        classes,
        data,
        position,
        history,
        other,
        parameters,
        optimizerState,
        whitening);
  }

  /** The recipe, with the mean and deviation of whitened images where it was trained on such. */
  public Recipe recipeInUse() {
    return whitening.map(recipe::ofWhitened).orElse(recipe);
  }

  /** Stored images as the network was trained on them: whitened where it was. */
  public ImageDataset preprocessed(ImageDataset images) {
    return whitening.map(fitted -> fitted.apply(images)).orElse(images);
  }

  /** One stored image as the network was trained on them. */
  public byte[] preprocessed(byte[] pixels) {
    return whitening.map(fitted -> fitted.apply(pixels)).orElse(pixels);
  }

  /**
   * What the network is used with, by name: the running averages in the place of the parameters
   * that have one, else the parameters.
   */
  public Map<String, HostTensor> inUse() {
    return Parameters.averaged(parameters, optimizerState);
  }

  /** Whether all epochs of the recipe are done. */
  public boolean complete() {
    return position.epoch() >= recipe.epochs();
  }

  /**
   * Checks that a data set has the images and classes that the network was trained for.
   *
   * @throws CheckpointException if not
   */
  public void requireClasses(ImageDataset images) {
    if (!Images.shape(images).equals(image) || !images.classNames().equals(classes)) {
      throw new CheckpointException(
          Text.of(
              "the checkpoint is of a network for images of %s in the classes %s; %s has %s in the classes %s",
              image,
              String.join(", ", classes),
              images.name(),
              Images.shape(images),
              String.join(", ", images.classNames())));
    }
  }

  /**
   * Checks that the values are all there and are those of the network that it holds.
   *
   * @throws CheckpointException if not; the message names what differs
   */
  public void requireComplete() {
    Shape input = recipe.images(image).output();
    requireFits(network, input);
    List<Network.Node> nodes = network.nodes(input);
    Shape scores = nodes.get(nodes.size() - 1).output();
    if (!scores.equals(Shape.of(classes.size()))) {
      throw new CheckpointException(
          Text.of("the checkpoint's network ends in %s for %d classes", scores, classes.size()));
    }
  }

  /**
   * Checks that it is of a network: the same layers, wired in the same way, with the same names.
   *
   * @param input (channels, height, width) that reaches the network
   * @throws CheckpointException if not; the message names what differs
   */
  public void requireFits(Network other, Shape input) {
    Map<String, Shape> wanted = new LinkedHashMap<>();
    for (Parameter parameter : Parameters.of(other, input)) {
      wanted.put(parameter.name(), parameter.shape());
    }
    List<String> differences = new ArrayList<>();
    TreeSet<String> names = new TreeSet<>(wanted.keySet());
    names.addAll(parameters.keySet());
    for (String name : names) {
      if (!wanted.containsKey(name)) {
        differences.add(name + " is only in the checkpoint");
      } else if (!parameters.containsKey(name)) {
        differences.add(name + " is missing in the checkpoint");
      } else if (!wanted.get(name).equals(parameters.get(name).shape())) {
        differences.add(
            Text.of(
                "%s is %s in the checkpoint and %s in %s",
                name, parameters.get(name).shape(), wanted.get(name), other.name()));
      }
    }
    if (differences.isEmpty()) {
      differences.addAll(differentLayers(other, input));
    }
    if (!differences.isEmpty()) {
      boolean own = network.equals(other);
      int more = differences.size() - DIFFERENCES_NAMED;
      throw new CheckpointException(
          (own
                  ? "the checkpoint of " + network.name() + " is not complete: "
                  : Text.of(
                      "the checkpoint is of another network, %s: ",
                      network.name().equals(other.name())
                          ? "also named " + network.name()
                          : network.name()))
              + differences.stream().limit(DIFFERENCES_NAMED).collect(Collectors.joining("; "))
              + (more > 0 ? "; and " + more + " more" : ""));
    }
  }

  private List<String> differentLayers(Network other, Shape input) {
    if (network.layers().equals(other.layers())) {
      return List.of();
    }
    List<String> saved = lines(network, recipe.images(image).output());
    List<String> own = lines(other, input);
    List<String> differences = new ArrayList<>();
    for (int i = 0; i < Math.max(own.size(), saved.size()); i++) {
      String there = i < saved.size() ? saved.get(i) : "no further layer";
      String here = i < own.size() ? own.get(i) : "no further layer";
      if (!there.equals(here)) {
        differences.add(Text.of("%s in the checkpoint, %s in %s", there, here, other.name()));
      }
    }
    return differences;
  }

  /** What a network computes, a line for each layer, with the layers that it takes. */
  private static List<String> lines(Network network, Shape input) {
    List<Network.Node> nodes = network.nodes(input);
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < nodes.size(); i++) {
      Network.Node node = nodes.get(i);
      String what =
          node.layer() instanceof Leaf leaf
              ? NetworkWriter.write(leaf).toString()
              : node.layer().kind();
      boolean ofTheOneBefore = node.inputs().equals(List.of(i - 1));
      lines.add(
          node.name()
              + " "
              + what
              + (ofTheOneBefore
                  ? ""
                  : node.inputs().stream()
                      .map(of -> of == Network.IMAGES ? "images" : nodes.get(of).name())
                      .collect(Collectors.joining(", ", " of ", ""))));
    }
    return lines;
  }

  /**
   * Writes a file, which appears under its name only when it is complete, and before it, unless it
   * is there, the file {@code whitening-….safetensors} that it needs beside it.
   *
   * @throws UncheckedIOException if that fails; a file that had the name is still there
   */
  public void write(Path file) {
    Map<String, String> text = new LinkedHashMap<>();
    JsonArray classNames = new JsonArray();
    classes.forEach(classNames::add);
    text.put("network", NetworkWriter.write(network).toString());
    text.put("image", image.dims().stream().map(String::valueOf).collect(Collectors.joining(",")));
    text.put("classes", classNames.toString());
    text.put("data", data);
    text.put("recipe", RecipeJson.write(recipe).toString());
    text.put("seed", String.valueOf(recipe.seed()));
    text.put("epoch", String.valueOf(position.epoch()));
    text.put("step", String.valueOf(position.step()));
    text.put("loss_sum", String.valueOf(position.sums().lossSum()));
    text.put("samples", String.valueOf(position.sums().samples()));
    text.put("top1", String.valueOf(position.sums().top1()));
    text.put("top5", String.valueOf(position.sums().top5()));
    text.put("seconds", String.valueOf(position.seconds()));
    text.put("history", history.toCsv());
    if (best.isPresent()) {
      text.put("best_epoch", String.valueOf(best.get().epoch()));
      text.put("best_test_accuracy", String.valueOf(best.get().testAccuracy()));
      text.put("best_test_data", best.get().testData());
    }
    if (whitening.isPresent()) {
      WhiteningFile.write(whitening.get(), file);
      text.put("whitening", WhiteningFile.name(whitening.get()));
    }
    Map<String, HostTensor> tensors = new LinkedHashMap<>(parameters);
    optimizerState.forEach((name, values) -> tensors.put(OPTIMIZER_PREFIX + name, values));
    new Safetensors(text, tensors).write(file);
    whitening.ifPresent(w -> WhiteningFile.writeWhereGone(w, file));
  }

  /**
   * Reads a file.
   *
   * @throws CheckpointException if it is no checkpoint, damaged, of an unknown version, or holds
   *     what no training saves, such as a parameter that is NaN; the message says what is wrong
   * @throws UncheckedIOException if it cannot be read
   */
  public static Checkpoint read(Path file) {
    Safetensors content = Safetensors.read(file);
    Map<String, HostTensor> parameters = new LinkedHashMap<>();
    Map<String, HostTensor> optimizerState = new LinkedHashMap<>();
    content
        .tensors()
        .forEach(
            (name, values) -> {
              if (name.startsWith(OPTIMIZER_PREFIX)) {
                optimizerState.put(name.substring(OPTIMIZER_PREFIX.length()), values);
              } else {
                parameters.put(name, values);
              }
            });
    content.tensors().forEach((name, values) -> requireFinite(file, name, values));
    Map<String, String> text = content.metadata();
    if (WhiteningFile.WHITENING.equals(text.get(WhiteningFile.CONTENT))) {
      throw new CheckpointException(
          file + " is no checkpoint but the whitening of a run's images; name a file beside it");
    }
    if (text.containsKey("network") && !text.get("network").startsWith("{")) {
      throw new CheckpointException(
          file
              + " was written before checkpoints carried their network ("
              + text.get("network")
              + "), and cannot be read any more; train again");
    }
    Optional<Whitening> whitening =
        Optional.ofNullable(text.get("whitening")).map(name -> WhiteningFile.read(name, file));
    Checkpoint read = read(file, text, parameters, optimizerState, whitening);
    read.requireComplete();
    return read;
  }

  private static Checkpoint read(
      Path file,
      Map<String, String> text,
      Map<String, HostTensor> parameters,
      Map<String, HostTensor> optimizerState,
      Optional<Whitening> whitening) {
    try {
      return new Checkpoint(
          RecipeJson.read(JsonParser.parseString(get(text, "recipe")).getAsJsonObject()),
          NetworkReader.parse(get(text, "network")),
          Shape.of(
              Arrays.stream(get(text, "image").split(",")).mapToInt(Integer::parseInt).toArray()),
          JsonParser.parseString(get(text, "classes")).getAsJsonArray().asList().stream()
              .map(e -> e.getAsString())
              .toList(),
          get(text, "data"),
          new Position(
              Integer.parseInt(get(text, "epoch")),
              Integer.parseInt(get(text, "step")),
              new Metrics(
                  Double.parseDouble(get(text, "loss_sum")),
                  Long.parseLong(get(text, "samples")),
                  Long.parseLong(get(text, "top1")),
                  Long.parseLong(get(text, "top5"))),
              Double.parseDouble(get(text, "seconds"))),
          History.parseCsv(get(text, "history")),
          best(text),
          parameters,
          optimizerState,
          whitening);
    } catch (RuntimeException e) {
      // The digest fits, so it was written like this: by a program that knows more or other things.
      throw new CheckpointException(file + " was written by another program: " + e.getMessage(), e);
    }
  }

  private static void requireFinite(Path file, String name, HostTensor tensor) {
    tensor
        .firstNotFinite()
        .ifPresent(
            value -> {
              throw new CheckpointException(
                  Text.of(
                      "%s cannot be used: %s is %s somewhere",
                      file, name, Double.isNaN(value) ? "NaN" : "infinite"));
            });
  }

  /** Files of the first versions do not say which epoch is the best. */
  private static Optional<Best> best(Map<String, String> text) {
    if (!text.containsKey("best_epoch")) {
      return Optional.empty();
    }
    return Optional.of(
        new Best(
            Integer.parseInt(get(text, "best_epoch")),
            Double.parseDouble(get(text, "best_test_accuracy")),
            get(text, "best_test_data")));
  }

  private static String get(Map<String, String> text, String key) {
    if (!text.containsKey(key)) {
      throw new IllegalArgumentException("it has no '" + key + "'");
    }
    return text.get(key);
  }
}
