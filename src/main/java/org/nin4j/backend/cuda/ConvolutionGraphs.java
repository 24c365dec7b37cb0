package org.nin4j.backend.cuda;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.cuda.ConvolutionChoice.Method;
import org.nin4j.tensor.DType;

/**
 * Convolutions by cuDNN's graph API, for bf16 operands only: there it gives what the older API does
 * not, a filter gradient in fp32 and kernels that are compiled with bias and ReLU in them. Graphs
 * are kept as long as the backend, so that a plan is made once for measuring, checking and all
 * sessions.
 */
final class ConvolutionGraphs implements AutoCloseable {
  /** Candidates for one convolution; each may cost the compilation of a kernel. */
  private static final int MOST = 3;

  private final Device device;
  private final boolean deterministic;
  private final long workspaceBytes;
  private final Consumer<String> warnings;
  private final CudnnValues values = new CudnnValues();
  private final Map<ConvolutionCase, Optional<ConvolutionGraph>> graphs = new HashMap<>();
  private boolean warned;

  ConvolutionGraphs(Device device, CudaOptions options) {
    this.device = device;
    this.deterministic = options.deterministic();
    this.workspaceBytes = options.workspaceBytes();
    this.warnings = options.warnings();
  }

  /** At most three; none where cuDNN declines. */
  List<ConvolutionChoice> candidates(ConvolutionCase c) {
    List<ConvolutionChoice> candidates = new ArrayList<>();
    Optional<ConvolutionGraph> graph = graph(c);
    if (graph.isPresent()) {
      Iterator<Integer> engines = graph.get().engines(deterministic).iterator();
      while (candidates.size() < MOST && engines.hasNext()) {
        int engine = engines.next();
        graph
            .get()
            .workspace(engine)
            .filter(bytes -> bytes <= workspaceBytes)
            .map(bytes -> new ConvolutionChoice(Method.CUDNN_GRAPH, engine, 0, bytes))
            .ifPresent(candidates::add);
      }
    }
    return candidates;
  }

  /** Whether a choice of an earlier process can still be had, with no more scratch memory. */
  boolean offers(ConvolutionCase c, ConvolutionChoice choice) {
    return graph(c)
        .flatMap(graph -> graph.workspace(choice.algorithm()))
        .filter(bytes -> bytes <= choice.workspace())
        .isPresent();
  }

  /**
   * Prepares the calls of a choice.
   *
   * @param owner closes what they need, before this is closed
   */
  Work work(Scope owner, ConvolutionCase c, ConvolutionChoice choice, ConvolutionWork.Operands at) {
    return graph(c)
        .flatMap(graph -> graph.work(owner, choice.algorithm(), at))
        .orElseThrow(
            () -> new BackendException("cuDNN does not offer %s for %s".formatted(choice, c)));
  }

  /** Lets go of all that the choice does not need. */
  void keepOnly(ConvolutionCase c, ConvolutionChoice choice) {
    if (choice.method() == Method.CUDNN_GRAPH) {
      graph(c).ifPresent(graph -> graph.keepOnly(choice.algorithm()));
    } else {
      Optional.ofNullable(graphs.remove(c)).flatMap(g -> g).ifPresent(ConvolutionGraph::close);
    }
  }

  private Optional<ConvolutionGraph> graph(ConvolutionCase c) {
    if (!graphs.containsKey(c)) {
      graphs.put(c, c.type() == DType.BF16 ? make(c) : Optional.empty());
    }
    return graphs.get(c);
  }

  private Optional<ConvolutionGraph> make(ConvolutionCase c) {
    try {
      return Optional.of(new ConvolutionGraph(device, values, c));
    } catch (CudaException e) {
      if (!e.call().startsWith("cudnnBackend") || !Check.cudnnDeclines(e.code())) {
        throw e;
      }
      if (!Check.cudnnDoesNotSupport(e.code()) && !warned) {
        warned = true;
        warnings.accept("cuDNN's graph API is left out for %s: %s".formatted(c, e.getMessage()));
      }
      return Optional.empty();
    }
  }

  @Override
  public void close() {
    try (Scope all = new Scope()) {
      all.add(values);
      graphs.values().forEach(graph -> graph.ifPresent(all::add));
      graphs.clear();
    }
  }
}
