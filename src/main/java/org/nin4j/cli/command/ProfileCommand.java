package org.nin4j.cli.command;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.nin4j.backend.Backend;
import org.nin4j.backend.DeviceRates;
import org.nin4j.cli.option.DataOptions;
import org.nin4j.cli.option.DataSource;
import org.nin4j.cli.option.DeviceOptions;
import org.nin4j.cli.option.RecipeOptions;
import org.nin4j.cli.output.Console;
import org.nin4j.cli.output.ExitCode;
import org.nin4j.cli.output.ProfileJson;
import org.nin4j.cli.output.ProfileTables;
import org.nin4j.data.DataMissingException;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.published.DataLocations;
import org.nin4j.data.shapes.Shapes;
import org.nin4j.model.Network;
import org.nin4j.text.Text;
import org.nin4j.train.diagnosis.KnownRates;
import org.nin4j.train.diagnosis.Profile;
import org.nin4j.train.diagnosis.Profiler;
import org.nin4j.train.recipe.Recipe;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Says where the time of a training step goes. */
@Command(
    header = "Times each step of a training run beside the least it can take on this device.",
    description = {
      "%nMeasures the device's memory bandwidth and matrix rate, trains some runs, and prints for"
          + " each step its median time, the spread of the middle half, the bytes that it reads and"
          + " writes, its FLOPs, their share of the peak, and its floor: the longer of bytes /"
          + " bandwidth and FLOPs / matrix rate. Where tensors stay in the processor's cache, or a"
          + " convolution takes fewer multiplications (marked *), a step can be faster than that."
          + " Without the data set and a network to get it from, shapes are used.",
      ""
    },
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  ${ROOT-COMMAND-NAME} profile",
      "  ${ROOT-COMMAND-NAME} profile --network densenet",
      "  ${ROOT-COMMAND-NAME} profile --recipe d2l --precision bf16 --sort plan",
      "  ${ROOT-COMMAND-NAME} profile --inference --batch 256 --device cpu --json profile.json"
    })
public final class ProfileCommand implements Callable<Integer> {
  /** In which order steps are printed. */
  public enum Order {
    WORST,
    PLAN
  }

  private static final int MOST_RUNS = 100_000;

  private final Console console;

  @Spec private CommandSpec command;

  @Option(
      names = "--recipe",
      paramLabel = "NAME",
      description =
          "Settings to start from: default, fast for the fewest seconds to 0.90, best for the"
              + " highest accuracy, momentum, which the studies take, d2l, the network's own as"
              + " published, or paddle, the same with Adam; options change single ones. Default:"
              + " default for nin and nin-mini, d2l for other networks.")
  private Optional<String> recipe = Optional.empty();

  @Option(
      names = "--inference",
      description = "Forward steps only, as for evaluation. Default: a training step.")
  private boolean inference;

  @Option(names = "--steps", paramLabel = "N", description = "Runs that are timed. Default: 20.")
  private int runs = 20;

  @Option(
      names = "--warm-up-steps",
      paramLabel = "N",
      description = "Runs before that. Default: 5.")
  private int warmUp = 5;

  @Option(
      names = "--sort",
      paramLabel = "ORDER",
      description =
          "worst: the steps first that lose most time to their floor; plan: in the order in which"
              + " they run. Default: worst.")
  private Order order = Order.WORST;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "Write everything as JSON, too. Default: not written.")
  private Optional<Path> json = Optional.empty();

  @Mixin private RecipeOptions changes;
  @Mixin private DataOptions dataOptions;
  @Mixin private DeviceOptions deviceOptions;

  public ProfileCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    if (runs < 1 || warmUp < 0 || runs > MOST_RUNS || warmUp > MOST_RUNS) {
      throw usage(
          Text.of(
              "at least 1 run is timed, after 0 or more to warm up; at most %d each", MOST_RUNS));
    }
    Recipe wanted = wanted();
    try (Backend backend = deviceOptions.open()) {
      Recipe used = changes.fitting(backend, wanted, console);
      ImageDataset data = data(used);
      DeviceRates rates = DeviceRates.measure(backend, used.precision());
      Network network = changes.network().network(used, data.classNames().size());
      Profile profile =
          Profiler.profile(backend, used, network, data, inference, rates, warmUp, runs);
      KnownRates.keep(cache(), backend, used.precision(), profile.rates());
      ProfileTables tables = new ProfileTables(profile);
      console.out().println("device: " + backend.description());
      tables.print(console.out(), order == Order.PLAN ? profile.steps() : profile.worstFirst());
      json.ifPresent(
          file ->
              write(
                  file,
                  ProfileJson.write(
                      profile, backend.description(), used, data.name(), inference, runs)));
    }
    return ExitCode.OK.number();
  }

  private Path cache() {
    return DataLocations.of(Optional.empty(), console.environment(), console.home()).cache();
  }

  private Recipe wanted() {
    try {
      Recipe wanted = changes.apply(changes.base(recipe));
      dataOptions
          .classes(DataSource.of(wanted))
          .ifPresent(classes -> changes.network().network(wanted, classes));
      return wanted;
    } catch (IllegalArgumentException e) {
      throw usage(e.getMessage());
    }
  }

  /** No more images than are seen. */
  private ImageDataset data(Recipe used) {
    OptionalInt seen =
        OptionalInt.of(
            (int)
                Math.min(
                    (warmUp + 2L * runs) * used.batch(), used.limit().orElse(Integer.MAX_VALUE)));
    int threads = deviceOptions.threads();
    try {
      return dataOptions.load(DataSource.of(used), seen, threads, console).train();
    } catch (DataMissingException e) {
      console
          .out()
          .println(
              Text.of(
                  "There is neither the data set %s nor a network to get it from: using %s instead.",
                  used.dataset(), Shapes.NAME));
      return dataOptions.load(new DataSource.Named(Shapes.ID), seen, threads, console).train();
    }
  }

  private void write(Path file, String text) {
    try {
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new UncheckedIOException(file + " cannot be written: " + e.getMessage(), e);
    }
    console.out().println("written: " + file);
  }

  private ParameterException usage(String message) {
    return new ParameterException(command.commandLine(), message);
  }
}
