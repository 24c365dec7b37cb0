package org.nin4j.backend.cuda.step;

import jcuda.driver.CUdeviceptr;
import org.nin4j.backend.cuda.kernel.Kernels;
import org.nin4j.plan.step.BatchNormBackward;
import org.nin4j.plan.step.BatchNormForward;
import org.nin4j.plan.step.BatchNormInference;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.DType;

/**
 * Batch normalisation: sums over each channel in two stages, then a pass over all elements; see
 * {@code batch_norm.cu} and {@code batch_norm_backward.cu}.
 */
final class BatchNorms {
  private static final String FORWARD = "batch_norm";
  private static final String BACKWARD = "batch_norm_backward";

  private BatchNorms() {}

  /**
   * Scratch memory: of each block for each channel two sums, and then a number of its own.
   *
   * @param x what is summed over
   */
  private static long bytes(SampleCount count, TensorSpec x) {
    long channels = x.shape().dim(1);
    return partialBytes(Kernels.parts(count.elements(x) / channels), channels);
  }

  private static long partialBytes(int parts, long channels) {
    return Kernels.align(parts * (2 * channels + 1) * Float.BYTES);
  }

  static Operation forward(BatchNormForward s) {
    DType type = Kernels.type(s.layer(), s.input(), s.output());
    return new Operation() {
      @Override
      public long workspace(SampleCount count) {
        return bytes(count, s.input());
      }

      @Override
      public void bind(Assembly a) {
        int channels = s.input().shape().dim(1);
        long elements = s.input().shape().elements();
        long rows = elements / channels;
        int parts = Kernels.parts(rows);
        CUdeviceptr partial = a.scratch(partialBytes(parts, channels));
        CUdeviceptr x = a.at(s.input());
        a.launchBlocks(
            FORWARD,
            "batch_norm_statistics_" + Kernels.suffix(type),
            parts,
            x,
            partial,
            rows,
            channels);
        a.launchTiles(
            FORWARD,
            "batch_norm_statistics_finish",
            (channels + 7) / 8,
            partial,
            a.at(s.mean()),
            a.at(s.inverse()),
            a.at(s.runningMean()),
            a.at(s.runningVariance()),
            parts,
            channels,
            s.norm().eps(),
            s.norm().momentum());
        a.launch(
            FORWARD,
            "batch_norm_forward_" + Kernels.suffix(type),
            elements / Kernels.pack(type),
            x,
            a.at(s.mean()),
            a.at(s.inverse()),
            a.at(s.weight()),
            a.at(s.bias()),
            a.at(s.output()),
            rows,
            channels);
      }
    };
  }

  static Operation inference(BatchNormInference s) {
    DType type = Kernels.type(s.layer(), s.input(), s.output());
    int channels = s.input().shape().dim(1);
    long elements = s.input().shape().elements();
    return a ->
        a.launch(
            FORWARD,
            "batch_norm_inference_" + Kernels.suffix(type),
            elements / Kernels.pack(type),
            a.at(s.input()),
            a.at(s.runningMean()),
            a.at(s.runningVariance()),
            a.at(s.weight()),
            a.at(s.bias()),
            a.at(s.output()),
            elements / channels,
            channels,
            s.norm().eps());
  }

  static Operation backward(BatchNormBackward s) {
    DType type = Kernels.type(s.layer(), s.input(), s.outputGradient());
    s.inputGradient().ifPresent(dx -> Kernels.type(s.layer(), s.input(), dx));
    return new Operation() {
      @Override
      public long workspace(SampleCount count) {
        return bytes(count, s.input());
      }

      @Override
      public void bind(Assembly a) {
        int channels = s.input().shape().dim(1);
        long elements = s.input().shape().elements();
        long rows = elements / channels;
        int parts = Kernels.parts(rows);
        CUdeviceptr partial = a.scratch(partialBytes(parts, channels));
        CUdeviceptr x = a.at(s.input());
        CUdeviceptr dy = a.at(s.outputGradient());
        a.launchBlocks(
            BACKWARD,
            "batch_norm_sums_" + Kernels.suffix(type),
            parts,
            x,
            a.at(s.mean()),
            dy,
            partial,
            rows,
            channels);
        a.launchTiles(
            BACKWARD,
            "batch_norm_sums_finish",
            (channels + 7) / 8,
            partial,
            a.at(s.inverse()),
            a.at(s.weightGradient()),
            a.at(s.biasGradient()),
            parts,
            channels);
        s.inputGradient()
            .ifPresent(
                dx ->
                    a.launch(
                        BACKWARD,
                        "batch_norm_backward_" + Kernels.suffix(type),
                        elements / 4,
                        x,
                        a.at(s.mean()),
                        a.at(s.inverse()),
                        a.at(s.weight()),
                        a.at(s.weightGradient()),
                        a.at(s.biasGradient()),
                        dy,
                        a.at(dx),
                        rows,
                        channels));
      }
    };
  }
}
