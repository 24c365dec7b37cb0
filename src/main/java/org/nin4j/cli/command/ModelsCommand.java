package org.nin4j.cli.command;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.nin4j.backend.Backend;
import org.nin4j.cli.option.DeviceOptions;
import org.nin4j.cli.output.Console;
import org.nin4j.cli.output.ExitCode;
import org.nin4j.cli.output.JsonText;
import org.nin4j.cli.output.Quantities;
import org.nin4j.cli.output.Table;
import org.nin4j.model.Network;
import org.nin4j.model.json.NetworkWriter;
import org.nin4j.model.zoo.Networks;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.tensor.Shape;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Recipes;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Lists the networks that come with the library. */
@Command(
    header = "Lists the networks that come with NiN4J, or prints one's description.",
    description = {
      "%nFor images of one channel, of three for nin-cifar, and 10 classes, with the settings as"
          + " published: the parameters, the multiply-adds for one image, the memory for a batch in"
          + " training and prediction as planned for the device in fp32, and the image size, batch"
          + " and learning rate (for nin-mini, chosen).",
      ""
    },
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  ${ROOT-COMMAND-NAME} models",
      "  ${ROOT-COMMAND-NAME} models resnet18 --json > mine.json"
    })
public final class ModelsCommand implements Callable<Integer> {
  private static final int CLASSES = 10;

  private final Console console;

  @Spec private CommandSpec command;

  @Parameters(arity = "0..1", paramLabel = "NAME", description = "Only this network. Default: all.")
  private Optional<String> name = Optional.empty();

  @Option(
      names = "--json",
      description =
          "Print the network's description, which --network takes back from a file. Default: a"
              + " table.")
  private boolean json;

  @Mixin private DeviceOptions deviceOptions;

  public ModelsCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    List<Networks.Known> networks = networks();
    if (json) {
      Network network = networks.get(0).network(CLASSES);
      console.out().println(JsonText.of(NetworkWriter.write(network)));
    } else {
      print(networks);
    }
    return ExitCode.OK.number();
  }

  private List<Networks.Known> networks() {
    if (name.isEmpty()) {
      if (json) {
        throw new ParameterException(
            command.commandLine(), "--json prints one network's description; name one");
      }
      return Networks.all();
    }
    try {
      return List.of(Networks.named(name.get()));
    } catch (IllegalArgumentException e) {
      throw new ParameterException(command.commandLine(), e.getMessage());
    }
  }

  private void print(List<Networks.Known> networks) {
    Table table =
        new Table(
            List.of(
                Table.Side.LEFT,
                Table.Side.RIGHT,
                Table.Side.RIGHT,
                Table.Side.RIGHT,
                Table.Side.RIGHT,
                Table.Side.RIGHT,
                Table.Side.RIGHT,
                Table.Side.RIGHT),
            "Network",
            "Parameters",
            "Multiply-adds",
            "Training",
            "Prediction",
            "Size",
            "Batch",
            "Rate");
    try (Backend backend = deviceOptions.openToPlan()) {
      for (Networks.Known known : networks) {
        table.add(row(backend, known));
      }
      table.print(console.out());
      console.out().println("Memory as planned for " + backend.name() + ", fp32");
    }
  }

  private static String[] row(Backend backend, Networks.Known known) {
    Recipe recipe = Recipes.published(known.name());
    Network network = known.network(CLASSES);
    Shape image = Shape.of(known.channels(), known.size(), known.size());
    BatchSpec images = BatchSpec.unit(image, known.size(), known.size());
    Plan training =
        Planner.plan(network, images, known.batch(), recipe.precision(), recipe.purpose());
    Plan prediction =
        Planner.plan(network, images, known.batch(), recipe.precision(), new Purpose.Inference());
    long parameters = network.parameters(image).stream().mapToLong(p -> p.shape().elements()).sum();
    return new String[] {
      known.name(),
      Quantities.count(parameters),
      Quantities.count(prediction.multiplyAdds() / known.batch()),
      Quantities.bytes(backend.prepare(training).bytes()),
      Quantities.bytes(backend.prepare(prediction).bytes()),
      String.valueOf(known.size()),
      String.valueOf(known.batch()),
      String.valueOf(known.rate())
    };
  }
}
