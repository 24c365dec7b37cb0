package org.nin4j.backend.reference;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.Metrics;
import org.nin4j.backend.Samples;
import org.nin4j.backend.Session;
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
import org.nin4j.plan.PlacedPlan;
import org.nin4j.plan.ReluBackward;
import org.nin4j.plan.ReluBiasBackward;
import org.nin4j.plan.ReluForward;
import org.nin4j.plan.SgdUpdate;
import org.nin4j.plan.SoftmaxCrossEntropy;
import org.nin4j.plan.Step;
import org.nin4j.plan.TensorSpec;
import org.nin4j.tensor.HostTensor;

/** Runs the loops in plan order; {@code CheckedSession} keeps the contract around it. */
final class ReferenceSession implements Session {
  private final PlacedPlan placed;
  private final float[] arena;
  private final Map<TensorSpec, View> inner = new HashMap<>();
  private Optional<Samples> samples = Optional.empty();
  private Epoch epoch = new Epoch(0, 0, new int[0], new float[0]);
  private int runs;
  private Metrics metrics = Metrics.NONE;

  ReferenceSession(PlacedPlan placed, int floats) {
    this.placed = placed;
    this.arena = new float[floats];
    placed
        .plan()
        .steps(Fused.class)
        .flatMap(fused -> fused.inner().stream())
        .forEach(t -> inner.put(t, View.of(t.shape())));
  }

  @Override
  public PlacedPlan placed() {
    return placed;
  }

  @Override
  public void write(TensorSpec tensor, HostTensor values) {
    View view = view(tensor);
    System.arraycopy(values.values(), 0, arena, view.offset(), view.size());
  }

  @Override
  public HostTensor read(TensorSpec tensor) {
    View view = view(tensor);
    HostTensor values = HostTensor.zeros(tensor.shape());
    System.arraycopy(arena, view.offset(), values.values(), 0, view.size());
    return values;
  }

  @Override
  public void load(Samples loaded) {
    samples = Optional.of(loaded);
  }

  @Override
  public void begin(Epoch begun) {
    epoch = begun;
    runs = 0;
    metrics = begun.before();
  }

  @Override
  public void run() {
    placed.plan().steps().forEach(this::run);
    runs++;
  }

  @Override
  public long[] runTimed() {
    List<Step> steps = placed.plan().steps();
    long[] times = new long[steps.size()];
    for (int i = 0; i < times.length; i++) {
      long begin = System.nanoTime();
      run(steps.get(i));
      times[i] = System.nanoTime() - begin;
    }
    runs++;
    return times;
  }

  @Override
  public Metrics metrics() {
    return metrics;
  }

  @Override
  public void close() {}

  private View view(TensorSpec tensor) {
    if (inner.containsKey(tensor)) {
      return inner.get(tensor);
    }
    return new View(arena, (int) (placed.place(tensor).offset() / Float.BYTES), tensor.shape());
  }

  private int step() {
    return epoch.firstStep() + runs;
  }

  private void run(Step step) {
    if (step instanceof MakeBatch s) {
      Batches.make(
          s.spec(), samples.orElseThrow(), epoch, runs, view(s.images()), view(s.labels()));
    } else if (step instanceof ConvolutionForward s) {
      Convolutions.forward(
          s.convolution().window(),
          view(s.input()),
          view(s.weight()),
          view(s.bias()),
          view(s.output()),
          s.relu());
    } else if (step instanceof ConvolutionBackwardData s) {
      Convolutions.backwardData(
          s.convolution().window(),
          view(s.outputGradient()),
          view(s.weight()),
          view(s.inputGradient()));
    } else if (step instanceof ConvolutionBackwardFilter s) {
      Convolutions.backwardFilter(
          s.convolution().window(),
          view(s.input()),
          view(s.outputGradient()),
          view(s.weightGradient()));
      s.biasGradient().ifPresent(b -> Convolutions.backwardBias(view(s.outputGradient()), view(b)));
    } else if (step instanceof LinearForward s) {
      Linears.forward(view(s.input()), view(s.weight()), view(s.bias()), view(s.output()));
    } else if (step instanceof LinearBackwardData s) {
      Linears.backwardData(view(s.outputGradient()), view(s.weight()), view(s.inputGradient()));
    } else if (step instanceof LinearBackwardFilter s) {
      Linears.backwardFilter(
          view(s.input()),
          view(s.outputGradient()),
          view(s.weightGradient()),
          view(s.biasGradient()));
    } else if (step instanceof ReluForward s) {
      Elements.relu(view(s.input()), view(s.output()));
    } else if (step instanceof ReluBackward s) {
      Elements.reluBackward(view(s.output()), view(s.outputGradient()), view(s.inputGradient()));
    } else if (step instanceof ReluBiasBackward s) {
      Elements.reluBackward(view(s.output()), view(s.outputGradient()), view(s.inputGradient()));
      Convolutions.backwardBias(view(s.inputGradient()), view(s.biasGradient()));
    } else if (step instanceof MaxPoolForward s) {
      Pools.max(s.pool().window(), view(s.input()), view(s.output()), s.position().map(this::view));
    } else if (step instanceof MaxPoolBackward s) {
      Pools.maxBackward(
          s.pool().window(), view(s.position()), view(s.outputGradient()), view(s.inputGradient()));
    } else if (step instanceof GlobalAvgPoolForward s) {
      Pools.average(view(s.input()), view(s.output()));
    } else if (step instanceof GlobalAvgPoolBackward s) {
      Pools.averageBackward(view(s.outputGradient()), view(s.inputGradient()));
    } else if (step instanceof DropoutForward s) {
      Elements.dropout(
          s.probability(), epoch.seed(), step(), s.stream(), view(s.input()), view(s.output()));
    } else if (step instanceof DropoutBackward s) {
      Elements.dropout(
          s.probability(),
          epoch.seed(),
          step(),
          s.stream(),
          view(s.outputGradient()),
          view(s.inputGradient()));
    } else if (step instanceof FlattenForward s) {
      Elements.copy(view(s.input()), view(s.output()));
    } else if (step instanceof FlattenBackward s) {
      Elements.copy(view(s.outputGradient()), view(s.inputGradient()));
    } else if (step instanceof SoftmaxCrossEntropy s) {
      metrics =
          Losses.softmaxCrossEntropy(
              view(s.logits()),
              view(s.labels()),
              s.gradient().map(this::view),
              s.smoothing(),
              metrics);
    } else if (step instanceof SgdUpdate s) {
      for (int i = 0; i < s.parameters().size(); i++) {
        Optional<View> velocity =
            s.velocities().isEmpty() ? Optional.empty() : Optional.of(view(s.velocities().get(i)));
        Updates.sgd(
            s.sgd(),
            epoch.learningRates()[runs],
            view(s.parameters().get(i)),
            view(s.gradients().get(i)),
            velocity);
      }
    } else if (step instanceof Fused s) {
      s.parts().forEach(this::run);
    } else {
      throw new AssertionError("no loops for " + step.kind());
    }
  }
}
