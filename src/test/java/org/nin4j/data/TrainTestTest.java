package org.nin4j.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TrainTestTest {
  private static final int COUNT = 97;

  /** Image i is the byte i, its label 0 for the first 70. */
  private static ImageDataset numbered() {
    byte[] pixels = new byte[COUNT];
    byte[] labels = new byte[COUNT];
    for (int i = 0; i < COUNT; i++) {
      pixels[i] = (byte) i;
      labels[i] = (byte) (i < 70 ? 0 : 1);
    }
    return new ImageDataset("numbered", List.of("a", "b", "none"), 1, 1, 1, pixels, labels);
  }

  private static TrainTest data() {
    return new TrainTest(numbered(), numbered().first(5), "here");
  }

  private static int[] images(ImageDataset data) {
    byte[] pixel = new byte[1];
    return IntStream.range(0, data.count())
        .map(
            i -> {
              data.copyImage(i, pixel, 0);
              assertEquals(pixel[0] < 70 ? 0 : 1, data.label(i));
              return pixel[0];
            })
        .toArray();
  }

  @Test
  void validationIsAShareOfEachClassAndTheRestIsTrained() {
    TrainTest parts = data().validating(0.1);
    int[] train = images(parts.train());
    int[] validation = images(parts.test());
    assertEquals(7, IntStream.of(validation).filter(i -> i < 70).count());
    assertEquals(3, IntStream.of(validation).filter(i -> i >= 70).count());
    TreeSet<Integer> all = new TreeSet<>();
    IntStream.concat(IntStream.of(train), IntStream.of(validation)).forEach(all::add);
    assertEquals(COUNT, all.size());
    assertEquals(COUNT, train.length + validation.length);
    assertArrayEquals(IntStream.of(train).sorted().toArray(), train);
    assertTrue(parts.origin().startsWith("here, 0.1 of"), parts.origin());
    // Chosen at random, and always the same.
    assertTrue(IntStream.of(validation).max().orElseThrow() > 72);
    assertArrayEquals(validation, images(data().validating(0.1).test()));
  }

  @Test
  void aClassKeepsImagesForBoth() {
    assertThrows(DataException.class, () -> data().validating(0.01));
    assertThrows(DataException.class, () -> data().validating(0.99));
    assertThrows(IllegalArgumentException.class, () -> data().validating(1));
  }
}
