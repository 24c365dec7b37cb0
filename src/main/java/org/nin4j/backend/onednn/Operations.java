package org.nin4j.backend.onednn;

import org.nin4j.backend.BackendException;
import org.nin4j.backend.onednn.convolution.Convolutions;
import org.nin4j.backend.onednn.library.Dnnl;
import org.nin4j.backend.onednn.library.Operation;
import org.nin4j.backend.onednn.library.Workers;
import org.nin4j.backend.onednn.step.BatchMaking;
import org.nin4j.backend.onednn.step.BatchNorms;
import org.nin4j.backend.onednn.step.CrossEntropy;
import org.nin4j.backend.onednn.step.Dropouts;
import org.nin4j.backend.onednn.step.Elements;
import org.nin4j.backend.onednn.step.GlobalAverage;
import org.nin4j.backend.onednn.step.GlobalMax;
import org.nin4j.backend.onednn.step.MatMuls;
import org.nin4j.backend.onednn.step.Pools;
import org.nin4j.backend.onednn.step.SampleStore;
import org.nin4j.backend.onednn.step.Updates;
import org.nin4j.model.Activation;
import org.nin4j.plan.step.ActivationBackward;
import org.nin4j.plan.step.ActivationForward;
import org.nin4j.plan.step.AdamUpdate;
import org.nin4j.plan.step.AvgPoolBackward;
import org.nin4j.plan.step.AvgPoolForward;
import org.nin4j.plan.step.BatchNormBackward;
import org.nin4j.plan.step.BatchNormForward;
import org.nin4j.plan.step.BatchNormInference;
import org.nin4j.plan.step.BatchNormReluBackward;
import org.nin4j.plan.step.BatchNormSumReluBackward;
import org.nin4j.plan.step.Cast;
import org.nin4j.plan.step.ClipFactor;
import org.nin4j.plan.step.ConcatBackward;
import org.nin4j.plan.step.ConcatForward;
import org.nin4j.plan.step.ConvolutionBackwardData;
import org.nin4j.plan.step.ConvolutionBackwardFilter;
import org.nin4j.plan.step.ConvolutionForward;
import org.nin4j.plan.step.DropoutBackward;
import org.nin4j.plan.step.DropoutForward;
import org.nin4j.plan.step.FlattenBackward;
import org.nin4j.plan.step.FlattenForward;
import org.nin4j.plan.step.FoldNorm;
import org.nin4j.plan.step.Fused;
import org.nin4j.plan.step.GlobalAvgPoolBackward;
import org.nin4j.plan.step.GlobalAvgPoolForward;
import org.nin4j.plan.step.GlobalMaxPoolBackward;
import org.nin4j.plan.step.GlobalMaxPoolForward;
import org.nin4j.plan.step.LinearBackwardData;
import org.nin4j.plan.step.LinearBackwardFilter;
import org.nin4j.plan.step.LinearForward;
import org.nin4j.plan.step.MakeBatch;
import org.nin4j.plan.step.MaxPoolBackward;
import org.nin4j.plan.step.MaxPoolForward;
import org.nin4j.plan.step.ReluBiasBackward;
import org.nin4j.plan.step.SgdUpdate;
import org.nin4j.plan.step.SoftmaxCrossEntropy;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.StepVisitor;
import org.nin4j.plan.step.Sum;
import org.nin4j.text.Text;

/** Which operation runs which step. */
final class Operations implements StepVisitor<Operation> {
  private final Convolutions convolutions;
  private final MatMuls matrices;
  private final Elements elements;
  private final Pools pools;
  private final BatchNorms norms;
  private final Updates updates;
  private final SampleStore samples;
  private final Workers workers;

  /**
   * @param constant whether no step of the plan changes parameters
   * @param samples where batches are made from
   */
  Operations(
      Dnnl dnnl,
      Workers workers,
      Convolutions convolutions,
      boolean constant,
      SampleStore samples) {
    this.workers = workers;
    this.convolutions = convolutions;
    this.matrices = new MatMuls(dnnl, workers.count(), constant);
    this.elements = new Elements(dnnl);
    this.pools = new Pools(dnnl);
    this.norms = new BatchNorms(dnnl, workers, constant);
    this.updates = new Updates(dnnl);
    this.samples = samples;
  }

  /** Whether a batch norm with a ReLU can keep the ReLU's mask for the gradient. */
  boolean keepsMask(BatchNormForward step) {
    return norms.keepsMask(step);
  }

  Operation of(Step step) {
    return step.accept(this);
  }

  @Override
  public Operation visit(MakeBatch s) {
    return new BatchMaking(s, samples, workers);
  }

  @Override
  public Operation visit(ConvolutionForward s) {
    return convolutions.of(s);
  }

  @Override
  public Operation visit(ConvolutionBackwardData s) {
    return convolutions.of(s);
  }

  @Override
  public Operation visit(ConvolutionBackwardFilter s) {
    return convolutions.of(s);
  }

  @Override
  public Operation visit(LinearForward s) {
    return matrices.forward(s);
  }

  @Override
  public Operation visit(LinearBackwardData s) {
    return matrices.backwardData(s);
  }

  @Override
  public Operation visit(LinearBackwardFilter s) {
    return matrices.backwardFilter(s);
  }

  @Override
  public Operation visit(ActivationForward s) {
    return elements.activation(s);
  }

  @Override
  public Operation visit(ActivationBackward s) {
    return elements.activationBackward(
        s.function(), s.output(), s.outputGradient(), s.inputGradient());
  }

  @Override
  public Operation visit(ReluBiasBackward s) {
    return Operation.inOrder(
        elements.activationBackward(
            Activation.RELU, s.output(), s.outputGradient(), s.inputGradient()),
        matrices.columnSums(s.inputGradient(), s.biasGradient()));
  }

  @Override
  public Operation visit(MaxPoolForward s) {
    return pools.forward(s);
  }

  @Override
  public Operation visit(MaxPoolBackward s) {
    return pools.backward(s);
  }

  @Override
  public Operation visit(GlobalAvgPoolForward s) {
    return new GlobalAverage.Forward(s);
  }

  @Override
  public Operation visit(GlobalAvgPoolBackward s) {
    return new GlobalAverage.Backward(s);
  }

  @Override
  public Operation visit(DropoutForward s) {
    return new Dropouts(s.probability(), s.stream(), s.input(), s.output(), workers);
  }

  @Override
  public Operation visit(DropoutBackward s) {
    return new Dropouts(
        s.probability(), s.stream(), s.outputGradient(), s.inputGradient(), workers);
  }

  @Override
  public Operation visit(FlattenForward s) {
    return elements.flatten(s.input(), s.output());
  }

  @Override
  public Operation visit(FlattenBackward s) {
    return elements.unflatten(s.outputGradient(), s.inputGradient());
  }

  @Override
  public Operation visit(SoftmaxCrossEntropy s) {
    return new CrossEntropy(s);
  }

  @Override
  public Operation visit(ClipFactor s) {
    return updates.factor(s);
  }

  @Override
  public Operation visit(AdamUpdate s) {
    return updates.update(s);
  }

  @Override
  public Operation visit(SgdUpdate s) {
    return updates.update(s);
  }

  @Override
  public Operation visit(Fused s) {
    throw new BackendException(
        Text.of(
            "%s (%s) is several steps in one, which the CPU computes one by one",
            s.layer(), s.kind()));
  }

  @Override
  public Operation visit(Cast s) {
    return elements.cast(s);
  }

  @Override
  public Operation visit(BatchNormForward s) {
    return norms.forward(s);
  }

  @Override
  public Operation visit(BatchNormBackward s) {
    return norms.backward(s);
  }

  @Override
  public Operation visit(BatchNormReluBackward s) {
    return norms.backward(s);
  }

  @Override
  public Operation visit(BatchNormSumReluBackward s) {
    return Operation.inOrder(
        elements.activationBackward(
            Activation.RELU, s.output(), s.outputGradient(), s.sumGradient()),
        norms.backward(s.norm()));
  }

  @Override
  public Operation visit(FoldNorm s) {
    return norms.fold(s);
  }

  @Override
  public Operation visit(BatchNormInference s) {
    return norms.inference(s);
  }

  @Override
  public Operation visit(AvgPoolForward s) {
    return pools.average(s);
  }

  @Override
  public Operation visit(AvgPoolBackward s) {
    return pools.averageBackward(s);
  }

  @Override
  public Operation visit(GlobalMaxPoolForward s) {
    return new GlobalMax.Forward(s);
  }

  @Override
  public Operation visit(GlobalMaxPoolBackward s) {
    return new GlobalMax.Backward(s);
  }

  @Override
  public Operation visit(Sum s) {
    return elements.sum(s);
  }

  @Override
  public Operation visit(ConcatForward s) {
    return elements.concat(s);
  }

  @Override
  public Operation visit(ConcatBackward s) {
    return elements.slices(s);
  }
}
