package org.nin4j.cli.command;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import org.nin4j.cli.option.DataOptions;
import org.nin4j.cli.option.DataSource;
import org.nin4j.cli.option.NetworkChoice;
import org.nin4j.cli.option.SplitOptions;
import org.nin4j.cli.output.Console;
import org.nin4j.cli.output.ExitCode;
import org.nin4j.cli.output.Quantities;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.TrainTest;
import org.nin4j.interop.PyTorchWeights;
import org.nin4j.interop.Renaming;
import org.nin4j.model.Network;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.checkpoint.Position;
import org.nin4j.train.history.History;
import org.nin4j.train.recipe.Preprocessing;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Recipes;
import org.nin4j.train.session.Images;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Makes a checkpoint of weights that another program wrote. */
@Command(
    header = "Makes a checkpoint of weights from PyTorch or any other program.",
    description = {
      "%nTakes a safetensors file of any program (F16, BF16, F32 or F64) whose tensors are called as"
          + " PyTorch calls them, layers by their places: 0.0.weight, 2.bn1.running_mean. In Python,"
          + " safetensors.torch.save_file(model.state_dict(), FILE) writes one. It must hold the"
          + " network's parameters and running statistics and nothing else, but for"
          + " num_batches_tracked, which is not needed: what is missing, left over or of another shape"
          + " is named, and the exit code is 5, as for a file that is damaged or holds NaN. A wrong"
          + " command line ends with 2, a renaming that finds nothing too.",
      "%nThe checkpoint can be used by evaluate, predict and export, and trained on with train"
          + " --resume, by the network's published recipe unless told otherwise. The data set is"
          + " loaded, for its classes.",
      ""
    },
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  ${ROOT-COMMAND-NAME} import book.safetensors --network resnet18",
      "  ${ROOT-COMMAND-NAME} import lit.safetensors --network lenet --rename '^net\\.='",
      "  ${ROOT-COMMAND-NAME} import w.safetensors --network mine.json --dataset cifar-10"
    })
public final class ImportCommand implements Callable<Integer> {
  private final Console console;

  @Spec private CommandSpec command;

  @Parameters(paramLabel = "FILE", description = "A safetensors file.")
  private Path file = Path.of("");

  @Mixin private NetworkChoice networkChoice;

  @Option(
      names = "--rename",
      paramLabel = "REGEX=NEW",
      description =
          "Replace what the regular expression finds in tensors' names; $$1 is its first group. Given"
              + " several times, one after the other. Default: names stay.")
  private List<String> renamings = List.of();

  @Option(
      names = "--dataset",
      paramLabel = "NAME",
      description =
          "The data set whose classes it tells apart: "
              + DataSource.NAMES
              + ". Default: fashion-mnist,"
              + " cifar-10 for nin-cifar.")
  private Optional<String> dataset = Optional.empty();

  @Mixin private SplitOptions splitOptions;

  @Option(
      names = "--size",
      paramLabel = "N",
      description = "Side of the network's images in pixels. Default: as published, 28 for a file.")
  private Optional<Integer> size = Optional.empty();

  @Option(
      names = "--mean",
      paramLabel = "X",
      split = ",",
      description =
          "What was subtracted from pixels in [0, 1]; one value, or one for each channel. Default: 0.")
  private List<Float> mean = List.of();

  @Option(
      names = "--std",
      paramLabel = "X",
      split = ",",
      description = "What the difference was divided by. Default: 1.")
  private List<Float> std = List.of();

  @Option(
      names = "--out",
      paramLabel = "FILE",
      description = "Where the checkpoint goes. Default: NETWORK-imported.safetensors.")
  private Optional<Path> out = Optional.empty();

  @Mixin private DataOptions dataOptions;

  public ImportCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    List<Renaming> renaming = checked(() -> renamings.stream().map(Renaming::parse).toList());
    Recipe recipe = checked(this::recipe);
    Path target = out.orElse(Path.of(recipe.network() + "-imported.safetensors"));
    ExportCommand.requireFree(target);
    PyTorchWeights.requireReadable(file);
    DataSource source = checked(() -> DataSource.of(recipe));
    TrainTest data =
        dataOptions.load(
            source, OptionalInt.empty(), Runtime.getRuntime().availableProcessors(), console);
    ImageDataset images = data.train();
    Network network = checked(() -> networkChoice.network(recipe, images.classNames().size()));
    Shape image = Images.shape(images);
    Shape input = checked(() -> recipe.images(image).output());
    Map<String, HostTensor> values =
        checked(() -> PyTorchWeights.read(file, network, input, renaming));
    Checkpoint imported =
        new Checkpoint(
            recipe,
            network,
            image,
            images.classNames(),
            Images.fingerprint(data),
            Position.atEpoch(0),
            History.EMPTY,
            Optional.empty(),
            values,
            Map.of(),
            Optional.empty());
    imported.requireComplete();
    imported.write(target);
    console
        .out()
        .println(
            Text.of(
                "%s: %s for images of %s in %d classes, %s values in %d tensors",
                target,
                network.name(),
                input,
                images.classNames().size(),
                Quantities.count(values.values().stream().mapToLong(t -> t.values().length).sum()),
                values.size()));
    return ExitCode.OK.number();
  }

  /** As published, which is how others train these networks; what was whitened is not known. */
  private Recipe recipe() {
    Recipe.Builder changed =
        networkChoice
            .apply(Recipes.published(networkChoice.name()))
            .preprocessing(Preprocessing.NONE);
    dataset.map(DataSource::absolute).ifPresent(changed::dataset);
    changed.split(splitOptions.apply(Optional.empty()));
    size.ifPresent(changed::size);
    changed.mean(mean.isEmpty() ? List.of(0f) : mean);
    changed.std(std.isEmpty() ? List.of(1f) : std);
    return changed.build();
  }

  /** What makes no sense on the command line says so as such. */
  private <T> T checked(Supplier<T> made) {
    try {
      return made.get();
    } catch (IllegalArgumentException e) {
      throw usage(e.getMessage());
    }
  }

  private ParameterException usage(String message) {
    return new ParameterException(command.commandLine(), message);
  }
}
