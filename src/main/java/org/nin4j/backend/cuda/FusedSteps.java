package org.nin4j.backend.cuda;

import java.util.List;
import java.util.stream.Stream;
import jcuda.driver.CUdeviceptr;
import org.nin4j.model.Window;
import org.nin4j.plan.ConvolutionBackwardData;
import org.nin4j.plan.ConvolutionBackwardFilter;
import org.nin4j.plan.ConvolutionForward;
import org.nin4j.plan.Fused;
import org.nin4j.plan.MaxPoolBackward;
import org.nin4j.plan.MaxPoolForward;
import org.nin4j.plan.ReluBackward;
import org.nin4j.plan.ReluBiasBackward;
import org.nin4j.plan.Step;
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
  private static final int BLOCK_GRADIENTS = 96 * 121 + 2 * 96 * 96 + 3 * 96;
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
      case NIN_BLOCK_FORWARD -> "first_block";
      case NIN_BLOCK_BACKWARD -> "first_block_backward";
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
          case NIN_BLOCK_BACKWARD -> isFirstBlockBackward(s);
        };
  }

  void bind(Assembly a, SessionMemory memory, Fused s) {
    switch (s.kernel()) {
      case POINTWISE_PAIR -> pointwisePair(a, memory, s);
      case NIN_BLOCK_FORWARD -> firstBlock(a, memory, s);
      case NIN_BLOCK_BACKWARD -> firstBlockBackward(a, memory, s);
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
    int columns = BLOCK_FIRST.places(width);
    int kept = (2 * atOnce + 1) * columns * (BLOCK_CHANNELS + GAP);
    return 2 * (34_560 + kept + 16 * (2 * atOnce + 3) * (columns + 2));
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

  private static final List<Class<? extends Step>> BACKWARD =
      List.of(
          ConvolutionForward.class,
          ConvolutionForward.class,
          ReluBackward.class,
          MaxPoolBackward.class,
          ConvolutionBackwardFilter.class,
          ConvolutionBackwardData.class,
          ReluBiasBackward.class,
          ConvolutionBackwardFilter.class,
          ConvolutionBackwardData.class,
          ReluBiasBackward.class,
          ConvolutionBackwardFilter.class);

  /** The gradients of a block that {@link #isFirstBlock} takes, as the other fusions leave them. */
  private boolean isFirstBlockBackward(Fused s) {
    boolean gradients =
        s.parts().stream().<Class<?>>map(Object::getClass).toList().equals(BACKWARD)
            && s.writes().size() == 6
            && s.writes().stream().allMatch(t -> t.role() == Role.PARAMETER_GRADIENT);
    if (!gradients) {
      return false;
    }
    List<ConvolutionForward> convolutions = s.parts(ConvolutionForward.class).toList();
    ConvolutionForward first = convolutions.get(0);
    return first.input().shape().dim(1) == 1
        && first.convolution().window().equals(BLOCK_FIRST)
        && convolutions.get(1).convolution().window().equals(new Window(1, 1, 0))
        && s.parts(ConvolutionBackwardFilter.class)
            .allMatch(f -> f.convolution().outChannels() == BLOCK_CHANNELS)
        && poolBackward(s).pool().window().equals(BLOCK_POOL)
        && backwardBytes(s) <= device.sharedBytes();
  }

  private static MaxPoolBackward poolBackward(Fused s) {
    return s.parts(MaxPoolBackward.class).findFirst().orElseThrow();
  }

  private static int backwardBytes(Fused s) {
    Shape y = poolBackward(s).outputGradient().shape();
    int rows = Math.min(y.dim(2) + 1, 30 / (y.dim(3) + 1) + 2);
    return 2 * (74_496 + 16 * (2 * rows + 2) * (2 * y.dim(3) + 4));
  }

  /** From the shape alone: the order of the sums follows from it. */
  private static int backwardBlocks(Fused s, long images) {
    Shape y = poolBackward(s).outputGradient().shape();
    long tiles = ((y.dim(2) + 1) * (y.dim(3) + 1) + 31) / 32;
    return (int) Math.min(128, images * tiles);
  }

  /** Scratch memory of such a step for so many images. */
  static long scratchBytes(Fused s, long images) {
    return s.kernel() == Fused.Kernel.NIN_BLOCK_BACKWARD
        ? (long) backwardBlocks(s, images) * BLOCK_GRADIENTS * Float.BYTES
        : 0;
  }

  private void firstBlockBackward(Assembly a, SessionMemory memory, Fused s) {
    List<ConvolutionForward> convolutions = s.parts(ConvolutionForward.class).toList();
    ConvolutionForward first = convolutions.get(0);
    ConvolutionForward second = convolutions.get(1);
    List<ConvolutionBackwardFilter> filters = s.parts(ConvolutionBackwardFilter.class).toList();
    List<ReluBiasBackward> biases = s.parts(ReluBiasBackward.class).toList();
    ConvolutionBackwardData third =
        s.parts(ConvolutionBackwardData.class).findFirst().orElseThrow();
    ReluBackward mask = s.parts(ReluBackward.class).findFirst().orElseThrow();
    Shape x = first.input().shape();
    Shape y = mask.output().shape();
    int blocks = backwardBlocks(s, x.dim(0));
    CUdeviceptr partial = a.scratch(scratchBytes(s, x.dim(0)));
    String file = file(s.kernel());
    a.add(
        kernels.launchShared(
            file,
            "first_block_backward_bf16",
            blocks,
            Launch.BLOCK,
            backwardBytes(s),
            a.read(first.input()),
            a.parameter(first.weight()),
            memory.at(first.bias()),
            a.parameter(second.weight()),
            memory.at(second.bias()),
            a.parameter(third.weight()),
            a.read(mask.output()),
            memory.at(poolBackward(s).position()),
            a.read(mask.outputGradient()),
            partial,
            x.dim(0),
            x.dim(2),
            x.dim(3),
            y.dim(2),
            y.dim(3)));
    a.launchBlocks(
        file,
        "first_block_gradient_finish",
        kernels.tiles(BLOCK_GRADIENTS / WARP),
        partial,
        memory.at(filters.get(2).weightGradient()),
        memory.at(biases.get(1).biasGradient()),
        memory.at(filters.get(1).weightGradient()),
        memory.at(biases.get(0).biasGradient()),
        memory.at(filters.get(0).weightGradient()),
        memory.at(filters.get(0).biasGradient().orElseThrow()),
        blocks);
  }

  private void requireRoom(int blocks, String kernel) {
    if (blocks == 0) {
      throw new IllegalStateException(device.name() + " has no room for a block of " + kernel);
    }
  }
}
