package org.nin4j.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class Bfloat16Test {
  @Test
  void roundsToTheNearestTiesToEven() {
    assertEquals(1f, Bfloat16.round(1f));
    assertEquals(1f, Bfloat16.round(1f + 0x1p-8f), "a tie goes to the even neighbour below");
    assertEquals(
        1f + 0x1p-6f, Bfloat16.round(1f + 3 * 0x1p-8f), "a tie goes to the even one above");
    assertEquals(1f + 0x1p-7f, Bfloat16.round(1f + 0x1p-8f + 0x1p-20f));
    assertEquals(Float.POSITIVE_INFINITY, Bfloat16.round(Float.MAX_VALUE));
  }

  @Test
  void everyBfloat16SurvivesTheRoundTrip() {
    for (int bits = Short.MIN_VALUE; bits <= Short.MAX_VALUE; bits++) {
      float value = Bfloat16.toFloat((short) bits);
      if (Float.isNaN(value)) {
        assertTrue(Float.isNaN(Bfloat16.round(value)));
      } else {
        assertEquals((short) bits, Bfloat16.fromFloat(value));
      }
    }
  }
}
