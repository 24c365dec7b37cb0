package org.nin4j.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.nin4j.backend.Backend;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.TrainTest;
import org.nin4j.standin.StandIn;
import org.nin4j.train.Trainer;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.history.EpochResult;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Recipes;

/** LeNet on images of three channels, from stored bytes to test accuracy, on the stand-in. */
class CudaColoursTest {

  private static ImageDataset noise(Random random, int count) {
    byte[] pixels = new byte[count * 3 * 30 * 26];
    random.nextBytes(pixels);
    byte[] labels = new byte[count];
    for (int i = 0; i < count; i++) {
      labels[i] = (byte) random.nextInt(3);
    }
    return new ImageDataset("noise", List.of("a", "b", "c"), 3, 30, 26, pixels, labels);
  }

  @Test
  void lenetTrainsAsTheReferenceDoes() {
    StandIn.assumeAvailable();
    long seed = System.nanoTime();
    System.out.println("images from seed " + seed);
    Random random = new Random(seed);
    TrainTest data = new TrainTest(noise(random, 21), noise(random, 9), "drawn");
    Recipe recipe =
        Recipes.d2l("lenet").toBuilder()
            .size(32)
            .mean(List.of(0.5f, 0.4f, 0.3f))
            .std(List.of(0.3f, 0.2f, 0.25f))
            .batch(8)
            .epochs(2)
            .build();
    List<EpochResult> expected = new ArrayList<>();
    List<EpochResult> found = new ArrayList<>();
    try (Backend backend = new ReferenceBackend()) {
      expected.addAll(train(backend, recipe, data).history().epochs());
    }
    try (Backend backend = StandInGpu.open()) {
      Checkpoint trained = train(backend, recipe, data);
      found.addAll(trained.history().epochs());
      // The same from a mapped or any other buffer outside of the heap.
      assertEquals(
          trained.history().epochs().get(1).testLoss(),
          train(backend, recipe, outside(data)).history().epochs().get(1).testLoss());
    }
    StandInGpu.assertNoComplaint();
    StandInGpu.assertNothingLeft("training");
    for (int i = 0; i < 2; i++) {
      assertEquals(expected.get(i).trainLoss(), found.get(i).trainLoss(), 1e-4);
      assertEquals(expected.get(i).testLoss(), found.get(i).testLoss(), 1e-4);
    }
  }

  private static Checkpoint train(Backend backend, Recipe recipe, TrainTest data) {
    return new Trainer(backend, recipe, data, List.of()).train();
  }

  private static TrainTest outside(TrainTest data) {
    return new TrainTest(outside(data.train()), outside(data.test()), data.origin());
  }

  private static ImageDataset outside(ImageDataset set) {
    byte[] labels = new byte[set.count()];
    set.labels().get(labels);
    return new ImageDataset(
        set.name(),
        set.classNames(),
        3,
        set.height(),
        set.width(),
        ByteBuffer.allocateDirect(set.pixels().capacity()).put(set.pixels()),
        labels);
  }
}
