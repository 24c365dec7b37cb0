package org.nin4j.data.folder;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.data.ChannelStatistics;
import org.nin4j.data.TrainTest;

/** CIFAR-10 as 60,000 JPEG files: some 20 s for unpacking and decoding. */
@Tag("slow")
class CifarPicturesTest {
  private static final Path ARCHIVE =
      Path.of("../shared/datasets/cifar10-jpeg/cifar10-jpeg.tar.xz");

  @TempDir private Path temporary;

  private static void requireThat(boolean condition, String otherwise) {
    if (!condition) {
      System.out.println("CifarPicturesTest skipped: " + otherwise);
      Assumptions.abort(otherwise);
    }
  }

  /**
   * The published means of CIFAR-10, which JPEG at quality 75 hardly moves; it smooths, so the
   * deviations are up to 0.003 below the published ones.
   */
  @Test
  void haveThePublishedCountsAndMeans() throws IOException, InterruptedException {
    requireThat(Files.exists(ARCHIVE), "there is no " + ARCHIVE);
    Path folder = Files.createDirectory(temporary.resolve("cifar"));
    Process tar =
        new ProcessBuilder("tar", "xJf", ARCHIVE.toAbsolutePath().toString())
            .directory(folder.toFile())
            .inheritIO()
            .start();
    requireThat(tar.waitFor() == 0, "tar or xz do not unpack it");
    int threads = Runtime.getRuntime().availableProcessors();
    TrainTest data =
        new FolderLoader(temporary.resolve("cache"), threads, FolderListener.silent())
            .load(folder, Optional.empty(), StoredSize.squareUnlessCommon(67), false);
    assertEquals("cifar: 50000 images of 3×32×32 in 10 classes", data.train().toString());
    assertEquals("cifar: 10000 images of 3×32×32 in 10 classes", data.test().toString());
    ChannelStatistics found = ChannelStatistics.of(data.train());
    List<Double> mean = List.of(0.4914, 0.4822, 0.4465);
    List<Double> deviation = List.of(0.2470, 0.2435, 0.2616);
    for (int c = 0; c < 3; c++) {
      assertEquals(mean.get(c), found.mean().get(c), 0.0003);
      assertEquals(deviation.get(c), found.deviation().get(c), 0.003);
      assertTrue(found.deviation().get(c) < deviation.get(c));
    }
    // All classes, evenly, wherever one stops.
    int[] counts = new int[10];
    for (int i = 0; i < 1000; i++) {
      counts[data.train().label(i)]++;
    }
    for (int count : counts) {
      assertEquals(100, count);
    }
  }
}
