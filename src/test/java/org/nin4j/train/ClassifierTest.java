package org.nin4j.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.backend.Metrics;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.data.ImageDataset;
import org.nin4j.model.Network;
import org.nin4j.model.zoo.Networks;
import org.nin4j.tensor.Shape;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.checkpoint.CheckpointException;
import org.nin4j.train.recipe.Recipe;

class ClassifierTest {
  @TempDir private Path folder;

  @Test
  void aClassifierAgreesWithTheEvaluation() {
    Checkpoint checkpoint = Trial.trainer(Trial.recipe()).train();
    ImageDataset test = Trial.data().test();
    Metrics metrics;
    try (Evaluator evaluator =
        new Evaluator(new ReferenceBackend(), Trial.recipe(), Trial.NETWORK, test)) {
      metrics = evaluator.evaluate(checkpoint.parameters(), () -> false, m -> {}).orElseThrow();
    }
    List<byte[]> images = new ArrayList<>();
    for (int i = 0; i < test.count(); i++) {
      byte[] image = new byte[test.imageSize()];
      test.copyImage(i, image, 0);
      images.add(image);
    }
    try (Classifier classifier = new Classifier(checkpoint, new ReferenceBackend())) {
      List<Prediction> predictions = classifier.classify(images);
      int right = 0;
      double loss = 0;
      for (int i = 0; i < test.count(); i++) {
        Prediction prediction = predictions.get(i);
        right += prediction.best().label() == test.label(i) ? 1 : 0;
        loss -= Math.log(prediction.probabilities().get(test.label(i)));
        double sum = prediction.probabilities().stream().mapToDouble(p -> p).sum();
        // Ten roundings of doubles.
        assertEquals(1, sum, 1e-14);
      }
      assertEquals(metrics.top1(), right);
      // Both in double from the same logits, in other order.
      assertEquals(metrics.lossSum(), loss, 1e-9 * loss);
      assertEquals(predictions.get(3), classifier.classify(images.get(3)));
      assertEquals(List.of(), classifier.classify(List.of()));
      assertThrows(IllegalArgumentException.class, () -> classifier.classify(new byte[3]));
    }
  }

  @Test
  void answersComeMostProbableFirst() {
    Prediction prediction =
        new Prediction(List.of("a", "b", "c", "d"), List.of(0.1, 0.4, 0.4, 0.1));
    assertEquals(
        List.of(
            new Prediction.Answer(1, "b", 0.4),
            new Prediction.Answer(2, "c", 0.4),
            new Prediction.Answer(0, "a", 0.1)),
        prediction.top(3));
  }

  /** The checkpoint carries the description: nobody needs the code that made it. */
  @Test
  void aNetworkOfOnesOwnIsLoadedFromItsCheckpoint() {
    // The recipe still has the name that it came with.
    Recipe recipe = Trial.recipe().toBuilder().network("nin").epochs(1).build();
    Path file = folder.resolve("own.safetensors");
    Trial.trainer(recipe).train().write(file);
    assertEquals(Trial.NETWORK, Checkpoint.read(file).network());
    try (Classifier classifier = Classifier.load(file, new ReferenceBackend())) {
      assertEquals(Trial.data().test().classNames(), classifier.classes());
    }
  }

  @Test
  void aNetworkOfOnesOwnWithTheNameOfAnotherIsToldApart() {
    Path file = folder.resolve("named.safetensors");
    Network own = new Network("nin-mini", Trial.NETWORK.layers());
    Recipe recipe = Trial.recipe().toBuilder().epochs(1).build();
    new Trainer(new ReferenceBackend(), recipe, own, Trial.data(), List.of()).train().write(file);
    Checkpoint checkpoint = Checkpoint.read(file);
    assertEquals(own, checkpoint.network());
    String message =
        assertThrows(
                CheckpointException.class,
                () ->
                    checkpoint.requireFits(
                        Networks.named("nin-mini").network(10), Shape.of(1, 8, 8)))
            .getMessage();
    assertTrue(message.contains("of another network, also named nin-mini: "), message);
  }
}
