package org.nin4j.plan.step;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.nin4j.model.Activation;
import org.nin4j.model.Conv2d;
import org.nin4j.model.MaxPool2d;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Shape;

/** Steps refuse tensors that do not fit them, so that no backend reads or writes past one. */
class TensorRulesTest {
  private static final TensorSpec X = tensor("x", DType.BF16, 2, 3, 6, 6);
  private static final TensorSpec Y = tensor("y", DType.BF16, 2, 3, 6, 6);
  private static final TensorSpec WIDE = tensor("wide", DType.F32, 2, 3, 6, 6);
  private static final TensorSpec SMALL = tensor("small", DType.BF16, 2, 3, 6, 5);
  private static final Conv2d CONVOLUTION = new Conv2d(4, 3, 1, 1);
  private static final TensorSpec W = parameter("w", 4, 3, 3, 3);
  private static final TensorSpec B = parameter("b", 4);
  private static final MaxPool2d POOL = new MaxPool2d(2, 2);

  private static TensorSpec tensor(String name, DType type, int... dims) {
    return new TensorSpec(name, Shape.of(dims), type, Role.ACTIVATION);
  }

  private static TensorSpec parameter(String name, int... dims) {
    return new TensorSpec(name, Shape.of(dims), DType.F32, Role.PARAMETER);
  }

  private static void refuses(String message, Executable step) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, step).getMessage());
  }

  @Test
  void typesDoNotMeetFromElementToElement() {
    String unlike = "x[2×3×6×6 BF16] and wide[2×3×6×6 F32] must be of one shape and type";
    refuses(
        "l (ActivationForward): " + unlike,
        () -> new ActivationForward("l", Activation.RELU, X, WIDE));
    refuses(
        "l (ActivationBackward): " + unlike,
        () -> new ActivationBackward("l", Activation.RELU, X, WIDE, Y));
    refuses(
        "l (ActivationBackward): " + unlike,
        () -> new ActivationBackward("l", Activation.RELU, X, Y, WIDE));
    TensorSpec db = parameter("db", 3);
    refuses("l (ReluBiasBackward): " + unlike, () -> new ReluBiasBackward("l", X, Y, WIDE, db));
    refuses("l (DropoutForward): " + unlike, () -> new DropoutForward("l", 0.5f, 1, X, WIDE));
    refuses("l (DropoutBackward): " + unlike, () -> new DropoutBackward("l", 0.5f, 1, X, WIDE));
    TensorSpec flat = tensor("flat", DType.F32, 2, 108);
    String types = "x[2×3×6×6 BF16] and flat[2×108 F32] must be of one type";
    refuses("l (FlattenForward): " + types, () -> new FlattenForward("l", X, flat));
    refuses("l (FlattenBackward): " + types, () -> new FlattenBackward("l", flat, X));
    TensorSpec pooled = tensor("pooled", DType.F32, 2, 3, 3, 3);
    TensorSpec position = tensor("position", DType.U8, 2, 3, 3, 3);
    String mixed = "x[2×3×6×6 BF16] and pooled[2×3×3×3 F32] must be of one type";
    refuses(
        "l (MaxPoolForward): " + mixed,
        () -> new MaxPoolForward("l", POOL, X, pooled, Optional.empty()));
    refuses(
        "l (MaxPoolBackward): " + mixed, () -> new MaxPoolBackward("l", POOL, position, pooled, X));
  }

  /** Types meet at a cast and nowhere else. */
  @Test
  void sumsAreOfTheTypeOfWhatTheyAreMadeOf() {
    TensorSpec y = tensor("y", DType.F32, 2, 4, 6, 6);
    TensorSpec narrow = tensor("narrow", DType.BF16, 2, 4, 6, 6);
    assertDoesNotThrow(
        () -> new ConvolutionForward("l", CONVOLUTION, X, W, Optional.of(B), narrow, true));
    assertDoesNotThrow(() -> new ConvolutionBackwardData("l", CONVOLUTION, narrow, W, X));
    String types = "x[2×3×6×6 BF16] and y[2×4×6×6 F32] must be of one type";
    refuses(
        "l (ConvolutionForward): " + types,
        () -> new ConvolutionForward("l", CONVOLUTION, X, W, Optional.of(B), y, true));
    refuses(
        "l (ConvolutionBackwardData): " + types,
        () -> new ConvolutionBackwardData("l", CONVOLUTION, y, W, X));
    refuses(
        "l (ConvolutionBackwardFilter): " + types,
        () -> new ConvolutionBackwardFilter("l", CONVOLUTION, X, y, W, Optional.of(B)));
    TensorSpec mean = tensor("mean", DType.F32, 2, 3, 1, 1);
    refuses(
        "l (GlobalAvgPoolForward): x[2×3×6×6 BF16] and mean[2×3×1×1 F32] must be of one type",
        () -> new GlobalAvgPoolForward("l", X, mean));
    assertDoesNotThrow(() -> new Cast("l", X, WIDE));
    refuses(
        "l (Cast): x[2×3×6×6 BF16] and y[2×4×6×6 F32] must be of one shape",
        () -> new Cast("l", X, y));
  }

  @Test
  void shapesMustFit() {
    refuses(
        "l (ActivationForward): x[2×3×6×6 BF16] and small[2×3×6×5 BF16] must be of one shape and"
            + " type",
        () -> new ActivationForward("l", Activation.RELU, X, SMALL));
    TensorSpec y = tensor("y", DType.BF16, 2, 4, 6, 5);
    refuses(
        "l (ConvolutionForward): y[2×4×6×5 BF16] must be of shape 2×4×6×6",
        () -> new ConvolutionForward("l", CONVOLUTION, X, W, Optional.of(B), y, false));
    refuses(
        "l (ConvolutionForward): w[4×2×3×3 F32] must be of shape 4×3×3×3",
        () ->
            new ConvolutionForward(
                "l", CONVOLUTION, X, parameter("w", 4, 2, 3, 3), Optional.of(B), y, false));
    TensorSpec full = tensor("y", DType.BF16, 2, 4, 6, 6);
    refuses(
        "l (ConvolutionForward): b[5 F32] must be of shape 4",
        () ->
            new ConvolutionForward(
                "l", CONVOLUTION, X, W, Optional.of(parameter("b", 5)), full, false));
    TensorSpec pooled = tensor("pooled", DType.BF16, 2, 3, 3, 3);
    refuses(
        "l (MaxPoolBackward): position[2×3×3×2 U8] must be of shape 2×3×3×3",
        () -> new MaxPoolBackward("l", POOL, tensor("position", DType.U8, 2, 3, 3, 2), pooled, X));
    refuses(
        "l (MaxPoolForward): position[2×3×3×3 BF16] must be of type U8",
        () ->
            new MaxPoolForward(
                "l", POOL, X, pooled, Optional.of(tensor("position", DType.BF16, 2, 3, 3, 3))));
    refuses(
        "l (MaxPoolForward): a 9×9 window does not fit into x[2×3×6×6 BF16]",
        () -> new MaxPoolForward("l", new MaxPool2d(9, 1), X, pooled, Optional.empty()));
    refuses(
        "l (FlattenForward): flat[2×107 BF16] must be of shape 2×108",
        () -> new FlattenForward("l", X, tensor("flat", DType.BF16, 2, 107)));
    refuses(
        "loss (SoftmaxCrossEntropy): logits[2×3 BF16] must be of type F32",
        () ->
            new SoftmaxCrossEntropy(
                tensor("logits", DType.BF16, 2, 3),
                tensor("labels", DType.I32, 2),
                Optional.empty(),
                0));
    refuses(
        "update (Update): w[4×3×3×3 F32] and b[4 F32] must be of one shape and type",
        () -> UpdateGroup.of(List.of(W), List.of(B)));
  }
}
