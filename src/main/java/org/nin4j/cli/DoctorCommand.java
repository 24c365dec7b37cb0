package org.nin4j.cli;

import java.util.List;
import java.util.concurrent.Callable;
import org.nin4j.backend.Backend;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.choice.Devices;
import picocli.CommandLine.Command;

/** Says which devices can be used. */
@Command(
    name = "doctor",
    header = "Says which devices can be used, and why others cannot.",
    description = "",
    sortOptions = false,
    footer = {"", "Examples:", "  ${ROOT-COMMAND-NAME} doctor"})
final class DoctorCommand implements Callable<Integer> {
  private final Console console;

  DoctorCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    Runtime runtime = Runtime.getRuntime();
    console
        .out()
        .println(
            "Java %s on %s %s, %d cores, heap of at most %s"
                .formatted(
                    System.getProperty("java.vm.version"),
                    System.getProperty("os.name"),
                    System.getProperty("os.arch"),
                    runtime.availableProcessors(),
                    Texts.bytes(runtime.maxMemory())));
    for (String device : List.of("cuda", "cpu", "reference")) {
      console.out().println(device + ": " + state(device, runtime.availableProcessors()));
    }
    return ExitCode.OK.number;
  }

  private static String state(String device, int threads) {
    try (Backend backend = Devices.open(device, threads)) {
      return backend.description();
    } catch (BackendException e) {
      return "not usable: " + e.getMessage();
    }
  }
}
