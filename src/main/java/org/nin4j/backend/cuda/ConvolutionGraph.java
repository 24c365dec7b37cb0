package org.nin4j.backend.cuda;

import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_ENGINECFG_ENGINE;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_ENGINEHEUR_MODE;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_ENGINEHEUR_RESULTS;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_ENGINE_NUMERICAL_NOTE;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_EXECUTION_PLAN_HANDLE;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_VARIANT_PACK_WORKSPACE;
import static jcuda.jcudnn.cudnnBackendAttributeType.CUDNN_TYPE_BACKEND_DESCRIPTOR;
import static jcuda.jcudnn.cudnnBackendAttributeType.CUDNN_TYPE_HEUR_MODE;
import static jcuda.jcudnn.cudnnBackendAttributeType.CUDNN_TYPE_NUMERICAL_NOTE;
import static jcuda.jcudnn.cudnnBackendDescriptorType.CUDNN_BACKEND_ENGINECFG_DESCRIPTOR;
import static jcuda.jcudnn.cudnnBackendDescriptorType.CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR;
import static jcuda.jcudnn.cudnnBackendDescriptorType.CUDNN_BACKEND_ENGINE_DESCRIPTOR;
import static jcuda.jcudnn.cudnnBackendDescriptorType.CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR;
import static jcuda.jcudnn.cudnnBackendDescriptorType.CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR;
import static jcuda.jcudnn.cudnnBackendHeurMode.CUDNN_HEUR_MODE_B;
import static jcuda.jcudnn.cudnnBackendNumericalNote.CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS;
import static jcuda.jcudnn.cudnnBackendNumericalNote.CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC;
import static jcuda.jcudnn.cudnnBackendNumericalNote.CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.nin4j.backend.cuda.ConvolutionCase.Kind;

/**
 * A convolution as an operation graph of cuDNN, and the plans by which cuDNN's engines compute it.
 * A plan does not depend on where the tensors lie. Making one may compile a kernel, so each is made
 * once, when it is asked for.
 */
final class ConvolutionGraph implements AutoCloseable {
  /** The number of cuDNN's first choice of heuristics, which JCudnn has no name for. */
  private static final int MODE_A = 3;

  /** The number of the heuristics that know engines for what the others leave out. */
  private static final int FALLBACK = 2;

  /** Of the heuristics' list, which may be long. */
  private static final int LOOKED_AT = 8;

  private record Plan(CudnnDescriptor descriptor, long workspace) implements AutoCloseable {
    @Override
    public void close() {
      descriptor.close();
    }
  }

  private final Device device;
  private final CudnnValues values;
  private final ConvolutionCase c;
  private final Scope scope;
  private final List<CudnnDescriptor> configurations;
  private final Map<Integer, Plan> plans = new HashMap<>();

  /**
   * Describes the convolution and asks for engines.
   *
   * @throws CudaException also if cuDNN declines the graph
   */
  ConvolutionGraph(Device device, CudnnValues values, ConvolutionCase c) {
    this.device = device;
    this.values = values;
    this.c = c;
    try (Scope parts = new Scope()) {
      CudnnDescriptor graph = ConvolutionOperations.graph(parts, device.cudnn(), values, c);
      configurations = configurations(parts, graph);
      scope = parts.release();
    }
  }

  /** The engines by cuDNN's estimate, the fastest first; by the first heuristics that know any. */
  private List<CudnnDescriptor> configurations(Scope owner, CudnnDescriptor graph) {
    for (int mode : new int[] {MODE_A, CUDNN_HEUR_MODE_B, FALLBACK}) {
      CudnnDescriptor heuristics =
          owner
              .add(new CudnnDescriptor(values, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR))
              .descriptors(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph)
              .choice(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, mode);
      int found =
          heuristics.finishIfSupported()
              ? heuristics.count(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR)
              : 0;
      if (found > 0) {
        List<CudnnDescriptor> first = new ArrayList<>();
        for (int i = 0; i < Math.min(found, LOOKED_AT); i++) {
          first.add(owner.add(new CudnnDescriptor(values, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR)));
        }
        heuristics.read(CUDNN_ATTR_ENGINEHEUR_RESULTS, first);
        return List.copyOf(first);
      }
    }
    return List.of();
  }

  /**
   * Places in the list of engines of those that may be used: none that rounds more than its
   * operands and its result.
   *
   * @param deterministic leaves out what does not give the same bits each time
   */
  Stream<Integer> engines(boolean deterministic) {
    return IntStream.range(0, configurations.size())
        .boxed()
        .filter(engine -> isUsable(configurations.get(engine), deterministic));
  }

  private boolean isUsable(CudnnDescriptor configuration, boolean deterministic) {
    try (CudnnDescriptor engine = new CudnnDescriptor(values, CUDNN_BACKEND_ENGINE_DESCRIPTOR)) {
      configuration.read(CUDNN_ATTR_ENGINECFG_ENGINE, List.of(engine));
      int[] notes = engine.choices(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE);
      return IntStream.of(notes)
          .noneMatch(
              note ->
                  note == CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS
                      || note == CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION
                      || (deterministic && note == CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC));
    }
  }

  /** Bytes of scratch memory with the engine at that place; empty if it cannot compute this. */
  Optional<Long> workspace(int engine) {
    return plan(engine).map(Plan::workspace);
  }

  private Optional<Plan> plan(int engine) {
    if (!plans.containsKey(engine) && engine < configurations.size()) {
      try (Scope parts = new Scope()) {
        CudnnDescriptor plan =
            parts
                .add(new CudnnDescriptor(values, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR))
                .handle(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, device.cudnn())
                .descriptors(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configurations.get(engine));
        if (plan.finishIfSupported()) {
          long workspace = plan.integer(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
          plans.put(engine, new Plan(plan, workspace));
          parts.release();
        }
      }
    }
    return Optional.ofNullable(plans.get(engine));
  }

  /** Closes the plans of all other engines. */
  void keepOnly(int engine) {
    try (Scope others = new Scope()) {
      plans.entrySet().stream()
          .filter(e -> e.getKey() != engine)
          .forEach(e -> others.add(e.getValue()));
      plans.keySet().removeIf(other -> other != engine);
    }
  }

  /**
   * Prepares the run of a plan.
   *
   * @param owner closes what the run needs, before this graph is closed
   * @return empty if the engine at that place cannot compute this
   */
  Optional<Work> work(Scope owner, int engine, ConvolutionWork.Operands at) {
    return plan(engine)
        .map(plan -> plan.descriptor().execution(device, owner.add(variantPack(at))));
  }

  private CudnnDescriptor variantPack(ConvolutionWork.Operands at) {
    try (Scope parts = new Scope()) {
      CudnnDescriptor pack =
          parts.add(new CudnnDescriptor(values, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR));
      if (c.kind() == Kind.FORWARD) {
        pack.integers(
                CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS,
                ConvolutionOperations.X,
                ConvolutionOperations.WEIGHT,
                ConvolutionOperations.BIAS,
                ConvolutionOperations.Y)
            .places(
                CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, at.x(), at.weight(), at.typedBias(), at.y());
      } else {
        pack.integers(
                CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS,
                ConvolutionOperations.X,
                ConvolutionOperations.WEIGHT,
                ConvolutionOperations.Y)
            .places(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, at.x(), at.weight(), at.y());
      }
      pack.places(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, at.scratch()).finish();
      parts.release();
      return pack;
    }
  }

  @Override
  public void close() {
    try (Scope all = scope.release()) {
      plans.values().forEach(all::add);
      plans.clear();
    }
  }
}
