package org.nin4j.backend.cuda.step;

import java.util.List;
import org.nin4j.backend.cuda.device.Device;
import org.nin4j.backend.cuda.kernel.KernelLibrary;
import org.nin4j.backend.cuda.kernel.Launch;
import org.nin4j.model.Window;
import org.nin4j.plan.step.ConvolutionForward;
import org.nin4j.plan.step.Fused;
import org.nin4j.plan.step.MaxPoolForward;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Shape;

/**
 * The first block's convolution of 11×11, its 1×1s and its pool in one kernel, {@code
 * first_block.cu}, whose head explains the numbers.
 */
public record FirstBlock(Device device, KernelLibrary kernels) implements FusedStep {
  static final String FILE = "first_block";
  static final int CHANNELS = 96;
  static final Window FIRST = new Window(11, 4, 0);
  static final Window POOL = new Window(3, 2, 0);

  @Override
  public boolean suits(Fused s) {
    List<ConvolutionForward> convolutions = s.parts(ConvolutionForward.class).toList();
    ConvolutionForward first = convolutions.get(0);
    return first.input().shape().dim(1) == 1
        && first.convolution().window().equals(FIRST)
        && convolutions.stream().allMatch(c -> c.convolution().outChannels() == CHANNELS)
        && pool(s).pool().window().equals(POOL)
        && convolutions.stream().noneMatch(c -> s.writes().contains(c.output()))
        && s.writes().contains(pool(s).output())
        && blockBytes(s, 1) <= device.sharedBytes();
  }

  private static MaxPoolForward pool(Fused s) {
    return s.parts(MaxPoolForward.class).findFirst().orElseThrow();
  }

  /** Shared memory for the weights, and for the given number of pooled rows at a time. */
  private static int blockBytes(Fused s, int atOnce) {
    int width = s.parts(ConvolutionForward.class).findFirst().orElseThrow().input().shape().dim(3);
    int columns = FIRST.outputExtent(width);
    int kept = (2 * atOnce + 1) * columns * (CHANNELS + GAP);
    return 2 * (34_560 + kept + 32 * (2 * atOnce + 3) * (columns + 2));
  }

  @Override
  public void bind(Assembly a, Fused s) {
    List<ConvolutionForward> convolutions = s.parts(ConvolutionForward.class).toList();
    ConvolutionForward first = convolutions.get(0);
    ConvolutionForward second = convolutions.get(1);
    ConvolutionForward third = convolutions.get(2);
    MaxPoolForward pool = pool(s);
    Shape x = first.input().shape();
    Shape y = pool.output().shape();
    int atOnce = blockBytes(s, 2) <= device.sharedBytes() ? 2 : 1;
    int bytes = blockBytes(s, atOnce);
    String kernel = "first_block_forward_bf16";
    int resident = kernels.resident(FILE, kernel, Launch.BLOCK, bytes);
    FusedStep.requireRoom(device, resident, kernel);
    int strips = strips(x.dim(0), y.dim(2), resident);
    a.add(
        kernels.launchShared(
            FILE,
            kernel,
            (int) Math.min(resident, (long) x.dim(0) * strips),
            Launch.BLOCK,
            bytes,
            a.at(first.input()),
            a.parameter(first.weight(), DType.BF16),
            a.at(first.bias().orElseThrow()),
            a.parameter(second.weight(), DType.BF16),
            a.at(second.bias().orElseThrow()),
            a.parameter(third.weight(), DType.BF16),
            a.at(third.bias().orElseThrow()),
            a.at(pool.output()),
            pool.position().map(p -> FusedStep.stored(a, s, p)).orElse(Assembly.NONE),
            x.dim(0),
            x.dim(2),
            x.dim(3),
            FIRST.outputExtent(x.dim(3)),
            y.dim(2),
            y.dim(3),
            strips,
            atOnce));
  }

  /**
   * Into how many strips an image is cut: so that the block with the most work computes the fewest
   * rows before the pool, two for each row of a strip and one more.
   */
  public static int strips(int images, int rows, int blocks) {
    int best = 1;
    long least = Long.MAX_VALUE;
    for (int strips = 1; strips <= rows; strips++) {
      long turns = ((long) images * strips + blocks - 1) / blocks;
      long work = turns * (2 * ((rows + strips - 1) / strips) + 1);
      if (work < least) {
        least = work;
        best = strips;
      }
    }
    return best;
  }
}
