package org.nin4j.backend.cuda.step;

import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import jcuda.driver.CUdeviceptr;
import org.nin4j.backend.cuda.kernel.Kernels;
import org.nin4j.backend.cuda.norm.NormCase;
import org.nin4j.backend.cuda.norm.NormCase.Kind;
import org.nin4j.backend.cuda.norm.NormGraphs;
import org.nin4j.backend.cuda.norm.NormTensor;
import org.nin4j.plan.step.BatchNormBackward;
import org.nin4j.plan.step.BatchNormForward;
import org.nin4j.plan.step.Fused;
import org.nin4j.plan.step.TensorSpec;

/**
 * A batch norm, or its gradients, as one graph of cuDNN, whose kernel reads x once for sums and
 * result, where it stays on the chip in between; the running statistics by a kernel of ours after
 * it, {@code batch_norm_running} of {@code batch_norm.cu}.
 *
 * @param graphs of cuDNN
 */
record OnePassNorm(NormGraphs graphs) implements FusedStep {
  /** What a step means to cuDNN: a case, and which tensor of the plan is which of its own. */
  private record Described(NormCase norm, Map<NormTensor, TensorSpec> tensors) {}

  private static Optional<BatchNormForward> forward(Fused s) {
    return s.parts(BatchNormForward.class).findFirst();
  }

  /** Empty where the step has what no graph has: a mask that is kept, or no gradient by x. */
  private static Optional<Described> described(Fused s) {
    return forward(s)
        .flatMap(OnePassNorm::described)
        .or(() -> s.parts(BatchNormBackward.class).findFirst().flatMap(OnePassNorm::described));
  }

  private static Optional<Described> described(BatchNormForward s) {
    if (s.after().mask().isPresent()) {
      return Optional.empty();
    }
    Kind kind =
        s.after().added().isPresent()
            ? Kind.FORWARD_SUM_RELU
            : s.after().relu() ? Kind.FORWARD_RELU : Kind.FORWARD;
    Map<NormTensor, TensorSpec> tensors = new EnumMap<>(NormTensor.class);
    tensors.put(NormTensor.X, s.input());
    tensors.put(NormTensor.WEIGHT, s.weight());
    tensors.put(NormTensor.BIAS, s.bias());
    tensors.put(NormTensor.MEAN, s.mean());
    tensors.put(NormTensor.INVERSE, s.inverse());
    tensors.put(NormTensor.Y, s.output());
    s.after().added().ifPresent(added -> tensors.put(NormTensor.ADDED, added));
    Kernels.type(s.layer(), s.input(), s.output());
    return Optional.of(new Described(NormCase.of(kind, s.input()), tensors));
  }

  private static Optional<Described> described(BatchNormBackward s) {
    Map<NormTensor, TensorSpec> tensors = new EnumMap<>(NormTensor.class);
    tensors.put(NormTensor.X, s.input());
    tensors.put(NormTensor.WEIGHT, s.weight());
    tensors.put(NormTensor.MEAN, s.mean());
    tensors.put(NormTensor.INVERSE, s.inverse());
    tensors.put(NormTensor.OUTPUT_GRADIENT, s.outputGradient());
    tensors.put(NormTensor.WEIGHT_GRADIENT, s.weightGradient());
    tensors.put(NormTensor.BIAS_GRADIENT, s.biasGradient());
    s.inputGradient().ifPresent(dx -> tensors.put(NormTensor.INPUT_GRADIENT, dx));
    Kernels.type(s.layer(), s.input(), s.outputGradient());
    return s.inputGradient()
        .map(dx -> new Described(NormCase.of(Kind.BACKWARD, s.input()), tensors));
  }

  static Optional<NormCase> caseOf(Fused s) {
    return described(s).map(Described::norm);
  }

  private static Described of(Fused s) {
    return described(s).orElseThrow(() -> new IllegalStateException("no graph for " + s.layer()));
  }

  @Override
  public boolean needsBfloat16() {
    return false;
  }

  @Override
  public boolean suits(Fused s) {
    return caseOf(s).filter(graphs::offers).isPresent();
  }

  /** Some parts for each multiprocessor, however many samples there are. */
  @Override
  public long workspace(Fused s, SampleCount count) {
    return Kernels.align(graphs.workspace(of(s).norm()));
  }

  @Override
  public void bind(Assembly a, Fused s) {
    Described d = of(s);
    Map<NormTensor, CUdeviceptr> places = new EnumMap<>(NormTensor.class);
    d.tensors().forEach((tensor, spec) -> places.put(tensor, a.at(spec)));
    CUdeviceptr scratch = a.scratch(graphs.workspace(d.norm()));
    float eps = forward(s).map(f -> f.norm().eps()).orElse(0f);
    a.add(graphs.work(a.owner(), d.norm(), eps, places, scratch));
    forward(s).ifPresent(f -> addRunning(a, f));
  }

  private static void addRunning(Assembly a, BatchNormForward s) {
    int channels = s.input().shape().dim(1);
    a.launch(
        BatchNorms.FORWARD,
        "batch_norm_running",
        channels,
        a.at(s.mean()),
        a.at(s.inverse()),
        a.at(s.runningMean()),
        a.at(s.runningVariance()),
        s.input().shape().elements() / channels,
        channels,
        s.norm().eps(),
        s.norm().momentum());
  }
}
