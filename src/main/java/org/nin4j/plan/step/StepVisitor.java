package org.nin4j.plan.step;

/**
 * Something to be done for each kind of step, such as a backend's way to compute it. Whoever
 * implements it is told by the compiler which kind is missing.
 */
public interface StepVisitor<R> {
  R visit(MakeBatch step);

  R visit(Cast step);

  R visit(ConvolutionForward step);

  R visit(ConvolutionBackwardData step);

  R visit(ConvolutionBackwardFilter step);

  R visit(LinearForward step);

  R visit(LinearBackwardData step);

  R visit(LinearBackwardFilter step);

  R visit(ActivationForward step);

  R visit(ActivationBackward step);

  R visit(ReluBiasBackward step);

  R visit(BatchNormForward step);

  R visit(BatchNormBackward step);

  R visit(BatchNormReluBackward step);

  R visit(BatchNormSumReluBackward step);

  R visit(BatchNormInference step);

  R visit(MaxPoolForward step);

  R visit(MaxPoolBackward step);

  R visit(AvgPoolForward step);

  R visit(AvgPoolBackward step);

  R visit(GlobalAvgPoolForward step);

  R visit(GlobalAvgPoolBackward step);

  R visit(GlobalMaxPoolForward step);

  R visit(GlobalMaxPoolBackward step);

  R visit(DropoutForward step);

  R visit(DropoutBackward step);

  R visit(FlattenForward step);

  R visit(FlattenBackward step);

  R visit(Sum step);

  R visit(ConcatForward step);

  R visit(ConcatBackward step);

  R visit(SoftmaxCrossEntropy step);

  R visit(ClipFactor step);

  R visit(SgdUpdate step);

  R visit(AdamUpdate step);

  R visit(Fused step);

  R visit(FoldNorm step);
}
