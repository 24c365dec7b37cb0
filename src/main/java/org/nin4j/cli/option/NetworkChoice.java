package org.nin4j.cli.option;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.nin4j.data.file.PartialFile;
import org.nin4j.model.Network;
import org.nin4j.model.json.DescriptionException;
import org.nin4j.model.json.NetworkReader;
import org.nin4j.model.zoo.Networks;
import org.nin4j.model.zoo.NinVariant;
import org.nin4j.text.Text;
import org.nin4j.train.recipe.DropoutShare;
import org.nin4j.train.recipe.InnerConvolutions;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Recipes;
import org.nin4j.train.recipe.Reduction;
import picocli.CommandLine.Option;

/** Which network: one of the library's by name, or one of one's own from a file. */
public final class NetworkChoice {
  private static final String FILE_ENDING = ".json";

  @Option(
      names = "--network",
      paramLabel = "NAME|FILE",
      description =
          "Network: one of those that '${ROOT-COMMAND-NAME} models' lists, or a file NAME.json with"
              + " the description of another. Default: ${bundle:recipe.network}.")
  private Optional<String> network = Optional.empty();

  @Option(
      names = "--inner",
      paramLabel = "LIST",
      description =
          "Convolutions after the first of each NiN block, with their padding: 1x1,1x1 or 1x1 or"
              + " 3x3p1,3x3p1 or none. Default: ${bundle:recipe.inner}.")
  private Optional<String> inner = Optional.empty();

  @Option(
      names = "--head",
      paramLabel = "NAME",
      description =
          "What follows the last NiN block: average, average-no-relu for the same without the"
              + " block's last ReLU, or linear for a fully connected layer. Default: ${bundle:recipe.head}.")
  private Optional<NinVariant.Head> head = Optional.empty();

  @Option(
      names = "--reduce",
      paramLabel = "LIST",
      description =
          "Channels of the last NiN block's convolutions, down to the number of classes: 10 or"
              + " 192,10 or 96,48,10. Default: ${bundle:recipe.reduce}.")
  private Optional<String> reduction = Optional.empty();

  @Option(
      names = "--dropout",
      paramLabel = "X",
      description =
          "Share of what the last NiN block reads that is left out at random in training, or"
              + " published for the network's (nin: 0.5). Default: ${bundle:recipe.dropout}.")
  private Optional<String> dropout = Optional.empty();

  private Optional<Network> described = Optional.empty();

  /** Whether the command line chooses anything. */
  public boolean given() {
    return network.isPresent() || isVaried();
  }

  private boolean isVaried() {
    return inner.isPresent() || head.isPresent() || reduction.isPresent() || dropout.isPresent();
  }

  /** Whether it is a file. */
  public boolean isFile() {
    return network.filter(name -> name.endsWith(FILE_ENDING)).isPresent();
  }

  /**
   * The network's name: the default recipe's where none is chosen.
   *
   * @throws IllegalArgumentException if the library has none of that name
   */
  public String name() {
    if (isFile()) {
      return described().name();
    }
    String name = network.orElse(Recipes.standard().network());
    if (!Networks.NAMES.contains(name)) {
      throw new IllegalArgumentException(
          Text.of(
              "there is no network '%s'; there are %s, and files NAME%s with descriptions of others",
              name, String.join(", ", Networks.NAMES), FILE_ENDING));
    }
    return name;
  }

  /**
   * A recipe for this network.
   *
   * @throws IllegalArgumentException if some choice makes no sense
   */
  public Recipe.Builder apply(Recipe base) {
    if (isFile() && isVaried()) {
      throw new IllegalArgumentException(
          "--inner, --head, --reduce and --dropout are for networks by name; a file says everything itself");
    }
    Recipe.Builder changed = base.toBuilder();
    NinVariant variant = base.variant();
    if (network.isPresent()) {
      changed.network(name());
    }
    if (inner.isPresent()) {
      variant = variant.withInner(InnerConvolutions.parse(inner.get()));
    }
    if (head.isPresent()) {
      variant = variant.withHead(head.get());
    }
    if (reduction.isPresent()) {
      variant = variant.withReduction(Reduction.parse(reduction.get()));
    }
    if (dropout.isPresent()) {
      variant = variant.withDropout(DropoutShare.parse(dropout.get()));
    }
    return changed.variant(variant);
  }

  /**
   * The network, as a recipe names it or from the file.
   *
   * @throws IllegalArgumentException if the library has no such network
   */
  public Network network(Recipe recipe, int classes) {
    return isFile() ? described() : recipe.network(classes);
  }

  private Network described() {
    if (described.isEmpty()) {
      described = Optional.of(read(Path.of(network.orElseThrow())));
    }
    return described.get();
  }

  private static Network read(Path file) {
    try {
      return NetworkReader.parse(Files.readString(file));
    } catch (DescriptionException e) {
      throw new DescriptionException(file + ": " + e.getMessage());
    } catch (IOException e) {
      throw PartialFile.unreadable(file, e);
    }
  }
}
