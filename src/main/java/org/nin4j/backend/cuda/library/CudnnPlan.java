package org.nin4j.backend.cuda.library;

import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_VARIANT_PACK_WORKSPACE;
import static jcuda.jcudnn.cudnnBackendDescriptorType.CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR;
import static jcuda.jcudnn.cudnnBackendDescriptorType.CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR;

import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Supplier;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.jcudnn.cudnnHandle;
import org.nin4j.backend.cuda.device.CudaException;
import org.nin4j.backend.cuda.device.Scope;
import org.nin4j.backend.cuda.device.Work;
import org.nin4j.backend.cuda.library.CudnnTarget.Question;

/**
 * How one of cuDNN's engines computes a graph, ready to run; it does not depend on where the
 * tensors lie. Of a graph that it was made of it needs the descriptors as long as it lives. It can
 * be told as text, with the code of a kernel that was compiled for it, from which the same cuDNN
 * makes it again in no time.
 */
public final class CudnnPlan implements AutoCloseable {
  /** The number of the text of a plan, which JCudnn has no name for. */
  private static final int ATTR_JSON = 405;

  /** From this status on, cuDNN has failed; below, it was asked for what it does not do. */
  private static final int INTERNAL_ERROR = 4000;

  private final CudnnValues values;
  private final CudnnDescriptor descriptor;
  private final long workspace;

  private CudnnPlan(CudnnValues values, CudnnDescriptor descriptor, long workspace) {
    this.values = values;
    this.descriptor = descriptor;
    this.workspace = workspace;
  }

  /**
   * Makes a plan.
   *
   * @param setting says which
   * @return empty if cuDNN cannot make it
   */
  public static Optional<CudnnPlan> of(
      CudnnTarget target, CudnnValues values, Consumer<CudnnDescriptor> setting) {
    try (Scope parts = new Scope()) {
      CudnnDescriptor plan =
          parts.add(new CudnnDescriptor(values, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR));
      // First of all: with the text alone cuDNN would read an address that is none.
      target.nameTo(Question.PLAN, plan);
      setting.accept(plan);
      if (!plan.finishIfSupported()) {
        return Optional.empty();
      }
      long workspace = plan.integer(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
      parts.release();
      return Optional.of(new CudnnPlan(values, plan, workspace));
    }
  }

  /** Makes the plan that {@link #text} told of; empty if this cuDNN does not take it. */
  public static Optional<CudnnPlan> restored(CudnnTarget target, CudnnValues values, byte[] text) {
    try {
      return of(target, values, plan -> plan.text(ATTR_JSON, text));
    } catch (CudaException e) {
      // A text that is refused may be another version's; any other failure is one.
      if (e.call().startsWith("cudnnBackend") && e.code() < INTERNAL_ERROR) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /** What {@link #restored} takes; empty where cuDNN does not tell. */
  public Optional<byte[]> text() {
    return descriptor.text(ATTR_JSON);
  }

  /** Bytes of scratch memory. */
  public long workspace() {
    return workspace;
  }

  /**
   * Prepares a run.
   *
   * @param owner closes what the run needs, before this plan is closed
   * @param cudnn the handle of the stream that is current when the run is put there
   * @param places of the tensors that lie in memory, by their numbers in the graph; of a number
   *     that is passed by its value the place on the host
   */
  public Work work(
      Scope owner,
      Supplier<cudnnHandle> cudnn,
      Map<Long, ? extends Pointer> places,
      CUdeviceptr scratch) {
    SortedMap<Long, Pointer> ordered = new TreeMap<>(places);
    try (Scope parts = new Scope()) {
      CudnnDescriptor pack =
          parts
              .add(new CudnnDescriptor(values, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR))
              .integers(
                  CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS,
                  ordered.keySet().stream().mapToLong(Long::longValue).toArray())
              .places(
                  CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, ordered.values().toArray(Pointer[]::new))
              .places(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, scratch)
              .finish();
      owner.add(parts.release());
      return descriptor.execution(cudnn, pack);
    }
  }

  @Override
  public void close() {
    descriptor.close();
  }
}
