package org.nin4j.backend.cuda.convolution;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import jcuda.driver.CUdeviceptr;
import org.nin4j.backend.cuda.convolution.ConvolutionCase.Kind;
import org.nin4j.backend.cuda.device.Work;
import org.nin4j.backend.cuda.kernel.KernelLibrary;
import org.nin4j.backend.cuda.kernel.Kernels;
import org.nin4j.tensor.DType;

/**
 * A convolution with filters of zeros added, up to a multiple of sixteen: tensor cores take them in
 * eights, and for ten classes cuDNN has few engines. The channels of x must be a multiple of eight
 * without that: between two layers of ten, copies would take longer than the products.
 */
record PaddedFilters(ConvolutionCase c) implements Substitute {
  private static final String FILE = "corner";

  private static final int TAKEN = 8;
  private static final int MULTIPLE = 16;

  PaddedFilters {
    if (!suits(c)) {
      throw new IllegalArgumentException("not to be padded: " + c);
    }
  }

  /** Whether the convolution may gain by it. */
  static boolean suits(ConvolutionCase c) {
    return c.groups() == 1
        && !c.isMasked()
        && c.filters() % TAKEN != 0
        && c.channels() % TAKEN == 0;
  }

  @Override
  public ConvolutionCase inner() {
    return new ConvolutionCase(
        c.kind(),
        c.type(),
        c.rounding(),
        c.samples(),
        c.channels(),
        c.height(),
        c.width(),
        filters(),
        c.window(),
        c.relu());
  }

  private int filters() {
    return (c.filters() + MULTIPLE - 1) / MULTIPLE * MULTIPLE;
  }

  private DType weightType() {
    return c.kind() == Kind.BACKWARD_FILTER ? DType.F32 : c.type();
  }

  private long weightBytes() {
    return Kernels.align(inner().weightElements() * weightType().bytes());
  }

  private long biasBytes() {
    return c.kind() == Kind.FORWARD ? Kernels.align((long) filters() * c.type().bytes()) : 0;
  }

  @Override
  public long bytes() {
    return weightBytes() + biasBytes() + Kernels.align(inner().outputElements() * c.type().bytes());
  }

  @Override
  public Work work(
      KernelLibrary kernels,
      ConvolutionWork.Operands at,
      Function<ConvolutionWork.Operands, Work> convolution) {
    CUdeviceptr weight = at.scratch();
    CUdeviceptr bias = weight.withByteOffset(weightBytes());
    CUdeviceptr y = bias.withByteOffset(biasBytes());
    CUdeviceptr rest = at.scratch().withByteOffset(bytes());
    Work inner =
        convolution.apply(
            new ConvolutionWork.Operands(at.x(), weight, at.bias(), bias, y, at.mask(), rest));
    int filter = Math.toIntExact(c.weightElements() / c.filters());
    List<Work> works = new ArrayList<>();
    if (c.kind() != Kind.BACKWARD_FILTER) {
      works.add(
          corner(kernels, c.type(), at.weight(), c.filters(), filter, weight, filters(), filter));
    }
    if (c.kind() == Kind.FORWARD) {
      works.add(corner(kernels, c.type(), at.typedBias(), 1, c.filters(), bias, 1, filters()));
      works.add(inner);
      works.add(corner(kernels, c.type(), y, c.rows(), filters(), at.y(), c.rows(), c.filters()));
    } else {
      works.add(corner(kernels, c.type(), at.y(), c.rows(), c.filters(), y, c.rows(), filters()));
      works.add(inner);
    }
    if (c.kind() == Kind.BACKWARD_FILTER) {
      works.add(
          corner(kernels, DType.F32, weight, filters(), filter, at.weight(), c.filters(), filter));
    }
    return Work.sequence(works);
  }

  /** What two matrices have in common is copied, the rest of the target is 0. */
  private static Work corner(
      KernelLibrary kernels,
      DType type,
      CUdeviceptr source,
      long sourceRows,
      int sourceColumns,
      CUdeviceptr target,
      long rows,
      int columns) {
    return kernels.launch(
        FILE,
        "corner_" + Kernels.suffix(type),
        kernels.blocks(rows * columns),
        source,
        target,
        sourceRows,
        sourceColumns,
        rows,
        columns);
  }
}
