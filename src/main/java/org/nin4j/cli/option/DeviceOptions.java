package org.nin4j.cli.option;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import org.nin4j.backend.Backend;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.CpuOptions;
import org.nin4j.backend.CpuOptions.Convolution;
import org.nin4j.backend.CudaOptions;
import org.nin4j.backend.CudaOptions.Fusions;
import org.nin4j.backend.choice.Devices;
import org.nin4j.backend.onednn.library.OpenMp;
import org.nin4j.cli.output.Console;
import org.nin4j.cli.output.ShellWords;
import org.nin4j.plan.Precision;
import org.nin4j.text.Text;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.RecipeJson;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Where to compute. */
public final class DeviceOptions {
  private static final String AUTO = "auto";
  private static final String MEASURED = "measured";
  private static final int CORES = Runtime.getRuntime().availableProcessors();
  private static final String ONEDNN = "onednn";

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  @Option(
      names = "--device",
      paramLabel = "NAME",
      description =
          "Where to compute: "
              + Devices.NAMES
              + "; auto takes a GPU, else the CPU. Default:"
              + " auto.")
  private String device = AUTO;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description =
          "Threads that compute on the processor, at most one for each core; $$OMP_NUM_THREADS wins"
              + " over it. Default: one for each core.")
  private Optional<Integer> threads = Optional.empty();

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
          "On a GPU, run filter gradients beside the steps after them: more memory, the same"
              + " results, some 4 %% faster on an H100.")
  private boolean secondStream;

  @Option(
      names = "--fusions",
      paramLabel = "WHERE",
      description =
          "On a GPU, where one kernel computes several steps, or cuDNN a batch norm in training:"
              + " measured (where it was faster, and right, when both were tried), always (wherever"
              + " there is one, unchecked), never."
              + " Default: measured.")
  private Fusions fusions = Fusions.MEASURED;

  @Option(
      names = "--algorithms",
      paramLabel = "NAME",
      description =
          "On the CPU, how convolutions are computed where that is possible: measured (what was"
              + " fastest when it was tried, once for each shape on each kind of processor), direct"
              + " (oneDNN's primitives), widened (bf16 as fp32), tiles (Winograd's, in fp32), im2col"
              + " (matrix products)."
              + " Default: measured.")
  private String algorithms = MEASURED;

  /**
   * At least 1, at most the cores.
   *
   * @throws ParameterException if less than 1 was asked for
   */
  public int threads() {
    return chosenThreads().count();
  }

  private Threads chosenThreads() {
    OptionalInt asked = threads.map(OptionalInt::of).orElseGet(OptionalInt::empty);
    try {
      return Threads.choose(asked, OpenMp.threads(System.getenv()), CORES);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(command.commandLine(), e.getMessage());
    }
  }

  /** The options as given, each after a space, for a shell. */
  public String toCommandLine() {
    return (device.equals(AUTO) ? "" : " --device " + device)
        + threads.map(n -> " --threads " + n).orElse("")
        + (stepByStep ? " --no-graph" : "")
        + (secondStream ? " --second-stream" : "")
        + (algorithms.equals(MEASURED) ? "" : " --algorithms " + algorithms)
        + (fusions == Fusions.MEASURED ? "" : " --fusions " + RecipeJson.name(fusions))
        + cudaLibraries.map(folder -> " --cuda-libs " + ShellWords.quote(folder)).orElse("");
  }

  /** A recipe in fp32 where the device has no instructions for its precision, and says so. */
  public static Recipe fitting(Backend backend, Recipe wanted, Console console) {
    Precision used = wanted.precisionOn(backend);
    if (used != wanted.precision()) {
      console
          .out()
          .println(
              Text.of(
                  "This device has no instructions for %s: computing in %s instead.",
                  RecipeJson.name(wanted.precision()), RecipeJson.name(used)));
    }
    return wanted.toBuilder().precision(used).build();
  }

  /**
   * Checks a precision that the command line insists on.
   *
   * @throws BackendException if the device has no instructions for it
   */
  public static void requireComputesIn(Backend backend, Precision precision) {
    if (!backend.computesIn(precision)) {
      throw new BackendException(
          Text.of(
              "this device (%s) has no instructions for %s; leave out --precision, or use fp32",
              backend.description(), RecipeJson.name(precision)));
    }
  }

  private CpuOptions processor(int count) {
    CpuOptions options = Devices.processor(count);
    if (algorithms.equals(MEASURED)) {
      return options;
    }
    return Arrays.stream(Convolution.values())
        .filter(way -> RecipeJson.name(way).equals(algorithms))
        .findFirst()
        .map(options::withConvolutions)
        .orElseThrow(
            () ->
                new ParameterException(
                    command.commandLine(),
                    Text.of(
                        "--algorithms is measured, %s, not '%s'",
                        Arrays.stream(Convolution.values())
                            .map(RecipeJson::name)
                            .collect(Collectors.joining(", ")),
                        algorithms)));
  }

  public Backend open() {
    Threads chosen = chosenThreads();
    return open(chosen, processor(chosen.count()));
  }

  /** A backend for plans that are shown and not run: it tries no ways to compute. */
  public Backend openToPlan() {
    Threads chosen = chosenThreads();
    return open(chosen, processor(chosen.count()).withoutTrials());
  }

  private Backend open(Threads chosen, CpuOptions processor) {
    PrintWriter err = command.commandLine().getErr();
    try {
      Backend backend =
          Devices.open(
              device,
              processor,
              CudaOptions.STANDARD
                  .withGraph(!stepByStep)
                  .withSecondStream(secondStream)
                  .withFusions(fusions)
                  .withLibraries(cudaLibraries.stream().toList())
                  .withWarnings(err::println));
      if (backend.name().equals(ONEDNN)) {
        chosen.remarks().forEach(err::println);
      }
      return backend;
    } catch (IllegalArgumentException e) {
      throw new ParameterException(command.commandLine(), e.getMessage());
    }
  }
}
