package org.nin4j.backend.cuda;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * How the backend works.
 *
 * @param graph capture a run once and replay it whole; else its steps are started one by one, with
 *     the same results bit for bit
 * @param secondStream run filter gradients beside the steps behind them, with the same results bit
 *     for bit; tensors and scratch memory live longer, so a training plan takes more
 * @param deterministic use only algorithms that give the same bits each time
 * @param workspaceBytes cuDNN's scratch memory for one step, at most
 * @param libraries folders with CUDA libraries that beat all others; usually none
 * @param cache where compiled kernels and chosen algorithms are kept; empty for the user's cache
 *     folder
 * @param warnings receives a line for each thing that works less well than it could
 */
public record CudaOptions(
    boolean graph,
    boolean secondStream,
    boolean deterministic,
    long workspaceBytes,
    List<Path> libraries,
    Optional<Path> cache,
    Consumer<String> warnings) {

  /**
   * What fits most: a graph, one stream, repeatable, 512 MiB for cuDNN, warnings on standard error.
   */
  public static final CudaOptions STANDARD =
      new CudaOptions(
          true, false, true, 512L << 20, List.of(), Optional.empty(), System.err::println);

  public CudaOptions {
    libraries = List.copyOf(libraries);
    if (workspaceBytes < 0) {
      throw new IllegalArgumentException("a workspace has at least 0 bytes, not " + workspaceBytes);
    }
  }

  public CudaOptions withGraph(boolean other) {
    return new CudaOptions(
        other, secondStream, deterministic, workspaceBytes, libraries, cache, warnings);
  }

  public CudaOptions withSecondStream(boolean other) {
    return new CudaOptions(graph, other, deterministic, workspaceBytes, libraries, cache, warnings);
  }

  public CudaOptions withDeterministic(boolean other) {
    return new CudaOptions(graph, secondStream, other, workspaceBytes, libraries, cache, warnings);
  }

  public CudaOptions withWorkspaceBytes(long other) {
    return new CudaOptions(graph, secondStream, deterministic, other, libraries, cache, warnings);
  }

  public CudaOptions withLibraries(List<Path> other) {
    return new CudaOptions(
        graph, secondStream, deterministic, workspaceBytes, other, cache, warnings);
  }

  public CudaOptions withCache(Path other) {
    return new CudaOptions(
        graph,
        secondStream,
        deterministic,
        workspaceBytes,
        libraries,
        Optional.of(other),
        warnings);
  }

  public CudaOptions withWarnings(Consumer<String> other) {
    return new CudaOptions(
        graph, secondStream, deterministic, workspaceBytes, libraries, cache, other);
  }
}
