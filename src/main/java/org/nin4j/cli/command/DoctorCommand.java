package org.nin4j.cli.command;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.nin4j.backend.Backend;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.choice.Devices;
import org.nin4j.backend.cuda.natives.doctor.Doctor;
import org.nin4j.backend.cuda.natives.doctor.Report;
import org.nin4j.backend.cuda.natives.search.SearchPlaces;
import org.nin4j.cli.output.Console;
import org.nin4j.cli.output.ExitCode;
import org.nin4j.cli.output.Quantities;
import org.nin4j.text.Text;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Says which devices can be used. */
@Command(
    header = "Says which devices can be used, and why others cannot.",
    description = {
      "%nEnds with 0 if training on the GPU would work, and with 8 if not; training on the CPU may"
          + " work all the same.",
      ""
    },
    sortOptions = false,
    footer = {"", "Examples:", "  ${ROOT-COMMAND-NAME} doctor"})
public final class DoctorCommand implements Callable<Integer> {
  private final Console console;

  @Option(
      names = "--cuda-libs",
      paramLabel = "DIR",
      description =
          "Folder with CUDA libraries, taken before all others. Default: $$"
              + SearchPlaces.SETTING_VARIABLE
              + ".")
  private Optional<Path> cudaLibraries = Optional.empty();

  public DoctorCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    Runtime runtime = Runtime.getRuntime();
    console
        .out()
        .println(
            Text.of(
                "Java %s on %s %s, %d cores, heap of at most %s",
                System.getProperty("java.vm.version"),
                System.getProperty("os.name"),
                System.getProperty("os.arch"),
                runtime.availableProcessors(),
                Quantities.bytes(runtime.maxMemory())));
    for (String device : List.of("cpu", "reference")) {
      console.out().println(device + ": " + state(device, runtime.availableProcessors()));
    }
    SearchPlaces places = SearchPlaces.ofThisMachine(cudaLibraries.stream().toList());
    Report gpu = Doctor.examine(places);
    gpu.lines().forEach(console.out()::println);
    return (gpu.usable() ? ExitCode.OK : ExitCode.DEVICE).number();
  }

  private static String state(String device, int threads) {
    try (Backend backend = Devices.open(device, threads)) {
      return backend.description();
    } catch (BackendException e) {
      return "not usable: " + e.getMessage();
    }
  }
}
