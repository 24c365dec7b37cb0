package org.nin4j.plan.step;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * One unit of work of a plan. A backend implements each kind; a kind that has a gradient states its
 * own, in {@link ForwardStep#backward}.
 *
 * <p>Shapes, with N samples: images and activations (N, channels, height, width) or (N, features);
 * labels (N) of 32-bit integers, −1 for a place of the batch that holds no sample.
 */
public sealed interface Step
    permits MakeBatch,
        ForwardStep,
        ConvolutionStep,
        LinearBackwardData,
        LinearBackwardFilter,
        ActivationBackward,
        ReluBiasBackward,
        BatchNormBackward,
        BatchNormReluBackward,
        BatchNormSumReluBackward,
        FoldNorm,
        MaxPoolBackward,
        AvgPoolBackward,
        GlobalAvgPoolBackward,
        GlobalMaxPoolBackward,
        DropoutBackward,
        FlattenBackward,
        ConcatBackward,
        SoftmaxCrossEntropy,
        ClipFactor,
        Update,
        Fused {

  /** Calls the visitor's method for this kind. */
  <R> R accept(StepVisitor<R> visitor);

  /** The layer this step belongs to, or {@code batch}, {@code loss}, {@code update}. */
  String layer();

  List<TensorSpec> reads();

  List<TensorSpec> writes();

  /** Multiply-adds of convolutions and matrix multiplications; element-wise work counts as none. */
  default long multiplyAdds() {
    return 0;
  }

  /**
   * Bytes that go to and from memory if each tensor does once, in plain storage without a backend's
   * padding.
   */
  default long bytes() {
    return Stream.of(reads(), writes()).flatMap(List::stream).mapToLong(TensorSpec::bytes).sum();
  }

  /** The step's kind, for tables. */
  default String kind() {
    return getClass().getSimpleName();
  }

  /**
   * The tensors that may share one place, if nobody needs the read one afterwards: the step reads
   * each element before it writes the same one.
   */
  default Optional<InPlace> inPlace() {
    return Optional.empty();
  }

  /** A written tensor that may take the place of a read one. */
  record InPlace(TensorSpec read, TensorSpec written) {}
}
