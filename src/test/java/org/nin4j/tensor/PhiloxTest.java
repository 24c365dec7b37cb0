package org.nin4j.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class PhiloxTest {
  /** The known answers for philox4x32-10 in the Random123 distribution (kat_vectors). */
  @Test
  void agreesWithTheKnownAnswers() {
    assertBlock(0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8);
    assertBlock(-1L, -1L, -1, -1, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd);
    assertBlock(
        0x299f31d0_a4093822L,
        0x85a308d3_243f6a88L,
        0x13198a2e,
        0x03707344,
        0xd16cfe09,
        0x94fdcceb,
        0x5001e420,
        0x24126ea1);
  }

  private static void assertBlock(long seed, long block, int step, int stream, int... expected) {
    int[] out = new int[4];
    Philox.block(seed, block, step, stream, out);
    assertArrayEquals(expected, out);
  }

  @Test
  void aSequenceIsItsBlocksInOrder() {
    Philox.Sequence sequence = new Philox.Sequence(5, 6, 7);
    int[] out = new int[4];
    for (int block = 0; block < 3; block++) {
      Philox.block(5, block, 6, 7, out);
      for (int lane = 0; lane < 4; lane++) {
        assertEquals(out[lane], sequence.nextBits());
      }
    }
  }

  @Test
  void lanesAreTheSequenceFromAnyElement() {
    Philox.Sequence sequence = new Philox.Sequence(-3, 6, 0x20001);
    int[] expected = new int[1500];
    for (int i = 0; i < expected.length; i++) {
      expected[i] = sequence.nextBits();
    }
    Philox.Lanes lanes = new Philox.Lanes();
    for (int first : new int[] {0, 1, 6, 511, 513, 1499}) {
      int[] bits = new int[expected.length - first];
      lanes.draw(-3, first, 6, 0x20001, bits);
      assertArrayEquals(Arrays.copyOfRange(expected, first, expected.length), bits);
    }
    int[] far = new int[2];
    lanes.draw(8, 0x4_0000_0005L, 1, 2, far);
    int[] block = new int[4];
    Philox.block(8, 0x1_0000_0001L, 1, 2, block);
    assertArrayEquals(new int[] {block[1], block[2]}, far);
  }

  @Test
  void uniformsLieInTheHalfOpenUnitInterval() {
    assertEquals(0f, Philox.uniform(0));
    assertEquals(1 - 0x1p-24f, Philox.uniform(-1));
    assertEquals(0.5f, Philox.uniform(0x80000000));
  }

  /** Six faces, 60,000 throws: χ² with 5 degrees of freedom stays below 25.7 but once in 10,000. */
  @Test
  void boundedDrawsAreFair() {
    int[] faces = new int[6];
    Philox.Sequence sequence = new Philox.Sequence(1, 2, 3);
    for (int i = 0; i < 60_000; i++) {
      faces[sequence.nextBelow(6)]++;
    }
    double chiSquared = 0;
    for (int count : faces) {
      chiSquared += Math.pow(count - 10_000, 2) / 10_000;
    }
    assertTrue(chiSquared < 25.7, "χ² was " + chiSquared);
  }
}
