package org.nin4j.backend.cuda.step;

import java.util.List;
import org.nin4j.backend.cuda.kernel.KernelLibrary;
import org.nin4j.plan.step.ConvolutionForward;
import org.nin4j.plan.step.FlattenForward;
import org.nin4j.plan.step.Fused;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

/** Two 1×1 convolutions of few channels and the mean after them in one kernel, {@code head.cu}. */
record HeadForward(KernelLibrary kernels) implements FusedStep {
  static final String FILE = "head";

  private static final int MOST_CHANNELS = 32;

  @Override
  public boolean suits(Fused s) {
    List<ConvolutionForward> convolutions = s.parts(ConvolutionForward.class).toList();
    int channels = convolutions.get(0).input().shape().dim(1);
    return hasKernel(channels)
        && convolutions.stream().allMatch(c -> c.convolution().outChannels() == channels);
  }

  /** One of the two widths that there are kernels for. */
  static String kernel(String direction, int channels) {
    return Text.of("head_%s_%d_bf16", direction, channels <= 16 ? 16 : MOST_CHANNELS);
  }

  static boolean hasKernel(int channels) {
    return channels <= MOST_CHANNELS;
  }

  @Override
  public void bind(Assembly a, Fused s) {
    List<ConvolutionForward> convolutions = s.parts(ConvolutionForward.class).toList();
    ConvolutionForward first = convolutions.get(0);
    ConvolutionForward second = convolutions.get(1);
    Shape x = first.input().shape();
    a.launchTiles(
        FILE,
        kernel("forward", x.dim(1)),
        x.dim(0),
        a.at(first.input()),
        a.parameter(first.weight(), DType.BF16),
        a.at(first.bias().orElseThrow()),
        a.parameter(second.weight(), DType.BF16),
        a.at(second.bias().orElseThrow()),
        FusedStep.stored(a, s, first.output()),
        FusedStep.stored(a, s, second.output()),
        a.at(s.parts(FlattenForward.class).findFirst().orElseThrow().output()),
        (long) x.dim(0),
        x.dim(2) * x.dim(3),
        x.dim(1));
  }
}
