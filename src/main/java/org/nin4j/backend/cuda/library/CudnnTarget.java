package org.nin4j.backend.cuda.library;

import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_EXECUTION_PLAN_HANDLE;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_OPERATIONGRAPH_HANDLE;

import org.nin4j.backend.cuda.device.Device;

/** The device that cuDNN's graph API is asked about, named at each of its three questions. */
public interface CudnnTarget {
  /** Names it to a descriptor that is being set. */
  void nameTo(Question question, CudnnDescriptor descriptor);

  /** How many multiprocessors it has. */
  int multiprocessors();

  /** What is asked. */
  enum Question {
    /** An operation graph. */
    GRAPH,
    /** Which engines it has. */
    HEURISTICS,
    /** The plan of an engine. */
    PLAN
  }

  /** The GPU at hand. */
  static CudnnTarget of(Device device) {
    return new CudnnTarget() {
      @Override
      public void nameTo(Question question, CudnnDescriptor descriptor) {
        switch (question) {
          case GRAPH -> descriptor.handle(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, device.cudnn());
          case PLAN -> descriptor.handle(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, device.cudnn());
          // They know it from the graph.
          case HEURISTICS -> {}
        }
      }

      @Override
      public int multiprocessors() {
        return device.multiprocessors();
      }
    };
  }
}
