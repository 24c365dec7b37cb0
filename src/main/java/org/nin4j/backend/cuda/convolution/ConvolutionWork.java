package org.nin4j.backend.cuda.convolution;

import static org.nin4j.backend.cuda.kernel.Kernels.suffix;

import java.util.ArrayList;
import java.util.List;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.jcudnn.JCudnn;
import org.nin4j.backend.cuda.convolution.ConvolutionChoice.Method;
import org.nin4j.backend.cuda.device.Check;
import org.nin4j.backend.cuda.device.Device;
import org.nin4j.backend.cuda.device.Scope;
import org.nin4j.backend.cuda.device.Work;
import org.nin4j.backend.cuda.kernel.KernelLibrary;
import org.nin4j.backend.cuda.kernel.Kernels;
import org.nin4j.backend.cuda.library.MatMul;
import org.nin4j.tensor.DType;

/**
 * The calls for a convolution by a chosen method, other than {@link ConvolutionGraph}'s.
 *
 * <p>Rounding: a bf16 result is rounded once, after bias and ReLU, since the bias is put into y
 * before and added to by the convolution where cuDNN does not fuse it.
 */
public final class ConvolutionWork {
  /**
   * Where things lie, by their names in {@link ConvolutionCase}: gradients in the place of what
   * they are gradients of.
   *
   * @param x in the case's type
   * @param weight in the case's type; fp32 where it is the gradient that is computed
   * @param bias in fp32
   * @param typedBias in the case's type
   * @param y in the case's type
   * @param mask of a data gradient with ReLU: x itself, in the case's type
   * @param scratch at least {@link #scratchBytes}
   */
  public record Operands(
      CUdeviceptr x,
      CUdeviceptr weight,
      CUdeviceptr bias,
      CUdeviceptr typedBias,
      CUdeviceptr y,
      CUdeviceptr mask,
      CUdeviceptr scratch) {}

  private static final Pointer ONE = Pointer.to(new float[] {1});
  private static final Pointer ZERO = Pointer.to(new float[] {0});

  private final Device device;
  private final KernelLibrary kernels;
  private final ConvolutionCase c;
  private final ConvolutionChoice choice;
  private final Operands at;

  private ConvolutionWork(
      Device device,
      KernelLibrary kernels,
      ConvolutionCase c,
      ConvolutionChoice choice,
      Operands at) {
    this.device = device;
    this.kernels = kernels;
    this.c = c;
    this.choice = choice;
    this.at = at;
  }

  /** Bytes of scratch memory for a way to compute. */
  static long scratchBytes(ConvolutionCase c, ConvolutionChoice choice) {
    long widened =
        choice.method() == Method.CUDNN_WIDENED
            ? Kernels.align(c.inputElements() * Float.BYTES)
                + Kernels.align(c.outputElements() * Float.BYTES)
            : 0;
    long rounded =
        choice.method() == Method.CUDNN_GRAPH_ROUNDED ? ConvolutionGraphs.roundedBytes(c) : 0;
    long substituted = Substitute.of(c, choice.method()).map(Substitute::bytes).orElse(0L);
    return widened + rounded + substituted + choice.workspace();
  }

  /**
   * Prepares the calls.
   *
   * @param owner closes what the calls need
   */
  static Work of(
      Scope owner,
      Device device,
      KernelLibrary kernels,
      ConvolutionCase c,
      ConvolutionChoice choice,
      Operands at) {
    if (c.isMasked()) {
      throw new IllegalArgumentException(choice + " has no ReLU after a data gradient");
    }
    ConvolutionWork work = new ConvolutionWork(device, kernels, c, choice, at);
    if (choice.method() == Method.PRODUCT) {
      return work.product();
    }
    boolean widened = choice.method() == Method.CUDNN_WIDENED;
    ConvolutionDescriptors descriptors =
        owner.add(new ConvolutionDescriptors(widened ? c.widened() : c));
    descriptors.useMath(choice.math());
    return switch (c.kind()) {
      case FORWARD -> work.forward(descriptors);
      case BACKWARD_DATA -> work.backwardData(descriptors);
      case BACKWARD_FILTER -> work.backwardFilter(descriptors);
    };
  }

  private Work product() {
    int rows = Math.toIntExact(c.rows());
    int channels = c.channels();
    int filters = c.filters();
    DType type = c.type();
    boolean tf32 = c.rounding();
    return switch (c.kind()) {
      case FORWARD -> {
        float beta = type == DType.BF16 ? 1 : 0;
        yield withBias(
            new MatMul(device, type, type, tf32, false, true, rows, filters, channels, beta)
                .of(at.x(), at.weight(), at.y()));
      }
      case BACKWARD_DATA ->
          new MatMul(device, type, type, tf32, false, false, rows, channels, filters, 0)
              .of(at.y(), at.weight(), at.x());
      case BACKWARD_FILTER ->
          new MatMul(device, type, DType.F32, tf32, true, false, filters, channels, rows, 0)
              .of(at.y(), at.x(), at.weight());
    };
  }

  /** Bias and ReLU around a convolution that adds to y if it is bf16 and writes y if it is fp32. */
  private Work withBias(Work convolution) {
    long rows = c.rows();
    long elements = c.outputElements();
    String type = suffix(c.type());
    List<Work> parts = new ArrayList<>();
    if (c.type() == DType.BF16) {
      parts.add(
          kernels.launch(
              "broadcast",
              "broadcast_" + type,
              kernels.blocks(elements),
              at.bias(),
              at.y(),
              rows,
              c.filters()));
      parts.add(convolution);
      if (c.relu()) {
        parts.add(
            kernels.launch(
                "relu",
                "relu_forward_" + type,
                kernels.blocks(elements / Kernels.pack(c.type())),
                at.y(),
                at.y(),
                elements));
      }
    } else {
      parts.add(convolution);
      parts.add(
          kernels.launch(
              "bias",
              (c.relu() ? "bias_relu_forward_" : "bias_forward_") + type,
              kernels.blocks(elements / Kernels.pack(c.type())),
              at.y(),
              at.bias(),
              at.y(),
              rows,
              c.filters()));
    }
    return Work.sequence(parts);
  }

  private Work forward(ConvolutionDescriptors d) {
    if (choice.method() == Method.CUDNN_BIAS_RELU) {
      return () ->
          Check.cudnn(
              JCudnn.cudnnConvolutionBiasActivationForward(
                  device.cudnn(),
                  ONE,
                  d.x,
                  at.x(),
                  d.weight,
                  at.weight(),
                  d.convolution,
                  choice.algorithm(),
                  at.scratch(),
                  choice.workspace(),
                  ZERO,
                  d.y,
                  at.y(),
                  d.bias,
                  at.typedBias(),
                  d.activation,
                  d.y,
                  at.y()),
              "cudnnConvolutionBiasActivationForward");
    }
    Pointer beta = c.type() == DType.BF16 ? ONE : ZERO;
    return withBias(
        () ->
            Check.cudnn(
                JCudnn.cudnnConvolutionForward(
                    device.cudnn(),
                    ONE,
                    d.x,
                    at.x(),
                    d.weight,
                    at.weight(),
                    d.convolution,
                    choice.algorithm(),
                    at.scratch(),
                    choice.workspace(),
                    beta,
                    d.y,
                    at.y()),
                "cudnnConvolutionForward"));
  }

  private Work backwardData(ConvolutionDescriptors d) {
    return () ->
        Check.cudnn(
            JCudnn.cudnnConvolutionBackwardData(
                device.cudnn(),
                ONE,
                d.weight,
                at.weight(),
                d.y,
                at.y(),
                d.convolution,
                choice.algorithm(),
                at.scratch(),
                choice.workspace(),
                ZERO,
                d.x,
                at.x()),
            "cudnnConvolutionBackwardData");
  }

  private Work backwardFilter(ConvolutionDescriptors d) {
    if (choice.method() != Method.CUDNN_WIDENED) {
      return filterGradient(d, at.x(), at.y(), at.scratch());
    }
    CUdeviceptr x = at.scratch();
    CUdeviceptr y = x.withByteOffset(Kernels.align(c.inputElements() * Float.BYTES));
    CUdeviceptr rest = y.withByteOffset(Kernels.align(c.outputElements() * Float.BYTES));
    return Work.sequence(
        List.of(
            Kernels.cast(kernels, DType.BF16, at.x(), x, c.inputElements()),
            Kernels.cast(kernels, DType.BF16, at.y(), y, c.outputElements()),
            filterGradient(d, x, y, rest)));
  }

  private Work filterGradient(
      ConvolutionDescriptors d, CUdeviceptr x, CUdeviceptr y, CUdeviceptr scratch) {
    return () ->
        Check.cudnn(
            JCudnn.cudnnConvolutionBackwardFilter(
                device.cudnn(),
                ONE,
                d.x,
                x,
                d.y,
                y,
                d.convolution,
                choice.algorithm(),
                scratch,
                choice.workspace(),
                ZERO,
                d.weight,
                at.weight()),
            "cudnnConvolutionBackwardFilter");
  }
}
