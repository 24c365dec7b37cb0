package org.nin4j.train.diagnosis;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.nin4j.backend.Backend;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.Session;
import org.nin4j.data.ImageDataset;
import org.nin4j.model.Activation;
import org.nin4j.model.Network;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.ActivationForward;
import org.nin4j.plan.step.ConvolutionForward;
import org.nin4j.plan.step.GlobalMaxPoolForward;
import org.nin4j.plan.step.LinearForward;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;
import org.nin4j.train.checkpoint.Parameters;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.session.Images;
import org.nin4j.train.session.SampleOrder;

/**
 * Finds ReLU channels that are 0 at every pixel of every image looked at. Their gradient is 0, so
 * they stay so; and where a network ends in ReLU and global average pooling, a dead channel of the
 * last one is a class that can never be answered.
 */
public final class DeadUnits implements AutoCloseable {
  private static final int IMAGES = 64;
  private static final int BATCH = 16;

  /**
   * How many there are.
   *
   * @param units in all ReLU layers
   * @param classes in the last one, if each of its channels belongs to a class
   */
  public record Count(int units, int classes) {}

  private final Session session;
  private final List<TensorSpec> maxima;
  private final int images;
  private final int batch;
  private final boolean endsInClasses;

  public DeadUnits(Backend backend, Recipe recipe, Network network, ImageDataset data) {
    images = Math.min(IMAGES, data.count());
    batch = Math.min(BATCH, images);
    Plan plan =
        Planner.plan(
            network,
            recipe.images(Images.shape(data)),
            batch,
            recipe.precision(),
            new Purpose.Inference());
    boolean last = false;
    List<Step> steps = new ArrayList<>();
    List<TensorSpec> found = new ArrayList<>();
    for (Step step : plan.steps()) {
      steps.add(step);
      if (step instanceof ActivationForward relu && relu.function() == Activation.RELU) {
        found.add(maximum(relu, steps));
        last = relu.output().shape().dim(1) == data.classNames().size();
      } else if (step instanceof ConvolutionForward || step instanceof LinearForward) {
        last = false;
      }
    }
    endsInClasses = last;
    maxima = List.copyOf(found);
    session = backend.bind(backend.prepare(plan.withSteps(steps).keeping(maxima)));
    session.load(Images.samples(data));
  }

  /**
   * The tensor of each channel's maximum, which the device finds: of NiN's activations at 224×224,
   * six megabytes an image, a few kilobytes are read.
   */
  private static TensorSpec maximum(ActivationForward relu, List<Step> steps) {
    TensorSpec output = relu.output();
    Shape shape = output.shape();
    if (shape.rank() != 4) {
      return output;
    }
    TensorSpec maximum =
        new TensorSpec(
            output.name() + ".maximum",
            Shape.of(shape.dim(0), shape.dim(1), 1, 1),
            output.type(),
            Role.ACTIVATION);
    steps.add(new GlobalMaxPoolForward(relu.layer(), output, maximum, Optional.empty()));
    return maximum;
  }

  public Count count(Map<String, HostTensor> parameters) {
    Parameters.write(session, parameters);
    int[] order = SampleOrder.inOrder(images, batch);
    int steps = order.length / batch;
    session.begin(new Epoch(0, 0, order, new float[steps]));
    List<boolean[]> alive =
        maxima.stream().map(tensor -> new boolean[tensor.shape().dim(1)]).toList();
    for (int step = 0; step < steps; step++) {
      session.run();
      int samples = Math.min(batch, images - step * batch);
      for (int i = 0; i < maxima.size(); i++) {
        mark(session.read(maxima.get(i)), samples, alive.get(i));
      }
    }
    int units = alive.stream().mapToInt(DeadUnits::dead).sum();
    return new Count(units, endsInClasses ? dead(alive.get(alive.size() - 1)) : 0);
  }

  private static void mark(HostTensor output, int samples, boolean[] alive) {
    int channels = alive.length;
    int pixels = output.values().length / output.shape().dim(0) / channels;
    for (int n = 0; n < samples; n++) {
      for (int c = 0; c < channels; c++) {
        int from = (n * channels + c) * pixels;
        for (int p = from; p < from + pixels && !alive[c]; p++) {
          alive[c] = output.values()[p] > 0;
        }
      }
    }
  }

  private static int dead(boolean[] alive) {
    int dead = 0;
    for (boolean lives : alive) {
      dead += lives ? 0 : 1;
    }
    return dead;
  }

  @Override
  public void close() {
    session.close();
  }
}
