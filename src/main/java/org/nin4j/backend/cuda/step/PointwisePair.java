package org.nin4j.backend.cuda.step;

import java.util.List;
import org.nin4j.backend.cuda.device.Device;
import org.nin4j.backend.cuda.kernel.KernelLibrary;
import org.nin4j.backend.cuda.kernel.Launch;
import org.nin4j.plan.step.ConvolutionForward;
import org.nin4j.plan.step.Fused;
import org.nin4j.tensor.DType;

/** Two 1×1 convolutions with their ReLUs in one kernel, {@code pointwise_pair.cu}. */
record PointwisePair(Device device, KernelLibrary kernels) implements FusedStep {
  static final String FILE = "pointwise_pair";

  private static final int MOST_WARPS = Launch.BLOCK / WARP;

  @Override
  public boolean suits(Fused s) {
    int channels = channels(s);
    return List.of(96, 256, 384).contains(channels)
        && s.parts(ConvolutionForward.class)
            .allMatch(c -> c.convolution().outChannels() == channels)
        && pairBytes(channels, 1) <= device.sharedBytes();
  }

  private static int channels(Fused s) {
    return s.parts(ConvolutionForward.class).findFirst().orElseThrow().input().shape().dim(1);
  }

  /** Rows of a warp. */
  private static int pairRows(int channels) {
    return channels == 384 ? 16 : 32;
  }

  /** Shared memory for the filters and the rows of the given number of warps. */
  private static int pairBytes(int channels, int warps) {
    int filters = channels == 96 ? 2 * channels : 64;
    return 2 * (channels + GAP) * (filters + warps * pairRows(channels));
  }

  @Override
  public void bind(Assembly a, Fused s) {
    List<ConvolutionForward> parts = s.parts(ConvolutionForward.class).toList();
    ConvolutionForward first = parts.get(0);
    ConvolutionForward second = parts.get(1);
    int channels = channels(s);
    String kernel = "pointwise_pair_" + channels + "_bf16";
    int warps = 0;
    int blocks = 0;
    // As many warps at once as the device holds; of equal numbers, in the larger blocks.
    for (int w = MOST_WARPS; w > 0; w--) {
      int bytes = pairBytes(channels, w);
      int resident =
          bytes <= device.sharedBytes() ? kernels.resident(FILE, kernel, w * WARP, bytes) : 0;
      if (resident * w > blocks * warps) {
        blocks = resident;
        warps = w;
      }
    }
    FusedStep.requireRoom(device, warps, kernel);
    long rows = first.input().shape().elements() / channels;
    long tiles = (rows + (long) warps * pairRows(channels) - 1) / (warps * pairRows(channels));
    a.add(
        kernels.launchShared(
            FILE,
            kernel,
            (int) Math.min(blocks, tiles),
            warps * WARP,
            pairBytes(channels, warps),
            a.at(first.input()),
            a.parameter(first.weight(), DType.BF16),
            a.at(first.bias().orElseThrow()),
            a.parameter(second.weight(), DType.BF16),
            a.at(second.bias().orElseThrow()),
            FusedStep.stored(a, s, first.output()),
            a.at(second.output()),
            rows));
  }
}
