package org.nin4j.cli.command;

import java.io.PrintStream;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.nin4j.backend.Backend;
import org.nin4j.cli.option.DeviceOptions;
import org.nin4j.cli.option.NetworkOptions;
import org.nin4j.cli.output.Console;
import org.nin4j.cli.output.ExitCode;
import org.nin4j.cli.output.Quantities;
import org.nin4j.cli.output.Table;
import org.nin4j.model.Network;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;
import org.nin4j.train.recipe.RecipeJson;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Prints a network's layers. */
@Command(
    header = "Prints a network's layers, its work and its memory.",
    description = {
      "%nLayers with their shapes for one image and their parameters, the work for one image, and"
          + " the memory for a batch in training and prediction as planned.",
      ""
    },
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  ${ROOT-COMMAND-NAME} summary",
      "  ${ROOT-COMMAND-NAME} summary --channels 3",
      "  ${ROOT-COMMAND-NAME} summary --network googlenet",
      "  ${ROOT-COMMAND-NAME} summary --recipe default --inner 3x3p1,3x3p1"
    })
public final class SummaryCommand implements Callable<Integer> {
  private static final double MEBIBYTE = 1 << 20;

  private final Console console;

  @Mixin private NetworkOptions network;
  @Mixin private DeviceOptions deviceOptions;

  public SummaryCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    List<Network.Node> layers = network.network().nodes(network.input());
    try (Backend backend = deviceOptions.openToPlan()) {
      long training = backend.prepare(network.training()).bytes();
      long prediction = backend.prepare(network.inference()).bytes();
      printLayers(layers);
      printTotals(layers);
      console
          .out()
          .println(
              Text.of(
                  "Memory as planned for %s, batch %d, %s: training %s, prediction %s",
                  backend.name(),
                  network.recipe().batch(),
                  RecipeJson.name(network.recipe().precision()),
                  Quantities.bytes(training),
                  Quantities.bytes(prediction)));
    }
    return ExitCode.OK.number();
  }

  private void printLayers(List<Network.Node> layers) {
    Table table =
        new Table(
            List.of(Table.Side.LEFT, Table.Side.LEFT, Table.Side.LEFT, Table.Side.RIGHT),
            "Layer (type)",
            "Input Shape",
            "Output Shape",
            "Param #");
    for (Network.Node layer : layers) {
      table.add(
          layer.name() + " (" + layer.layer().kind() + ")",
          brackets(layer.input()),
          brackets(layer.output()),
          Quantities.count(parameters(layer)));
    }
    table.print(console.out());
  }

  private void printTotals(List<Network.Node> layers) {
    Shape input = network.input();
    long parameters = layers.stream().mapToLong(SummaryCommand::parameters).sum();
    long outputs = layers.stream().mapToLong(l -> l.output().elements()).sum();
    long multiplyAdds =
        Planner.plan(
                network.network(),
                BatchSpec.unit(input, input.dim(1), input.dim(2)),
                1,
                Precision.FP32,
                new Purpose.Inference())
            .multiplyAdds();
    double inputSize = megabytes(input.elements());
    // Each layer's output and its gradient.
    double passSize = 2 * megabytes(outputs);
    double parameterSize = megabytes(parameters);
    PrintStream out = console.out();
    out.println();
    out.println("Total params: " + Quantities.count(parameters));
    out.println(Text.of("Multiply-adds for one image: %.1f M", multiplyAdds / 1e6));
    out.println(Text.of("Input size (MB): %.2f", inputSize));
    out.println(Text.of("Forward/backward pass size (MB): %.2f", passSize));
    out.println(Text.of("Params size (MB): %.2f", parameterSize));
    out.println(Text.of("Estimated Total Size (MB): %.2f", inputSize + passSize + parameterSize));
  }

  private static long parameters(Network.Node layer) {
    return layer.parameters().stream().mapToLong(p -> p.shape().elements()).sum();
  }

  private static double megabytes(long floats) {
    return floats * Float.BYTES / MEBIBYTE;
  }

  private static String brackets(Shape shape) {
    return shape.batched(1).dims().stream()
        .map(String::valueOf)
        .collect(Collectors.joining(", ", "[", "]"));
  }
}
