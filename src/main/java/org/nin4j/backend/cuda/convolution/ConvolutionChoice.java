package org.nin4j.backend.cuda.convolution;

import java.util.Optional;

/**
 * A way to compute a {@link ConvolutionCase}.
 *
 * @param method which calls
 * @param algorithm cuDNN's number of it, 0 for a product
 * @param math cuDNN's math type, as its search returned it together with the algorithm; 0 for
 *     products and graphs
 * @param workspace bytes that cuDNN needs
 */
public record ConvolutionChoice(Method method, int algorithm, int math, long workspace) {
  /** Which calls. */
  public enum Method {
    /** cuDNN's convolution alone; forward, bias and ReLU by our kernels. */
    CUDNN,
    /** cuDNN's convolution with bias and ReLU in one call. */
    CUDNN_BIAS_RELU,
    /**
     * Filter gradient of bf16 operands that are converted to fp32 first: cuDNN would round the
     * result to the operands' type.
     */
    CUDNN_WIDENED,
    /**
     * A plan of cuDNN's graph API, forward with bias and ReLU; the number is the place in the list
     * of engines.
     */
    CUDNN_GRAPH,
    /**
     * The same for the filter gradient of bf16 operands, which is rounded to bf16 and then
     * converted to fp32: there are many engines for it that need not be compiled.
     */
    CUDNN_GRAPH_ROUNDED,
    /**
     * The same for few channels and a stride, with {@link FoldedImages}; a filter gradient in fp32.
     */
    CUDNN_GRAPH_FOLDED,
    /** The same for an odd number of filters, with {@link PaddedFilters}. */
    CUDNN_GRAPH_PADDED,
    /** A matrix product by cuBLAS, for 1×1 windows. */
    PRODUCT;

    /** Whether it is a plan of cuDNN's graph API. */
    boolean isGraph() {
      return switch (this) {
        case CUDNN_GRAPH, CUDNN_GRAPH_ROUNDED, CUDNN_GRAPH_FOLDED, CUDNN_GRAPH_PADDED -> true;
        case CUDNN, CUDNN_BIAS_RELU, CUDNN_WIDENED, PRODUCT -> false;
      };
    }
  }

  /** As a line, for the cache. */
  String line() {
    return method + " " + algorithm + " " + math + " " + workspace;
  }

  /** The reverse; empty if the line says something else. */
  static Optional<ConvolutionChoice> parse(String line) {
    String[] words = line.strip().split(" ");
    try {
      return words.length == 4
          ? Optional.of(
              new ConvolutionChoice(
                  Method.valueOf(words[0]),
                  Integer.parseInt(words[1]),
                  Integer.parseInt(words[2]),
                  Long.parseLong(words[3])))
          : Optional.empty();
    } catch (IllegalArgumentException unknown) {
      return Optional.empty();
    }
  }
}
