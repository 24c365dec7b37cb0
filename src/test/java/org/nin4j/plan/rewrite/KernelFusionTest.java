package org.nin4j.plan.rewrite;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.function.Executable;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.RandomSamples;
import org.nin4j.backend.Session;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.model.Activation;
import org.nin4j.model.BatchNorm;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.Identity;
import org.nin4j.model.Initialisation;
import org.nin4j.model.MaxPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.NinBlock;
import org.nin4j.model.Parameter;
import org.nin4j.model.Sequential;
import org.nin4j.model.Sum;
import org.nin4j.model.Window;
import org.nin4j.model.zoo.NetworkInNetwork;
import org.nin4j.plan.Arena;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.StorageRules;
import org.nin4j.plan.step.BatchNormReluBackward;
import org.nin4j.plan.step.BatchNormSumReluBackward;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.ConvolutionForward;
import org.nin4j.plan.step.Fused;
import org.nin4j.plan.step.Sgd;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.tensor.Shape;

class KernelFusionTest {
  private static final Purpose TRAINING = new Purpose.Training(new Sgd(0.9f, true, 5e-4f));
  private static final Purpose GRADIENTS = new Purpose.Training(Optional.empty(), 0);
  private static final Purpose INFERENCE = new Purpose.Inference();

  /** The published network as a backend's other fusions leave it. */
  private static Plan nin(Purpose purpose) {
    BatchSpec images = BatchSpec.unit(Shape.of(1, 28, 28), 224, 224);
    return prepared(Planner.plan(NetworkInNetwork.of(10), images, 128, Precision.BF16, purpose));
  }

  private static Plan prepared(Plan plan) {
    return Fusion.RELU_BIAS_GRADIENT.apply(
        Fusion.RELU_AFTER_POOL.apply(Fusion.CONVOLUTION_RELU.apply(plan)));
  }

  private static Plan all(KernelFusion fusion, Plan plan) {
    return fusion.apply(plan, replacements -> true);
  }

  private static Plan firstBlock(Plan plan) {
    return KernelFusion.NIN_BLOCK.apply(
        plan, replacements -> replacements.get(0).by().layer().equals("0.0"));
  }

  private static List<String> fused(Plan plan) {
    return plan.steps(Fused.class).map(f -> f.layer() + " " + f.kind()).toList();
  }

  private static Set<String> vanished(Plan before, Plan after) {
    return before.tensors().stream()
        .filter(t -> !after.tensors().contains(t))
        .map(TensorSpec::name)
        .collect(Collectors.toSet());
  }

  private static long arena(Plan plan) {
    return Arena.place(
            plan,
            new StorageRules() {
              @Override
              public long bytes(TensorSpec tensor) {
                return tensor.bytes();
              }

              @Override
              public long alignment() {
                return 256;
              }
            })
        .bytes();
  }

  private static void assertSameOutside(Plan before, Plan after) {
    assertEquals(before.tensors(Role.PARAMETER), after.tensors(Role.PARAMETER));
    assertEquals(
        Set.copyOf(before.tensors(Role.PARAMETER_GRADIENT)),
        Set.copyOf(after.tensors(Role.PARAMETER_GRADIENT)));
    assertEquals(before.kept(), after.kept());
  }

  @Test
  void pairsOfInferenceStoreNothingBetween() {
    Plan plan = nin(INFERENCE);
    Plan paired = all(KernelFusion.POINTWISE_PAIR, plan);
    assertEquals(
        List.of(
            "0.2 PointwisePairForward",
            "2.2 PointwisePairForward",
            "4.2 PointwisePairForward",
            "7.2 PointwisePairForward"),
        fused(paired));
    assertEquals(Set.of("0.3", "2.3", "4.3", "7.3"), vanished(plan, paired));
    assertEquals(plan.multiplyAdds(), paired.multiplyAdds());
    assertSameOutside(plan, paired);
    Fused pair = paired.steps(Fused.class).findFirst().orElseThrow();
    assertEquals(
        List.of("0.1", "0.2.weight", "0.2.bias", "0.4.weight", "0.4.bias"),
        pair.reads().stream().map(TensorSpec::name).toList());
    assertEquals(List.of("0.3"), pair.inner().stream().map(TensorSpec::name).toList());
    assertEquals(
        pair.reads().stream().mapToLong(TensorSpec::bytes).sum() + 128L * 96 * 54 * 54 * 2,
        pair.bytes());
  }

  /** Gradients read what is between. */
  @Test
  void pairsOfTrainingStoreWhatIsBetween() {
    Plan plan = nin(TRAINING);
    Plan paired = all(KernelFusion.POINTWISE_PAIR, plan);
    assertEquals(4, fused(paired).size());
    assertEquals(Set.of(), vanished(plan, paired));
    assertEquals(plan.steps().size() - 4, paired.steps().size());
    assertTrue(
        paired.steps(Fused.class).allMatch(f -> f.inner().isEmpty() && f.writes().size() == 2));
    assertSameOutside(plan, paired);
  }

  @Test
  void whatIsKeptIsStored() {
    Plan plan = nin(INFERENCE);
    Plan keeping = plan.keeping(List.of(plan.tensor("2.3")));
    Plan paired = all(KernelFusion.POINTWISE_PAIR, keeping);
    assertEquals(Set.of("0.3", "4.3", "7.3"), vanished(keeping, paired));
    assertEquals(
        List.of("2.0 NinBlockForward"),
        fused(
            KernelFusion.NIN_BLOCK.apply(
                plan.keeping(List.of(plan.tensor("0.1"), plan.tensor("4.5"))), r -> true)),
        "only the second block has nothing between that is kept");
  }

  @Test
  void whatIsNotWantedStays() {
    Plan plan = nin(TRAINING);
    for (KernelFusion fusion : KernelFusion.values()) {
      assertEquals(plan, fusion.apply(plan, replacements -> false));
    }
    Plan one =
        KernelFusion.POINTWISE_PAIR.apply(
            plan, replacements -> replacements.get(0).by().layer().equals("4.2"));
    assertEquals(List.of("4.2 PointwisePairForward"), fused(one));
  }

  /** But after the dropout before the last block, whose gradient comes first. */
  @Test
  void dataGradientsTakeTheReluBefore() {
    Plan plan = nin(TRAINING);
    Plan fused = all(KernelFusion.DATA_GRADIENT_RELU, plan);
    assertEquals(
        List.of(
            "7.4 ConvolutionBackwardDataRelu",
            "7.2 ConvolutionBackwardDataRelu",
            "4.4 ConvolutionBackwardDataRelu",
            "4.2 ConvolutionBackwardDataRelu",
            "4.0 ConvolutionBackwardDataRelu",
            "2.4 ConvolutionBackwardDataRelu",
            "2.2 ConvolutionBackwardDataRelu",
            "2.0 ConvolutionBackwardDataRelu",
            "0.4 ConvolutionBackwardDataRelu",
            "0.2 ConvolutionBackwardDataRelu"),
        fused(fused));
    assertEquals(plan.multiplyAdds(), fused.multiplyAdds());
    assertSameOutside(plan, fused);
    assertEquals(
        Set.of(
            "7.3.gradient",
            "7.1.gradient",
            "4.3.gradient",
            "4.1.gradient",
            "3.gradient",
            "2.3.gradient",
            "2.1.gradient",
            "1.gradient",
            "0.3.gradient",
            "0.1.gradient"),
        vanished(plan, fused));
    assertTrue(arena(fused) <= arena(plan), "no tensor more is alive at once");
  }

  /** What somebody else reads, or is kept, is not to vanish. */
  @Test
  void aDataGradientThatOthersReadStaysApart() {
    Plan plan = nin(TRAINING);
    TensorSpec kept = plan.tensor("4.3.gradient");
    Plan fused = all(KernelFusion.DATA_GRADIENT_RELU, plan.keeping(List.of(kept)));
    assertFalse(fused(fused).contains("4.4 ConvolutionBackwardDataRelu"), fused(fused).toString());
    assertTrue(fused(fused).contains("4.2 ConvolutionBackwardDataRelu"), fused(fused).toString());
    // A second reader, after the ReLU's gradient.
    TensorSpec other = new TensorSpec("other", kept.shape(), kept.type(), kept.role());
    List<Step> steps = new ArrayList<>(plan.steps());
    steps.add(
        steps.size() - 1, new org.nin4j.plan.step.Sum("other", List.of(kept, kept), other, false));
    Plan read = all(KernelFusion.DATA_GRADIENT_RELU, plan.withSteps(steps));
    assertEquals(fused(fused), fused(read));
    assertTrue(read.tensors().contains(kept));
  }

  private static Plan heads(Plan plan) {
    return all(KernelFusion.HEAD_BACKWARD, all(KernelFusion.HEAD_FORWARD, plan));
  }

  private static List<String> names(List<TensorSpec> tensors) {
    return tensors.stream().map(TensorSpec::name).toList();
  }

  @Test
  void theHeadOfInferenceStoresItsLogitsAlone() {
    Plan plan = nin(INFERENCE);
    Plan head = heads(plan);
    assertEquals(List.of("7.2 HeadForward"), fused(head));
    assertEquals(plan.steps().size() - 4, head.steps().size());
    Fused forward = head.steps(Fused.class).findFirst().orElseThrow();
    assertEquals(List.of("9"), names(forward.writes()));
    assertEquals(
        List.of("7.1", "7.2.weight", "7.2.bias", "7.4.weight", "7.4.bias"), names(forward.reads()));
    assertEquals(plan.multiplyAdds(), head.multiplyAdds());
    assertSameOutside(plan, head);
  }

  /** The loss is between the two, and both of the convolutions' outputs are stored for backward. */
  @Test
  void theHeadOfTrainingIsAStepEachWay() {
    Plan plan = nin(TRAINING);
    Plan head = heads(plan);
    assertEquals(List.of("7.2 HeadForward", "9 HeadBackward"), fused(head));
    assertEquals(plan.steps().size() - 4 - 9, head.steps().size());
    Fused forward = head.steps(Fused.class).toList().get(0);
    Fused backward = head.steps(Fused.class).toList().get(1);
    assertEquals(
        head.steps().indexOf(forward) + 2, head.steps().indexOf(backward), "the loss between");
    assertEquals(List.of("7.3", "7.5", "9"), names(forward.writes()));
    assertEquals(
        Set.of("9.gradient", "7.5", "7.3", "7.1", "7.4.weight", "7.2.weight"),
        Set.copyOf(names(backward.reads())));
    assertEquals(
        Set.of(
            "7.4.weight.gradient",
            "7.4.bias.gradient",
            "7.2.weight.gradient",
            "7.2.bias.gradient",
            "7.0.bias.gradient",
            backward.parts().get(9).writes().get(0).name()),
        Set.copyOf(names(backward.writes())));
    assertEquals(plan.multiplyAdds(), head.multiplyAdds());
    assertSameOutside(plan, head);
    assertTrue(arena(head) <= arena(plan), "no tensor more is alive at once");
    assertEquals(
        List.of("9 HeadBackward"),
        fused(all(KernelFusion.HEAD_BACKWARD, plan)),
        "each without the other");
  }

  /** They are neither pairs nor data gradients then. */
  @Test
  void othersAreMadeOfWhatHeadsLeave() {
    Plan head = heads(nin(TRAINING));
    List<String> pairs = fused(all(KernelFusion.POINTWISE_PAIR, head));
    assertFalse(pairs.contains("7.2 PointwisePairForward"), pairs.toString());
    List<String> gradients = fused(all(KernelFusion.DATA_GRADIENT_RELU, head));
    assertEquals("4.4 ConvolutionBackwardDataRelu", gradients.get(2));
  }

  /** What a head has only within is not to vanish where others want it. */
  @Test
  void aHeadThatOthersLookIntoStaysApart() {
    Plan training = nin(TRAINING);
    for (Plan plan : List.of(nin(INFERENCE), training)) {
      for (int inner : List.of(2, 3)) {
        Fused forward = all(KernelFusion.HEAD_FORWARD, plan).steps(Fused.class).findFirst().get();
        TensorSpec kept = forward.parts().get(inner).writes().get(0);
        Plan keeping = plan.keeping(List.of(kept));
        assertEquals(keeping, all(KernelFusion.HEAD_FORWARD, keeping), kept.name());
      }
    }
    Fused backward = heads(training).steps(Fused.class).toList().get(1);
    for (int part : List.of(0, 1, 2, 3, 5, 6, 8)) {
      TensorSpec kept = backward.parts().get(part).writes().get(0);
      Plan keeping = training.keeping(List.of(kept));
      assertEquals(List.of("7.2 HeadForward"), fused(heads(keeping)), kept.name());
    }
    // What the convolutions write may be read by whom it may.
    Plan looking = nin(INFERENCE);
    looking = looking.keeping(List.of(looking.tensor("7.3")));
    Fused forward = heads(looking).steps(Fused.class).findFirst().orElseThrow();
    assertEquals(List.of("7.3", "9"), names(forward.writes()));
  }

  /** In fp32 there is no cast; other layers in the last block make no head. */
  @Test
  void otherLayersAreNoHead() {
    BatchSpec images = BatchSpec.unit(Shape.of(1, 28, 28), 224, 224);
    Plan single =
        prepared(Planner.plan(NetworkInNetwork.of(10), images, 2, Precision.FP32, TRAINING));
    assertEquals(single, heads(single));
    Conv2d pointwise = new Conv2d(4, 1, 1, 0);
    Conv2d wider = new Conv2d(4, 3, 1, 1);
    Conv2d grouped = new Conv2d(4, new Window(1, 1, 0), 2, true);
    Conv2d strided = new Conv2d(4, 1, 2, 0);
    Conv2d unbiased = new Conv2d(4, new Window(1, 1, 0), 1, false);
    assertEquals(2, headsAfter(wider, pointwise, pointwise).size());
    for (Conv2d other : List.of(wider, grouped, strided, unbiased)) {
      assertEquals(List.of(), headsAfter(wider, pointwise, other), other.toString());
      assertEquals(List.of(), headsAfter(wider, other, pointwise), other.toString());
    }
    // The bias gradient before is part of the backward one.
    assertEquals(List.of("2 HeadForward"), headsAfter(unbiased, pointwise, pointwise));
    assertEquals(List.of(), headsAfter(wider, wider, pointwise));
  }

  /** In a network of three convolutions with ReLU and a mean. */
  private static List<String> headsAfter(Conv2d first, Conv2d second, Conv2d third) {
    Network network =
        new Network(
            "head",
            Sequential.of(
                first,
                Activation.RELU,
                second,
                Activation.RELU,
                third,
                Activation.RELU,
                new GlobalAvgPool2d(),
                new Flatten()));
    BatchSpec images = BatchSpec.unit(Shape.of(4, 9, 9), 9, 9);
    return fused(heads(prepared(Planner.plan(network, images, 3, Precision.BF16, TRAINING))));
  }

  @Test
  void fusedStepsOfAHeadAreWhatTheirNameSays() {
    List<Fused> heads = heads(nin(TRAINING)).steps(Fused.class).toList();
    for (Fused head : heads) {
      List<Step> parts = head.parts();
      List<List<Step>> others = new ArrayList<>();
      others.add(parts.subList(1, parts.size()));
      others.add(parts.subList(0, parts.size() - 1));
      for (int i = 0; i + 1 < parts.size(); i++) {
        List<Step> turned = new ArrayList<>(parts);
        Collections.swap(turned, i, i + 1);
        others.add(turned);
      }
      for (List<Step> other : others) {
        refuses("no " + head.kind(), () -> new Fused(head.kernel(), other, other.get(0).writes()));
      }
    }
  }

  @Test
  void theReferenceComputesTheSameHead() {
    Network network =
        new Network(
            "small",
            Sequential.of(
                NinBlock.of(6, 5, 2, 0),
                new MaxPool2d(3, 2),
                NinBlock.of(3, 3, 1, 1),
                new GlobalAvgPool2d(),
                new Flatten()));
    BatchSpec images = BatchSpec.unit(Shape.of(1, 9, 9), 27, 25);
    for (Purpose purpose : List.of(TRAINING, GRADIENTS, INFERENCE)) {
      Plan plan = prepared(Planner.plan(network, images, 3, Precision.BF16, purpose));
      Plan head = heads(plan);
      assertEquals(purpose.equals(INFERENCE) ? 1 : 2, fused(head).size());
      List<float[]> expected = run(plan, network, images);
      List<float[]> actual = run(head, network, images);
      for (int i = 0; i < expected.size(); i++) {
        assertArrayEquals(expected.get(i), actual.get(i));
      }
    }
  }

  @Test
  void noOtherStepsAreADataGradientWithRelu() {
    Fused pair =
        all(KernelFusion.DATA_GRADIENT_RELU, nin(TRAINING))
            .steps(Fused.class)
            .findFirst()
            .orElseThrow();
    List<Step> turned = List.of(pair.parts().get(1), pair.parts().get(0));
    assertThrows(
        IllegalArgumentException.class,
        () -> new Fused(Fused.Kernel.DATA_GRADIENT_RELU, turned, pair.writes()));
    assertThrows(
        IllegalArgumentException.class,
        () -> new Fused(Fused.Kernel.DATA_GRADIENT_RELU, pair.parts().subList(0, 1), pair.inner()));
  }

  /** A ReLU that is a step of its own, or missing, makes no pair. */
  @Test
  void otherConvolutionsStayApart() {
    BatchSpec images = BatchSpec.unit(Shape.of(1, 28, 28), 224, 224);
    Plan unprepared = Planner.plan(NetworkInNetwork.of(10), images, 2, Precision.BF16, INFERENCE);
    for (KernelFusion fusion : KernelFusion.values()) {
      assertEquals(unprepared, all(fusion, unprepared));
    }
  }

  @Test
  void blocksOfInferenceStoreTheirPoolAlone() {
    Plan plan = nin(INFERENCE);
    Plan blocks = all(KernelFusion.NIN_BLOCK, plan);
    assertEquals(
        List.of("0.0 NinBlockForward", "2.0 NinBlockForward", "4.0 NinBlockForward"),
        fused(blocks));
    assertEquals(
        Set.of("0.1", "0.3", "0.5", "2.1", "2.3", "2.5", "4.1", "4.3", "4.5"),
        vanished(plan, blocks));
    assertEquals(plan.multiplyAdds(), blocks.multiplyAdds());
    assertTrue(arena(blocks) < arena(plan), arena(blocks) + " of " + arena(plan));
    assertSameOutside(plan, blocks);
  }

  /** Six gradients from images, pooled output, its gradient and the winners' positions. */
  @Test
  void theFirstBlockOfTrainingComputesItsActivationsAgain() {
    Plan plan = nin(TRAINING);
    Plan block = firstBlock(plan);
    assertEquals(List.of("0.0 NinBlockForward", "0.0 NinBlockBackward"), fused(block));
    Fused forward = block.steps(Fused.class).toList().get(0);
    Fused backward = block.steps(Fused.class).toList().get(1);
    assertEquals(
        List.of("1", "1.position"), forward.writes().stream().map(TensorSpec::name).toList());
    assertEquals(
        Set.of(
            "images",
            "0.0.weight",
            "0.0.bias",
            "0.2.weight",
            "0.2.bias",
            "0.4.weight",
            "1",
            "1.position",
            "1.gradient"),
        backward.reads().stream().map(TensorSpec::name).collect(Collectors.toSet()));
    assertEquals(
        Set.of(
            "0.0.weight.gradient",
            "0.0.bias.gradient",
            "0.2.weight.gradient",
            "0.2.bias.gradient",
            "0.4.weight.gradient",
            "0.4.bias.gradient"),
        backward.writes().stream().map(TensorSpec::name).collect(Collectors.toSet()));
    long again =
        backward.parts(ConvolutionForward.class).mapToLong(ConvolutionForward::multiplyAdds).sum();
    assertEquals(2, backward.parts(ConvolutionForward.class).count());
    assertEquals(plan.multiplyAdds() + again, block.multiplyAdds());
    assertEquals(plan.steps().size() - 4 - 9 + 2, block.steps().size());
    assertTrue(block.tensors().stream().noneMatch(t -> t.name().matches("relu[123](\\..*)?")));
    assertTrue(arena(block) < arena(plan), arena(block) + " of " + arena(plan));
    assertSameOutside(plan, block);
  }

  /** The blocks go first and leave no pair where they are. */
  @Test
  void pairsAreMadeOfWhatBlocksLeave() {
    Plan both = all(KernelFusion.POINTWISE_PAIR, firstBlock(nin(TRAINING)));
    assertEquals(
        List.of(
            "0.0 NinBlockForward",
            "2.2 PointwisePairForward",
            "4.2 PointwisePairForward",
            "7.2 PointwisePairForward",
            "0.0 NinBlockBackward"),
        fused(both));
  }

  @Test
  void fusedStepsAreWhatTheirNameSaysAndWriteWhatAPartWrites() {
    Plan plan = nin(INFERENCE);
    Fused pair =
        all(KernelFusion.POINTWISE_PAIR, plan).steps(Fused.class).findFirst().orElseThrow();
    for (List<Step> other :
        List.of(
            List.<Step>of(),
            pair.parts().subList(0, 1),
            List.of(pair.parts().get(1), pair.parts().get(0)))) {
      refuses("no PointwisePairForward", () -> new Fused(pair.kernel(), other, pair.writes()));
    }
    refuses(
        "no NinBlockForward",
        () -> new Fused(Fused.Kernel.NIN_BLOCK_FORWARD, pair.parts(), pair.writes()));
    refuses(
        "no NinBlockBackward",
        () -> new Fused(Fused.Kernel.NIN_BLOCK_BACKWARD, pair.parts(), pair.writes()));
    refuses("what a part writes", () -> new Fused(pair.kernel(), pair.parts(), pair.reads()));
    refuses("write something", () -> new Fused(pair.kernel(), pair.parts(), List.of()));
  }

  private static void refuses(String part, Executable action) {
    String message = assertThrows(IllegalArgumentException.class, action).getMessage();
    assertTrue(message.contains(part), message);
  }

  /** The reference runs the parts, so the numbers are the same to the last bit. */
  @TestFactory
  Stream<DynamicTest> theReferenceComputesTheSame() {
    return Stream.of(TRAINING, GRADIENTS, INFERENCE)
        .flatMap(
            purpose ->
                Stream.of(true, false)
                    .map(
                        prepares ->
                            DynamicTest.dynamicTest(
                                purpose + (prepares ? ", after the other fusions" : ", ReLU alone"),
                                () -> computesTheSame(purpose, prepares))));
  }

  private static void computesTheSame(Purpose purpose, boolean prepares) {
    Network network =
        new Network(
            "small",
            Sequential.of(
                NinBlock.of(6, 5, 2, 0),
                new MaxPool2d(3, 2),
                NinBlock.of(5, 3, 1, 1),
                new MaxPool2d(2, 2),
                NinBlock.of(3, 3, 1, 1),
                new GlobalAvgPool2d(),
                new Flatten()));
    BatchSpec images = BatchSpec.unit(Shape.of(1, 9, 9), 27, 25);
    Plan planned = Planner.plan(network, images, 3, Precision.FP32, purpose);
    Plan plan = prepares ? prepared(planned) : Fusion.CONVOLUTION_RELU.apply(planned);
    List<float[]> expected = run(plan, network, images);
    Plan blocks = all(KernelFusion.NIN_BLOCK, plan);
    assertEquals(purpose.equals(INFERENCE) ? 2 : 4, blocks.steps(Fused.class).count());
    Plan pairs = all(KernelFusion.POINTWISE_PAIR, plan);
    Plan gradients = all(KernelFusion.DATA_GRADIENT_RELU, plan);
    // Of the two blocks that have another one before them, each with its pool; and of all 1×1s.
    assertEquals(purpose.equals(INFERENCE), gradients.equals(plan));
    for (Plan fused :
        List.of(
            blocks,
            pairs,
            gradients,
            all(KernelFusion.POINTWISE_PAIR, blocks),
            all(KernelFusion.DATA_GRADIENT_RELU, blocks))) {
      List<float[]> actual = run(fused, network, images);
      for (int i = 0; i < expected.size(); i++) {
        assertArrayEquals(expected.get(i), actual.get(i));
      }
    }
  }

  private static final Network NORMED =
      new Network(
          "normed",
          Sequential.of(
              new Conv2d(4, 3, 1, 1),
              new BatchNorm(),
              Activation.RELU,
              Sum.of(new Identity(), Sequential.of(new Conv2d(4, 3, 1, 1), new BatchNorm())),
              Activation.RELU,
              new Conv2d(3, 1, 1, 0),
              new BatchNorm(),
              new GlobalAvgPool2d(),
              new Flatten()));

  private static Plan normed(BatchSpec images, Purpose purpose) {
    Plan plan = Planner.plan(NORMED, images, 3, Precision.FP32, purpose);
    for (Fusion fusion :
        List.of(
            Fusion.NORM_RELU, Fusion.SUM_RELU, Fusion.NORM_SUM_RELU, Fusion.NORM_RELU_GRADIENT)) {
      plan = fusion.apply(plan);
    }
    return plan;
  }

  @Test
  void normsOfTrainingMayBeOnePass() {
    BatchSpec images = BatchSpec.unit(Shape.of(1, 7, 6), 7, 6);
    Plan plan = normed(images, TRAINING);
    Plan fused = all(KernelFusion.NORM, plan);
    assertEquals(
        List.of(
            "1 OnePassNormForward",
            "3.1.1 OnePassNormForward",
            "6 OnePassNormForward",
            "6 OnePassNormBackward"),
        fused(fused));
    assertEquals(
        List.of(
            "BatchNormReluForward",
            "BatchNormSumReluForward",
            "BatchNormForward",
            "BatchNormBackward"),
        fused.steps(Fused.class).map(f -> f.parts().get(0).kind()).toList());
    // A gradient with a ReLU's in it is computed step by step.
    assertEquals(
        List.of("BatchNormSumReluBackward", "BatchNormReluBackward"),
        fused.steps().stream()
            .map(Step::kind)
            .filter(kind -> kind.startsWith("BatchNorm"))
            .toList());
    assertEquals(plan.tensors(), fused.tensors());
    assertSameOutside(plan, fused);
    Plan inference = normed(images, INFERENCE);
    assertEquals(inference, all(KernelFusion.NORM, inference));
    List<float[]> expected = run(plan, NORMED, images);
    List<float[]> actual = run(fused, NORMED, images);
    for (int i = 0; i < expected.size(); i++) {
      assertArrayEquals(expected.get(i), actual.get(i));
    }
    refuses(
        "no OnePassNormForward",
        () -> {
          Fused gradient = fused.steps(Fused.class).toList().get(3);
          new Fused(Fused.Kernel.NORM_FORWARD, gradient.parts(), gradient.writes());
        });
    for (Class<? extends Step> kind :
        List.of(BatchNormReluBackward.class, BatchNormSumReluBackward.class)) {
      Step gradient = plan.steps(kind).findFirst().orElseThrow();
      refuses(
          "no OnePassNormBackward",
          () -> new Fused(Fused.Kernel.NORM_BACKWARD, List.of(gradient), gradient.writes()));
    }
  }

  /** Logits, gradients, parameters and state after two runs. */
  private static List<float[]> run(Plan plan, Network network, BatchSpec images) {
    try (ReferenceBackend backend = new ReferenceBackend();
        Session session = backend.bind(backend.prepare(plan))) {
      session.load(RandomSamples.of(images.source(), 6, 3, 11));
      List<Parameter> parameters = new ArrayList<>(network.parameters(images.output()));
      parameters.addAll(network.state(images.output()));
      for (int i = 0; i < parameters.size(); i++) {
        session.write(
            plan.tensor(parameters.get(i).name()),
            Initialisation.HE_UNIFORM.draw(parameters.get(i), i, 11));
      }
      float[] rates = {0.1f, 0.1f};
      session.begin(new Epoch(1, 0, new int[] {0, 1, 2, 3, 4, 5}, rates));
      session.run();
      session.run();
      List<float[]> results =
          Stream.of(
                  plan.kept().stream().sorted((a, b) -> a.name().compareTo(b.name())),
                  plan.tensors(Role.PARAMETER).stream(),
                  plan.tensors(Role.STATE).stream(),
                  plan.tensors(Role.PARAMETER_GRADIENT).stream()
                      .sorted((a, b) -> a.name().compareTo(b.name())))
              .flatMap(tensors -> tensors)
              .map(tensor -> session.read(tensor).values())
              .toList();
      for (float[] values : results) {
        for (float value : values) {
          assertFalse(Float.isNaN(value));
        }
      }
      return results;
    }
  }
}
