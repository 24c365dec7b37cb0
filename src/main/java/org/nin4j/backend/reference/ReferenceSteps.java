package org.nin4j.backend.reference;

import java.util.List;
import java.util.Optional;
import org.nin4j.backend.Epoch;
import org.nin4j.model.Activation;
import org.nin4j.model.Window;
import org.nin4j.plan.step.ActivationBackward;
import org.nin4j.plan.step.ActivationForward;
import org.nin4j.plan.step.AdamUpdate;
import org.nin4j.plan.step.AfterNorm;
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
import org.nin4j.plan.step.StepVisitor;
import org.nin4j.plan.step.Sum;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.UpdateGroup;

/** Ties each step of a plan to its tensors: what comes out computes it. */
final class ReferenceSteps implements StepVisitor<Runnable> {
  private final ReferenceSession session;

  ReferenceSteps(ReferenceSession session) {
    this.session = session;
  }

  private View view(TensorSpec tensor) {
    return session.view(tensor);
  }

  @Override
  public Runnable visit(MakeBatch s) {
    View images = view(s.images());
    View labels = view(s.labels());
    return () ->
        Batches.make(s.spec(), session.samples(), session.epoch(), session.index(), images, labels);
  }

  @Override
  public Runnable visit(Cast s) {
    View x = view(s.input());
    View y = view(s.output());
    return () -> Elements.copy(x, y);
  }

  @Override
  public Runnable visit(ConvolutionForward s) {
    Window window = s.convolution().window();
    View x = view(s.input());
    View w = view(s.weight());
    Optional<View> b = s.bias().map(this::view);
    View y = view(s.output());
    return () -> Convolutions.forward(window, x, w, b, y, s.relu());
  }

  @Override
  public Runnable visit(ConvolutionBackwardData s) {
    Window window = s.convolution().window();
    View dy = view(s.outputGradient());
    View w = view(s.weight());
    View dx = view(s.inputGradient());
    return () -> Convolutions.backwardData(window, dy, w, dx);
  }

  @Override
  public Runnable visit(ConvolutionBackwardFilter s) {
    Window window = s.convolution().window();
    View x = view(s.input());
    View dy = view(s.outputGradient());
    View dw = view(s.weightGradient());
    Optional<View> db = s.biasGradient().map(this::view);
    return () -> {
      Convolutions.backwardFilter(window, x, dy, dw);
      db.ifPresent(b -> Convolutions.backwardBias(dy, b));
    };
  }

  @Override
  public Runnable visit(LinearForward s) {
    View x = view(s.input());
    View w = view(s.weight());
    View b = view(s.bias());
    View y = view(s.output());
    return () -> Linears.forward(x, w, b, y, s.relu());
  }

  @Override
  public Runnable visit(LinearBackwardData s) {
    View dy = view(s.outputGradient());
    View w = view(s.weight());
    View dx = view(s.inputGradient());
    return () -> Linears.backwardData(dy, w, dx);
  }

  @Override
  public Runnable visit(LinearBackwardFilter s) {
    View x = view(s.input());
    View dy = view(s.outputGradient());
    View dw = view(s.weightGradient());
    View db = view(s.biasGradient());
    return () -> Linears.backwardFilter(x, dy, dw, db);
  }

  @Override
  public Runnable visit(ActivationForward s) {
    View x = view(s.input());
    View y = view(s.output());
    return () -> Elements.activate(s.function(), x, y);
  }

  @Override
  public Runnable visit(ActivationBackward s) {
    View y = view(s.output());
    View dy = view(s.outputGradient());
    View dx = view(s.inputGradient());
    return () -> Elements.activateBackward(s.function(), y, dy, dx);
  }

  @Override
  public Runnable visit(ReluBiasBackward s) {
    View y = view(s.output());
    View dy = view(s.outputGradient());
    View dx = view(s.inputGradient());
    View db = view(s.biasGradient());
    return () -> {
      Elements.activateBackward(Activation.RELU, y, dy, dx);
      Convolutions.backwardBias(dx, db);
    };
  }

  @Override
  public Runnable visit(BatchNormForward s) {
    View x = view(s.input());
    View weight = view(s.weight());
    View bias = view(s.bias());
    View runningMean = view(s.runningMean());
    View runningVariance = view(s.runningVariance());
    View y = view(s.output());
    View mean = view(s.mean());
    View inverse = view(s.inverse());
    return () ->
        BatchNorms.forward(
            s.norm(),
            x,
            weight,
            bias,
            runningMean,
            runningVariance,
            y,
            mean,
            inverse,
            after(s.after()));
  }

  private BatchNorms.After after(AfterNorm after) {
    return new BatchNorms.After(
        after.added().map(this::view), after.relu(), after.mask().map(this::view));
  }

  @Override
  public Runnable visit(BatchNormBackward s) {
    View x = view(s.input());
    View weight = view(s.weight());
    View mean = view(s.mean());
    View inverse = view(s.inverse());
    View dy = view(s.outputGradient());
    Optional<View> dx = s.inputGradient().map(this::view);
    View dweight = view(s.weightGradient());
    View dbias = view(s.biasGradient());
    return () ->
        BatchNorms.backward(x, weight, mean, inverse, BatchNorms.Gate.OPEN, dy, dx, dweight, dbias);
  }

  @Override
  public Runnable visit(BatchNormReluBackward s) {
    View x = view(s.input());
    View weight = view(s.weight());
    View mean = view(s.mean());
    View inverse = view(s.inverse());
    View dy = view(s.outputGradient());
    Optional<View> dx = s.inputGradient().map(this::view);
    View dweight = view(s.weightGradient());
    View dbias = view(s.biasGradient());
    BatchNorms.Gate gate =
        s.mask()
            .map(m -> BatchNorms.Gate.bits(view(m)))
            .orElseGet(() -> BatchNorms.Gate.again(x, mean, inverse, weight, view(s.bias())));
    return () -> BatchNorms.backward(x, weight, mean, inverse, gate, dy, dx, dweight, dbias);
  }

  @Override
  public Runnable visit(BatchNormSumReluBackward s) {
    View y = view(s.output());
    View dy = view(s.outputGradient());
    View masked = view(s.sumGradient());
    Runnable norm = visit(s.norm());
    return () -> {
      Elements.activateBackward(Activation.RELU, y, dy, masked);
      norm.run();
    };
  }

  @Override
  public Runnable visit(FoldNorm s) {
    View weight = view(s.weight());
    Optional<View> bias = s.bias().map(this::view);
    View normWeight = view(s.normWeight());
    View normBias = view(s.normBias());
    View mean = view(s.runningMean());
    View variance = view(s.runningVariance());
    View foldedWeight = view(s.foldedWeight());
    View foldedBias = view(s.foldedBias());
    return () ->
        BatchNorms.fold(
            s.norm(), weight, bias, normWeight, normBias, mean, variance, foldedWeight, foldedBias);
  }

  @Override
  public Runnable visit(BatchNormInference s) {
    View x = view(s.input());
    View weight = view(s.weight());
    View bias = view(s.bias());
    View mean = view(s.runningMean());
    View variance = view(s.runningVariance());
    View y = view(s.output());
    return () ->
        BatchNorms.inference(s.norm(), x, weight, bias, mean, variance, y, after(s.after()));
  }

  @Override
  public Runnable visit(MaxPoolForward s) {
    Window window = s.pool().window();
    View x = view(s.input());
    View y = view(s.output());
    Optional<View> position = s.position().map(this::view);
    return () -> Pools.max(window, x, y, position);
  }

  @Override
  public Runnable visit(MaxPoolBackward s) {
    Window window = s.pool().window();
    View position = view(s.position());
    View dy = view(s.outputGradient());
    View dx = view(s.inputGradient());
    return () -> Pools.maxBackward(window, position, dy, dx);
  }

  @Override
  public Runnable visit(AvgPoolForward s) {
    View x = view(s.input());
    View y = view(s.output());
    return () -> Pools.windowAverage(s.pool(), x, y);
  }

  @Override
  public Runnable visit(AvgPoolBackward s) {
    View dy = view(s.outputGradient());
    View dx = view(s.inputGradient());
    return () -> Pools.windowAverageBackward(s.pool(), dy, dx);
  }

  @Override
  public Runnable visit(GlobalAvgPoolForward s) {
    View x = view(s.input());
    View y = view(s.output());
    return () -> Pools.average(x, y);
  }

  @Override
  public Runnable visit(GlobalAvgPoolBackward s) {
    View dy = view(s.outputGradient());
    View dx = view(s.inputGradient());
    return () -> Pools.averageBackward(dy, dx);
  }

  @Override
  public Runnable visit(GlobalMaxPoolForward s) {
    View x = view(s.input());
    View y = view(s.output());
    Optional<View> position = s.position().map(this::view);
    return () -> Pools.globalMax(x, y, position);
  }

  @Override
  public Runnable visit(GlobalMaxPoolBackward s) {
    View position = view(s.position());
    View dy = view(s.outputGradient());
    View dx = view(s.inputGradient());
    return () -> Pools.globalMaxBackward(position, dy, dx);
  }

  @Override
  public Runnable visit(DropoutForward s) {
    return dropout(s.probability(), s.stream(), view(s.input()), view(s.output()));
  }

  @Override
  public Runnable visit(DropoutBackward s) {
    return dropout(s.probability(), s.stream(), view(s.outputGradient()), view(s.inputGradient()));
  }

  private Runnable dropout(float probability, int stream, View x, View y) {
    return () -> {
      Epoch epoch = session.epoch();
      int step = epoch.firstStep() + session.index();
      long first = (long) epoch.firstPlace() * (x.size() / x.dim(0));
      Elements.dropout(probability, epoch.seed(), first, step, stream, x, y);
    };
  }

  @Override
  public Runnable visit(FlattenForward s) {
    View x = view(s.input());
    View y = view(s.output());
    return () -> Elements.copy(x, y);
  }

  @Override
  public Runnable visit(FlattenBackward s) {
    View dy = view(s.outputGradient());
    View dx = view(s.inputGradient());
    return () -> Elements.copy(dy, dx);
  }

  @Override
  public Runnable visit(Sum s) {
    List<View> inputs = s.inputs().stream().map(this::view).toList();
    View y = view(s.output());
    return () -> Elements.sum(inputs, y, s.relu());
  }

  @Override
  public Runnable visit(ConcatForward s) {
    List<View> inputs = s.inputs().stream().map(this::view).toList();
    View y = view(s.output());
    return () -> {
      int channel = 0;
      for (View input : inputs) {
        Concats.put(input, y, channel);
        channel += input.dim(1);
      }
    };
  }

  @Override
  public Runnable visit(ConcatBackward s) {
    View dy = view(s.outputGradient());
    return () ->
        s.slices()
            .forEach(slice -> Concats.take(dy, view(slice.inputGradient()), slice.firstChannel()));
  }

  @Override
  public Runnable visit(SoftmaxCrossEntropy s) {
    View logits = view(s.logits());
    View labels = view(s.labels());
    Optional<View> gradient = s.gradient().map(this::view);
    return () ->
        session.count(
            before -> Losses.softmaxCrossEntropy(logits, labels, gradient, s.smoothing(), before));
  }

  @Override
  public Runnable visit(ClipFactor s) {
    List<View> gradients = views(s.gradients());
    View factor = view(s.factor());
    return () -> Updates.clipFactor(s, gradients, factor);
  }

  @Override
  public Runnable visit(SgdUpdate s) {
    List<View> velocities = views(s.velocities());
    return update(
        s.group(),
        (i, rate, step, w, dw) ->
            Updates.sgd(
                s.sgd(),
                rate,
                w,
                dw,
                velocities.isEmpty() ? Optional.empty() : Optional.of(velocities.get(i))));
  }

  @Override
  public Runnable visit(AdamUpdate s) {
    List<View> means = views(s.means());
    List<View> squares = views(s.squares());
    return update(
        s.group(),
        (i, rate, step, w, dw) ->
            Updates.adam(s.adam(), rate, step, w, dw, means.get(i), squares.get(i)));
  }

  /** What an optimizer does to the i-th parameter of a group. */
  @FunctionalInterface
  private interface Rule {
    void update(int i, double rate, long step, View w, Updates.Gradient dw);
  }

  private Runnable update(UpdateGroup group, Rule rule) {
    List<View> parameters = views(group.parameters());
    List<View> gradients = views(group.gradients());
    Optional<View> clip = group.clip().map(this::view);
    Optional<List<View>> averages = group.average().map(a -> views(a.values()));
    return () -> {
      double rate = (double) group.rate() * session.epoch().learningRates()[session.index()];
      long step = (long) session.epoch().firstStep() + session.index();
      for (int i = 0; i < parameters.size(); i++) {
        View w = parameters.get(i);
        rule.update(i, rate, step, w, new Updates.Gradient(gradients.get(i), clip));
        if (averages.isPresent()) {
          Updates.average(group.average().orElseThrow(), step, w, averages.get().get(i));
        }
      }
    };
  }

  private List<View> views(List<TensorSpec> tensors) {
    return tensors.stream().map(this::view).toList();
  }

  @Override
  public Runnable visit(Fused s) {
    List<Runnable> steps = s.parts().stream().map(part -> part.accept(this)).toList();
    return () -> steps.forEach(Runnable::run);
  }
}
