package org.nin4j.kit;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.nin4j.backend.CudaOptions;
import org.nin4j.backend.CudaOptions.Fusions;
import org.nin4j.backend.cuda.CudaBackend;

/**
 * What a part works with.
 *
 * @param kit the kit's folder
 * @param work the folder for what is not brought back: Java run time, cache, logs, what has been
 *     found
 * @param libraries folders with CUDA libraries that beat all others
 * @param data a folder with the four files of Fashion-MNIST
 * @param small whether to do just enough to have run everything once, for machines without a GPU
 * @param deadline by {@link System#nanoTime}: what has not begun by then is left out
 */
record Room(
    Path kit, Path work, List<Path> libraries, Optional<Path> data, boolean small, long deadline) {

  /**
   * Of a part's process: beside the data, the largest tensors that are compared or written from
   * here. Without a limit Java takes a quarter of the machine's memory, which a container may not
   * have.
   */
  private static final String HEAP = "-Xmx3g";

  Path log(String name) {
    return work.resolve("logs").resolve(name + ".log");
  }

  boolean timeLeft() {
    return secondsLeft() > 0;
  }

  double secondsLeft() {
    return (deadline - System.nanoTime()) / 1e9;
  }

  CudaBackend open() {
    return CudaBackend.open(0, options());
  }

  CudaBackend openWithoutGraph() {
    return CudaBackend.open(0, options().withGraph(false));
  }

  CudaBackend open(Fusions fusions) {
    return CudaBackend.open(0, options().withFusions(fusions));
  }

  CudaBackend openWithSecondStream() {
    return CudaBackend.open(0, options().withSecondStream(true));
  }

  private CudaOptions options() {
    return CudaOptions.STANDARD.withLibraries(libraries);
  }

  /** The same with a share of the time that is left. */
  Room within(double share) {
    long shared = System.nanoTime() + (long) (share * secondsLeft() * 1e9);
    return new Room(kit, work, libraries, data, small, shared);
  }

  /** The command that runs a part in a process of its own, on this Java. */
  List<String> commandOf(String part, long seconds) {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                HEAP,
                "-Dfile.encoding=UTF-8",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                Kit.class.getName(),
                "--kit=" + kit,
                "--work=" + work,
                "--part=" + part,
                "--seconds=" + seconds));
    libraries.forEach(folder -> command.add("--cuda-libs=" + folder));
    data.ifPresent(folder -> command.add("--data=" + folder));
    if (small) {
      command.add("--small");
    }
    return command;
  }
}
