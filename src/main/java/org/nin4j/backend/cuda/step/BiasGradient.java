package org.nin4j.backend.cuda.step;

import jcuda.driver.CUdeviceptr;
import org.nin4j.backend.cuda.kernel.Kernels;
import org.nin4j.plan.step.ReluBiasBackward;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.DType;

/** db = the sum of dy over all but the channels, in two stages: see {@code bias_gradient.cu}. */
final class BiasGradient {
  static final String FILE = "bias_gradient";

  private BiasGradient() {}

  /** Scratch memory for one. */
  static long bytes(SampleCount count, TensorSpec gradient) {
    long channels = gradient.shape().dim(1);
    int parts = Kernels.parts(count.elements(gradient) / channels);
    return Kernels.align(parts * channels * Float.BYTES);
  }

  /** Adds the launches. */
  static void add(Assembly a, TensorSpec gradient, TensorSpec db) {
    int channels = gradient.shape().dim(1);
    long rows = gradient.shape().elements() / channels;
    int parts = Kernels.parts(rows);
    CUdeviceptr partial = a.scratch((long) parts * channels * Float.BYTES);
    String kernel = "bias_gradient_" + Kernels.suffix(gradient.type());
    a.launchBlocks(FILE, kernel, parts, a.at(gradient), partial, rows, channels);
    finish(a, partial, db, parts, channels);
  }

  private static void finish(
      Assembly a, CUdeviceptr partial, TensorSpec db, int parts, int channels) {
    a.launchTiles(
        FILE, "bias_gradient_finish", (channels + 7) / 8, partial, a.at(db), parts, channels);
  }

  /** The gradient of a ReLU in the same pass. */
  static Operation withRelu(ReluBiasBackward s) {
    DType type = Kernels.type(s.layer(), s.output(), s.outputGradient(), s.inputGradient());
    return new Operation() {
      @Override
      public long workspace(SampleCount count) {
        return bytes(count, s.outputGradient());
      }

      @Override
      public void bind(Assembly a) {
        int channels = s.output().shape().dim(1);
        long rows = s.output().shape().elements() / channels;
        int parts = Kernels.parts(rows);
        CUdeviceptr partial = a.scratch((long) parts * channels * Float.BYTES);
        a.launchBlocks(
            FILE,
            "relu_bias_backward_" + Kernels.suffix(type),
            parts,
            a.at(s.output()),
            a.at(s.outputGradient()),
            a.at(s.inputGradient()),
            partial,
            rows,
            channels);
        finish(a, partial, s.biasGradient(), parts, channels);
      }
    };
  }
}
