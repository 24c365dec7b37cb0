package org.nin4j.train.session;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SampleOrderTest {
  @Test
  void everySampleComesOnceThenPadding() {
    int[] order = SampleOrder.shuffled(1000, 64, 42, 3);
    assertEquals(16 * 64, order.length);
    assertArrayEquals(
        IntStream.range(0, 1000).toArray(), Arrays.stream(order).limit(1000).sorted().toArray());
    assertTrue(Arrays.stream(order).skip(1000).allMatch(i -> i == -1));
  }

  @Test
  void noPaddingWhereTheBatchFits() {
    assertArrayEquals(new int[] {0, 1, 2, 3}, SampleOrder.inOrder(4, 2));
    assertArrayEquals(new int[] {0, 1, 2, -1}, SampleOrder.inOrder(3, 2));
  }

  @Test
  void seedAndEpochDecide() {
    int[] order = SampleOrder.shuffled(100, 10, 1, 1);
    assertArrayEquals(order, SampleOrder.shuffled(100, 10, 1, 1));
    assertFalse(Arrays.equals(order, SampleOrder.shuffled(100, 10, 1, 2)));
    assertFalse(Arrays.equals(order, SampleOrder.shuffled(100, 10, 2, 1)));
  }

  @Test
  void allOrdersAreEquallyProbable() {
    Map<String, Integer> counts = new TreeMap<>();
    for (int seed = 0; seed < 6000; seed++) {
      counts.merge(Arrays.toString(SampleOrder.shuffled(3, 3, seed, 0)), 1, Integer::sum);
    }
    assertEquals(6, counts.size());
    // 6000 draws of probability 1/6: 1000 ± 28.9; five deviations.
    counts.forEach((order, count) -> assertEquals(1000, count, 145, order));
  }
}
