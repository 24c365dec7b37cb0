package org.nin4j.cli.option;

import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import org.nin4j.cli.output.Console;
import org.nin4j.cli.output.DecodingBar;
import org.nin4j.cli.output.DownloadBar;
import org.nin4j.cli.output.ShellWords;
import org.nin4j.data.TrainTest;
import org.nin4j.data.folder.FolderLoader;
import org.nin4j.data.published.AptGet;
import org.nin4j.data.published.DataLocations;
import org.nin4j.data.published.DatasetLoader;
import org.nin4j.data.published.PublishedDataset;
import org.nin4j.data.shapes.Shapes;
import org.nin4j.train.recipe.Recipe;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Where data comes from. */
public final class DataOptions {
  /** Shapes are the same for everyone, as a published data set is. */
  private static final long SHAPES_SEED = 1;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description =
          "Folder with the published data set's files, packed or not. Default: $$NIN4J_DATA,"
              + " ~/.cache/nin4j, or /usr/share/datasets; else they are downloaded, or taken from"
              + " their Debian package.")
  private Optional<Path> data = Optional.empty();

  @Option(
      names = "--skip-bad",
      description =
          "Leave out a folder's pictures that are damaged, or grey where others are coloured."
              + " Default: end with an error that names the first.")
  private boolean skipBad;

  /** The options as given, each after a space, for a shell. */
  public String toCommandLine() {
    return data.map(folder -> " --data " + ShellWords.quote(folder)).orElse("")
        + (skipBad ? " --skip-bad" : "");
  }

  /**
   * Number of classes, where it is known before anything is loaded.
   *
   * @throws ParameterException if there is no such data set
   */
  public OptionalInt classes(DataSource source) {
    if (source instanceof DataSource.Named named) {
      return OptionalInt.of(
          named.id().equals(Shapes.ID)
              ? Shapes.CLASS_NAMES.size()
              : published(named.id()).classes());
    }
    return OptionalInt.empty();
  }

  /** Loads what a recipe trains on and is judged by: with its limit and its validation. */
  public TrainTest load(Recipe recipe, DataSource source, int threads, Console console) {
    TrainTest data = load(source, recipe.limit(), threads, console);
    return recipe.validation().isPresent()
        ? data.validating(recipe.validation().getAsDouble())
        : data;
  }

  /** Loads a data set, all of it or the first images. */
  public TrainTest load(DataSource source, OptionalInt limit, int threads, Console console) {
    if (source instanceof DataSource.Folder folder) {
      return first(limit, load(folder, threads, console));
    }
    if (skipBad) {
      throw usage("--skip-bad is for a folder of pictures, --dataset folder:DIR");
    }
    String id = ((DataSource.Named) source).id();
    if (id.equals(Shapes.ID)) {
      return Shapes.draw(
          SHAPES_SEED,
          Math.min(limit.orElse(Shapes.TRAIN_COUNT), Shapes.TRAIN_COUNT),
          Math.min(limit.orElse(Shapes.TEST_COUNT), Shapes.TEST_COUNT),
          threads);
    }
    DatasetLoader loader =
        new DatasetLoader(
            locations(console),
            console.downloader(),
            AptGet.on(console.environment().getOrDefault("PATH", "")));
    try (DownloadBar bar = new DownloadBar(console)) {
      return first(limit, loader.load(published(id), bar));
    }
  }

  private TrainTest load(DataSource.Folder folder, int threads, Console console) {
    if (data.isPresent()) {
      throw usage("--data is for published data sets; folder:DIR says itself where it is");
    }
    try (DecodingBar bar = new DecodingBar(console)) {
      return new FolderLoader(locations(console).cache(), threads, bar)
          .load(folder.path(), folder.split(), folder.size(), skipBad);
    }
  }

  private DataLocations locations(Console console) {
    return DataLocations.of(data, console.environment(), console.home());
  }

  private PublishedDataset published(String id) {
    return PublishedDataset.all().stream()
        .filter(d -> d.id().equals(id))
        .findFirst()
        .orElseThrow(
            () -> usage("there is no data set '" + id + "'; there are " + DataSource.NAMES));
  }

  private static TrainTest first(OptionalInt limit, TrainTest all) {
    if (limit.isEmpty()) {
      return all;
    }
    return new TrainTest(
        all.train().first(Math.min(limit.getAsInt(), all.train().count())),
        all.test().first(Math.min(limit.getAsInt(), all.test().count())),
        all.origin());
  }

  private ParameterException usage(String message) {
    return new ParameterException(command.commandLine(), message);
  }
}
