package org.nin4j.plan.step;

import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.nin4j.model.Activation;
import org.nin4j.model.Window;
import org.nin4j.tensor.DType;

/**
 * Several steps, or a batch norm alone, that a backend computes in one kernel. What they are, one
 * after the other, defines what is right; what they write and nobody else reads has no place in
 * memory.
 *
 * @param kernel what the parts are together
 * @param parts in order
 * @param writes what the parts write for others
 */
public record Fused(Kernel kernel, List<Step> parts, List<TensorSpec> writes) implements Step {
  private static final Window POINTWISE = new Window(1, 1, 0);

  /** What a backend may have in one kernel; see {@link org.nin4j.plan.rewrite.KernelFusion}. */
  public enum Kernel {
    /** Two 1×1 convolutions with ReLU. */
    POINTWISE_PAIR("PointwisePairForward") {
      @Override
      public boolean fits(List<Step> parts) {
        return parts.size() == 2 && isPointwisePair(parts.get(0), parts.get(1));
      }
    },
    /** Three convolutions with ReLU, the last two 1×1, and a max pool. */
    NIN_BLOCK_FORWARD("NinBlockForward") {
      @Override
      public boolean fits(List<Step> parts) {
        return parts.size() == 4
            && parts.get(0) instanceof ConvolutionForward first
            && first.relu()
            && isPlain(first)
            && parts.get(1).reads().contains(first.output())
            && isPointwisePair(parts.get(1), parts.get(2))
            && parts.get(3) instanceof MaxPoolForward pool
            && parts.get(2).writes().contains(pool.input());
      }
    },
    /** All gradients of the same; the activations between the layers are computed again. */
    NIN_BLOCK_BACKWARD("NinBlockBackward") {
      @Override
      public boolean fits(List<Step> parts) {
        return parts.get(0) instanceof ConvolutionForward
            && parts.stream().filter(MaxPoolBackward.class::isInstance).count() == 1
            && parts.stream().filter(ConvolutionBackwardFilter.class::isInstance).count() == 3;
      }
    },
    /** Two 1×1 convolutions with ReLU and, in fp32, the mean of the last over its pixels. */
    HEAD_FORWARD("HeadForward") {
      @Override
      public boolean fits(List<Step> parts) {
        return parts.size() == 5
            && isPointwisePair(parts.get(0), parts.get(1))
            && parts.get(2) instanceof Cast cast
            && parts.get(1).writes().contains(cast.input())
            && cast.output().type() == DType.F32
            && parts.get(3) instanceof GlobalAvgPoolForward pool
            && pool.input().equals(cast.output())
            && parts.get(4) instanceof FlattenForward flatten
            && flatten.input().equals(pool.output());
      }
    },
    /** All gradients of the same, with those of the ReLU and the bias before. */
    HEAD_BACKWARD("HeadBackward") {
      @Override
      public boolean fits(List<Step> parts) {
        return parts.size() == 10
            && parts.get(0) instanceof FlattenBackward flatten
            && parts.get(1) instanceof GlobalAvgPoolBackward pool
            && pool.outputGradient().equals(flatten.inputGradient())
            && parts.get(2) instanceof Cast cast
            && cast.input().equals(pool.inputGradient())
            && cast.input().type() == DType.F32
            && parts.get(3) instanceof ReluBiasBackward last
            && last.outputGradient().equals(cast.output())
            && isPointwiseGradient(last, parts.subList(4, 7))
            && isPointwiseGradient((ReluBiasBackward) parts.get(6), parts.subList(7, 10));
      }
    },
    /**
     * A convolution's data gradient and the gradient of the ReLU before it, with the bias gradient
     * before that or without.
     */
    DATA_GRADIENT_RELU("ConvolutionBackwardDataRelu") {
      @Override
      public boolean fits(List<Step> parts) {
        return parts.size() == 2
            && parts.get(0) instanceof ConvolutionBackwardData data
            && data.convolution().groups() == 1
            && (parts.get(1) instanceof ReluBiasBackward r
                    && r.outputGradient().equals(data.inputGradient())
                || parts.get(1) instanceof ActivationBackward a
                    && a.function() == Activation.RELU
                    && a.outputGradient().equals(data.inputGradient()));
      }
    },
    /** A batch norm in training, with what follows it: x is read once for sums and result. */
    NORM_FORWARD("OnePassNormForward") {
      @Override
      public boolean fits(List<Step> parts) {
        return parts.size() == 1 && parts.get(0) instanceof BatchNormForward;
      }
    },
    /** The gradients of a batch norm alone, with no ReLU's in them, in the same way. */
    NORM_BACKWARD("OnePassNormBackward") {
      @Override
      public boolean fits(List<Step> parts) {
        return parts.size() == 1 && parts.get(0) instanceof BatchNormBackward;
      }
    };

    private final String kind;

    Kernel(String kind) {
      this.kind = kind;
    }

    /** Whether the parts, at least one, are what the name says. */
    public abstract boolean fits(List<Step> parts);

    private static boolean isPlain(ConvolutionForward step) {
      return step.bias().isPresent() && step.convolution().groups() == 1;
    }

    /** Of the layer between a ReLU, whose gradient is there, and the ReLU before. */
    private static boolean isPointwiseGradient(ReluBiasBackward after, List<Step> parts) {
      return parts.get(0) instanceof ConvolutionBackwardFilter filter
          && parts.get(1) instanceof ConvolutionBackwardData data
          && parts.get(2) instanceof ReluBiasBackward before
          && filter.convolution().window().equals(POINTWISE)
          && filter.convolution().groups() == 1
          && filter.biasGradient().isEmpty()
          && data.convolution().equals(filter.convolution())
          && filter.outputGradient().equals(after.inputGradient())
          && data.outputGradient().equals(after.inputGradient())
          && before.output().equals(filter.input())
          && before.outputGradient().equals(data.inputGradient());
    }

    private static boolean isPointwisePair(Step first, Step second) {
      return first instanceof ConvolutionForward a
          && second instanceof ConvolutionForward b
          && a.relu()
          && b.relu()
          && isPlain(a)
          && isPlain(b)
          && a.convolution().window().equals(POINTWISE)
          && b.convolution().window().equals(POINTWISE)
          && b.input().equals(a.output());
    }
  }

  public Fused {
    parts = List.copyOf(parts);
    writes = List.copyOf(writes);
    Set<TensorSpec> written = new HashSet<>();
    parts.forEach(part -> written.addAll(part.writes()));
    if (parts.isEmpty() || !kernel.fits(parts)) {
      throw new IllegalArgumentException("these steps are no " + kernel.kind);
    }
    if (writes.isEmpty() || !written.containsAll(writes)) {
      throw new IllegalArgumentException(
          "fused steps write something for others, and nothing but what a part writes");
    }
  }

  /** The first part's. */
  @Override
  public String layer() {
    return parts.get(0).layer();
  }

  /** What the parts read that none before them wrote. */
  @Override
  public List<TensorSpec> reads() {
    Set<TensorSpec> reads = new LinkedHashSet<>();
    Set<TensorSpec> written = new HashSet<>();
    for (Step part : parts) {
      part.reads().stream().filter(t -> !written.contains(t)).forEach(reads::add);
      written.addAll(part.writes());
    }
    return List.copyOf(reads);
  }

  /** What the parts write for each other alone. */
  public List<TensorSpec> inner() {
    return parts.stream()
        .flatMap(part -> part.writes().stream())
        .filter(t -> !writes.contains(t))
        .distinct()
        .toList();
  }

  @Override
  public long multiplyAdds() {
    return parts.stream().mapToLong(Step::multiplyAdds).sum();
  }

  @Override
  public String kind() {
    return kernel.kind;
  }

  /** The parts of one kind, in order. */
  public <S extends Step> Stream<S> parts(Class<S> kind) {
    return parts.stream().filter(kind::isInstance).map(kind::cast);
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
