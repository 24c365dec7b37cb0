package org.nin4j.backend.onednn;

import org.nin4j.backend.BackendException;
import org.nin4j.model.Activation;
import org.nin4j.plan.ActivationBackward;
import org.nin4j.plan.ActivationForward;
import org.nin4j.plan.AvgPoolBackward;
import org.nin4j.plan.AvgPoolForward;
import org.nin4j.plan.BatchNormBackward;
import org.nin4j.plan.BatchNormForward;
import org.nin4j.plan.BatchNormInference;
import org.nin4j.plan.Cast;
import org.nin4j.plan.ConcatBackward;
import org.nin4j.plan.ConcatForward;
import org.nin4j.plan.ConvolutionBackwardData;
import org.nin4j.plan.ConvolutionBackwardFilter;
import org.nin4j.plan.ConvolutionForward;
import org.nin4j.plan.DropoutBackward;
import org.nin4j.plan.DropoutForward;
import org.nin4j.plan.FlattenBackward;
import org.nin4j.plan.FlattenForward;
import org.nin4j.plan.Fused;
import org.nin4j.plan.GlobalAvgPoolBackward;
import org.nin4j.plan.GlobalAvgPoolForward;
import org.nin4j.plan.GlobalMaxPoolBackward;
import org.nin4j.plan.GlobalMaxPoolForward;
import org.nin4j.plan.LinearBackwardData;
import org.nin4j.plan.LinearBackwardFilter;
import org.nin4j.plan.LinearForward;
import org.nin4j.plan.MakeBatch;
import org.nin4j.plan.MaxPoolBackward;
import org.nin4j.plan.MaxPoolForward;
import org.nin4j.plan.ReluBiasBackward;
import org.nin4j.plan.SgdUpdate;
import org.nin4j.plan.SoftmaxCrossEntropy;
import org.nin4j.plan.Step;
import org.nin4j.plan.StepVisitor;
import org.nin4j.plan.Sum;

/** Which operation runs which step. */
final class Operations implements StepVisitor<Operation> {
  private final Convolutions convolutions;
  private final Matrices matrices;
  private final Elements elements;
  private final Pools pools;
  private final BatchNorms norms;
  private final Sgds sgds;
  private final SampleStore samples;
  private final Workers workers;

  /**
   * @param samples where batches are made from
   */
  Operations(Dnnl dnnl, Workers workers, Convolutions convolutions, SampleStore samples) {
    this.workers = workers;
    this.convolutions = convolutions;
    this.matrices = new Matrices(dnnl);
    this.elements = new Elements(dnnl);
    this.pools = new Pools(dnnl);
    this.norms = new BatchNorms(dnnl);
    this.sgds = new Sgds(dnnl);
    this.samples = samples;
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
    return convolutions.forward(s);
  }

  @Override
  public Operation visit(ConvolutionBackwardData s) {
    return convolutions.backwardData(s);
  }

  @Override
  public Operation visit(ConvolutionBackwardFilter s) {
    return convolutions.backwardFilter(s);
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
    return new Dropping(s.probability(), s.stream(), s.input(), s.output(), workers);
  }

  @Override
  public Operation visit(DropoutBackward s) {
    return new Dropping(
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
  public Operation visit(SgdUpdate s) {
    return sgds.update(s);
  }

  @Override
  public Operation visit(Fused s) {
    throw new BackendException(
        "%s (%s) is several steps in one, which the CPU computes one by one"
            .formatted(s.layer(), s.kind()));
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
