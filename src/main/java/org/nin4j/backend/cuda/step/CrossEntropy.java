package org.nin4j.backend.cuda.step;

import jcuda.driver.CUdeviceptr;
import org.nin4j.backend.cuda.kernel.Kernels;
import org.nin4j.plan.step.SoftmaxCrossEntropy;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.DType;

/** The loss of a batch, its gradient, and the session's sums. */
record CrossEntropy(SoftmaxCrossEntropy step) implements Operation {
  CrossEntropy {
    for (TensorSpec gradient : step.writes()) {
      Kernels.type(step.layer(), step.logits(), gradient);
    }
    if (step.logits().type() != DType.F32) {
      throw new IllegalArgumentException("logits are fp32, not " + step.logits());
    }
  }

  /** Of each sample the loss and the rank of its class. */
  @Override
  public long workspace(SampleCount count) {
    return 2 * Kernels.align(count.elements(step.labels()) * Float.BYTES);
  }

  @Override
  public void bind(Assembly a) {
    int samples = step.logits().shape().dim(0);
    CUdeviceptr loss = a.scratch((long) samples * Float.BYTES);
    CUdeviceptr rank = a.scratch((long) samples * Integer.BYTES);
    a.launchTiles(
        "softmax_cross_entropy",
        "softmax_cross_entropy",
        (samples + 7) / 8,
        a.at(step.logits()),
        a.at(step.labels()),
        step.gradient().map(a::at).orElse(Assembly.NONE),
        loss,
        rank,
        samples,
        step.logits().shape().dim(1),
        step.smoothing());
    a.launchBlocks(
        "softmax_cross_entropy",
        "accumulate_metrics",
        1,
        loss,
        rank,
        a.control().metrics(),
        a.control().step(),
        samples);
  }
}
