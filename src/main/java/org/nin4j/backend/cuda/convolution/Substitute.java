package org.nin4j.backend.cuda.convolution;

import java.util.Optional;
import java.util.function.Function;
import org.nin4j.backend.cuda.convolution.ConvolutionChoice.Method;
import org.nin4j.backend.cuda.device.Work;
import org.nin4j.backend.cuda.kernel.KernelLibrary;

/**
 * A convolution that is computed in the place of another one, since cuDNN has better engines for
 * its shape: operands are copied to scratch memory in that shape, with zeros where there is
 * nothing, and results back. Its sums have the same products, and zeros.
 */
sealed interface Substitute permits FoldedImages, PaddedFilters {
  /** The convolution that is computed. */
  ConvolutionCase inner();

  /** Bytes of scratch memory for its tensors, before what the convolution itself needs. */
  long bytes();

  /**
   * All calls.
   *
   * @param at places of the original's tensors
   * @param convolution makes the calls for the inner one, with its tensors there
   */
  Work work(
      KernelLibrary kernels,
      ConvolutionWork.Operands at,
      Function<ConvolutionWork.Operands, Work> convolution);

  /** That of a method; empty if it computes the convolution as it is. */
  static Optional<Substitute> of(ConvolutionCase c, Method method) {
    return switch (method) {
      case CUDNN_GRAPH_FOLDED -> Optional.of(new FoldedImages(c));
      case CUDNN_GRAPH_PADDED -> Optional.of(new PaddedFilters(c));
      case CUDNN, CUDNN_BIAS_RELU, CUDNN_WIDENED, CUDNN_GRAPH, CUDNN_GRAPH_ROUNDED, PRODUCT ->
          Optional.empty();
    };
  }
}
