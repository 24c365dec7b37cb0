package org.nin4j.data.picture;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nin4j.data.DataException;
import org.nin4j.data.picture.WebpFrames.Size;

class WebpFramesTest {
  private static byte[] chunk(String tag, byte[]... parts) {
    int length = Arrays.stream(parts).mapToInt(part -> part.length).sum();
    ByteBuffer chunk =
        ByteBuffer.allocate(8 + length + (length & 1)).order(ByteOrder.LITTLE_ENDIAN);
    chunk.put(tag.getBytes(StandardCharsets.US_ASCII)).putInt(length);
    for (byte[] part : parts) {
      chunk.put(part);
    }
    return chunk.array();
  }

  private static byte[] webp(byte[]... chunks) {
    byte[][] parts = new byte[chunks.length + 1][];
    parts[0] = "WEBP".getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(chunks, 0, parts, 1, chunks.length);
    return chunk("RIFF", parts);
  }

  /** The beginning of a frame of that size, a key frame that is shown. */
  private static byte[] lossy(int width, int height) {
    ByteBuffer frame = ByteBuffer.allocate(11).order(ByteOrder.LITTLE_ENDIAN);
    frame.put(new byte[] {0x50, 4, 0, (byte) 0x9d, 1, 0x2a});
    return chunk("VP8 ", frame.putShort((short) width).putShort((short) height).array());
  }

  /** A canvas of 32×32, which the frames need not keep to. */
  private static byte[] canvas(boolean animated) {
    byte flags = (byte) (animated ? 2 : 0);
    return chunk("VP8X", new byte[] {flags, 0, 0, 0, 31, 0, 0, 31, 0, 0});
  }

  private static byte[] resource(String name) throws IOException {
    try (InputStream in = WebpFramesTest.class.getResourceAsStream(name)) {
      return in.readAllBytes();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"lossy.webp", "lossless.webp"})
  void picturesByOthersHaveTheirSize(String name) throws IOException {
    assertEquals(List.of(new Size(32, 32)), WebpFrames.of(resource(name)));
  }

  @Test
  void everyFrameIsFound() throws IOException {
    byte[] lossless = chunk("VP8L", new byte[] {0x2f, (byte) 0xfe, (byte) 0xff, (byte) 0xff, 0x0f});
    byte[] animated = chunk("ANMF", new byte[16], chunk("ALPH", new byte[3]), lossy(40, 50));
    assertEquals(
        List.of(new Size(0x3fff, 0x4000), new Size(40, 50), new Size(7, 8)),
        WebpFrames.of(webp(canvas(true), lossless, animated, lossy(7, 8))));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aFrameIsNoLargerThanWhatIsReadWhateverItsCanvas(boolean animated) {
    byte[] frame = lossy(16383, 16382);
    byte[] webp = webp(canvas(animated), animated ? chunk("ANMF", new byte[16], frame) : frame);
    DataException refused =
        assertThrows(DataException.class, () -> ImageFile.read(webp, "small.webp"));
    assertTrue(
        refused.getMessage().startsWith("small.webp has 16383×16382 pixels, more than are read"),
        refused.getMessage());
  }

  /** Each would take some of the stack. */
  @Test
  void aFrameWithinAFrameIsNone() throws IOException {
    byte[] nested = lossy(7, 8);
    for (int i = 0; i < 2; i++) {
      nested = chunk("ANMF", new byte[16], nested);
    }
    assertEquals(List.of(), WebpFrames.of(webp(canvas(true), nested)));
  }

  /** Wherever the file ends within a chunk. */
  @Test
  void whatIsCutShortIsNoPicture() throws IOException {
    byte[] whole = resource("lossy.webp");
    for (int length = 20; length < whole.length - 1; length++) {
      byte[] cut = Arrays.copyOf(whole, length);
      assertThrows(EOFException.class, () -> WebpFrames.of(cut), "of " + length);
      DataException refused = assertThrows(DataException.class, () -> ImageFile.read(cut, "cut"));
      assertEquals(
          "cut is damaged: it ends too early, or contradicts itself", refused.getMessage());
    }
  }

  @Test
  void aChunkOfMoreThanThereIsCannotBe() {
    for (int length : new int[] {13, Integer.MAX_VALUE, -1, Integer.MIN_VALUE}) {
      byte[] webp = webp(lossy(7, 8));
      ByteBuffer.wrap(webp).order(ByteOrder.LITTLE_ENDIAN).putInt(16, length);
      assertThrows(EOFException.class, () -> WebpFrames.of(webp), "of " + length);
    }
    assertThrows(EOFException.class, () -> WebpFrames.of(webp(chunk("VP8 ", new byte[9]))));
    assertThrows(EOFException.class, () -> WebpFrames.of(webp(chunk("ANMF", new byte[15]))));
  }
}
