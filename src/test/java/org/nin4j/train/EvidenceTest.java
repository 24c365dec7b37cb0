package org.nin4j.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nin4j.backend.Backend;
import org.nin4j.backend.onednn.OneDnnBackend;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.TrainTest;
import org.nin4j.model.Activation;
import org.nin4j.model.BatchNorm;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Dropout;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.Identity;
import org.nin4j.model.Linear;
import org.nin4j.model.MaxPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.NinBlock;
import org.nin4j.model.Sequential;
import org.nin4j.model.ShapeException;
import org.nin4j.model.Sum;
import org.nin4j.plan.Precision;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.Sgd;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Schedule;

/** Scores are means over maps, and maps are where the thing is. */
class EvidenceTest {
  private static final Network WITH_LINEAR =
      new Network(
          "linear-end",
          Sequential.of(
              new Conv2d(6, 3, 1, 1),
              new BatchNorm(),
              Activation.RELU,
              new MaxPool2d(2, 2),
              Sum.of(
                  new Identity(),
                  Sequential.of(new Conv2d(6, 3, 1, 1), new BatchNorm(), Activation.RELU)),
              new GlobalAvgPool2d(),
              new Flatten(),
              new Linear(10)));

  private static Recipe recipe() {
    return Trial.recipe().toBuilder().epochs(1).precision(Precision.FP32).build();
  }

  private static Checkpoint trained(Network network) {
    Recipe recipe = recipe().toBuilder().network(network.name()).build();
    return new Trainer(new ReferenceBackend(), recipe, network, Trial.data(), List.of()).train();
  }

  static Stream<Backend> backends() {
    return Stream.of(new ReferenceBackend(), new OneDnnBackend(1));
  }

  private static byte[] image(ImageDataset data, int number) {
    byte[] image = new byte[data.imageSize()];
    data.copyImage(number, image, 0);
    return image;
  }

  private static void assertMeansAreScores(Evidence evidence) {
    for (int label = 0; label < evidence.scores().size(); label++) {
      HostTensor map = evidence.map(label);
      double sum = 0;
      for (float value : map.values()) {
        sum += value;
      }
      assertEquals(evidence.scores().get(label), sum / map.values().length, 1e-5);
    }
  }

  @ParameterizedTest
  @MethodSource("backends")
  void aMapsMeanIsTheScore(Backend backend) {
    for (Network network : List.of(Trial.NETWORK, WITH_LINEAR)) {
      try (Classifier classifier = new Classifier(trained(network), backend)) {
        assertTrue(classifier.explains());
        for (int i = 0; i < 3; i++) {
          byte[] image = image(Trial.data().test(), i);
          Evidence evidence = classifier.evidence(image);
          assertMeansAreScores(evidence);
          Prediction prediction = classifier.classify(image);
          assertEquals(prediction.best().label(), evidence.prediction().best().label());
          assertEquals(
              prediction.best().probability(), evidence.prediction().best().probability(), 1e-5);
        }
        assertThrows(IllegalArgumentException.class, () -> classifier.evidence(new byte[3]));
      }
    }
    backend.close();
  }

  @Test
  void whatEndsOtherwiseHasNone() {
    Network network =
        new Network(
            "reluctant",
            Sequential.of(
                new Conv2d(4, 3, 1, 1),
                new GlobalAvgPool2d(),
                new Flatten(),
                Activation.RELU,
                new Linear(10)));
    try (Classifier classifier = new Classifier(trained(network), new ReferenceBackend())) {
      assertFalse(classifier.explains());
      byte[] image = image(Trial.data().test(), 0);
      String message =
          assertThrows(ShapeException.class, () -> classifier.evidence(image)).getMessage();
      assertTrue(message.startsWith("reluctant has no evidence maps: "), message);
      // Its inside can be seen nevertheless.
      assertEquals(1, classifier.featureMaps(image).size());
    }
  }

  @ParameterizedTest
  @MethodSource("backends")
  void blocksEndBehindTheirActivationsAndNorms(Backend backend) {
    byte[] image = image(Trial.data().test(), 0);
    try (Classifier classifier = new Classifier(trained(WITH_LINEAR), backend)) {
      List<FeatureMaps> blocks = classifier.featureMaps(image);
      assertEquals(List.of("2", "4"), blocks.stream().map(FeatureMaps::layer).toList());
      assertEquals(Shape.of(6, 8, 8), blocks.get(0).values().shape());
      assertEquals(Shape.of(6, 4, 4), blocks.get(1).values().shape());
      for (FeatureMaps block : blocks) {
        for (float value : block.values().values()) {
          assertTrue(value >= 0, "behind a ReLU");
        }
      }
      FeatureMaps filters = classifier.firstFilters().orElseThrow();
      assertEquals("0", filters.layer());
      assertEquals(Shape.of(6, 1, 3, 3), filters.values().shape());
      assertEquals(Shape.of(1, 3, 3), filters.map(5).shape());
    }
    try (Classifier classifier =
        new Classifier(
            trained(
                new Network(
                    "blocks",
                    Sequential.of(
                        NinBlock.of(4, 3, 1, 1),
                        new MaxPool2d(2, 2),
                        new Dropout(0.5f),
                        NinBlock.of(10, 3, 1, 1),
                        new GlobalAvgPool2d(),
                        new Flatten()))),
            backend)) {
      assertEquals(
          List.of("0.5", "3.5"),
          classifier.featureMaps(image).stream().map(FeatureMaps::layer).toList());
    }
    backend.close();
  }

  private static final int SIDE = 16;

  /** Lines across or upright in one of the four corners, all else black. */
  private static ImageDataset lines(int count) {
    byte[] pixels = new byte[count * SIDE * SIDE];
    byte[] labels = new byte[count];
    for (int i = 0; i < count; i++) {
      labels[i] = (byte) (i % 2);
      int corner = i / 2 % 4;
      int light = 150 + 13 * i % 100;
      for (int y = 1; y < 7; y++) {
        for (int x = 1; x < 7; x++) {
          boolean lit = (labels[i] == 0 ? y + i / 8 : x + i / 8) % 2 == 0;
          int at = (corner / 2 * 8 + y) * SIDE + corner % 2 * 8 + x;
          pixels[i * SIDE * SIDE + at] = (byte) (lit ? light : 0);
        }
      }
    }
    return new ImageDataset("lines", List.of("across", "upright"), 1, SIDE, SIDE, pixels, labels);
  }

  @Test
  void evidenceLiesWhereTheThingIs() {
    Network network =
        new Network(
            "corners",
            Sequential.of(
                new Conv2d(8, 3, 1, 1),
                Activation.RELU,
                new Conv2d(2, 1, 1, 0),
                new GlobalAvgPool2d(),
                new Flatten()));
    Recipe recipe =
        recipe().toBuilder()
            .network("corners")
            .size(SIDE)
            .epochs(30)
            .augmentation(BatchSpec.Augmentation.NONE)
            .labelSmoothing(0)
            .optimizer(new Sgd(0.9f, false, 0))
            .schedule(new Schedule.Constant(0.1f))
            .build();
    ImageDataset data = lines(64);
    Checkpoint trained =
        new Trainer(
                new OneDnnBackend(1),
                recipe,
                network,
                new TrainTest(data, data, "drawn here"),
                List.of())
            .train();
    try (Classifier classifier = new Classifier(trained, new ReferenceBackend())) {
      for (int i = 0; i < 8; i++) {
        Evidence evidence = classifier.evidence(image(data, i));
        int label = data.label(i);
        assertEquals(label, evidence.prediction().best().label(), "image " + i);
        float[] own = evidence.map(label).values();
        float[] other = evidence.map(1 - label).values();
        double[] quarters = new double[4];
        for (int at = 0; at < own.length; at++) {
          quarters[at / SIDE / 8 * 2 + at % SIDE / 8] += own[at] - other[at];
        }
        for (int corner = 0; corner < 4; corner++) {
          assertTrue(corner == i / 2 % 4 || quarters[i / 2 % 4] > quarters[corner], "image " + i);
        }
      }
      assertEquals(Optional.of("0"), classifier.firstFilters().map(FeatureMaps::layer));
    }
  }
}
