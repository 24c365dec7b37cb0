package org.nin4j.interop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.nin4j.backend.Session;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.model.Initialisation;
import org.nin4j.model.Network;
import org.nin4j.model.Parameter;
import org.nin4j.model.zoo.Networks;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.MakeBatch;
import org.nin4j.plan.step.SoftmaxCrossEntropy;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Philox;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;
import org.nin4j.train.checkpoint.Parameters;

/**
 * A network with values that look trained, images for it, and what {@code reference} makes of them.
 */
record ZooCase(PortableNetwork network, HostTensor images) {
  static final int SAMPLES = 2;
  static final int CLASSES = 10;

  /** Sides of the images of networks that would take long at theirs. */
  private static final Map<String, Integer> SMALLER =
      Map.ofEntries(
          Map.entry("nin", 67),
          Map.entry("nin-bn", 67),
          Map.entry("nin-15", 67),
          Map.entry("nin-11", 63),
          Map.entry("nin-16", 63),
          Map.entry("nin-19", 63),
          Map.entry("nin-cifar", 16),
          Map.entry("alexnet", 67),
          Map.entry("vgg11", 32),
          Map.entry("vgg11-quarter", 64),
          Map.entry("googlenet", 64),
          Map.entry("resnet18", 64),
          Map.entry("densenet", 64));

  private static final Map<String, HostTensor> LOGITS = new ConcurrentHashMap<>();

  static ZooCase of(String name) {
    Networks.Known known = Networks.named(name);
    int side = SMALLER.getOrDefault(name, known.size());
    return of(known.network(CLASSES), Shape.of(known.channels(), side, side));
  }

  static ZooCase of(Network network, Shape input) {
    Philox.Sequence random = new Philox.Sequence(11, 0, 0);
    Map<String, HostTensor> values = new LinkedHashMap<>();
    int number = 0;
    for (Parameter parameter : Parameters.of(network, input)) {
      values.put(parameter.name(), values(parameter, number++, random));
    }
    HostTensor images = HostTensor.zeros(input.batched(SAMPLES));
    for (int i = 0; i < images.values().length; i++) {
      images.values()[i] = random.nextUniform() * 2 - 0.5f;
    }
    return new ZooCase(
        new PortableNetwork(network, input, values, Map.of("nin4j.note", "π")), images);
  }

  /** As drawn for a training, but with norms that change something. */
  private static HostTensor values(Parameter parameter, int number, Philox.Sequence random) {
    boolean norm =
        switch (parameter.role()) {
          case SCALE, SHIFT, RUNNING_MEAN, RUNNING_VARIANCE -> true;
          case WEIGHT, BIAS -> false;
        };
    if (!norm) {
      return Initialisation.HE_UNIFORM.draw(parameter, number, 3);
    }
    boolean aroundOne =
        parameter.role() == Parameter.Role.SCALE
            || parameter.role() == Parameter.Role.RUNNING_VARIANCE;
    HostTensor drawn = HostTensor.zeros(parameter.shape());
    for (int i = 0; i < drawn.values().length; i++) {
      drawn.values()[i] = random.nextUniform() - 0.5f + (aroundOne ? 1 : 0);
    }
    return drawn;
  }

  /** What the reference gives for the images, computed once for each network. */
  HostTensor logits() {
    return LOGITS.computeIfAbsent(
        network.network() + " " + network.input(), key -> logits(network, images));
  }

  /** Checks that logits are those of the reference, to a share of the largest. */
  static void assertClose(String what, float[] expected, float[] actual, double share) {
    assertEquals(expected.length, actual.length, what);
    double largest = 0;
    double error = 0;
    for (int i = 0; i < expected.length; i++) {
      largest = Math.max(largest, Math.abs(expected[i]));
      error = Math.max(error, Math.abs(expected[i] - actual[i]));
    }
    double most = share * largest;
    double found = error;
    assertTrue(largest > 0, () -> what + ": all logits are 0");
    assertTrue(found <= most, () -> Text.of("%s: off by %g, at most %g", what, found, most));
  }

  /** What the reference gives for any images. */
  static HostTensor logits(PortableNetwork of, HostTensor images) {
    Plan plan =
        Planner.plan(
            of.network(),
            BatchSpec.unit(of.input(), of.input().dim(1), of.input().dim(2)),
            images.shape().dim(0),
            Precision.FP32,
            new Purpose.Inference());
    MakeBatch batch = plan.batchStep().orElseThrow();
    // Images as floats: the batch is not made, but written.
    Plan rest =
        plan.withSteps(plan.steps().stream().filter(step -> !step.equals(batch)).toList())
            .keeping(List.of(batch.images()));
    try (ReferenceBackend backend = new ReferenceBackend();
        Session session = backend.bind(backend.prepare(rest))) {
      Parameters.write(session, of.values());
      session.write(batch.images(), images);
      session.run();
      return session.read(plan.steps(SoftmaxCrossEntropy.class).findFirst().orElseThrow().logits());
    }
  }
}
