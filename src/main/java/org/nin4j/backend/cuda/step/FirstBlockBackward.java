package org.nin4j.backend.cuda.step;

import java.util.List;
import jcuda.driver.CUdeviceptr;
import org.nin4j.backend.cuda.device.Device;
import org.nin4j.backend.cuda.kernel.KernelLibrary;
import org.nin4j.backend.cuda.kernel.Launch;
import org.nin4j.model.Window;
import org.nin4j.plan.step.ActivationBackward;
import org.nin4j.plan.step.ConvolutionBackwardData;
import org.nin4j.plan.step.ConvolutionBackwardFilter;
import org.nin4j.plan.step.ConvolutionForward;
import org.nin4j.plan.step.Fused;
import org.nin4j.plan.step.MaxPoolBackward;
import org.nin4j.plan.step.ReluBiasBackward;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Shape;

/**
 * All gradients of the first block, whose activations are computed again, in one kernel and one
 * that adds up, {@code first_block_backward.cu}, whose head explains the numbers.
 */
record FirstBlockBackward(Device device, KernelLibrary kernels) implements FusedStep {
  static final String FILE = "first_block_backward";

  /** Sums of a block, some of them of nothing. */
  private static final int SUMS = 132 * Launch.BLOCK;

  /** Those that sum, and four warps that compute what they sum. */
  private static final int THREADS = Launch.BLOCK + 4 * WARP;

  /** Pixels of a tile: the results are the same bits. */
  private static final int LARGE = 128;

  private static final int SMALL = 64;

  private static final List<Class<? extends Step>> PARTS =
      List.of(
          ConvolutionForward.class,
          ConvolutionForward.class,
          ActivationBackward.class,
          MaxPoolBackward.class,
          ConvolutionBackwardFilter.class,
          ConvolutionBackwardData.class,
          ReluBiasBackward.class,
          ConvolutionBackwardFilter.class,
          ConvolutionBackwardData.class,
          ReluBiasBackward.class,
          ConvolutionBackwardFilter.class);

  /** The gradients of a block that {@link FirstBlock} takes, as the other fusions leave them. */
  @Override
  public boolean suits(Fused s) {
    boolean gradients =
        s.parts().stream().<Class<?>>map(Object::getClass).toList().equals(PARTS)
            && s.writes().size() == 6
            && s.writes().stream().allMatch(t -> t.role() == Role.PARAMETER_GRADIENT);
    if (!gradients) {
      return false;
    }
    List<ConvolutionForward> convolutions = s.parts(ConvolutionForward.class).toList();
    ConvolutionForward first = convolutions.get(0);
    return first.input().shape().dim(1) == 1
        && first.convolution().window().equals(FirstBlock.FIRST)
        && convolutions.get(1).convolution().window().equals(new Window(1, 1, 0))
        && s.parts(ConvolutionBackwardFilter.class)
            .allMatch(f -> f.convolution().outChannels() == FirstBlock.CHANNELS)
        && poolBackward(s).pool().window().equals(FirstBlock.POOL)
        && backwardBytes(s, SMALL) <= device.sharedBytes();
  }

  private static MaxPoolBackward poolBackward(Fused s) {
    return s.parts(MaxPoolBackward.class).findFirst().orElseThrow();
  }

  private int pixels(Fused s) {
    return backwardBytes(s, LARGE) <= device.sharedBytes() ? LARGE : SMALL;
  }

  private static int backwardBytes(Fused s, int pixels) {
    Shape y = poolBackward(s).outputGradient().shape();
    int rows = Math.min(y.dim(2) + 1, (pixels / 4 - 2) / (y.dim(3) + 1) + 2);
    return 2 * (34_560 + 524 * pixels + 32 * (2 * rows + 2) * (2 * y.dim(3) + 4));
  }

  /** From the shape alone: the order of the sums follows from it. */
  private static int backwardBlocks(Fused s, long images) {
    Shape y = poolBackward(s).outputGradient().shape();
    long tiles = ((y.dim(2) + 1) * (y.dim(3) + 1) + 31) / 32;
    return (int) Math.min(128, images * tiles);
  }

  @Override
  public long workspace(Fused s, SampleCount count) {
    return partialBytes(s, count.scaled(s.reads().get(0).shape().dim(0)));
  }

  private static long partialBytes(Fused s, long images) {
    return (long) backwardBlocks(s, images) * SUMS * Float.BYTES;
  }

  @Override
  public void bind(Assembly a, Fused s) {
    List<ConvolutionForward> convolutions = s.parts(ConvolutionForward.class).toList();
    ConvolutionForward first = convolutions.get(0);
    ConvolutionForward second = convolutions.get(1);
    List<ConvolutionBackwardFilter> filters = s.parts(ConvolutionBackwardFilter.class).toList();
    List<ReluBiasBackward> biases = s.parts(ReluBiasBackward.class).toList();
    ConvolutionBackwardData third =
        s.parts(ConvolutionBackwardData.class).findFirst().orElseThrow();
    ActivationBackward mask = s.parts(ActivationBackward.class).findFirst().orElseThrow();
    Shape x = first.input().shape();
    Shape y = mask.output().shape();
    int blocks = backwardBlocks(s, x.dim(0));
    int pixels = pixels(s);
    CUdeviceptr partial = a.scratch(partialBytes(s, x.dim(0)));
    a.add(
        kernels.launchShared(
            FILE,
            "first_block_backward_" + pixels + "_bf16",
            blocks,
            THREADS,
            backwardBytes(s, pixels),
            a.at(first.input()),
            a.parameter(first.weight(), DType.BF16),
            a.at(first.bias().orElseThrow()),
            a.parameter(second.weight(), DType.BF16),
            a.at(second.bias().orElseThrow()),
            a.parameter(third.weight(), DType.BF16),
            a.at(mask.output()),
            a.at(poolBackward(s).position()),
            a.at(mask.outputGradient()),
            partial,
            x.dim(0),
            x.dim(2),
            x.dim(3),
            y.dim(2),
            y.dim(3)));
    a.launchBlocks(
        FILE,
        "first_block_gradient_finish",
        kernels.tiles(SUMS / WARP),
        partial,
        a.at(filters.get(2).weightGradient()),
        a.at(biases.get(1).biasGradient()),
        a.at(filters.get(1).weightGradient()),
        a.at(biases.get(0).biasGradient()),
        a.at(filters.get(0).weightGradient()),
        a.at(filters.get(0).biasGradient().orElseThrow()),
        blocks);
  }
}
