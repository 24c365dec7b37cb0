package org.nin4j.backend.cuda.step;

import org.nin4j.backend.cuda.convolution.ConvolutionCase;
import org.nin4j.backend.cuda.convolution.ConvolutionSearch;
import org.nin4j.plan.step.ActivationBackward;
import org.nin4j.plan.step.ConvolutionBackwardData;
import org.nin4j.plan.step.Fused;
import org.nin4j.plan.step.ReluBiasBackward;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;

/**
 * A convolution's data gradient and the gradient of the ReLU before it as one graph of cuDNN, and
 * where the plan wants it the bias gradient by a kernel of ours after it: cuDNN's own adds in any
 * order.
 *
 * @param search chooses the engine
 * @param rounding whether fp32 factors may be rounded to TF32
 */
record DataGradientRelu(ConvolutionSearch search, boolean rounding) implements FusedStep {
  /** Of the bias gradient's kernel. */
  static final String FILE = BiasGradient.FILE;

  private static ConvolutionBackwardData data(Fused s) {
    return s.parts(ConvolutionBackwardData.class).findFirst().orElseThrow();
  }

  private ConvolutionCase caseOf(Fused s) {
    return Convolutions.caseOf(data(s), rounding, true);
  }

  @Override
  public boolean needsBfloat16() {
    return false;
  }

  @Override
  public boolean suits(Fused s) {
    return search.offers(caseOf(s));
  }

  @Override
  public long workspace(Fused s, SampleCount count) {
    long bias =
        s.parts(ReluBiasBackward.class)
            .mapToLong(r -> BiasGradient.bytes(count, r.inputGradient()))
            .sum();
    return Convolutions.scratchBytes(search, caseOf(s), count) + bias;
  }

  @Override
  public void bind(Assembly a, Fused s) {
    ConvolutionBackwardData data = data(s);
    ConvolutionCase c = caseOf(s);
    Step relu = s.parts().get(1);
    TensorSpec output;
    TensorSpec dx;
    if (relu instanceof ReluBiasBackward r) {
      output = r.output();
      dx = r.inputGradient();
    } else {
      ActivationBackward r = (ActivationBackward) relu;
      output = r.output();
      dx = r.inputGradient();
    }
    Convolutions.add(
        a,
        search,
        c,
        a.at(dx),
        a.parameter(data.weight(), c.type()),
        Assembly.NONE,
        Assembly.NONE,
        a.at(data.outputGradient()),
        a.at(output));
    s.parts(ReluBiasBackward.class).forEach(r -> BiasGradient.add(a, dx, r.biasGradient()));
  }
}
