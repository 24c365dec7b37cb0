package org.nin4j.backend.cuda;

import java.util.List;
import java.util.stream.Stream;
import jcuda.driver.CUdeviceptr;
import org.nin4j.model.Window;
import org.nin4j.plan.ConvolutionForward;
import org.nin4j.plan.Fused;
import org.nin4j.plan.MaxPoolForward;
import org.nin4j.plan.TensorSpec;
import org.nin4j.plan.TensorSpec.Role;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Shape;

/**
 * Several steps in one kernel: which of them this GPU has kernels for, and how these are started.
 * The numbers are those in the heads of {@code pointwise_pair.cu} and {@code first_block.cu}.
 */
final class FusedSteps {
  private static final CUdeviceptr NONE = new CUdeviceptr();

  /** Of NVIDIA's, where tensor cores took bf16 first. */
  private static final int LEAST_CAPABILITY = 80;

  private static final int WARP = 32;
  private static final int MOST_WARPS = Launch.BLOCK / WARP;

  /** Elements between two rows in shared memory are so many more than a row has. */
  private static final int GAP = 8;

  private static final int BLOCK_CHANNELS = 96;
  private static final Window BLOCK_FIRST = new Window(11, 4, 0);
  private static final Window BLOCK_POOL = new Window(3, 2, 0);

  private final Device device;
  private final KernelLibrary kernels;

  FusedSteps(Device device, KernelLibrary kernels) {
    this.device = device;
    this.kernels = kernels;
  }

  /** The file of its kernel, without the ending. */
  static String file(Fused.Kernel kernel) {
    return switch (kernel) {
      case POINTWISE_PAIR -> "pointwise_pair";
      case NIN_BLOCK_FORWARD, NIN_BLOCK_BACKWARD -> "first_block";
    };
  }

  /** Whether there is a kernel for that, and room for it on this GPU. */
  boolean computes(Fused s) {
    if (device.capability() < LEAST_CAPABILITY) {
      return false;
    }
    boolean narrow =
        s.parts().stream()
            .flatMap(part -> Stream.of(part.reads(), part.writes()).flatMap(List::stream))
            .filter(t -> t.role() == Role.ACTIVATION && t.type() != DType.U8)
            .allMatch(t -> t.type() == DType.BF16);
    return narrow
        && switch (s.kernel()) {
          case POINTWISE_PAIR -> isPair(s);
          case NIN_BLOCK_FORWARD -> isFirstBlock(s);
          // Not written yet; so training has the block's layers one by one, forward too.
          case NIN_BLOCK_BACKWARD -> false;
        };
  }

  void bind(Assembly a, SessionMemory memory, Fused s) {
    switch (s.kernel()) {
      case POINTWISE_PAIR -> pointwisePair(a, memory, s);
      case NIN_BLOCK_FORWARD -> firstBlock(a, memory, s);
      case NIN_BLOCK_BACKWARD -> throw new IllegalStateException("no kernel for " + s.kind());
    }
  }

  private boolean isPair(Fused s) {
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

  /** Shared memory for the filters and the rows of so many warps. */
  private static int pairBytes(int channels, int warps) {
    int filters = channels == 96 ? 2 * channels : 64;
    return 2 * (channels + GAP) * (filters + warps * pairRows(channels));
  }

  private void pointwisePair(Assembly a, SessionMemory memory, Fused s) {
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
          bytes <= device.sharedBytes()
              ? kernels.resident(file(s.kernel()), kernel, w * WARP, bytes)
              : 0;
      if (resident * w > blocks * warps) {
        blocks = resident;
        warps = w;
      }
    }
    requireRoom(warps, kernel);
    long rows = first.input().shape().elements() / channels;
    long tiles = (rows + (long) warps * pairRows(channels) - 1) / (warps * pairRows(channels));
    a.add(
        kernels.launchShared(
            file(s.kernel()),
            kernel,
            (int) Math.min(blocks, tiles),
            warps * WARP,
            pairBytes(channels, warps),
            a.read(first.input()),
            a.parameter(first.weight()),
            memory.at(first.bias()),
            a.parameter(second.weight()),
            memory.at(second.bias()),
            stored(memory, s, first.output()),
            a.write(second.output()),
            rows));
  }

  /** Where a tensor goes that not every plan stores. */
  private static CUdeviceptr stored(SessionMemory memory, Fused s, TensorSpec tensor) {
    return s.writes().contains(tensor) ? memory.at(tensor) : NONE;
  }

  private boolean isFirstBlock(Fused s) {
    List<ConvolutionForward> convolutions = s.parts(ConvolutionForward.class).toList();
    ConvolutionForward first = convolutions.get(0);
    return first.input().shape().dim(1) == 1
        && first.convolution().window().equals(BLOCK_FIRST)
        && convolutions.stream().allMatch(c -> c.convolution().outChannels() == BLOCK_CHANNELS)
        && pool(s).pool().window().equals(BLOCK_POOL)
        && convolutions.stream().noneMatch(c -> s.writes().contains(c.output()))
        && s.writes().contains(pool(s).output())
        && blockBytes(s, 1) <= device.sharedBytes();
  }

  private static MaxPoolForward pool(Fused s) {
    return s.parts(MaxPoolForward.class).findFirst().orElseThrow();
  }

  /** Shared memory for the weights, and for so many pooled rows at a time. */
  private static int blockBytes(Fused s, int atOnce) {
    int width = s.parts(ConvolutionForward.class).findFirst().orElseThrow().input().shape().dim(3);
    int weights = BLOCK_CHANNELS * (11 * 16 + GAP + 2 * (BLOCK_CHANNELS + GAP));
    int kept = (2 * atOnce + 1) * BLOCK_FIRST.places(width) * (BLOCK_CHANNELS + GAP);
    return 2 * (weights + kept + (8 * atOnce + 11) * (width + 6));
  }

  private void firstBlock(Assembly a, SessionMemory memory, Fused s) {
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
    int resident = kernels.resident(file(s.kernel()), kernel, Launch.BLOCK, bytes);
    requireRoom(resident, kernel);
    int strips = strips(x.dim(0), y.dim(2), resident);
    a.add(
        kernels.launchShared(
            file(s.kernel()),
            kernel,
            (int) Math.min(resident, (long) x.dim(0) * strips),
            Launch.BLOCK,
            bytes,
            a.read(first.input()),
            a.parameter(first.weight()),
            memory.at(first.bias()),
            a.parameter(second.weight()),
            memory.at(second.bias()),
            a.parameter(third.weight()),
            memory.at(third.bias()),
            a.write(pool.output()),
            pool.position().map(p -> stored(memory, s, p)).orElse(NONE),
            x.dim(0),
            x.dim(2),
            x.dim(3),
            BLOCK_FIRST.places(x.dim(3)),
            y.dim(2),
            y.dim(3),
            strips,
            atOnce));
  }

  /**
   * Into how many strips an image is cut: so that the block with the most work computes the fewest
   * rows before the pool, two for each row of a strip and one more.
   */
  static int strips(int images, int rows, int blocks) {
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

  private void requireRoom(int blocks, String kernel) {
    if (blocks == 0) {
      throw new IllegalStateException(device.name() + " has no room for a block of " + kernel);
    }
  }
}
