package org.nin4j.cli.option;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;
import org.nin4j.cli.output.Failures;
import org.nin4j.data.Split;
import org.nin4j.data.folder.StoredSize;
import org.nin4j.train.recipe.Recipe;

/** What {@code --dataset} and the options beside it name. */
public sealed interface DataSource {
  /** What {@code --dataset} takes, for people. */
  String NAMES = "fashion-mnist, mnist, cifar-10, cifar-100, shapes or folder:DIR";

  /** What a folder's name stands after. */
  String FOLDER = "folder:";

  /** A published data set, or shapes. */
  record Named(String id) implements DataSource {}

  /** A folder of pictures. */
  record Folder(Path path, Optional<Split> split, StoredSize size) implements DataSource {}

  /** Whether this is a folder. */
  static boolean isFolder(String dataset) {
    return dataset.startsWith(FOLDER);
  }

  /**
   * The same data set by a name that holds wherever the program is started.
   *
   * @throws IllegalArgumentException if it is a folder without a name
   */
  static String absolute(String dataset) {
    return isFolder(dataset) ? FOLDER + path(dataset) : dataset;
  }

  private static Path path(String dataset) {
    String name = dataset.substring(FOLDER.length());
    if (name.isEmpty()) {
      throw new IllegalArgumentException("folder: is followed by a folder's name");
    }
    try {
      return Path.of(name).toAbsolutePath().normalize();
    } catch (InvalidPathException e) {
      throw new IllegalArgumentException(Failures.unnamable(e), e);
    }
  }

  /**
   * What options say.
   *
   * @param size of a folder's images
   * @throws IllegalArgumentException if a data set is to be divided that is divided already
   */
  static DataSource of(String dataset, Optional<Split> split, StoredSize size) {
    if (isFolder(dataset)) {
      return new Folder(path(dataset), split, size);
    }
    if (split.isPresent()) {
      throw new IllegalArgumentException(
          "--split divides a folder of pictures; " + dataset + " is divided already");
    }
    return new Named(dataset);
  }

  /** What a recipe is trained on, stored as large as its network takes it. */
  static DataSource of(Recipe recipe) {
    return of(recipe, recipe.size());
  }

  /**
   * What a recipe is trained on.
   *
   * @param side at which pictures of several sizes are stored
   */
  static DataSource of(Recipe recipe, int side) {
    return of(recipe.dataset(), recipe.split(), StoredSize.squareUnlessCommon(side));
  }
}
