package org.nin4j.backend.cuda.step;

import jcuda.driver.CUdeviceptr;
import org.nin4j.backend.cuda.device.Device;
import org.nin4j.backend.cuda.kernel.Kernels;
import org.nin4j.backend.cuda.library.MatMul;
import org.nin4j.plan.step.LinearBackwardData;
import org.nin4j.plan.step.LinearBackwardFilter;
import org.nin4j.plan.step.LinearForward;
import org.nin4j.tensor.DType;

/**
 * The fully connected layer and its gradients: products by cuBLAS, the bias, with ReLU where the
 * step has it, in a pass after.
 *
 * @param rounding whether fp32 factors may be rounded to TF32
 */
record Linears(Device device, boolean rounding) {
  Operation forward(LinearForward s) {
    return new Forward(this, s, Kernels.type(s.layer(), s.input(), s.output()));
  }

  Operation backwardData(LinearBackwardData s) {
    return new BackwardData(
        this, s, Kernels.type(s.layer(), s.outputGradient(), s.inputGradient()));
  }

  Operation backwardFilter(LinearBackwardFilter s) {
    return new BackwardFilter(this, s, Kernels.type(s.layer(), s.input(), s.outputGradient()));
  }

  private MatMul product(
      DType factors, DType result, boolean transposeA, boolean transposeB, int m, int n, int k) {
    return new MatMul(device, factors, result, rounding, transposeA, transposeB, m, n, k, 0);
  }

  private record Forward(Linears linears, LinearForward s, DType type) implements Operation {
    /** A bf16 result is rounded once, after the bias. */
    @Override
    public long workspace(SampleCount count) {
      return type == DType.BF16 ? Kernels.align(count.elements(s.output()) * Float.BYTES) : 0;
    }

    @Override
    public boolean readsNarrowParameters() {
      return type == DType.BF16;
    }

    @Override
    public void bind(Assembly a) {
      int rows = s.input().shape().dim(0);
      int in = s.weight().shape().dim(1);
      int out = s.weight().shape().dim(0);
      long elements = (long) rows * out;
      CUdeviceptr y = a.at(s.output());
      boolean narrow = type == DType.BF16;
      CUdeviceptr sum = narrow ? a.scratch(elements * Float.BYTES) : y;
      a.add(
          linears
              .product(type, DType.F32, false, true, rows, out, in)
              .of(a.at(s.input()), a.parameter(s.weight(), type), sum));
      a.launch(
          "bias",
          (s.relu() ? "bias_relu_forward_" : "bias_forward_") + (narrow ? "f32_bf16" : "f32"),
          elements / Kernels.pack(type),
          sum,
          a.at(s.bias()),
          y,
          (long) rows,
          out);
    }
  }

  private record BackwardData(Linears linears, LinearBackwardData s, DType type)
      implements Operation {
    @Override
    public boolean readsNarrowParameters() {
      return type == DType.BF16;
    }

    @Override
    public void bind(Assembly a) {
      int rows = s.inputGradient().shape().dim(0);
      int in = s.weight().shape().dim(1);
      int out = s.weight().shape().dim(0);
      a.add(
          linears
              .product(type, type, false, false, rows, in, out)
              .of(
                  a.at(s.outputGradient()),
                  a.parameter(s.weight(), type),
                  a.at(s.inputGradient())));
    }
  }

  private record BackwardFilter(Linears linears, LinearBackwardFilter s, DType type)
      implements Operation {
    @Override
    public long workspace(SampleCount count) {
      return BiasGradient.bytes(count, s.outputGradient());
    }

    @Override
    public void bind(Assembly a) {
      int rows = s.input().shape().dim(0);
      int in = s.weightGradient().shape().dim(1);
      int out = s.weightGradient().shape().dim(0);
      a.add(
          linears
              .product(type, DType.F32, true, false, out, in, rows)
              .of(a.at(s.outputGradient()), a.at(s.input()), a.at(s.weightGradient())));
      BiasGradient.add(a, s.outputGradient(), s.biasGradient());
    }
  }
}
