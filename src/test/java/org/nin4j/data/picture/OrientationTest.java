package org.nin4j.data.picture;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OrientationTest {
  /** The letter F, 5 high and 3 wide. */
  private static final String UPRIGHT = "### #.. ##. #.. #..";

  /** An F as each of the eight stores it, rows apart: the table that EXIF's readers go by. */
  @ParameterizedTest
  @CsvSource({
    "1, ### #.. ##. #.. #..",
    "2, ### ..# .## ..# ..#",
    "3, ..# ..# .## ..# ###",
    "4, #.. #.. ##. #.. ###",
    "5, ##### #.#.. #....",
    "6, #.... #.#.. #####",
    "7, ....# ..#.# #####",
    "8, ##### ..#.# ....#"
  })
  void turnsAnFUpright(int value, String stored) {
    String[] rows = stored.split(" ");
    byte[] plane = String.join("", rows).getBytes(StandardCharsets.US_ASCII);
    Orientation orientation = Orientation.values()[value - 1];
    byte[] upright = orientation.upright(plane, rows.length, rows[0].length());
    assertEquals(UPRIGHT.replace(" ", ""), new String(upright, StandardCharsets.US_ASCII));
    assertEquals(rows.length == 3, orientation.swapsSides());
  }

  /** An EXIF segment as cameras write it: another tag first, then the orientation. */
  static byte[] exif(ByteOrder order, int orientation) {
    ByteBuffer tiff = ByteBuffer.allocate(8 + 2 + 2 * 12 + 4).order(order);
    tiff.putShort((short) (order == ByteOrder.LITTLE_ENDIAN ? 0x4949 : 0x4d4d));
    tiff.putShort((short) 42).putInt(8).putShort((short) 2);
    tiff.putShort((short) 0x0100).putShort((short) 3).putInt(1).putInt(0);
    tiff.putShort((short) 0x0112).putShort((short) 3).putInt(1).putShort((short) orientation);
    ByteBuffer segment = ByteBuffer.allocate(4 + 6 + tiff.capacity());
    segment.putShort((short) 0xffe1).putShort((short) (segment.capacity() - 2));
    segment.put("Exif\0\0".getBytes(StandardCharsets.US_ASCII)).put(tiff.array());
    return segment.array();
  }

  /** A JPEG file with a segment behind its first one. */
  static byte[] withSegment(byte[] jpeg, byte[] segment) throws IOException {
    int first = 4 + (ByteBuffer.wrap(jpeg).getShort(4) & 0xffff);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(jpeg, 0, first);
    out.write(segment);
    out.write(jpeg, first, jpeg.length - first);
    return out.toByteArray();
  }

  /** Start of image, an empty JFIF segment, start of scan. */
  private static final byte[] JPEG = {
    (byte) 0xff, (byte) 0xd8, (byte) 0xff, (byte) 0xe0, 0, 2, (byte) 0xff, (byte) 0xda, 0, 2
  };

  @Test
  void readsTheTagInBothByteOrders() throws IOException {
    for (int value = 1; value <= 8; value++) {
      Orientation expected = Orientation.values()[value - 1];
      for (ByteOrder order : new ByteOrder[] {ByteOrder.LITTLE_ENDIAN, ByteOrder.BIG_ENDIAN}) {
        assertEquals(expected, Orientation.of(withSegment(JPEG, exif(order, value))));
      }
    }
  }

  @Test
  void whatStatesNoneStaysAsItIs() throws IOException {
    for (int value : new int[] {0, 9, 65535}) {
      assertEquals(
          Orientation.TOP_LEFT,
          Orientation.of(withSegment(JPEG, exif(ByteOrder.BIG_ENDIAN, value))));
    }
    assertEquals(Orientation.TOP_LEFT, Orientation.of(JPEG));
    assertEquals(Orientation.TOP_LEFT, Orientation.of(new byte[0]));
    assertEquals(Orientation.TOP_LEFT, Orientation.of(new byte[] {(byte) 0x89, 'P', 'N', 'G', 0}));
    byte[] plane = {1, 2, 3, 4, 5, 6};
    assertArrayEquals(plane, Orientation.TOP_LEFT.upright(plane, 2, 3));
  }

  /** Whatever stands there, it is no bug of ours. */
  @Test
  void damagedTagsAreNoOrientation() throws IOException {
    byte[] whole = withSegment(JPEG, exif(ByteOrder.LITTLE_ENDIAN, 6));
    int tagEnds = whole.length - 4 - 4 - 2;
    for (int length = 0; length < tagEnds; length++) {
      assertEquals(Orientation.TOP_LEFT, Orientation.of(Arrays.copyOf(whole, length)));
    }
    long seed = System.nanoTime();
    System.out.println("OrientationTest seed " + seed);
    Random random = new Random(seed);
    for (int i = 0; i < 5000; i++) {
      byte[] damaged = whole.clone();
      for (int k = 0; k < 3; k++) {
        damaged[4 + random.nextInt(whole.length - 4)] = (byte) random.nextInt();
      }
      Orientation.of(damaged);
    }
  }

  /** The tag's directory without JPEG's segment around it. */
  private static byte[] tiff(ByteOrder order, int orientation) {
    byte[] segment = exif(order, orientation);
    return Arrays.copyOfRange(segment, 10, segment.length);
  }

  @ParameterizedTest
  @CsvSource({"1", "3", "6", "8"})
  void pngStatesItInAChunk(int value) {
    byte[] tiff = tiff(ByteOrder.BIG_ENDIAN, value);
    ByteBuffer png = ByteBuffer.allocate(8 + 12 + 13 + 12 + tiff.length);
    png.putLong(0x89504e470d0a1a0aL);
    png.putInt(13).put("IHDR".getBytes(StandardCharsets.US_ASCII)).put(new byte[17]);
    png.putInt(tiff.length).put("eXIf".getBytes(StandardCharsets.US_ASCII)).put(tiff).putInt(0);
    assertEquals(Orientation.values()[value - 1], Orientation.of(png.array()));
    byte[] cut = Arrays.copyOf(png.array(), png.capacity() - 9);
    assertEquals(Orientation.TOP_LEFT, Orientation.of(cut));
  }

  @ParameterizedTest
  @CsvSource({"1, false", "3, true", "6, false", "8, true"})
  void webpStatesItInAChunk(int value, boolean likeJpeg) {
    byte[] begin = (likeJpeg ? "Exif\0\0" : "").getBytes(StandardCharsets.US_ASCII);
    byte[] tiff = tiff(ByteOrder.LITTLE_ENDIAN, value);
    ByteBuffer webp =
        ByteBuffer.allocate(12 + 8 + 4 + 8 + begin.length + tiff.length)
            .order(ByteOrder.LITTLE_ENDIAN);
    webp.put("RIFF".getBytes(StandardCharsets.US_ASCII)).putInt(webp.capacity() - 8);
    webp.put("WEBPVP8 ".getBytes(StandardCharsets.US_ASCII)).putInt(3).put(new byte[4]);
    webp.put("EXIF".getBytes(StandardCharsets.US_ASCII)).putInt(begin.length + tiff.length);
    webp.put(begin).put(tiff);
    assertEquals(Orientation.values()[value - 1], Orientation.of(webp.array()));
  }
}
