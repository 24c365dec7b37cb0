package org.nin4j.cli.option;

import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import org.nin4j.cli.output.Console;
import org.nin4j.cli.output.DownloadBar;
import org.nin4j.cli.output.ShellWords;
import org.nin4j.data.TrainTest;
import org.nin4j.data.published.AptGet;
import org.nin4j.data.published.DataLocations;
import org.nin4j.data.published.DatasetLoader;
import org.nin4j.data.published.PublishedDataset;
import org.nin4j.data.shapes.Shapes;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Where data comes from. */
public final class DataOptions {
  /** What {@code --dataset} takes, for people. */
  public static final String NAMES = "fashion-mnist, mnist or shapes";

  /** Shapes are the same for everyone, as a published data set is. */
  private static final long SHAPES_SEED = 1;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description =
          "Folder with the data set's four files, gzipped or not. Default: $$NIN4J_DATA,"
              + " ~/.cache/nin4j, or /usr/share/datasets; else they are downloaded, or taken from"
              + " their Debian package.")
  private Optional<Path> data = Optional.empty();

  /** The options as given, each after a space, for a shell. */
  public String toCommandLine() {
    return data.map(folder -> " --data " + ShellWords.quote(folder)).orElse("");
  }

  /** Loads a data set, all of it or the first images. */
  public TrainTest load(String dataset, OptionalInt limit, int threads, Console console) {
    if (dataset.equals(Shapes.ID)) {
      return Shapes.draw(
          SHAPES_SEED,
          Math.min(limit.orElse(Shapes.TRAIN_COUNT), Shapes.TRAIN_COUNT),
          Math.min(limit.orElse(Shapes.TEST_COUNT), Shapes.TEST_COUNT),
          threads);
    }
    PublishedDataset published =
        PublishedDataset.ALL.stream()
            .filter(d -> d.id().equals(dataset))
            .findFirst()
            .orElseThrow(
                () ->
                    new ParameterException(
                        command.commandLine(),
                        "there is no data set '" + dataset + "'; there are " + NAMES));
    DatasetLoader loader =
        new DatasetLoader(
            DataLocations.of(data, console.environment(), console.home()),
            console.downloader(),
            AptGet.on(console.environment().getOrDefault("PATH", "")));
    TrainTest all;
    try (DownloadBar bar = new DownloadBar(console)) {
      all = loader.load(published, bar);
    }
    if (limit.isEmpty()) {
      return all;
    }
    return new TrainTest(
        all.train().first(Math.min(limit.getAsInt(), all.train().count())),
        all.test().first(Math.min(limit.getAsInt(), all.test().count())),
        all.origin());
  }
}
