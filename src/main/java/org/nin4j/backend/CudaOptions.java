package org.nin4j.backend;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * How the CUDA backend works.
 *
 * @param graph capture a run once and replay it whole; else its steps are started one by one, with
 *     the same results bit for bit
 * @param secondStream run filter gradients beside the steps after them, with the same results bit
 *     for bit; tensors and scratch memory live longer, so a training plan takes more
 * @param deterministic use only algorithms that give the same bits each time
 * @param fusions where kernels that compute several steps at once are used, and norms of cuDNN
 * @param workspaceBytes cuDNN's scratch memory for one step, at most
 * @param warmUpMillis how long the GPU works before ways to compute are timed on it, so that its
 *     clock has risen
 * @param libraries folders with CUDA libraries that beat all others; usually none
 * @param cache where compiled kernels and chosen algorithms are kept; empty for the user's cache
 *     folder
 * @param warnings receives a line for each thing that works less well than it could
 */
public record CudaOptions(
    boolean graph,
    boolean secondStream,
    boolean deterministic,
    Fusions fusions,
    long workspaceBytes,
    long warmUpMillis,
    List<Path> libraries,
    Optional<Path> cache,
    Consumer<String> warnings) {

  /** Where kernels that compute several steps at once are used, and cuDNN for batch norms. */
  public enum Fusions {
    /** Where they were faster, and right, when they were tried on this GPU. */
    MEASURED,
    /** Wherever there is one; not tried, not checked: for tests and measurements. */
    ALWAYS,
    /** Nowhere. */
    NEVER
  }

  /**
   * What fits most: a graph, one stream, repeatable, measured on a warm GPU, 512 MiB for cuDNN,
   * warnings on standard error.
   */
  public static final CudaOptions STANDARD =
      new CudaOptions(
          true,
          false,
          true,
          Fusions.MEASURED,
          512L << 20,
          100,
          List.of(),
          Optional.empty(),
          System.err::println);

  public CudaOptions {
    libraries = List.copyOf(libraries);
    if (workspaceBytes < 0) {
      throw new IllegalArgumentException("a workspace has at least 0 bytes, not " + workspaceBytes);
    }
    if (warmUpMillis < 0) {
      throw new IllegalArgumentException("warming up takes at least 0 ms, not " + warmUpMillis);
    }
  }

  public CudaOptions withGraph(boolean other) {
    return new CudaOptions(
        other,
        secondStream,
        deterministic,
        fusions,
        workspaceBytes,
        warmUpMillis,
        libraries,
        cache,
        warnings);
  }

  public CudaOptions withSecondStream(boolean other) {
    return new CudaOptions(
        graph,
        other,
        deterministic,
        fusions,
        workspaceBytes,
        warmUpMillis,
        libraries,
        cache,
        warnings);
  }

  public CudaOptions withDeterministic(boolean other) {
    return new CudaOptions(
        graph,
        secondStream,
        other,
        fusions,
        workspaceBytes,
        warmUpMillis,
        libraries,
        cache,
        warnings);
  }

  public CudaOptions withFusions(Fusions other) {
    return new CudaOptions(
        graph,
        secondStream,
        deterministic,
        other,
        workspaceBytes,
        warmUpMillis,
        libraries,
        cache,
        warnings);
  }

  public CudaOptions withWorkspaceBytes(long other) {
    return new CudaOptions(
        graph,
        secondStream,
        deterministic,
        fusions,
        other,
        warmUpMillis,
        libraries,
        cache,
        warnings);
  }

  public CudaOptions withWarmUpMillis(long other) {
    return new CudaOptions(
        graph,
        secondStream,
        deterministic,
        fusions,
        workspaceBytes,
        other,
        libraries,
        cache,
        warnings);
  }

  public CudaOptions withLibraries(List<Path> other) {
    return new CudaOptions(
        graph,
        secondStream,
        deterministic,
        fusions,
        workspaceBytes,
        warmUpMillis,
        other,
        cache,
        warnings);
  }

  public CudaOptions withCache(Path other) {
    return new CudaOptions(
        graph,
        secondStream,
        deterministic,
        fusions,
        workspaceBytes,
        warmUpMillis,
        libraries,
        Optional.of(other),
        warnings);
  }

  public CudaOptions withWarnings(Consumer<String> other) {
    return new CudaOptions(
        graph,
        secondStream,
        deterministic,
        fusions,
        workspaceBytes,
        warmUpMillis,
        libraries,
        cache,
        other);
  }
}
