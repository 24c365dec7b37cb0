package org.nin4j.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.nin4j.model.Activation;
import org.nin4j.model.BatchNorm;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Dropout;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.Layer;
import org.nin4j.model.Linear;
import org.nin4j.model.MaxPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.Sequential;
import org.nin4j.model.zoo.NetworkInNetwork;
import org.nin4j.plan.rewrite.Fusion;
import org.nin4j.plan.step.ActivationBackward;
import org.nin4j.plan.step.ActivationForward;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.ConvolutionBackwardData;
import org.nin4j.plan.step.ConvolutionBackwardFilter;
import org.nin4j.plan.step.ConvolutionForward;
import org.nin4j.plan.step.DropoutForward;
import org.nin4j.plan.step.Learning;
import org.nin4j.plan.step.ReluBiasBackward;
import org.nin4j.plan.step.Sgd;
import org.nin4j.plan.step.SoftmaxCrossEntropy;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.plan.step.Update;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Shape;

class PlannerTest {
  private static Plan nin(int channels, Precision precision, Purpose purpose) {
    BatchSpec images = BatchSpec.unit(Shape.of(channels, 28, 28), 224, 224);
    return Planner.plan(NetworkInNetwork.of(10), images, 1, precision, purpose);
  }

  /**
   * 762.3 M with one channel; 830,042,124 with three, less what the counter adds for the average.
   */
  @Test
  void forwardMultiplyAddsAreThePublishedOnes() {
    long oneChannel = nin(1, Precision.FP32, new Purpose.Inference()).multiplyAdds();
    assertEquals(762.3, oneChannel / 1e6, 0.05);
    long threeChannels = nin(3, Precision.FP32, new Purpose.Inference()).multiplyAdds();
    assertEquals(830.04, threeChannels / 1e6, 0.005);
  }

  /** Forward, filter gradients, and data gradients of all but the first convolution: 2,253 M. */
  @Test
  void trainingSkipsTheFirstDataGradient() {
    Plan plan = nin(1, Precision.FP32, new Purpose.Training(Sgd.PLAIN));
    assertEquals(2_253, plan.multiplyAdds() / 1e6, 0.5);
    assertEquals(12, plan.steps(ConvolutionBackwardFilter.class).count());
    assertEquals(11, plan.steps(ConvolutionBackwardData.class).count());
    assertTrue(plan.tensors().stream().noneMatch(t -> t.name().equals("images.gradient")));
  }

  @Test
  void bf16IsForActivationsAndNothingElse() {
    Plan plan = nin(1, Precision.BF16, new Purpose.Training(new Sgd(0.9f, true, 5e-4f)));
    for (TensorSpec tensor : plan.tensors()) {
      boolean fewerBits =
          tensor.role() == Role.ACTIVATION
              && !tensor.name().startsWith("8")
              && !tensor.name().startsWith("9")
              && !tensor.name().contains(".f32")
              && tensor.type() != DType.U8
              && tensor.type() != DType.I32;
      assertEquals(fewerBits ? DType.BF16 : tensor.type(), tensor.type(), tensor.toString());
      if (tensor.role() != Role.ACTIVATION || tensor.name().startsWith("9")) {
        assertEquals(DType.F32, tensor.type(), tensor.toString());
      }
    }
  }

  /** Whatever comes last, from the last layer that makes sums on; without one, from the images. */
  @Test
  void theHeadIsInSinglePrecision() {
    Conv2d first = new Conv2d(4, 3, 1, 1);
    Conv2d logits = new Conv2d(3, 1, 1, 0);
    assertEquals("1.f32", firstWide(first, Activation.RELU, logits, new Flatten()));
    assertEquals(
        "1.f32",
        firstWide(
            first, Activation.RELU, logits, Activation.RELU, new Dropout(0.5f), new Flatten()));
    assertEquals(
        "1.f32", firstWide(first, Activation.RELU, logits, new MaxPool2d(2, 2), new Flatten()));
    assertEquals("1.f32", firstWide(first, Activation.RELU, new GlobalAvgPool2d(), new Flatten()));
    assertEquals("1.f32", firstWide(first, new Flatten(), new Linear(3), Activation.RELU));
    assertEquals("images", firstWide(Activation.RELU, new Flatten()));
  }

  /** The first fp32 activation of a bf16 training plan; the logits and their gradient are fp32. */
  private static String firstWide(Layer... layers) {
    Plan plan =
        Planner.plan(
            new Network("head", Sequential.of(layers)),
            BatchSpec.unit(Shape.of(1, 6, 6), 6, 6),
            2,
            Precision.BF16,
            new Purpose.Training(Optional.empty(), 0));
    SoftmaxCrossEntropy loss = plan.steps(SoftmaxCrossEntropy.class).findFirst().orElseThrow();
    assertEquals(DType.F32, loss.logits().type());
    return plan.tensors(Role.ACTIVATION).stream()
        .filter(t -> t.type() == DType.F32)
        .findFirst()
        .orElseThrow()
        .name();
  }

  @Test
  void inferenceHasNoDropoutNoPositionsNoGradients() {
    Plan plan = nin(1, Precision.FP32, new Purpose.Inference());
    assertEquals(0, plan.steps(DropoutForward.class).count());
    assertTrue(plan.tensors(Role.PARAMETER_GRADIENT).isEmpty());
    assertTrue(plan.tensors().stream().noneMatch(t -> t.type() == DType.U8));
  }

  @Test
  void fusionPutsEveryReluIntoItsConvolution() {
    Plan plan =
        Fusion.CONVOLUTION_RELU.apply(nin(1, Precision.FP32, new Purpose.Training(Sgd.PLAIN)));
    assertEquals(0, plan.steps(ActivationForward.class).count());
    assertEquals(12, plan.steps(ConvolutionForward.class).filter(ConvolutionForward::relu).count());
    Plan both = Fusion.RELU_BIAS_GRADIENT.apply(plan);
    assertEquals(12, both.steps(ReluBiasBackward.class).count());
    assertEquals(0, both.steps(ActivationBackward.class).count());
    assertTrue(
        both.steps(ConvolutionBackwardFilter.class).allMatch(f -> f.biasGradient().isEmpty()));
    assertEquals(plan.multiplyAdds(), both.multiplyAdds());
  }

  /**
   * Behind each of the three pools the mask is applied where there are a quarter as many pixels.
   */
  @Test
  void reluGradientsMoveBehindTheirPools() {
    Plan plan = nin(1, Precision.FP32, new Purpose.Training(Sgd.PLAIN));
    Plan moved = Fusion.RELU_AFTER_POOL.apply(plan);
    List<String> masked =
        moved
            .steps(ActivationBackward.class)
            .filter(s -> s.inputGradient().name().endsWith(".masked"))
            .map(s -> s.layer() + " " + s.output().shape())
            .toList();
    assertEquals(List.of("4.5 1×384×5×5", "2.5 1×256×12×12", "0.5 1×96×26×26"), masked);
    assertEquals(plan.steps().size(), moved.steps().size());
  }

  @Test
  void aKeptActivationIsNotFusedAway() {
    Plan plan = nin(1, Precision.FP32, new Purpose.Inference());
    Plan keeping = plan.keeping(List.of(plan.tensor("2.2")));
    Plan fused = Fusion.CONVOLUTION_RELU.apply(keeping);
    assertEquals(List.of("2.3"), fused.steps(ActivationForward.class).map(Step::layer).toList());
  }

  /** There is no last layer with weights to treat otherwise. */
  @Test
  void aNetworkOfNormsAloneIsUpdated() {
    Network network =
        new Network("norm", Sequential.of(new BatchNorm(), new GlobalAvgPool2d(), new Flatten()));
    Learning learning =
        new Learning(
            Sgd.PLAIN,
            new Learning.Factors(1, 0.5f, 0.1f, true),
            Optional.empty(),
            Optional.empty());
    Plan plan =
        Planner.plan(
            network,
            BatchSpec.unit(Shape.of(3, 4, 4), 4, 4),
            2,
            Precision.FP32,
            new Purpose.Training(Optional.of(learning), 0));
    List<Update> updates = plan.steps(Update.class).toList();
    assertEquals(1, updates.size());
    assertEquals(
        List.of("0.weight", "0.bias"),
        updates.get(0).group().parameters().stream().map(TensorSpec::name).toList());
    assertEquals(0.5f, updates.get(0).group().rate());
  }
}
