package org.nin4j.backend.cuda.library;

import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_ENGINEHEUR_MODE;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_ENGINEHEUR_RESULTS;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG;
import static jcuda.jcudnn.cudnnBackendAttributeType.CUDNN_TYPE_HEUR_MODE;
import static jcuda.jcudnn.cudnnBackendDescriptorType.CUDNN_BACKEND_ENGINECFG_DESCRIPTOR;
import static jcuda.jcudnn.cudnnBackendDescriptorType.CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.nin4j.backend.cuda.device.Scope;
import org.nin4j.backend.cuda.library.CudnnTarget.Question;

/**
 * An engine of cuDNN's for a graph, with the settings of its knobs.
 *
 * @param descriptor by which cuDNN knows it
 * @param engine what cuDNN tells of it
 */
public record CudnnConfiguration(CudnnDescriptor descriptor, CudnnEngine engine) {
  /** The number of cuDNN's first choice of heuristics, which JCudnn has no name for. */
  public static final int MODE_A = 3;

  /** The number of the heuristics that know engines for what the others leave out. */
  public static final int MODE_FALLBACK = 2;

  /**
   * Engines by cuDNN's estimate, the fastest first.
   *
   * @param owner closes what cuDNN tells
   * @param mode of the heuristics
   * @param most that are looked at
   */
  public static List<CudnnConfiguration> asked(
      Scope owner,
      CudnnTarget target,
      CudnnValues values,
      CudnnDescriptor graph,
      int mode,
      int most) {
    CudnnDescriptor heuristics =
        owner
            .add(new CudnnDescriptor(values, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR))
            .descriptors(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph)
            .choice(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, mode);
    target.nameTo(Question.HEURISTICS, heuristics);
    if (!heuristics.finishIfSupported()) {
      return List.of();
    }
    List<CudnnDescriptor> descriptors = new ArrayList<>();
    for (int i = 0; i < most; i++) {
      descriptors.add(owner.add(new CudnnDescriptor(values, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR)));
    }
    // Asked beforehand, cuDNN says how many there may be, and then gives fewer, or none.
    int found = heuristics.read(CUDNN_ATTR_ENGINEHEUR_RESULTS, descriptors);
    List<CudnnConfiguration> configurations = new ArrayList<>();
    for (CudnnDescriptor descriptor : descriptors.subList(0, found)) {
      CudnnEngine.of(values, descriptor)
          .ifPresent(engine -> configurations.add(new CudnnConfiguration(descriptor, engine)));
    }
    return configurations;
  }

  /** Makes a plan, which may take a second; empty if the engine cannot compute this after all. */
  public Optional<CudnnPlan> plan(CudnnTarget target, CudnnValues values) {
    return CudnnPlan.of(
        target,
        values,
        plan -> plan.descriptors(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, descriptor));
  }
}
