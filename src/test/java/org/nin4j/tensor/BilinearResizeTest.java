package org.nin4j.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Against results recorded from Pillow: no byte may differ. */
class BilinearResizeTest {

  private static final HexFormat HEX = HexFormat.of();

  record Recorded(
      String name,
      int inWidth,
      int inHeight,
      int outWidth,
      int outHeight,
      byte[] source,
      String result) {

    @Override
    public String toString() {
      return name + " " + inWidth + "×" + inHeight + " to " + outWidth + "×" + outHeight;
    }
  }

  static Stream<Recorded> recordedCases() throws IOException {
    try (InputStream in = BilinearResizeTest.class.getResourceAsStream("pillow-bilinear.txt")) {
      List<String> lines =
          new String(in.readAllBytes(), StandardCharsets.US_ASCII).lines().toList();
      assertEquals(23, lines.size(), "one comment and 22 cases");
      return lines.stream().skip(1).map(line -> parse(line.split(" ")));
    }
  }

  private static Recorded parse(String[] fields) {
    return new Recorded(
        fields[0],
        Integer.parseInt(fields[1]),
        Integer.parseInt(fields[2]),
        Integer.parseInt(fields[3]),
        Integer.parseInt(fields[4]),
        HEX.parseHex(fields[5]),
        fields[6]);
  }

  @ParameterizedTest
  @MethodSource("recordedCases")
  void equalsPillow(Recorded recorded) throws NoSuchAlgorithmException {
    BilinearResize resize =
        BilinearResize.of(
            recorded.inHeight(), recorded.inWidth(), recorded.outHeight(), recorded.outWidth());
    // Offsets and a guard around the plane show that nothing else is read or written.
    byte[] source = new byte[recorded.source().length + 3];
    Arrays.fill(source, (byte) 0xA5);
    System.arraycopy(recorded.source(), 0, source, 3, recorded.source().length);
    int size = recorded.outHeight() * recorded.outWidth();
    byte[] target = new byte[size + 12];
    Arrays.fill(target, (byte) 0x5A);

    resize.resize(source, 3, target, 5);

    byte[] result = Arrays.copyOfRange(target, 5, 5 + size);
    if (recorded.result().startsWith("sha256:")) {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(result);
      assertEquals(recorded.result().substring("sha256:".length()), HEX.formatHex(digest));
    } else {
      assertArrayEquals(HEX.parseHex(recorded.result()), result);
    }
    byte[] guard = new byte[12];
    Arrays.fill(guard, (byte) 0x5A);
    System.arraycopy(target, 0, guard, 0, 5);
    System.arraycopy(target, 5 + size, guard, 5, 7);
    for (byte b : guard) {
      assertEquals((byte) 0x5A, b, "written outside the plane");
    }
  }

  @ParameterizedTest
  @CsvSource({"28,28", "28,96", "28,224", "28,67", "32,20", "7,1", "1,9", "448,3", "5,448"})
  void weightsSumToOne(int in, int out) {
    ResizeAxis axis = ResizeAxis.of(in, out);
    for (int o = 0; o < out; o++) {
      long sum = 0;
      for (int i = 0; i < axis.maxCount(); i++) {
        int coefficient = axis.coefficients()[o * axis.maxCount() + i];
        assertTrue(coefficient >= 0, "weights of a triangle are not negative");
        assertTrue(i < axis.count()[o] || coefficient == 0, "zero past the count");
        sum += coefficient;
      }
      // Each coefficient is off by at most half a unit.
      assertEquals(1 << ResizeAxis.PRECISION_BITS, sum, axis.maxCount() / 2.0);
    }
  }

  @Test
  void unchangedSizeHasOneFullTapPerPixel() {
    ResizeAxis axis = ResizeAxis.of(4, 4);
    assertTrue(axis.isIdentity());
    for (int o = 0; o < 4; o++) {
      for (int i = 0; i < axis.count()[o]; i++) {
        int expected = axis.start()[o] + i == o ? 1 << ResizeAxis.PRECISION_BITS : 0;
        assertEquals(expected, axis.coefficients()[o * axis.maxCount() + i]);
      }
    }
  }

  @Test
  void refusesWhatCannotBe() {
    assertThrows(IllegalArgumentException.class, () -> ResizeAxis.of(0, 3));
    assertThrows(IllegalArgumentException.class, () -> ResizeAxis.of(3, 0));
    int[] one = {1};
    assertThrows(
        IllegalArgumentException.class, () -> new ResizeAxis(1, 1, one, one, new int[] {4}, 1));
  }
}
