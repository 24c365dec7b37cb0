package org.nin4j.backend.cuda.convolution;

import static jcuda.jcudnn.cudnnBackendHeurMode.CUDNN_HEUR_MODE_B;
import static jcuda.jcudnn.cudnnBackendKnobType.CUDNN_KNOB_TYPE_KERNEL_CFG;
import static jcuda.jcudnn.cudnnBackendKnobType.CUDNN_KNOB_TYPE_SPLIT_K_SLC;
import static jcuda.jcudnn.cudnnBackendKnobType.CUDNN_KNOB_TYPE_TILEK;
import static jcuda.jcudnn.cudnnBackendKnobType.CUDNN_KNOB_TYPE_TILE_SIZE;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.nin4j.backend.cuda.convolution.ConvolutionCase.Kind;
import org.nin4j.backend.cuda.device.Scope;
import org.nin4j.backend.cuda.library.CudnnConfiguration;
import org.nin4j.backend.cuda.library.CudnnDescriptor;
import org.nin4j.backend.cuda.library.CudnnEngine;
import org.nin4j.backend.cuda.library.CudnnPlan;
import org.nin4j.backend.cuda.library.CudnnTarget;
import org.nin4j.backend.cuda.library.CudnnValues;

/**
 * A convolution as an operation graph of cuDNN, and the engines that cuDNN has for it, with
 * settings of their knobs. Which are in the list, and where, depends on the device, cuDNN's version
 * and the convolution alone.
 */
final class ConvolutionGraph implements AutoCloseable {
  /** Of the heuristics' lists, which may be long, and go from the best to the worst. */
  private static final int LOOKED_AT = 64;

  /**
   * Tiles of the filter gradient that a block computes, by cuDNN's number of the kernel: the
   * largest, and smaller ones for a gradient that has too few of these. Only the engine of compute
   * capability 9.0 has them under these numbers.
   */
  private static final List<Tile> TILES =
      List.of(new Tile(4, 256, 64), new Tile(2, 128, 128), new Tile(16, 128, 32));

  /** What other engines compute about. */
  private static final Tile USUAL = TILES.get(1);

  private static final long NATIVE_SM90 = 4;

  /** More parts than this are never wanted. */
  private static final long MOST_PARTS = 128;

  /**
   * Terms that a part has at the least: some tiles of the kernel. On an H100 a trial with a sum of
   * 50 terms in 14 parts never came to an end; without such parts it does.
   */
  private static final long LEAST_TERMS = 256;

  private record Tile(long kernel, int filters, int columns) {}

  /**
   * From so many multiply-adds on, some milliseconds for each setting of the knobs are well spent.
   */
  private static final long LARGE = 10_000_000_000L;

  private static final int TILE_SIZE = CUDNN_KNOB_TYPE_TILE_SIZE;
  private static final int TILE_DEPTH = CUDNN_KNOB_TYPE_TILEK;

  /** The numbers of two knobs that JCudnn has no names for. */
  private static final int CLUSTER_ROWS = 27;

  private static final int CLUSTER_COLUMNS = 28;
  private static final Set<Integer> VARIED =
      Set.of(TILE_SIZE, TILE_DEPTH, CLUSTER_ROWS, CLUSTER_COLUMNS);

  /** The highest number of a tile that heuristics were seen to list is 12. */
  private static final int MOST_TILES = 13;

  private record Cluster(long rows, long columns) {}

  private static final List<Cluster> CLUSTERS =
      List.of(
          new Cluster(1, 1),
          new Cluster(2, 1),
          new Cluster(1, 2),
          new Cluster(4, 1),
          new Cluster(2, 2),
          new Cluster(8, 1),
          new Cluster(1, 8));

  private final CudnnTarget target;
  private final CudnnValues values;
  private final Scope scope;
  private final List<CudnnConfiguration> entries;

  /**
   * Describes the convolution and asks for engines.
   *
   * @param rounded a filter gradient in the type of the operands, rather than in fp32
   * @throws org.nin4j.backend.cuda.device.CudaException also if cuDNN declines the graph
   */
  ConvolutionGraph(CudnnTarget target, CudnnValues values, ConvolutionCase c, boolean rounded) {
    this.target = target;
    this.values = values;
    try (Scope parts = new Scope()) {
      CudnnDescriptor graph = ConvolutionOperations.graph(parts, target, values, c, rounded);
      List<CudnnConfiguration> found =
          new ArrayList<>(asked(parts, graph, CudnnConfiguration.MODE_A));
      found.addAll(asked(parts, graph, CUDNN_HEUR_MODE_B));
      // Their lists may hold none without tensor cores.
      if (found.isEmpty() || c.isExact()) {
        found.addAll(asked(parts, graph, CudnnConfiguration.MODE_FALLBACK));
      }
      if (c.kind() == Kind.BACKWARD_FILTER) {
        // Before the rest, of which not all will be compiled.
        found.addAll(Math.min(1, found.size()), split(parts, c, found));
      }
      if (c.multiplyAdds() >= LARGE) {
        found.addAll(varied(parts, found));
      }
      Set<String> seen = new HashSet<>();
      found.removeIf(entry -> !seen.add(entry.engine().number() + " " + entry.engine().knobs()));
      entries = List.copyOf(found);
      scope = parts.release();
    }
  }

  private List<CudnnConfiguration> asked(Scope owner, CudnnDescriptor graph, int mode) {
    return CudnnConfiguration.asked(owner, target, values, graph, mode, LOOKED_AT);
  }

  /**
   * The same engines with the sum over all places in the batch split explicitly: cuDNN's heuristics
   * do not split it where the gradient has few tiles, so that most multiprocessors do nothing.
   */
  private List<CudnnConfiguration> split(
      Scope owner, ConvolutionCase c, List<CudnnConfiguration> entries) {
    Optional<CudnnConfiguration> like =
        entries.stream().filter(e -> e.engine().compiles()).findFirst();
    if (like.isEmpty() || c.rows() < 2 * LEAST_TERMS) {
      return List.of();
    }
    CudnnEngine engine = like.get().engine();
    Set<CudnnEngine> wanted = new LinkedHashSet<>();
    if (engine.number() == NATIVE_SM90) {
      for (Tile tile : TILES) {
        wanted.add(
            engine.with(
                Map.of(
                    CUDNN_KNOB_TYPE_KERNEL_CFG,
                    tile.kernel(),
                    CUDNN_KNOB_TYPE_SPLIT_K_SLC,
                    parts(c, tile))));
      }
    } else {
      wanted.add(engine.with(Map.of(CUDNN_KNOB_TYPE_SPLIT_K_SLC, parts(c, USUAL))));
    }
    List<CudnnConfiguration> split = new ArrayList<>();
    for (CudnnEngine choice : wanted) {
      choice
          .configuration(owner, values, like.get().descriptor())
          .ifPresent(configuration -> split.add(new CudnnConfiguration(configuration, choice)));
    }
    return split;
  }

  /**
   * The first engine that needs no compiling with other tiles, and with other clusters of blocks
   * that share them: cuDNN's heuristics list but a few of those that there are.
   */
  private List<CudnnConfiguration> varied(Scope owner, List<CudnnConfiguration> entries) {
    Optional<CudnnConfiguration> like =
        entries.stream()
            .filter(e -> !e.engine().compiles() && e.engine().knobs().keySet().containsAll(VARIED))
            .findFirst();
    if (like.isEmpty()) {
      return List.of();
    }
    List<CudnnConfiguration> varied = new ArrayList<>();
    for (Cluster cluster : CLUSTERS) {
      for (long depth = 0; depth < 2; depth++) {
        for (long tile = 0; tile < MOST_TILES; tile++) {
          CudnnEngine choice =
              like.get()
                  .engine()
                  .with(
                      Map.of(
                          TILE_SIZE,
                          tile,
                          TILE_DEPTH,
                          depth,
                          CLUSTER_ROWS,
                          cluster.rows(),
                          CLUSTER_COLUMNS,
                          cluster.columns()));
          choice
              .configuration(owner, values, like.get().descriptor())
              .ifPresent(
                  configuration -> varied.add(new CudnnConfiguration(configuration, choice)));
        }
      }
    }
    return varied;
  }

  /** So many that each multiprocessor has one to sum, but for a remainder. */
  private long parts(ConvolutionCase c, Tile tile) {
    long columns = c.weightElements() / c.filters();
    long tiles = tiles(c.filters(), tile.filters()) * tiles(columns, tile.columns());
    long most = Math.min(MOST_PARTS, c.rows() / LEAST_TERMS);
    return Math.max(1, Math.min(most, target.multiprocessors() / tiles));
  }

  private static long tiles(long elements, long size) {
    return (elements + size - 1) / size;
  }

  /** All engines, each at its place. */
  List<CudnnEngine> engines() {
    return entries.stream().map(CudnnConfiguration::engine).toList();
  }

  /**
   * Makes a plan, which must be closed before this; it may take a second. Empty if the engine at
   * that place cannot compute this after all.
   */
  Optional<CudnnPlan> plan(int place) {
    return place < entries.size() ? entries.get(place).plan(target, values) : Optional.empty();
  }

  @Override
  public void close() {
    scope.close();
  }
}
