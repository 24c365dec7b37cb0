package org.nin4j.backend.cuda.step;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.nin4j.backend.cuda.convolution.ConvolutionSearch;
import org.nin4j.backend.cuda.device.Device;
import org.nin4j.backend.cuda.kernel.KernelLibrary;
import org.nin4j.backend.cuda.norm.NormCase;
import org.nin4j.backend.cuda.norm.NormGraphs;
import org.nin4j.plan.Precision;
import org.nin4j.plan.step.Fused;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.tensor.DType;

/**
 * Several steps as one: which of them this GPU has kernels for, ours or cuDNN's, and how these are
 * started.
 */
public final class FusedSteps {
  /** Of NVIDIA's, where tensor cores took bf16 first. */
  private static final int LEAST_CAPABILITY = 80;

  private final Device device;
  private final KernelLibrary kernels;
  private final ConvolutionSearch search;
  private final NormGraphs norms;

  public FusedSteps(
      Device device, KernelLibrary kernels, ConvolutionSearch search, NormGraphs norms) {
    this.device = device;
    this.kernels = kernels;
    this.search = search;
    this.norms = norms;
  }

  /**
   * The file of our kernel in it, or, if it has none, of those in its place; without the ending.
   */
  public static String file(Fused.Kernel kernel) {
    return switch (kernel) {
      case POINTWISE_PAIR -> PointwisePair.FILE;
      case NIN_BLOCK_FORWARD -> FirstBlock.FILE;
      case NIN_BLOCK_BACKWARD -> FirstBlockBackward.FILE;
      case HEAD_FORWARD, HEAD_BACKWARD -> HeadForward.FILE;
      case DATA_GRADIENT_RELU -> DataGradientRelu.FILE;
      case NORM_FORWARD -> BatchNorms.FORWARD;
      case NORM_BACKWARD -> BatchNorms.BACKWARD;
    };
  }

  /** What a batch norm means to cuDNN; empty for other steps, and for what no graph has. */
  public static Optional<NormCase> normOf(Fused s) {
    return OnePassNorm.caseOf(s);
  }

  private FusedStep step(Fused.Kernel kernel, Precision precision) {
    return switch (kernel) {
      case POINTWISE_PAIR -> new PointwisePair(device, kernels);
      case NIN_BLOCK_FORWARD -> new FirstBlock(device, kernels);
      case NIN_BLOCK_BACKWARD -> new FirstBlockBackward(device, kernels);
      case HEAD_FORWARD -> new HeadForward(kernels);
      case HEAD_BACKWARD -> new HeadBackward(kernels);
      case DATA_GRADIENT_RELU -> new DataGradientRelu(search, precision != Precision.FP32);
      case NORM_FORWARD, NORM_BACKWARD -> new OnePassNorm(norms);
    };
  }

  /** Whether what meets parameters is in bf16; a head's mean is in fp32 nevertheless. */
  private static boolean isNarrow(Fused s) {
    return s.parts().stream()
        .filter(part -> part.reads().stream().anyMatch(t -> t.role() == Role.PARAMETER))
        .flatMap(part -> Stream.of(part.reads(), part.writes()).flatMap(List::stream))
        .filter(t -> t.role() == Role.ACTIVATION && t.type() != DType.U8)
        .allMatch(t -> t.type() == DType.BF16);
  }

  /**
   * Whether there is a kernel for that, and room for it on this GPU.
   *
   * @param precision of the plan
   */
  public boolean computes(Fused s, Precision precision) {
    FusedStep step = step(s.kernel(), precision);
    return device.capability() >= LEAST_CAPABILITY
        && (isNarrow(s) || !step.needsBfloat16())
        && step.suits(s);
  }

  /** How the step is computed, where {@link #computes} says that it is. */
  Operation operation(Fused s, Precision precision) {
    FusedStep step = step(s.kernel(), precision);
    return new Operation() {
      @Override
      public long workspace(SampleCount count) {
        return step.workspace(s, count);
      }

      @Override
      public boolean readsNarrowParameters() {
        return isNarrow(s);
      }

      @Override
      public void bind(Assembly a) {
        step.bind(a, s);
      }
    };
  }
}
