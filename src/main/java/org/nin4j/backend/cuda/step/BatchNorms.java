package org.nin4j.backend.cuda.step;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BiConsumer;
import jcuda.driver.CUdeviceptr;
import org.nin4j.backend.cuda.kernel.Kernels;
import org.nin4j.plan.step.AfterNorm;
import org.nin4j.plan.step.BatchNormBackward;
import org.nin4j.plan.step.BatchNormForward;
import org.nin4j.plan.step.BatchNormInference;
import org.nin4j.plan.step.BatchNormReluBackward;
import org.nin4j.plan.step.BatchNormSumReluBackward;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.DType;

/**
 * Batch normalisation: sums over each channel in two stages, then a pass over all elements; see
 * {@code batch_norm.cu} and {@code batch_norm_backward.cu}.
 */
final class BatchNorms {
  static final String FORWARD = "batch_norm";
  static final String BACKWARD = "batch_norm_backward";

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
            added(a, s.after()),
            s.after().relu() ? 1 : 0,
            a.at(s.output()),
            rows,
            channels);
      }
    };
  }

  private static CUdeviceptr added(Assembly a, AfterNorm after) {
    return after.added().map(a::at).orElse(Assembly.NONE);
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
            added(a, s.after()),
            s.after().relu() ? 1 : 0,
            a.at(s.output()),
            elements / channels,
            channels,
            s.norm().eps());
  }

  static Operation backward(BatchNormBackward s) {
    String suffix = suffix(s.layer(), s.input(), s.outputGradient(), s.inputGradient());
    return backward(
        s.input(),
        (a, sums) -> {
          CUdeviceptr x = a.at(s.input());
          CUdeviceptr mean = a.at(s.mean());
          CUdeviceptr dy = a.at(s.outputGradient());
          sums.launch("batch_norm_sums_" + suffix, x, mean, dy);
          sums.finish(s.inverse(), s.weightGradient(), s.biasGradient());
          s.inputGradient().ifPresent(dx -> spread(a, s, suffix, dx));
        });
  }

  /** Finds the ReLU's mask out again from x; a kept one is not needed. */
  static Operation backward(BatchNormReluBackward s) {
    String suffix = suffix(s.layer(), s.input(), s.outputGradient(), s.inputGradient());
    long elements = s.input().shape().elements();
    int channels = s.input().shape().dim(1);
    return backward(
        s.input(),
        (a, sums) -> {
          CUdeviceptr x = a.at(s.input());
          CUdeviceptr mean = a.at(s.mean());
          CUdeviceptr inverse = a.at(s.inverse());
          CUdeviceptr weight = a.at(s.weight());
          CUdeviceptr bias = a.at(s.bias());
          CUdeviceptr dy = a.at(s.outputGradient());
          sums.launch("batch_norm_relu_sums_" + suffix, x, mean, inverse, weight, bias, dy);
          sums.finish(s.inverse(), s.weightGradient(), s.biasGradient());
          s.inputGradient()
              .ifPresent(
                  dx ->
                      a.launch(
                          BACKWARD,
                          "batch_norm_relu_backward_" + suffix,
                          elements / 4,
                          x,
                          mean,
                          inverse,
                          weight,
                          bias,
                          a.at(s.weightGradient()),
                          a.at(s.biasGradient()),
                          dy,
                          a.at(dx),
                          elements / channels,
                          channels));
        });
  }

  static Operation backward(BatchNormSumReluBackward s) {
    String suffix = suffix(s.layer(), s.input(), s.outputGradient(), s.inputGradient());
    Kernels.type(s.layer(), s.input(), s.output(), s.sumGradient());
    return backward(
        s.input(),
        (a, sums) -> {
          sums.launch(
              "batch_norm_sum_relu_sums_" + suffix,
              a.at(s.input()),
              a.at(s.mean()),
              a.at(s.output()),
              a.at(s.outputGradient()),
              a.at(s.sumGradient()));
          sums.finish(s.inverse(), s.weightGradient(), s.biasGradient());
          s.inputGradient().ifPresent(dx -> spread(a, s.norm(), suffix, dx));
        });
  }

  private static String suffix(
      String layer, TensorSpec x, TensorSpec dy, Optional<TensorSpec> inputGradient) {
    inputGradient.ifPresent(dx -> Kernels.type(layer, x, dx));
    return Kernels.suffix(Kernels.type(layer, x, dy));
  }

  private static void spread(Assembly a, BatchNormBackward s, String suffix, TensorSpec dx) {
    int channels = s.input().shape().dim(1);
    long elements = s.input().shape().elements();
    a.launch(
        BACKWARD,
        "batch_norm_backward_" + suffix,
        elements / 4,
        a.at(s.input()),
        a.at(s.mean()),
        a.at(s.inverse()),
        a.at(s.weight()),
        a.at(s.weightGradient()),
        a.at(s.biasGradient()),
        a.at(s.outputGradient()),
        a.at(dx),
        elements / channels,
        channels);
  }

  /** The two stages of the sums over each channel. */
  private record Sums(Assembly a, CUdeviceptr partial, long rows, int channels) {
    /**
     * @param arguments all but the last three, which every such kernel has
     */
    void launch(String kernel, Object... arguments) {
      List<Object> all = new ArrayList<>(List.of(arguments));
      all.addAll(List.of(partial, rows, channels));
      a.launchBlocks(BACKWARD, kernel, Kernels.parts(rows), all.toArray());
    }

    void finish(TensorSpec inverse, TensorSpec weightGradient, TensorSpec biasGradient) {
      a.launchTiles(
          BACKWARD,
          "batch_norm_sums_finish",
          (channels + 7) / 8,
          partial,
          a.at(inverse),
          a.at(weightGradient),
          a.at(biasGradient),
          Kernels.parts(rows),
          channels);
    }
  }

  private static Operation backward(TensorSpec x, BiConsumer<Assembly, Sums> launches) {
    return new Operation() {
      @Override
      public long workspace(SampleCount count) {
        return bytes(count, x);
      }

      @Override
      public void bind(Assembly a) {
        int channels = x.shape().dim(1);
        long rows = x.shape().elements() / channels;
        CUdeviceptr partial = a.scratch(partialBytes(Kernels.parts(rows), channels));
        launches.accept(a, new Sums(a, partial, rows, channels));
      }
    };
  }
}
