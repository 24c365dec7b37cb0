package org.nin4j.cli;

import org.nin4j.backend.Backend;
import org.nin4j.backend.choice.Devices;
import org.nin4j.plan.Precision;
import org.nin4j.train.Recipe;
import org.nin4j.train.RecipeJson;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Where to compute. */
final class DeviceOptions {
  private static final String AUTO = "auto";
  private static final int CORES = Runtime.getRuntime().availableProcessors();

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  @Option(
      names = "--device",
      paramLabel = "NAME",
      description =
          "Where to compute: " + Devices.NAMES + "; auto takes the fastest. Default: auto.")
  private String device = AUTO;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads that compute on the processor. Default: one for each core.")
  private int threads = CORES;

  int threads() {
    return threads;
  }

  /** The options as given, each after a space. */
  String toCommandLine() {
    return (device.equals(AUTO) ? "" : " --device " + device)
        + (threads == CORES ? "" : " --threads " + threads);
  }

  /** A recipe in fp32 where the device has no instructions for its precision, and says so. */
  static Recipe fitting(Backend backend, Recipe wanted, Console console) {
    Precision used = wanted.precisionOn(backend);
    if (used != wanted.precision()) {
      console
          .out()
          .println(
              "This device has no instructions for %s: computing in %s instead."
                  .formatted(RecipeJson.name(wanted.precision()), RecipeJson.name(used)));
    }
    return wanted.toBuilder().precision(used).build();
  }

  Backend open() {
    try {
      return Devices.open(device, threads);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(command.commandLine(), e.getMessage());
    }
  }
}
