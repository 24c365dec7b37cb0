package org.nin4j.cli.command;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.nin4j.cli.option.DataOptions;
import org.nin4j.cli.option.DataSource;
import org.nin4j.cli.option.SplitOptions;
import org.nin4j.cli.output.Console;
import org.nin4j.cli.output.ExitCode;
import org.nin4j.cli.output.Quantities;
import org.nin4j.cli.output.Table;
import org.nin4j.data.ChannelStatistics;
import org.nin4j.data.ContactSheet;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.TrainTest;
import org.nin4j.data.folder.StoredSize;
import org.nin4j.data.published.IdxDataset;
import org.nin4j.data.published.IdxWriter;
import org.nin4j.text.Text;
import org.nin4j.train.recipe.Recipes;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Finds, shows and writes data sets. */
@Command(
    header = "Finds, checks, shows and writes data sets.",
    description = {
      "%nA data set that is not on this machine is downloaded. Samples of each class can be drawn"
          + " as a picture, all grey images written as IDX files. A folder of pictures,"
          + " DIR/train/CLASS and DIR/test/CLASS or DIR/CLASS with --split, is decoded into a cache"
          + " file, which is used again as long as the pictures are the same.",
      ""
    },
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  ${ROOT-COMMAND-NAME} data",
      "  ${ROOT-COMMAND-NAME} data --sheet fashion.png",
      "  ${ROOT-COMMAND-NAME} data --dataset folder:flowers --split 0.1 --size 64",
      "  ${ROOT-COMMAND-NAME} data --dataset shapes --limit 10000 --out shapes"
    })
public final class DataCommand implements Callable<Integer> {
  private static final int SHEET_COLUMNS = 20;

  private final Console console;

  @Spec private CommandSpec command;

  @Option(
      names = "--dataset",
      paramLabel = "NAME",
      description = "Data set: " + DataSource.NAMES + ". Default: fashion-mnist.")
  private String dataset = IdxDataset.FASHION_MNIST.id();

  @Mixin private SplitOptions splitOptions;

  @Option(
      names = "--size",
      paramLabel = "N",
      description =
          "Side that a folder's pictures of several sizes are brought to. Default:"
              + " ${DEFAULT-VALUE}.")
  private int size = Recipes.standard().size();

  @Option(
      names = "--limit",
      paramLabel = "N",
      description = "Only the first N training and N test images. Default: all.")
  private Optional<Integer> limit = Optional.empty();

  @Option(
      names = "--sheet",
      paramLabel = "FILE",
      description = "Draw some training images of each class as a PNG picture.")
  private Optional<Path> sheet = Optional.empty();

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "Write four gzipped IDX files, as --data takes them, where none stand yet.")
  private Optional<Path> out = Optional.empty();

  @Mixin private DataOptions dataOptions;

  public DataCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    if (limit.isPresent() && limit.get() < 1) {
      throw new ParameterException(
          command.commandLine(), "--limit is at least 1, not " + limit.get());
    }
    out.ifPresent(IdxWriter::requireHoldsNoData);
    OptionalInt images = limit.map(OptionalInt::of).orElse(OptionalInt.empty());
    TrainTest data =
        dataOptions.load(source(), images, Runtime.getRuntime().availableProcessors(), console);
    if (out.isPresent() && data.train().channels() != 1) {
      throw new ParameterException(
          command.commandLine(),
          Text.of(
              "IDX files hold grey images; those of %s have %d channels: leave out --out",
              data.name(), data.train().channels()));
    }
    console.out().println(data.name() + ", " + data.origin());
    console.out().println("training images: " + data.train());
    console.out().println("test images:     " + data.test());
    ChannelStatistics statistics = ChannelStatistics.of(data.train());
    console
        .out()
        .println(
            Text.of(
                "training pixels:  mean %s, deviation %s",
                texts(statistics.mean()), texts(statistics.deviation())));
    printClasses(data);
    sheet.ifPresent(
        file -> {
          ContactSheet.write(data.train(), SHEET_COLUMNS, file);
          console.out().println("drawn: " + file);
        });
    out.ifPresent(
        folder -> {
          IdxWriter.write(data, folder);
          console.out().println("written: " + folder);
        });
    return ExitCode.OK.number();
  }

  private DataSource source() {
    try {
      return DataSource.of(
          DataSource.absolute(dataset),
          splitOptions.apply(Optional.empty()),
          StoredSize.squareUnlessCommon(size));
    } catch (IllegalArgumentException e) {
      throw new ParameterException(command.commandLine(), e.getMessage());
    }
  }

  private static String texts(List<Double> values) {
    return values.stream().map(v -> Text.of("%.4f", v)).collect(Collectors.joining(","));
  }

  private void printClasses(TrainTest data) {
    Table table =
        new Table(
            List.of(Table.Side.RIGHT, Table.Side.LEFT, Table.Side.RIGHT, Table.Side.RIGHT),
            "",
            "Class",
            "Training",
            "Test");
    int[] train = counts(data.train());
    int[] test = counts(data.test());
    for (int label = 0; label < train.length; label++) {
      table.add(
          String.valueOf(label),
          data.train().classNames().get(label),
          Quantities.count(train[label]),
          Quantities.count(test[label]));
    }
    table.print(console.out());
  }

  private static int[] counts(ImageDataset set) {
    int[] counts = new int[set.classNames().size()];
    for (int i = 0; i < set.count(); i++) {
      counts[set.label(i)]++;
    }
    return counts;
  }
}
