package org.nin4j.backend.onednn;

import java.util.List;
import org.nin4j.backend.BackendException;
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
import org.nin4j.plan.LinearBackwardData;
import org.nin4j.plan.LinearBackwardFilter;
import org.nin4j.plan.LinearForward;
import org.nin4j.plan.MakeBatch;
import org.nin4j.plan.MaxPoolBackward;
import org.nin4j.plan.MaxPoolForward;
import org.nin4j.plan.ReluBackward;
import org.nin4j.plan.ReluBiasBackward;
import org.nin4j.plan.ReluForward;
import org.nin4j.plan.SgdUpdate;
import org.nin4j.plan.SoftmaxCrossEntropy;
import org.nin4j.plan.Step;

/** Which operation runs which step. */
final class Operations {
  private final Convolutions convolutions;
  private final Matrices matrices;
  private final Elements elements;
  private final Pools pools;
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
    this.sgds = new Sgds(dnnl);
    this.samples = samples;
  }

  Operation of(Step step) {
    if (step instanceof MakeBatch s) {
      return new BatchMaking(s, samples, workers);
    } else if (step instanceof ConvolutionForward s) {
      return convolutions.forward(s);
    } else if (step instanceof ConvolutionBackwardData s) {
      return convolutions.backwardData(s);
    } else if (step instanceof ConvolutionBackwardFilter s) {
      return convolutions.backwardFilter(s);
    } else if (step instanceof LinearForward s) {
      return matrices.forward(s);
    } else if (step instanceof LinearBackwardData s) {
      return matrices.backwardData(s);
    } else if (step instanceof LinearBackwardFilter s) {
      return matrices.backwardFilter(s);
    } else if (step instanceof ReluForward s) {
      return elements.relu(s);
    } else if (step instanceof ReluBackward s) {
      return elements.reluBackward(s.output(), s.outputGradient(), s.inputGradient());
    } else if (step instanceof ReluBiasBackward s) {
      return inOrder(
          elements.reluBackward(s.output(), s.outputGradient(), s.inputGradient()),
          matrices.columnSums(s.inputGradient(), s.biasGradient()));
    } else if (step instanceof MaxPoolForward s) {
      return pools.forward(s);
    } else if (step instanceof MaxPoolBackward s) {
      return pools.backward(s);
    } else if (step instanceof GlobalAvgPoolForward s) {
      return new GlobalAverage.Forward(s);
    } else if (step instanceof GlobalAvgPoolBackward s) {
      return new GlobalAverage.Backward(s);
    } else if (step instanceof DropoutForward s) {
      return new Dropping(s.probability(), s.stream(), s.input(), s.output(), workers);
    } else if (step instanceof DropoutBackward s) {
      return new Dropping(
          s.probability(), s.stream(), s.outputGradient(), s.inputGradient(), workers);
    } else if (step instanceof FlattenForward s) {
      return elements.flatten(s.input(), s.output());
    } else if (step instanceof FlattenBackward s) {
      return elements.unflatten(s.outputGradient(), s.inputGradient());
    } else if (step instanceof SoftmaxCrossEntropy s) {
      return new CrossEntropy(s);
    } else if (step instanceof SgdUpdate s) {
      return sgds.update(s);
    } else if (step instanceof Fused s) {
      throw new BackendException(
          "%s (%s) is several steps in one, which the CPU computes one by one"
              .formatted(s.layer(), s.kind()));
    }
    throw new AssertionError("no operation for " + step.kind());
  }

  /** One after the other, with a workspace that serves each in turn. */
  static Operation inOrder(Operation first, Operation second) {
    List<Operation> both = List.of(first, second);
    return new Operation() {
      @Override
      public long workspace() {
        return both.stream().mapToLong(Operation::workspace).max().orElse(0);
      }

      @Override
      public long resident() {
        return Calls.aligned(first.resident()) + second.resident();
      }

      @Override
      public Kernel bind(Places places) {
        Kernel begin = first.bind(places);
        Kernel end = second.bind(places.keepingBehind(Calls.aligned(first.resident())));
        return run -> {
          begin.run(run);
          end.run(run);
        };
      }
    };
  }
}
