package org.nin4j.backend.cuda.convolution;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import java.util.stream.Stream;
import jcuda.jcudnn.JCudnn;
import jcuda.jcudnn.cudnnConvolutionBwdDataAlgoPerf;
import jcuda.jcudnn.cudnnConvolutionBwdFilterAlgoPerf;
import jcuda.jcudnn.cudnnConvolutionFwdAlgo;
import jcuda.jcudnn.cudnnConvolutionFwdAlgoPerf;
import jcuda.jcudnn.cudnnDeterminism;
import org.nin4j.backend.CudaOptions;
import org.nin4j.backend.cuda.convolution.ConvolutionCase.Kind;
import org.nin4j.backend.cuda.convolution.ConvolutionChoice.Method;
import org.nin4j.backend.cuda.device.Check;
import org.nin4j.backend.cuda.device.CudaException;
import org.nin4j.backend.cuda.device.Device;
import org.nin4j.tensor.DType;
import org.nin4j.text.Text;

/**
 * The ways to compute a convolution on this GPU: a product, engines of cuDNN's graph API,
 * algorithms of its older API; of both by cuDNN's own estimate the fastest first. What fails to
 * answer is told of, and left out.
 */
final class ConvolutionCandidates {
  /**
   * Of the older API; more would cost time at every first start, and the estimate is seldom that
   * wrong.
   */
  private static final int MOST_OLDER = 10;

  private static final int ALGORITHMS = 16;

  /** What cuDNN answers for one algorithm, the same for all three computations. */
  private record Entry(int status, int algorithm, int determinism, int math) {}

  private final Device device;
  private final ConvolutionGraphs graphs;
  private final boolean deterministic;
  private final long workspaceBytes;
  private final Consumer<String> warnings;

  ConvolutionCandidates(Device device, ConvolutionGraphs graphs, CudaOptions options) {
    this.device = device;
    this.graphs = graphs;
    this.deterministic = options.deterministic();
    this.workspaceBytes = options.workspaceBytes();
    this.warnings = options.warnings();
  }

  /**
   * Needs no memory on the device for tensors. Convolutions in groups are not described as graphs;
   * a ReLU after a data gradient is in graphs alone.
   */
  List<ConvolutionChoice> of(ConvolutionCase c) {
    List<ConvolutionChoice> candidates = new ArrayList<>();
    candidates.addAll(product(c));
    if (c.groups() == 1) {
      candidates.addAll(answered(c, () -> graphs.candidates(c)));
    }
    if (!c.isMasked()) {
      candidates.addAll(answered(c, () -> older(c)));
    }
    return candidates;
  }

  /** Without those that may have to be compiled first. */
  List<ConvolutionChoice> ready(ConvolutionCase c) {
    List<ConvolutionChoice> candidates = new ArrayList<>();
    candidates.addAll(product(c));
    if (!c.isMasked()) {
      candidates.addAll(answered(c, () -> older(c)));
    }
    return candidates;
  }

  private static List<ConvolutionChoice> product(ConvolutionCase c) {
    return c.isProduct() && !c.isMasked()
        ? List.of(new ConvolutionChoice(Method.PRODUCT, 0, 0, 0))
        : List.of();
  }

  private List<ConvolutionChoice> answered(
      ConvolutionCase c, Supplier<List<ConvolutionChoice>> question) {
    try {
      return question.get();
    } catch (CudaException e) {
      if (e.deviceLost()) {
        throw e;
      }
      // Libraries do not say that the device is lost; the driver does.
      device.synchronize();
      warnings.accept(Text.of("Left out for %s: %s", c, e.getMessage()));
      return List.of();
    }
  }

  private List<ConvolutionChoice> older(ConvolutionCase c) {
    List<ConvolutionChoice> candidates = new ArrayList<>();
    boolean widened = c.kind() == Kind.BACKWARD_FILTER && c.type() == DType.BF16;
    ConvolutionCase asked = widened ? c.widened() : c;
    try (ConvolutionDescriptors descriptors = new ConvolutionDescriptors(asked)) {
      for (Entry entry : entries(asked.kind(), descriptors)) {
        boolean usable =
            entry.status() == 0
                && !(deterministic && entry.determinism() != cudnnDeterminism.CUDNN_DETERMINISTIC);
        if (usable) {
          descriptors.useMath(entry.math());
          long bytes = workspace(asked.kind(), descriptors, entry.algorithm());
          if (bytes <= workspaceBytes) {
            methods(c, widened, entry.algorithm())
                .map(m -> new ConvolutionChoice(m, entry.algorithm(), entry.math(), bytes))
                .forEach(candidates::add);
          }
        }
      }
    }
    return candidates.stream().limit(MOST_OLDER).toList();
  }

  private static Stream<Method> methods(ConvolutionCase c, boolean widened, int algorithm) {
    if (widened) {
      return Stream.of(Method.CUDNN_WIDENED);
    }
    // cuDNN adds a bias without ReLU by this algorithm only.
    boolean fuses =
        c.kind() == Kind.FORWARD
            && (c.relu()
                || algorithm
                    == cudnnConvolutionFwdAlgo.CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM);
    return fuses ? Stream.of(Method.CUDNN_BIAS_RELU, Method.CUDNN) : Stream.of(Method.CUDNN);
  }

  /** One of cuDNN's three questions; writes how many entries there are. */
  @FunctionalInterface
  private interface Question {
    int ask(int[] count);
  }

  private List<Entry> entries(Kind kind, ConvolutionDescriptors d) {
    return switch (kind) {
      case FORWARD -> {
        var found = array(cudnnConvolutionFwdAlgoPerf::new, cudnnConvolutionFwdAlgoPerf[]::new);
        int count =
            count(
                "cudnnGetConvolutionForwardAlgorithm_v7",
                n ->
                    JCudnn.cudnnGetConvolutionForwardAlgorithm_v7(
                        device.cudnn(), d.x, d.weight, d.convolution, d.y, ALGORITHMS, n, found));
        yield Arrays.stream(found, 0, count)
            .map(e -> new Entry(e.status, e.algo, e.determinism, e.mathType))
            .toList();
      }
      case BACKWARD_DATA -> {
        var found =
            array(cudnnConvolutionBwdDataAlgoPerf::new, cudnnConvolutionBwdDataAlgoPerf[]::new);
        int count =
            count(
                "cudnnGetConvolutionBackwardDataAlgorithm_v7",
                n ->
                    JCudnn.cudnnGetConvolutionBackwardDataAlgorithm_v7(
                        device.cudnn(), d.weight, d.y, d.convolution, d.x, ALGORITHMS, n, found));
        yield Arrays.stream(found, 0, count)
            .map(e -> new Entry(e.status, e.algo, e.determinism, e.mathType))
            .toList();
      }
      case BACKWARD_FILTER -> {
        var found =
            array(cudnnConvolutionBwdFilterAlgoPerf::new, cudnnConvolutionBwdFilterAlgoPerf[]::new);
        int count =
            count(
                "cudnnGetConvolutionBackwardFilterAlgorithm_v7",
                n ->
                    JCudnn.cudnnGetConvolutionBackwardFilterAlgorithm_v7(
                        device.cudnn(), d.x, d.y, d.convolution, d.weight, ALGORITHMS, n, found));
        yield Arrays.stream(found, 0, count)
            .map(e -> new Entry(e.status, e.algo, e.determinism, e.mathType))
            .toList();
      }
    };
  }

  private static <T> T[] array(Supplier<T> element, IntFunction<T[]> array) {
    return Stream.generate(element).limit(ALGORITHMS).toArray(array);
  }

  /** How many entries cuDNN gave; 0 if it declines. */
  private static int count(String call, Question question) {
    int[] count = new int[1];
    int status;
    try {
      status = question.ask(count);
    } catch (ArrayIndexOutOfBoundsException e) {
      // JCudnn copies as many entries as an uninitialised variable says when the call fails.
      throw new CudaException(call + " failed, and JCudnn hides why", call, -1, false);
    }
    if (Check.cudnnDeclines(status)) {
      return 0;
    }
    Check.cudnn(status, call);
    return count[0];
  }

  /** Bytes of scratch memory; too many to be used if cuDNN declines. */
  private long workspace(Kind kind, ConvolutionDescriptors d, int algorithm) {
    long[] bytes = new long[1];
    int status =
        switch (kind) {
          case FORWARD ->
              JCudnn.cudnnGetConvolutionForwardWorkspaceSize(
                  device.cudnn(), d.x, d.weight, d.convolution, d.y, algorithm, bytes);
          case BACKWARD_DATA ->
              JCudnn.cudnnGetConvolutionBackwardDataWorkspaceSize(
                  device.cudnn(), d.weight, d.y, d.convolution, d.x, algorithm, bytes);
          case BACKWARD_FILTER ->
              JCudnn.cudnnGetConvolutionBackwardFilterWorkspaceSize(
                  device.cudnn(), d.x, d.y, d.convolution, d.weight, algorithm, bytes);
        };
    if (Check.cudnnDeclines(status)) {
      return Long.MAX_VALUE;
    }
    String name =
        switch (kind) {
          case FORWARD -> "Forward";
          case BACKWARD_DATA -> "BackwardData";
          case BACKWARD_FILTER -> "BackwardFilter";
        };
    Check.cudnn(status, "cudnnGetConvolution" + name + "WorkspaceSize");
    return bytes[0];
  }
}
