package org.nin4j.cli;

import org.nin4j.backend.Backend;
import org.nin4j.backend.choice.Devices;
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

  Backend open() {
    try {
      return Devices.open(device, threads);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(command.commandLine(), e.getMessage());
    }
  }
}
