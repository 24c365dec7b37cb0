package org.nin4j.backend.cuda.step;

import java.util.Optional;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.JCudaDriver;
import org.nin4j.backend.cuda.convolution.ConvolutionCase;
import org.nin4j.backend.cuda.convolution.ConvolutionCase.Kind;
import org.nin4j.backend.cuda.convolution.ConvolutionSearch;
import org.nin4j.backend.cuda.convolution.ConvolutionWork;
import org.nin4j.backend.cuda.device.Check;
import org.nin4j.backend.cuda.device.Device;
import org.nin4j.backend.cuda.kernel.Kernels;
import org.nin4j.plan.step.ConvolutionBackwardData;
import org.nin4j.plan.step.ConvolutionBackwardFilter;
import org.nin4j.plan.step.ConvolutionForward;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.DType;

/**
 * Convolutions and their gradients, each by the way that {@link ConvolutionSearch} chooses.
 *
 * <p>The fused calls of cuDNN want a bias. A convolution without one keeps zeros for it, of which
 * the first half serves as zeros in bf16.
 *
 * @param device that computes
 * @param search chooses the way
 * @param rounding whether fp32 factors may be rounded to TF32
 */
public record Convolutions(Device device, ConvolutionSearch search, boolean rounding) {
  Operation forward(ConvolutionForward s) {
    return new Forward(device, search, caseOf(s, rounding), s);
  }

  Operation backwardData(ConvolutionBackwardData s) {
    return new BackwardData(search, caseOf(s, rounding), s);
  }

  Operation backwardFilter(ConvolutionBackwardFilter s) {
    return new BackwardFilter(search, caseOf(s, rounding), s);
  }

  public static ConvolutionCase caseOf(ConvolutionForward s, boolean rounding) {
    DType type = Kernels.type(s.layer(), s.input(), s.output());
    return ConvolutionCase.of(Kind.FORWARD, type, rounding, s.input(), s.convolution(), s.relu());
  }

  public static ConvolutionCase caseOf(ConvolutionBackwardData s, boolean rounding) {
    return caseOf(s, rounding, false);
  }

  /**
   * @param relu whether the gradient of the ReLU before it is computed too
   */
  public static ConvolutionCase caseOf(ConvolutionBackwardData s, boolean rounding, boolean relu) {
    DType type = Kernels.type(s.layer(), s.outputGradient(), s.inputGradient());
    return ConvolutionCase.of(
        Kind.BACKWARD_DATA, type, rounding, s.inputGradient(), s.convolution(), relu);
  }

  public static ConvolutionCase caseOf(ConvolutionBackwardFilter s, boolean rounding) {
    DType type = Kernels.type(s.layer(), s.input(), s.outputGradient());
    return ConvolutionCase.of(
        Kind.BACKWARD_FILTER, type, rounding, s.input(), s.convolution(), false);
  }

  static long scratchBytes(ConvolutionSearch search, ConvolutionCase c, SampleCount count) {
    ConvolutionCase wanted = c.withSamples(Math.toIntExact(count.scaled(c.samples())));
    long bytes =
        count.isAsPlanned() ? search.scratchBytes(wanted) : search.estimatedScratchBytes(wanted);
    return Kernels.align(bytes);
  }

  static void add(
      Assembly a,
      ConvolutionSearch search,
      ConvolutionCase c,
      CUdeviceptr x,
      CUdeviceptr weight,
      CUdeviceptr bias,
      CUdeviceptr typedBias,
      CUdeviceptr y,
      CUdeviceptr mask) {
    long bytes = search.scratchBytes(c);
    ConvolutionWork.Operands at =
        new ConvolutionWork.Operands(x, weight, bias, typedBias, y, mask, a.scratch(bytes));
    a.add(search.work(a.owner(), c, at, bytes));
  }

  private record Forward(
      Device device, ConvolutionSearch search, ConvolutionCase c, ConvolutionForward s)
      implements Operation {
    @Override
    public long workspace(SampleCount count) {
      return scratchBytes(search, c, count);
    }

    @Override
    public long resident() {
      return s.bias().isPresent() ? 0 : zeroBytes();
    }

    /** In fp32, and in bf16 behind it where that is the case's type: a search fills both. */
    private long zeroBytes() {
      return typedZeros() + (long) c.filters() * c.type().bytes();
    }

    private long typedZeros() {
      return c.type() == DType.F32 ? 0 : Kernels.align((long) c.filters() * Float.BYTES);
    }

    @Override
    public boolean readsNarrowParameters() {
      return c.type() == DType.BF16;
    }

    @Override
    public void bind(Assembly a) {
      Optional<TensorSpec> b = s.bias();
      CUdeviceptr bias = b.isPresent() ? a.at(b.get()) : a.resident();
      CUdeviceptr typedBias =
          b.isPresent()
              ? a.parameter(b.get(), c.type())
              : a.resident().withByteOffset(typedZeros());
      CUdeviceptr weight = a.parameter(s.weight(), c.type());
      add(a, search, c, a.at(s.input()), weight, bias, typedBias, a.at(s.output()), Assembly.NONE);
      if (b.isEmpty()) {
        // Only now: a search leaves random numbers there.
        Check.driver(
            JCudaDriver.cuMemsetD8Async(a.resident(), (byte) 0, zeroBytes(), device.stream()),
            "cuMemsetD8Async");
      }
    }
  }

  private record BackwardData(
      ConvolutionSearch search, ConvolutionCase c, ConvolutionBackwardData s) implements Operation {
    @Override
    public long workspace(SampleCount count) {
      return scratchBytes(search, c, count);
    }

    @Override
    public boolean readsNarrowParameters() {
      return c.type() == DType.BF16;
    }

    @Override
    public void bind(Assembly a) {
      CUdeviceptr weight = a.parameter(s.weight(), c.type());
      CUdeviceptr dx = a.at(s.inputGradient());
      CUdeviceptr dy = a.at(s.outputGradient());
      add(a, search, c, dx, weight, Assembly.NONE, Assembly.NONE, dy, Assembly.NONE);
    }
  }

  private record BackwardFilter(
      ConvolutionSearch search, ConvolutionCase c, ConvolutionBackwardFilter s)
      implements Operation {
    @Override
    public long workspace(SampleCount count) {
      long bias = s.biasGradient().isPresent() ? BiasGradient.bytes(count, s.outputGradient()) : 0;
      return scratchBytes(search, c, count) + bias;
    }

    @Override
    public void bind(Assembly a) {
      CUdeviceptr dw = a.at(s.weightGradient());
      CUdeviceptr x = a.at(s.input());
      CUdeviceptr dy = a.at(s.outputGradient());
      add(a, search, c, x, dw, Assembly.NONE, Assembly.NONE, dy, Assembly.NONE);
      s.biasGradient().ifPresent(db -> BiasGradient.add(a, s.outputGradient(), db));
    }
  }
}
