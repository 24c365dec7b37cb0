package org.nin4j.backend.cuda.device;

import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUgraphNode;
import jcuda.driver.CUresult;
import jcuda.driver.CUstreamCaptureMode;
import jcuda.driver.JCudaDriver;

/** A run, captured from the stream and replayed as one launch. */
public final class CudaGraph implements AutoCloseable {
  private static final int LOG_BYTES = 1024;

  private final Scope scope;
  private final Device device;
  private final CUgraphExec executable = new CUgraphExec();

  /** Captures what {@code run} puts into the stream; nothing of it is executed. */
  public CudaGraph(Device device, Work run) {
    this.device = device;
    try (Scope parts = new Scope()) {
      CUgraph graph = capture(parts, run);
      Check.driver(
          JCudaDriver.cuGraphInstantiate(
              executable, graph, new CUgraphNode(), new byte[LOG_BYTES], LOG_BYTES),
          "cuGraphInstantiate");
      parts.add(
          () -> Check.driver(JCudaDriver.cuGraphExecDestroy(executable), "cuGraphExecDestroy"));
      scope = parts.release();
    }
  }

  private CUgraph capture(Scope parts, Work run) {
    // Other threads may allocate meanwhile.
    Check.driver(
        JCudaDriver.cuStreamBeginCapture(
            device.stream(), CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
        "cuStreamBeginCapture");
    CUgraph graph = new CUgraph();
    boolean whole = false;
    try {
      run.enqueue();
      whole = true;
    } finally {
      // Always, or the stream would go on capturing.
      int ended = JCudaDriver.cuStreamEndCapture(device.stream(), graph);
      if (ended == CUresult.CUDA_SUCCESS) {
        parts.add(() -> Check.driver(JCudaDriver.cuGraphDestroy(graph), "cuGraphDestroy"));
      }
      if (whole) {
        Check.driver(ended, "cuStreamEndCapture");
      }
    }
    return graph;
  }

  public void launch() {
    Check.driver(JCudaDriver.cuGraphLaunch(executable, device.stream()), "cuGraphLaunch");
  }

  @Override
  public void close() {
    scope.close();
  }
}
