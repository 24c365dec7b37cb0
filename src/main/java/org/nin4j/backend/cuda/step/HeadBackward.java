package org.nin4j.backend.cuda.step;

import java.util.List;
import jcuda.driver.CUdeviceptr;
import org.nin4j.backend.cuda.kernel.KernelLibrary;
import org.nin4j.plan.step.ConvolutionBackwardData;
import org.nin4j.plan.step.ConvolutionBackwardFilter;
import org.nin4j.plan.step.FlattenBackward;
import org.nin4j.plan.step.Fused;
import org.nin4j.plan.step.ReluBiasBackward;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Shape;

/** The gradients of what {@link HeadForward} takes, in one kernel and one that adds up. */
record HeadBackward(KernelLibrary kernels) implements FusedStep {
  private static final int GRADIENTS_OF_BLOCK = 8;

  @Override
  public boolean suits(Fused s) {
    int channels = channels(s);
    return HeadForward.hasKernel(channels)
        && s.parts(ConvolutionBackwardData.class)
            .allMatch(d -> d.convolution().outChannels() == channels);
  }

  /** Of the input. */
  private static Shape shape(Fused s) {
    return s.parts(ConvolutionBackwardData.class)
        .reduce((first, second) -> second)
        .orElseThrow()
        .inputGradient()
        .shape();
  }

  private static int channels(Fused s) {
    return shape(s).dim(1);
  }

  private static int gradients(Fused s) {
    return (2 * channels(s) + 3) * channels(s);
  }

  /** From the shape alone: the order of the sums follows from it. */
  private static int blocks(long images) {
    return (int) Math.min(256, images);
  }

  private static long partialBytes(Fused s, long images) {
    return (long) blocks(images) * gradients(s) * Float.BYTES;
  }

  @Override
  public long workspace(Fused s, SampleCount count) {
    return partialBytes(s, count.scaled(shape(s).dim(0)));
  }

  @Override
  public void bind(Assembly a, Fused s) {
    List<ReluBiasBackward> relus = s.parts(ReluBiasBackward.class).toList();
    List<ConvolutionBackwardFilter> filters = s.parts(ConvolutionBackwardFilter.class).toList();
    List<ConvolutionBackwardData> data = s.parts(ConvolutionBackwardData.class).toList();
    Shape x = shape(s);
    int blocks = blocks(x.dim(0));
    CUdeviceptr partial = a.scratch(partialBytes(s, x.dim(0)));
    a.launchBlocks(
        HeadForward.FILE,
        HeadForward.kernel("backward", x.dim(1)),
        blocks,
        a.at(relus.get(2).output()),
        a.at(relus.get(1).output()),
        a.at(relus.get(0).output()),
        a.at(s.parts(FlattenBackward.class).findFirst().orElseThrow().outputGradient()),
        a.parameter(data.get(1).weight(), DType.BF16),
        a.parameter(data.get(0).weight(), DType.BF16),
        a.at(relus.get(2).inputGradient()),
        partial,
        (long) x.dim(0),
        x.dim(2) * x.dim(3),
        x.dim(1));
    a.launchTiles(
        HeadForward.FILE,
        "head_gradient_finish",
        (gradients(s) + GRADIENTS_OF_BLOCK - 1) / GRADIENTS_OF_BLOCK,
        partial,
        a.at(filters.get(1).weightGradient()),
        a.at(filters.get(0).weightGradient()),
        a.at(relus.get(2).biasGradient()),
        a.at(relus.get(1).biasGradient()),
        a.at(relus.get(0).biasGradient()),
        blocks,
        x.dim(1));
  }
}
