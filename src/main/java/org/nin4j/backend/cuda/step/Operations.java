package org.nin4j.backend.cuda.step;

import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.cuda.convolution.ConvolutionSearch;
import org.nin4j.backend.cuda.device.Device;
import org.nin4j.backend.cuda.kernel.KernelLibrary;
import org.nin4j.backend.cuda.norm.NormGraphs;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Precision;
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

/** Which operation computes which step of a plan. Making one costs nothing on the device. */
public final class Operations implements StepVisitor<Operation> {
  private final Plan plan;
  private final Device device;
  private final FusedSteps fusedSteps;
  private final Convolutions convolutions;
  private final Linears linears;

  public Operations(
      Plan plan, Device device, KernelLibrary kernels, ConvolutionSearch search, NormGraphs norms) {
    boolean rounding = plan.precision() != Precision.FP32;
    this.plan = plan;
    this.device = device;
    this.fusedSteps = new FusedSteps(device, kernels, search, norms);
    this.convolutions = new Convolutions(device, search, rounding);
    this.linears = new Linears(device, rounding);
  }

  public Operation of(Step step) {
    return step.accept(this);
  }

  /**
   * The place in the plan of the first step that reads parameters in bf16: it holds the bf16 copy
   * of all of them, after what it keeps for itself.
   */
  public OptionalInt holderOfCopy() {
    List<Step> steps = plan.steps();
    return IntStream.range(0, steps.size())
        .filter(i -> of(steps.get(i)).readsNarrowParameters())
        .findFirst();
  }

  @Override
  public Operation visit(MakeBatch s) {
    return new BatchMaking(device, s);
  }

  @Override
  public Operation visit(Cast s) {
    return Elements.cast(s);
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
    return linears.forward(s);
  }

  @Override
  public Operation visit(LinearBackwardData s) {
    return linears.backwardData(s);
  }

  @Override
  public Operation visit(LinearBackwardFilter s) {
    return linears.backwardFilter(s);
  }

  @Override
  public Operation visit(ActivationForward s) {
    return Elements.activation(s);
  }

  @Override
  public Operation visit(ActivationBackward s) {
    return Elements.activationBackward(s);
  }

  @Override
  public Operation visit(ReluBiasBackward s) {
    return BiasGradient.withRelu(s);
  }

  @Override
  public Operation visit(BatchNormForward s) {
    return BatchNorms.forward(s);
  }

  @Override
  public Operation visit(BatchNormBackward s) {
    return BatchNorms.backward(s);
  }

  @Override
  public Operation visit(BatchNormReluBackward s) {
    return BatchNorms.backward(s);
  }

  @Override
  public Operation visit(BatchNormSumReluBackward s) {
    return BatchNorms.backward(s);
  }

  @Override
  public Operation visit(FoldNorm s) {
    throw new BackendException(
        Text.of(
            "%s (%s): the GPU computes a convolution and its batch norm one by one",
            s.layer(), s.kind()));
  }

  @Override
  public Operation visit(BatchNormInference s) {
    return BatchNorms.inference(s);
  }

  @Override
  public Operation visit(MaxPoolForward s) {
    return Pools.max(s);
  }

  @Override
  public Operation visit(MaxPoolBackward s) {
    return Pools.maxBackward(s);
  }

  @Override
  public Operation visit(AvgPoolForward s) {
    return Pools.average(s);
  }

  @Override
  public Operation visit(AvgPoolBackward s) {
    return Pools.averageBackward(s);
  }

  @Override
  public Operation visit(GlobalAvgPoolForward s) {
    return Pools.globalAverage(s);
  }

  @Override
  public Operation visit(GlobalAvgPoolBackward s) {
    return Pools.globalAverageBackward(s);
  }

  @Override
  public Operation visit(GlobalMaxPoolForward s) {
    return Pools.globalMax(s);
  }

  @Override
  public Operation visit(GlobalMaxPoolBackward s) {
    return Pools.globalMaxBackward(s);
  }

  @Override
  public Operation visit(DropoutForward s) {
    return Elements.dropout(s.layer(), s.probability(), s.stream(), s.input(), s.output());
  }

  @Override
  public Operation visit(DropoutBackward s) {
    return Elements.dropout(
        s.layer(), s.probability(), s.stream(), s.outputGradient(), s.inputGradient());
  }

  @Override
  public Operation visit(FlattenForward s) {
    return Elements.flatten(s);
  }

  @Override
  public Operation visit(FlattenBackward s) {
    return Elements.flattenBackward(s);
  }

  @Override
  public Operation visit(Sum s) {
    return Elements.sum(s);
  }

  @Override
  public Operation visit(ConcatForward s) {
    return Concats.forward(s);
  }

  @Override
  public Operation visit(ConcatBackward s) {
    return Concats.backward(s);
  }

  @Override
  public Operation visit(SoftmaxCrossEntropy s) {
    return new CrossEntropy(s);
  }

  @Override
  public Operation visit(SgdUpdate s) {
    return Updates.sgd(s);
  }

  @Override
  public Operation visit(AdamUpdate s) {
    return Updates.adam(s);
  }

  @Override
  public Operation visit(ClipFactor s) {
    return new Updates.Clip(s);
  }

  @Override
  public Operation visit(Fused s) {
    return fusedSteps.operation(s, plan.precision());
  }
}
