package org.nin4j.backend;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * How the CPU backend works.
 *
 * @param threads that compute, at least 1
 * @param convolutions how they are computed wherever that is possible; empty to take what is
 *     fastest when it is tried, once for each shape, on this processor
 * @param cache a folder where it is kept what was fastest; empty to try it again at each start
 * @param chosen what was fastest elsewhere, see {@link Backend#chosen}, and is not tried here: so
 *     that several machines add in the same order
 * @param tries whether what is not known yet is tried, or computed in the plainest way
 */
public record CpuOptions(
    int threads,
    Optional<Convolution> convolutions,
    Optional<Path> cache,
    Map<String, Convolution> chosen,
    boolean tries) {

  /** A way to compute a convolution or a gradient of one. */
  public enum Convolution {
    /** By oneDNN's primitive in the type of the activations; always possible. */
    DIRECT,
    /** bf16 activations widened to fp32, a few samples at a time, for oneDNN's primitive. */
    WIDENED,
    /** By Winograd's tiles in fp32: fewer multiplications for 3×3 and 5×5. */
    TILES,
    /**
     * As a matrix product with the windows, copied side by side some samples at a time; 1×1
     * convolutions without a copy.
     */
    IM2COL
  }

  public CpuOptions {
    chosen = Map.copyOf(chosen);
    if (threads < 1) {
      throw new IllegalArgumentException("at least 1 thread is needed, not " + threads);
    }
  }

  /** What is fastest when it is tried, which is not kept. */
  public static CpuOptions of(int threads) {
    return new CpuOptions(threads, Optional.empty(), Optional.empty(), Map.of(), true);
  }

  public CpuOptions withConvolutions(Convolution wanted) {
    return new CpuOptions(threads, Optional.of(wanted), cache, chosen, tries);
  }

  public CpuOptions withCache(Path folder) {
    return new CpuOptions(threads, convolutions, Optional.of(folder), chosen, tries);
  }

  public CpuOptions withChosen(Map<String, Convolution> elsewhere) {
    return new CpuOptions(threads, convolutions, cache, elsewhere, tries);
  }

  /** For whoever only plans: a trial takes longer than its answer is worth. */
  public CpuOptions withoutTrials() {
    return new CpuOptions(threads, convolutions, cache, chosen, false);
  }
}
