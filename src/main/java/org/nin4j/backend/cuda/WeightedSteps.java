package org.nin4j.backend.cuda;

import jcuda.driver.CUdeviceptr;
import org.nin4j.plan.ConvolutionBackwardData;
import org.nin4j.plan.ConvolutionBackwardFilter;
import org.nin4j.plan.ConvolutionForward;
import org.nin4j.plan.LinearBackwardData;
import org.nin4j.plan.LinearBackwardFilter;
import org.nin4j.plan.LinearForward;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Precision;
import org.nin4j.plan.ReluBiasBackward;
import org.nin4j.plan.Step;
import org.nin4j.plan.TensorSpec;
import org.nin4j.tensor.DType;

/** The steps of layers that have weights: convolutions and products, their gradients, biases. */
final class WeightedSteps {
  private static final CUdeviceptr NONE = new CUdeviceptr();

  private final Scope owner;
  private final Device device;
  private final KernelLibrary kernels;
  private final ConvolutionSearch search;
  private final SessionMemory memory;
  private final Plan plan;

  /**
   * @param owner closes what the work needs
   */
  WeightedSteps(
      Scope owner,
      Device device,
      KernelLibrary kernels,
      ConvolutionSearch search,
      SessionMemory memory) {
    this.owner = owner;
    this.device = device;
    this.kernels = kernels;
    this.search = search;
    this.memory = memory;
    this.plan = memory.placed().plan();
  }

  void convolutionForward(Assembly a, ConvolutionForward s) {
    CUdeviceptr x = a.read(s.input());
    CUdeviceptr y = a.write(s.output());
    TensorSpec bias = s.bias().orElseThrow();
    convolution(a, s, x, a.parameter(s.weight()), memory.at(bias), a.parameter(bias), y);
  }

  void convolutionBackwardData(Assembly a, ConvolutionBackwardData s) {
    CUdeviceptr dy = a.read(s.outputGradient());
    CUdeviceptr dx = a.write(s.inputGradient());
    convolution(a, s, dx, a.parameter(s.weight()), NONE, NONE, dy);
  }

  void convolutionBackwardFilter(Assembly a, ConvolutionBackwardFilter s) {
    CUdeviceptr x = a.read(s.input());
    CUdeviceptr dy = a.read(s.outputGradient());
    convolution(a, s, x, memory.at(s.weightGradient()), NONE, NONE, dy);
    s.biasGradient().ifPresent(db -> biasGradient(a, s.outputGradient(), dy, db));
  }

  private void convolution(
      Assembly a,
      Step step,
      CUdeviceptr x,
      CUdeviceptr weight,
      CUdeviceptr bias,
      CUdeviceptr typedBias,
      CUdeviceptr y) {
    ConvolutionCase c = Steps.convolution(step, plan.precision()).orElseThrow();
    long bytes = search.scratchBytes(c);
    ConvolutionWork.Operands at =
        new ConvolutionWork.Operands(x, weight, bias, typedBias, y, a.scratch(bytes));
    a.add(search.work(owner, c, at, bytes));
  }

  /** db = the sum of dy over all but the channels. */
  private void biasGradient(Assembly a, TensorSpec gradient, CUdeviceptr dy, TensorSpec db) {
    int channels = gradient.shape().dim(1);
    long rows = gradient.shape().elements() / channels;
    int parts = CudaStorage.parts(rows);
    CUdeviceptr partial = a.scratch((long) parts * channels * Float.BYTES);
    a.launchBlocks(
        "bias_gradient", "bias_gradient_" + a.suffix(), parts, dy, partial, rows, channels);
    finishBiasGradient(a, partial, db, parts, channels);
  }

  private void finishBiasGradient(
      Assembly a, CUdeviceptr partial, TensorSpec db, int parts, int channels) {
    a.launchBlocks(
        "bias_gradient",
        "bias_gradient_finish",
        kernels.tiles((channels + 7) / 8),
        partial,
        memory.at(db),
        parts,
        channels);
  }

  void reluBiasBackward(Assembly a, ReluBiasBackward s) {
    int channels = s.output().shape().dim(1);
    long rows = s.output().shape().elements() / channels;
    int parts = CudaStorage.parts(rows);
    CUdeviceptr y = a.read(s.output());
    CUdeviceptr dy = a.read(s.outputGradient());
    CUdeviceptr dx = a.write(s.inputGradient());
    CUdeviceptr partial = a.scratch((long) parts * channels * Float.BYTES);
    a.launchBlocks(
        "bias_gradient",
        "relu_bias_backward_" + a.suffix(),
        parts,
        y,
        dy,
        dx,
        partial,
        rows,
        channels);
    finishBiasGradient(a, partial, s.biasGradient(), parts, channels);
  }

  void linearForward(Assembly a, LinearForward s) {
    int rows = s.input().shape().dim(0);
    int in = s.weight().shape().dim(1);
    int out = s.weight().shape().dim(0);
    CUdeviceptr x = a.read(s.input());
    CUdeviceptr y = a.write(s.output());
    boolean narrow = a.type() == DType.BF16;
    // bf16 results are rounded once, after the bias.
    CUdeviceptr sum = narrow ? a.scratch((long) rows * out * Float.BYTES) : y;
    a.add(
        product(a.type(), DType.F32, false, true, rows, out, in)
            .of(x, a.parameter(s.weight()), sum));
    a.launch(
        "bias",
        "bias_forward_f32",
        (long) rows * out,
        sum,
        memory.at(s.bias()),
        sum,
        (long) rows,
        out);
    if (narrow) {
      a.add(Kernels.cast(kernels, DType.F32, sum, y, (long) rows * out));
    }
  }

  void linearBackwardData(Assembly a, LinearBackwardData s) {
    int rows = s.inputGradient().shape().dim(0);
    int in = s.weight().shape().dim(1);
    int out = s.weight().shape().dim(0);
    CUdeviceptr dy = a.read(s.outputGradient());
    CUdeviceptr dx = a.write(s.inputGradient());
    a.add(
        product(a.type(), a.type(), false, false, rows, in, out)
            .of(dy, a.parameter(s.weight()), dx));
  }

  void linearBackwardFilter(Assembly a, LinearBackwardFilter s) {
    int rows = s.input().shape().dim(0);
    int in = s.weightGradient().shape().dim(1);
    int out = s.weightGradient().shape().dim(0);
    CUdeviceptr x = a.read(s.input());
    CUdeviceptr dy = a.read(s.outputGradient());
    a.add(
        product(a.type(), DType.F32, true, false, out, in, rows)
            .of(dy, x, memory.at(s.weightGradient())));
    biasGradient(a, s.outputGradient(), dy, s.biasGradient());
  }

  private Product product(
      DType factors, DType result, boolean transposeA, boolean transposeB, int m, int n, int k) {
    boolean rounding = plan.precision() != Precision.FP32;
    return new Product(device, factors, result, rounding, transposeA, transposeB, m, n, k, 0);
  }
}
