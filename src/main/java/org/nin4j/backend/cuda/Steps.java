package org.nin4j.backend.cuda;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.nin4j.backend.cuda.ConvolutionCase.Kind;
import org.nin4j.plan.ConvolutionBackwardData;
import org.nin4j.plan.ConvolutionBackwardFilter;
import org.nin4j.plan.ConvolutionForward;
import org.nin4j.plan.Fused;
import org.nin4j.plan.GlobalAvgPoolBackward;
import org.nin4j.plan.GlobalAvgPoolForward;
import org.nin4j.plan.LinearBackwardData;
import org.nin4j.plan.LinearForward;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Step;
import org.nin4j.plan.TensorSpec;
import org.nin4j.plan.TensorSpec.Role;
import org.nin4j.tensor.DType;

/**
 * What storage and binding must agree on about a step.
 *
 * <p>A step computes in one type: bf16 where all of its activations are, else fp32; those of the
 * other type, at the network's head, are converted into or from scratch memory. Only the global
 * average pool has kernels for both at once.
 */
final class Steps {
  private Steps() {}

  /** The type that the step's operands have while it computes. */
  static DType type(Step step) {
    List<TensorSpec> activations = floats(step).toList();
    boolean narrow =
        !activations.isEmpty() && activations.stream().allMatch(t -> t.type() == DType.BF16);
    return narrow ? DType.BF16 : DType.F32;
  }

  /** The activations that are converted. */
  static List<TensorSpec> converted(Step step) {
    if (step instanceof GlobalAvgPoolForward || step instanceof GlobalAvgPoolBackward) {
      return List.of();
    }
    DType type = type(step);
    return floats(step).filter(t -> t.type() != type).distinct().toList();
  }

  private static Stream<TensorSpec> floats(Step step) {
    return Stream.concat(step.reads().stream(), step.writes().stream())
        .filter(t -> t.role() == Role.ACTIVATION)
        .filter(t -> t.type() == DType.F32 || t.type() == DType.BF16);
  }

  /** Whether the step reads parameters in bf16. */
  static boolean readsNarrowParameters(Step step) {
    boolean reads =
        step instanceof ConvolutionForward
            || step instanceof ConvolutionBackwardData
            || step instanceof LinearForward
            || step instanceof LinearBackwardData
            || step instanceof Fused;
    return reads && type(step) == DType.BF16;
  }

  /** The convolution that the step is, if it is one. */
  static Optional<ConvolutionCase> convolution(Step step, Precision precision) {
    DType type = type(step);
    boolean rounding = precision != Precision.FP32;
    if (step instanceof ConvolutionForward s) {
      return Optional.of(
          ConvolutionCase.of(
              Kind.FORWARD,
              type,
              rounding,
              s.input(),
              s.convolution().outChannels(),
              s.convolution().window(),
              s.relu()));
    } else if (step instanceof ConvolutionBackwardData s) {
      return Optional.of(
          ConvolutionCase.of(
              Kind.BACKWARD_DATA,
              type,
              rounding,
              s.inputGradient(),
              s.convolution().outChannels(),
              s.convolution().window(),
              false));
    } else if (step instanceof ConvolutionBackwardFilter s) {
      return Optional.of(
          ConvolutionCase.of(
              Kind.BACKWARD_FILTER,
              type,
              rounding,
              s.input(),
              s.convolution().outChannels(),
              s.convolution().window(),
              false));
    }
    return Optional.empty();
  }
}
