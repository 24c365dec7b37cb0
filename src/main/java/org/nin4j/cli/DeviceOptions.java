package org.nin4j.cli;

import java.nio.file.Path;
import java.util.Optional;
import org.nin4j.backend.Backend;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.choice.Devices;
import org.nin4j.backend.cuda.CudaOptions;
import org.nin4j.backend.cuda.CudaOptions.Fusions;
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

  @Option(
      names = "--no-graph",
      description =
          "On a GPU, start the steps of a run one by one instead of replaying them as one graph:"
              + " slower, with the same results.")
  private boolean stepByStep;

  @Option(
      names = "--cuda-libs",
      paramLabel = "DIR",
      description = "Where CUDA's libraries are; beats every other place.")
  private Optional<Path> cudaLibraries = Optional.empty();

  @Option(
      names = "--second-stream",
      description =
          "On a GPU, run filter gradients beside the steps behind them: more memory, the same"
              + " results; not measured yet.")
  private boolean secondStream;

  @Option(
      names = "--fusions",
      paramLabel = "WHERE",
      description =
          "On a GPU, where one kernel computes several steps: measured (where it was faster, and"
              + " right, when both were tried), always (wherever there is one, unchecked), never."
              + " Default: measured.")
  private Fusions fusions = Fusions.MEASURED;

  int threads() {
    return threads;
  }

  /** The options as given, each after a space. */
  String toCommandLine() {
    return (device.equals(AUTO) ? "" : " --device " + device)
        + (threads == CORES ? "" : " --threads " + threads)
        + (stepByStep ? " --no-graph" : "")
        + (secondStream ? " --second-stream" : "")
        + (fusions == Fusions.MEASURED ? "" : " --fusions " + RecipeJson.name(fusions))
        + cudaLibraries.map(folder -> " --cuda-libs " + folder).orElse("");
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

  /**
   * Checks a precision that the command line insists on.
   *
   * @throws BackendException if the device has no instructions for it
   */
  static void requireComputesIn(Backend backend, Precision precision) {
    if (!backend.computesIn(precision)) {
      throw new BackendException(
          "this device (%s) has no instructions for %s; leave out --precision, or use fp32"
              .formatted(backend.description(), RecipeJson.name(precision)));
    }
  }

  Backend open() {
    try {
      return Devices.open(
          device,
          threads,
          CudaOptions.STANDARD
              .withGraph(!stepByStep)
              .withSecondStream(secondStream)
              .withFusions(fusions)
              .withLibraries(cudaLibraries.stream().toList())
              .withWarnings(command.commandLine().getErr()::println));
    } catch (IllegalArgumentException e) {
      throw new ParameterException(command.commandLine(), e.getMessage());
    }
  }
}
