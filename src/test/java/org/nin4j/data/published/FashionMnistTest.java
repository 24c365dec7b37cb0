package org.nin4j.data.published;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.nin4j.data.DataException;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.TrainTest;
import org.nin4j.data.file.Md5;

/** The genuine files, where they lie beside the project. */
class FashionMnistTest {

  private static final Path FOLDER = Path.of("..", "shared", "datasets", "fashion-mnist");

  @BeforeEach
  void needsTheFiles() {
    boolean there = Files.isDirectory(FOLDER);
    if (!there) {
      System.out.println("FashionMnistTest skipped: there is no folder " + FOLDER);
    }
    assumeTrue(there, "there is no folder " + FOLDER);
  }

  private static int[] firstLabels(ImageDataset data) {
    int[] labels = new int[10];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = data.label(i);
    }
    return labels;
  }

  private static int[] classCounts(ImageDataset data) {
    int[] counts = new int[10];
    for (int i = 0; i < data.count(); i++) {
      counts[data.label(i)]++;
    }
    return counts;
  }

  /** Counts, class balance and labels as published; the mean is the one recipes normalise with. */
  @Test
  void isWhatWasPublished() {
    TrainTest data = IdxDataset.FASHION_MNIST.read(FOLDER);
    assertEquals("Fashion-MNIST: 60000 images of 1×28×28 in 10 classes", data.train().toString());
    assertEquals("Fashion-MNIST: 10000 images of 1×28×28 in 10 classes", data.test().toString());
    assertArrayEquals(new int[] {9, 0, 0, 3, 0, 2, 7, 2, 5, 5}, firstLabels(data.train()));
    assertArrayEquals(new int[] {9, 2, 1, 1, 6, 1, 4, 6, 5, 7}, firstLabels(data.test()));
    for (int label = 0; label < 10; label++) {
      assertEquals(6000, classCounts(data.train())[label]);
      assertEquals(1000, classCounts(data.test())[label]);
    }
    long sum = 0;
    var pixels = data.train().pixels();
    while (pixels.hasRemaining()) {
      sum += pixels.get() & 0xFF;
    }
    assertEquals(0.2860, sum / 255.0 / (60000 * 784), 0.00005);
  }

  /** The cache's check of MD5 sums accepts them; nothing is downloaded. */
  @Test
  void passesForThePublishedFiles() {
    DataLocations locations =
        new DataLocations(Optional.empty(), Optional.empty(), FOLDER.getParent(), List.of());
    TrainTest data =
        new DatasetLoader(locations, new Downloader(Duration.ofSeconds(1)))
            .load(IdxDataset.FASHION_MNIST, DownloadListener.silent());
    assertEquals(FOLDER.toString(), data.origin());
  }

  /** What is packed in them has the sums by which another gzip of the same images is accepted. */
  @Test
  void contentHasThePublishedSums() {
    for (PublishedFile file : IdxDataset.FASHION_MNIST.files()) {
      assertEquals(file.contentMd5().orElseThrow(), Md5.ofContent(FOLDER.resolve(file.name())));
    }
  }

  @Test
  void isNotTakenForMnist() {
    DataLocations locations =
        new DataLocations(Optional.of(FOLDER), Optional.empty(), Path.of("none"), List.of());
    DatasetLoader loader = new DatasetLoader(locations, new Downloader(Duration.ofSeconds(1)));
    String message =
        assertThrows(
                DataException.class, () -> loader.load(IdxDataset.MNIST, DownloadListener.silent()))
            .getMessage();
    assertTrue(message.endsWith("holds Fashion-MNIST, not MNIST"), message);
  }
}
