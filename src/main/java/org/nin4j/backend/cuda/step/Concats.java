package org.nin4j.backend.cuda.step;

import jcuda.driver.CUdeviceptr;
import org.nin4j.backend.cuda.kernel.Kernels;
import org.nin4j.plan.step.ConcatBackward;
import org.nin4j.plan.step.ConcatForward;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.DType;

/** Concatenation and its gradient: slices of channels are copied, see {@code concat.cu}. */
final class Concats {
  private Concats() {}

  static Operation forward(ConcatForward s) {
    for (TensorSpec input : s.inputs()) {
      Kernels.type(s.layer(), input, s.output());
    }
    return a -> {
      int channel = 0;
      for (TensorSpec input : s.inputs()) {
        int channels = input.shape().dim(1);
        CUdeviceptr slice = slice(a, s.output(), channel);
        copy(a, input, a.at(input), channels, slice, s.output().shape().dim(1));
        channel += channels;
      }
    };
  }

  static Operation backward(ConcatBackward s) {
    for (ConcatBackward.Slice slice : s.slices()) {
      Kernels.type(s.layer(), s.outputGradient(), slice.inputGradient());
    }
    return a -> {
      for (ConcatBackward.Slice slice : s.slices()) {
        TensorSpec dx = slice.inputGradient();
        CUdeviceptr from = slice(a, s.outputGradient(), slice.firstChannel());
        copy(a, dx, from, s.outputGradient().shape().dim(1), a.at(dx), dx.shape().dim(1));
      }
    };
  }

  /** Where a tensor's channels from one on begin, in the first row. */
  private static CUdeviceptr slice(Assembly a, TensorSpec whole, int channel) {
    return a.at(whole).withByteOffset((long) channel * whole.type().bytes());
  }

  private static void copy(
      Assembly a, TensorSpec part, CUdeviceptr from, int fromRow, CUdeviceptr to, int toRow) {
    DType type = part.type();
    int channels = part.shape().dim(1);
    long elements = part.shape().elements();
    a.launch(
        "concat",
        "copy_channels_" + Kernels.suffix(type),
        elements / Kernels.pack(type),
        from,
        to,
        elements / channels,
        channels,
        fromRow,
        toRow);
  }
}
