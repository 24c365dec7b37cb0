package org.nin4j.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ReadOnlyBufferException;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class ImageDatasetTest {

  private static final List<String> CLASSES = List.of("a", "b");

  private static ImageDataset colour() {
    byte[] pixels = new byte[2 * 3 * 1 * 2];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (byte) (250 + i);
    }
    return new ImageDataset("colour", CLASSES, 3, 1, 2, pixels, new byte[] {1, 0});
  }

  @Test
  void givesImagesAndLabels() {
    ImageDataset data = colour();
    assertEquals(2, data.count());
    assertEquals(6, data.imageSize());
    assertEquals(1, data.label(0));
    byte[] image = new byte[8];
    data.copyImage(1, image, 2);
    assertArrayEquals(new byte[] {0, 0, 0, 1, 2, 3, 4, 5}, image);
    assertEquals("colour: 2 images of 3×1×2 in 2 classes", data.toString());
  }

  @Test
  void buffersAreReadOnlyAndApart() {
    ImageDataset data = colour();
    ByteBuffer first = data.pixels();
    assertThrows(ReadOnlyBufferException.class, () -> first.put((byte) 0));
    first.position(5);
    assertEquals(0, data.pixels().position());
    assertEquals(12, data.pixels().remaining());
    assertThrows(ReadOnlyBufferException.class, () -> data.labels().put((byte) 0));
  }

  @Test
  void takesTheFirst() {
    ImageDataset one = colour().first(1);
    assertEquals(1, one.count());
    assertEquals(colour().pixels().limit(6), one.pixels());
    assertThrows(IllegalArgumentException.class, () -> colour().first(3));
    assertThrows(IllegalArgumentException.class, () -> colour().first(0));
  }

  /** A buffer from anywhere, such as a mapped file: all of it, whatever its position. */
  @Test
  void takesBuffers() {
    ByteBuffer direct = ByteBuffer.allocateDirect(12).put(colour().pixels());
    ImageDataset data = new ImageDataset("colour", CLASSES, 3, 1, 2, direct, new byte[] {1, 0});
    assertEquals(colour().pixels(), data.pixels());
    byte[] image = new byte[6];
    data.copyImage(1, image, 0);
    assertArrayEquals(new byte[] {0, 1, 2, 3, 4, 5}, image);
    ImageDataset one = data.first(1);
    assertEquals(6, one.pixels().capacity());
    assertEquals(colour().first(1).pixels(), one.pixels());
    assertThrows(ReadOnlyBufferException.class, () -> data.pixels().put((byte) 0));
  }

  @Test
  void labelsAreUnsigned() {
    List<String> classes = Collections.nCopies(256, "x");
    ImageDataset data =
        new ImageDataset("many", classes, 1, 1, 1, new byte[1], new byte[] {(byte) 200});
    assertEquals(200, data.label(0));
  }

  @Test
  void refusesWhatDoesNotFit() {
    byte[] two = new byte[2];
    assertRefused("do not make 2 bytes", CLASSES, 3, two, new byte[1]);
    assertRefused("do not make 2 bytes", CLASSES, 1, two, new byte[1]);
    assertRefused("image 1 has label 2", CLASSES, 1, two, new byte[] {0, 2});
    assertRefused("empty", CLASSES, 1, new byte[0], new byte[0]);
    assertRefused("1 to 256 classes", List.of(), 1, two, two);
    assertRefused("1 to 256 classes", Collections.nCopies(257, "x"), 1, two, two);
  }

  private static void assertRefused(
      String part, List<String> classes, int channels, byte[] pixels, byte[] labels) {
    String message =
        assertThrows(
                IllegalArgumentException.class,
                () -> new ImageDataset("bad", classes, channels, 1, 1, pixels, labels))
            .getMessage();
    assertTrue(message.contains(part), message);
    assertTrue(message.contains("bad"), message);
  }

  @Test
  void trainAndTestMustMatch() {
    ImageDataset grey = new ImageDataset("grey", CLASSES, 1, 1, 2, new byte[2], new byte[1]);
    DataException refused =
        assertThrows(DataException.class, () -> new TrainTest(colour(), grey, "here"));
    assertTrue(refused.getMessage().contains("3×1×2"), refused.getMessage());
    assertTrue(refused.getMessage().contains("1×1×2"), refused.getMessage());
  }
}
