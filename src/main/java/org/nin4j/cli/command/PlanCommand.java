package org.nin4j.cli.command;

import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Callable;
import org.nin4j.backend.Backend;
import org.nin4j.cli.option.DeviceOptions;
import org.nin4j.cli.option.NetworkOptions;
import org.nin4j.cli.output.Console;
import org.nin4j.cli.output.ExitCode;
import org.nin4j.cli.output.Quantities;
import org.nin4j.cli.output.Table;
import org.nin4j.plan.PlacedPlan;
import org.nin4j.plan.PlacedPlan.Slot;
import org.nin4j.plan.Plan;
import org.nin4j.plan.step.ForwardStep;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.text.Text;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Prints what a device runs. */
@Command(
    header = "Prints the steps that a device runs for one batch.",
    description = {
      "%nIn order: what each step writes, its parameters, its multiply-adds in millions (MMAC), how"
          + " many KiB the result takes, at which KiB of the arena it lies, and what the step works"
          + " with beside it.",
      ""
    },
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  ${ROOT-COMMAND-NAME} plan",
      "  ${ROOT-COMMAND-NAME} plan --recipe default --device reference",
      "  ${ROOT-COMMAND-NAME} plan --inference --batch 1 --precision bf16"
    })
public final class PlanCommand implements Callable<Integer> {
  private final Console console;

  @Option(
      names = "--inference",
      description = "Forward steps only, as for evaluation. Default: a training step.")
  private boolean inference;

  @Mixin private NetworkOptions network;
  @Mixin private DeviceOptions deviceOptions;

  public PlanCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    Plan plan = inference ? network.inference() : network.training();
    try (Backend backend = deviceOptions.openToPlan()) {
      PlacedPlan placed = backend.prepare(plan);
      print(placed, backend.name());
    }
    return ExitCode.OK.number();
  }

  private void print(PlacedPlan placed, String backend) {
    Plan plan = placed.plan();
    Table table =
        new Table(
            List.of(
                Table.Side.RIGHT,
                Table.Side.LEFT,
                Table.Side.LEFT,
                Table.Side.LEFT,
                Table.Side.RIGHT,
                Table.Side.RIGHT,
                Table.Side.RIGHT,
                Table.Side.RIGHT,
                Table.Side.RIGHT),
            "",
            "Layer",
            "Step",
            "Output",
            "Parameters",
            "MMAC",
            "KiB",
            "At KiB",
            "Work KiB");
    for (int i = 0; i < plan.steps().size(); i++) {
      table.add(row(placed, i));
    }
    table.print(console.out());
    console
        .out()
        .println(
            Text.of(
                "%s for %s, batch %d, %s, on %s: %s parameters, %s multiply-adds, %s bytes (%s)",
                inference ? "inference" : "training",
                plan.network(),
                plan.batch(),
                org.nin4j.train.recipe.RecipeJson.name(plan.precision()),
                backend,
                Quantities.count(network.parameters()),
                Quantities.count(plan.multiplyAdds()),
                Quantities.count(placed.bytes()),
                Quantities.bytes(placed.bytes())));
  }

  private static String[] row(PlacedPlan placed, int index) {
    Step step = placed.plan().steps().get(index);
    // An update writes many tensors, the loss of inference none; of several the largest stands.
    List<TensorSpec> written = step.writes();
    boolean many = written.stream().anyMatch(t -> t.role() == Role.PARAMETER);
    String output = "";
    String bytes = "";
    String offset = "";
    if (!written.isEmpty() && !many) {
      TensorSpec largest =
          written.stream().max(Comparator.comparingLong(TensorSpec::bytes)).orElseThrow();
      Slot slot = placed.slot(largest);
      output = output(step.layer(), largest);
      bytes = kibibytes(slot.bytes());
      offset = Quantities.count(slot.offset() / 1024);
    }
    long parameters =
        step instanceof ForwardStep
            ? step.reads().stream()
                .filter(t -> t.role() == Role.PARAMETER)
                .mapToLong(t -> t.shape().elements())
                .sum()
            : 0;
    long workspace = bytes(placed.workspaces().get(index)) + bytes(placed.residents().get(index));
    return new String[] {
      String.valueOf(index),
      step.layer(),
      step.kind(),
      output,
      parameters == 0 ? "" : Quantities.count(parameters),
      step.multiplyAdds() == 0 ? "" : millions(step.multiplyAdds()),
      bytes,
      offset,
      workspace == 0 ? "" : kibibytes(workspace)
    };
  }

  private static String millions(long multiplyAdds) {
    return Text.of("%,.1f", multiplyAdds / 1e6);
  }

  private static String kibibytes(long bytes) {
    return Quantities.count((bytes + 1023) / 1024);
  }

  /** What the step's own layer is called is not said twice. */
  private static String output(String layer, TensorSpec tensor) {
    String text = tensor.toString();
    return tensor.name().equals(layer) || tensor.name().startsWith(layer + ".")
        ? text.substring(layer.length())
        : text;
  }

  private static long bytes(Slot slot) {
    return slot == null ? 0 : slot.bytes();
  }
}
