package org.nin4j.backend.cuda.convolution;

import java.util.List;
import java.util.function.Function;
import jcuda.driver.CUdeviceptr;
import org.nin4j.backend.cuda.convolution.ConvolutionCase.Kind;
import org.nin4j.backend.cuda.device.Work;
import org.nin4j.backend.cuda.kernel.KernelLibrary;
import org.nin4j.backend.cuda.kernel.Kernels;
import org.nin4j.model.Window;
import org.nin4j.tensor.DType;

/**
 * A convolution of few channels with stride s as one with stride 1: squares of s × s pixels become
 * channels. A window of 11×11 with stride 4 over one channel becomes one of 3×3 over 16, with zeros
 * in the last row and column: 144 products instead of 121, which tensor cores take in eights.
 *
 * <p>x'[n, i, j, (a s + b) C + c] = x[n, i s + a − p, j s + b − p, c], and the filters likewise
 * without p. Channels are filled up to a multiple of eight. See {@code fold.cu}.
 */
record FoldedImages(ConvolutionCase c) implements Substitute {
  private static final String FILE = "fold";

  /** More channels than these cuDNN takes as they are. */
  private static final int MOST_CHANNELS = 4;

  private static final int MULTIPLE = 8;

  FoldedImages {
    if (!suits(c)) {
      throw new IllegalArgumentException("not to be folded: " + c);
    }
  }

  /** Whether the convolution may gain by it; nobody wants a data gradient of images. */
  static boolean suits(ConvolutionCase c) {
    return c.kind() != Kind.BACKWARD_DATA
        && c.groups() == 1
        && c.channels() <= MOST_CHANNELS
        && c.window().stride() > 1
        && c.window().kernel() > 1;
  }

  @Override
  public ConvolutionCase inner() {
    int side = side();
    return new ConvolutionCase(
        c.kind(),
        c.type(),
        c.rounding(),
        c.samples(),
        channels(),
        c.outHeight() + side - 1,
        c.outWidth() + side - 1,
        c.filters(),
        new Window(side, 1, 0),
        c.relu());
  }

  /** Of the folded window. */
  private int side() {
    int stride = c.window().stride();
    return (c.window().kernel() + stride - 1) / stride;
  }

  private int channels() {
    int folded = c.window().stride() * c.window().stride() * c.channels();
    return (folded + MULTIPLE - 1) / MULTIPLE * MULTIPLE;
  }

  private long inputBytes() {
    return Kernels.align(inner().inputElements() * c.type().bytes());
  }

  @Override
  public long bytes() {
    DType filters = c.kind() == Kind.BACKWARD_FILTER ? DType.F32 : c.type();
    return inputBytes() + Kernels.align(inner().weightElements() * filters.bytes());
  }

  @Override
  public Work work(
      KernelLibrary kernels,
      ConvolutionWork.Operands at,
      Function<ConvolutionWork.Operands, Work> convolution) {
    int stride = c.window().stride();
    CUdeviceptr x = at.scratch();
    CUdeviceptr weight = x.withByteOffset(inputBytes());
    Work inner =
        convolution.apply(
            new ConvolutionWork.Operands(
                x,
                weight,
                at.bias(),
                at.typedBias(),
                at.y(),
                at.mask(),
                at.scratch().withByteOffset(bytes())));
    ConvolutionCase folded = inner();
    int kernel = c.window().kernel();
    Work images =
        kernels.launch(
            FILE,
            "fold_" + Kernels.suffix(c.type()),
            kernels.blocks((long) c.samples() * folded.height() * folded.width() * stride),
            at.x(),
            x,
            (long) c.samples(),
            c.height(),
            c.width(),
            c.channels(),
            stride,
            c.window().padding(),
            folded.height(),
            folded.width(),
            channels());
    if (c.kind() == Kind.FORWARD) {
      Work filters =
          kernels.launch(
              FILE,
              "fold_" + Kernels.suffix(c.type()),
              kernels.blocks((long) c.filters() * side() * side() * stride),
              at.weight(),
              weight,
              (long) c.filters(),
              kernel,
              kernel,
              c.channels(),
              stride,
              0,
              side(),
              side(),
              channels());
      return Work.sequence(List.of(images, filters, inner));
    }
    long unit = (long) kernel * kernel * c.channels();
    Work filters =
        kernels.launch(
            FILE,
            "unfold_f32",
            kernels.blocks(c.filters() * unit),
            weight,
            at.weight(),
            (long) c.filters(),
            kernel,
            c.channels(),
            stride,
            side(),
            channels());
    return Work.sequence(List.of(images, inner, filters));
  }
}
