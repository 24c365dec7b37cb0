package org.nin4j.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.backend.Backend;
import org.nin4j.backend.Metrics;
import org.nin4j.backend.onednn.OneDnnBackend;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.TrainTest;
import org.nin4j.data.whitening.Whitening;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.checkpoint.CheckpointException;
import org.nin4j.train.recipe.Preprocessing;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Recipes;

/** Training on whitened images: what is fitted goes with the run. */
class WhitenedTrainingTest {
  private static final long SEED = new Random().nextLong();
  private static final TrainTest DATA = ColouredImages.draw(SEED, 50, 30, 8);
  private static final Recipe RECIPE =
      Trial.recipe().toBuilder().preprocessing(Preprocessing.GCN_ZCA).epochs(2).build();

  @TempDir private Path folder;

  WhitenedTrainingTest() {
    System.out.println("seed " + SEED);
  }

  private static Trainer trainer(
      Backend backend, Recipe recipe, Optional<Whitening> fitted, TrainingListener... listeners) {
    return new Trainer(backend, recipe, Trial.NETWORK, DATA, fitted, List.of(listeners));
  }

  private static Checkpoint train() {
    return trainer(new ReferenceBackend(), RECIPE, Optional.empty()).train();
  }

  private static void assertSameBits(Checkpoint expected, Checkpoint actual) {
    assertEquals(expected.parameters().keySet(), actual.parameters().keySet());
    expected
        .parameters()
        .forEach(
            (name, tensor) -> {
              HostTensor other = actual.parameters().get(name);
              assertArrayEquals(tensor.values(), other.values(), name);
            });
    assertEquals(
        expected.whitening().map(Whitening::fingerprint),
        actual.whitening().map(Whitening::fingerprint));
  }

  @Test
  void batchesAreMadeOfWhitenedValuesAndZeroAroundThem() {
    Whitening whitening = Whitening.fit(DATA.train());
    BatchSpec images = RECIPE.ofWhitened(whitening).trainingImages(Shape.of(3, 8, 8));
    assertEquals(128, images.border());
    assertEquals(128, images.nearestToMean(1));
    for (int stored = 1; stored < 256; stored++) {
      double value = (stored / 255.0 - images.mean().get(2)) / images.std().get(2);
      assertEquals((stored - 128) * whitening.step(), value, 1e-4 * whitening.step());
    }
    assertEquals(0, Trial.recipe().trainingImages(Shape.of(3, 8, 8)).border());
  }

  @Test
  void aStoppedRunGoesOnFromItsFileWithTheSameBits() {
    Checkpoint whole = train();
    AtomicReference<Trainer> trainer = new AtomicReference<>();
    CountingBackend backend =
        new CountingBackend(new ReferenceBackend(), true, 4, () -> trainer.get().stop());
    trainer.set(trainer(backend, RECIPE, Optional.empty()));
    Path file = folder.resolve("last.safetensors");
    trainer.get().train().write(file);
    Checkpoint stopped = Checkpoint.read(file);
    assertEquals(4, stopped.position().step());
    Trainer other = trainer(new ReferenceBackend(), RECIPE, stopped.whitening());
    assertSameBits(whole, other.resume(stopped));
  }

  @Test
  void theFileBesideACheckpointIsWrittenOnceAndNeeded() throws IOException {
    Checkpoint trained = train();
    trained.write(folder.resolve("last.safetensors"));
    trained.write(folder.resolve("best.safetensors"));
    List<Path> beside;
    try (Stream<Path> files = Files.list(folder)) {
      beside = files.filter(f -> f.getFileName().toString().startsWith("whitening-")).toList();
    }
    assertEquals(1, beside.size(), beside::toString);
    Path file = folder.resolve("best.safetensors");
    assertSameBits(trained, Checkpoint.read(file));
    assertTrue(problem(beside.get(0)).contains("is no checkpoint but the whitening of a run's"));
    byte[] bytes = Files.readAllBytes(beside.get(0));
    bytes[bytes.length - 1] ^= 1;
    Files.write(beside.get(0), bytes);
    assertTrue(problem(file).contains("is damaged or cut short"), problem(file));
    Files.delete(beside.get(0));
    assertEquals(
        Text.of(
            "%s was trained on whitened images and needs %s beside it, which is not there; copy it along",
            file, beside.get(0).getFileName()),
        problem(file));
  }

  private static String problem(Path file) {
    return assertThrows(CheckpointException.class, () -> Checkpoint.read(file)).getMessage();
  }

  @Test
  void aClassifierWhitensWhatItIsGiven() {
    Path file = folder.resolve("best.safetensors");
    train().write(file);
    Checkpoint trained = Checkpoint.read(file);
    ImageDataset test = DATA.test();
    Metrics metrics;
    try (Evaluator evaluator =
        new Evaluator(
            new ReferenceBackend(),
            trained.recipeInUse(),
            Trial.NETWORK,
            trained.preprocessed(test))) {
      metrics = evaluator.evaluate(trained.inUse(), () -> false, m -> {}).orElseThrow();
    }
    assertEquals(trained.history().last().orElseThrow().testLoss(), metrics.loss(), 1e-9);
    double loss = 0;
    try (Classifier classifier = Classifier.load(file, new ReferenceBackend())) {
      for (int i = 0; i < test.count(); i++) {
        byte[] image = new byte[test.imageSize()];
        test.copyImage(i, image, 0);
        loss -= Math.log(classifier.classify(image).probabilities().get(test.label(i)));
      }
    }
    assertEquals(metrics.lossSum(), loss, 1e-9 * loss);
  }

  @Test
  void aRunGoesOnAsItBegan() {
    Checkpoint trained = train();
    Recipe more = RECIPE.toBuilder().epochs(3).build();
    Recipe plain = more.toBuilder().preprocessing(Preprocessing.NONE).build();
    Backend backend = new ReferenceBackend();
    assertEquals(
        "the checkpoint was trained with --preprocess gcn-zca and cannot go on with none",
        assertThrows(
                CheckpointException.class,
                () -> trainer(backend, plain, trained.whitening()).resume(trained))
            .getMessage());
    Whitening other = Whitening.fit(DATA.train().first(20));
    assertTrue(
        assertThrows(
                CheckpointException.class,
                () -> trainer(backend, more, Optional.of(other)).resume(trained))
            .getMessage()
            .contains("whitened otherwise"));
    List<String> remarks = new ArrayList<>();
    TrainingListener listener =
        new TrainingListener() {
          @Override
          public void remarked(String remark) {
            remarks.add(remark);
          }
        };
    trainer(backend, more, trained.whitening(), listener).resume(trained);
    assertEquals(List.of(), remarks);
    trainer(backend, more, Optional.empty(), listener);
    assertEquals("Fitting the whitening to 50 images.", remarks.get(0));
    assertTrue(
        remarks
            .get(1)
            .matches("Whitened images are kept as bytes, which changes them by \\d\\.\\d %\\."),
        remarks::toString);
  }

  /** The whole network, by the paper's recipe but for its length, from 8×8 pixels made 32×32. */
  @Test
  void thePapersNetworkTrainsOnColouredImages() {
    Recipe recipe =
        Recipes.published("nin-cifar").toBuilder().batch(16).epochs(1).dataset("coloured").build();
    try (Backend backend = new OneDnnBackend(2)) {
      TrainTest data = ColouredImages.draw(SEED, 32, 16, 8);
      Checkpoint trained = new Trainer(backend, recipe, data, List.of()).train();
      assertTrue(trained.whitening().isPresent());
      assertEquals(
          966_986, trained.parameters().values().stream().mapToLong(t -> t.values().length).sum());
      double loss = trained.history().last().orElseThrow().trainLoss();
      // Small weights and scores that begin near 0: the logarithm of ten.
      assertEquals(Math.log(10), loss, 0.5);
    }
  }
}
