package org.nin4j.backend.reference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.Samples;
import org.nin4j.backend.StepCase;
import org.nin4j.plan.Precision;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.MakeBatch;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Shape;

/** What random variation makes of stored images, against its description. */
class BatchAugmentationTest {
  private static final int HEIGHT = 5;
  private static final int WIDTH = 7;
  private static final int IMAGES = 4000;

  private final long seed = new Random().nextLong();

  BatchAugmentationTest() {
    System.out.println("seed " + seed);
  }

  /**
   * The pixels, as stored values by [channel][pixel], of a batch of one image again and again.
   *
   * @param stored [channels · HEIGHT · WIDTH]
   */
  private int[][][] made(BatchSpec spec, byte[] stored) {
    TensorSpec images =
        new TensorSpec(
            "images", spec.output().batched(IMAGES), DType.F32, TensorSpec.Role.ACTIVATION);
    TensorSpec labels =
        new TensorSpec("labels", Shape.of(IMAGES), DType.I32, TensorSpec.Role.ACTIVATION);
    Samples samples =
        new Samples(ByteBuffer.wrap(stored), ByteBuffer.wrap(new byte[1]), 1, spec.source());
    float[] values =
        new StepCase(
                "batch",
                new MakeBatch(spec, images, labels),
                Map.of(),
                Optional.of(samples),
                new Epoch(seed, 3, new int[IMAGES], new float[] {0}))
            .run(new ReferenceBackend(), Precision.FP32)
            .written()
            .get(images)
            .values();
    int channels = spec.source().dim(0);
    int[][][] made = new int[IMAGES][channels][HEIGHT * WIDTH];
    for (int i = 0; i < values.length; i++) {
      int channel = i / (HEIGHT * WIDTH) % channels;
      double pixel = values[i] * spec.std().get(channel) + spec.mean().get(channel);
      made[i / (HEIGHT * WIDTH * channels)][channel][i % (HEIGHT * WIDTH)] =
          (int) Math.round(255 * pixel);
    }
    return made;
  }

  private static byte[] counting(int channels) {
    byte[] stored = new byte[channels * HEIGHT * WIDTH];
    for (int i = 0; i < stored.length; i++) {
      stored[i] = (byte) (i + 1);
    }
    return stored;
  }

  /** Each offset of a crop out of the padded image is met, with the same probability. */
  @Test
  void aShiftIsACropWithPadding() {
    int padding = 2;
    for (int border : new int[] {0, 128}) {
      byte[] stored = counting(1);
      int[][] padded = new int[HEIGHT + 2 * padding][WIDTH + 2 * padding];
      for (int[] row : padded) {
        Arrays.fill(row, border);
      }
      for (int i = 0; i < HEIGHT * WIDTH; i++) {
        padded[padding + i / WIDTH][padding + i % WIDTH] = stored[i];
      }
      BatchSpec spec =
          new BatchSpec(
              Shape.of(1, HEIGHT, WIDTH),
              HEIGHT,
              WIDTH,
              List.of(0f),
              List.of(1f),
              border,
              new BatchSpec.Augmentation(false, padding, 0));
      int side = 2 * padding + 1;
      int[] met = new int[side * side];
      for (int[][] image : made(spec, stored)) {
        int found = -1;
        for (int offset = 0; offset < side * side; offset++) {
          boolean same = true;
          for (int i = 0; i < HEIGHT * WIDTH; i++) {
            same &= image[0][i] == padded[offset / side + i / WIDTH][offset % side + i % WIDTH];
          }
          found = same ? offset : found;
        }
        assertTrue(found >= 0, () -> "no crop: " + Arrays.toString(image[0]));
        met[found]++;
      }
      requireUniform(met);
    }
  }

  /** The square lies around each pixel with the same probability and ends at the border. */
  @Test
  void aCutOutIsASquareOfTheMean() {
    int side = 3;
    BatchSpec spec =
        new BatchSpec(
            Shape.of(2, HEIGHT, WIDTH),
            HEIGHT,
            WIDTH,
            List.of(0.5f, 0.999f),
            List.of(0.25f, 2f),
            0,
            new BatchSpec.Augmentation(false, 0, side));
    byte[] stored = counting(2);
    int[] met = new int[HEIGHT * WIDTH];
    for (int[][] image : made(spec, stored)) {
      int found = -1;
      for (int centre = 0; centre < HEIGHT * WIDTH; centre++) {
        boolean same = true;
        for (int i = 0; i < HEIGHT * WIDTH; i++) {
          boolean cut =
              Math.abs(i / WIDTH - centre / WIDTH) <= 1
                  && Math.abs(i % WIDTH - centre % WIDTH) <= 1;
          // 0.5 · 255 = 127.5 is rounded up, 0.999 · 255 = 254.745 too.
          same &= image[0][i] == (cut ? 128 : stored[i]);
          same &= image[1][i] == (cut ? 255 : stored[HEIGHT * WIDTH + i]);
        }
        found = same ? centre : found;
      }
      assertTrue(found >= 0, () -> "no square: " + Arrays.toString(image[0]));
      met[found]++;
    }
    requireUniform(met);
  }

  /** An even side reaches one pixel further to the top and left; all of an image may be cut out. */
  @Test
  void evenAndLargeSquares() {
    Shape source = Shape.of(1, HEIGHT, WIDTH);
    BatchSpec two =
        BatchSpec.unit(source, HEIGHT, WIDTH).with(new BatchSpec.Augmentation(false, 0, 2));
    int[] cut = new int[5];
    for (int[][] image : made(two, counting(1))) {
      cut[(int) Arrays.stream(image[0]).filter(p -> p == 0).count()]++;
    }
    // One row of the centres and one column leave half a square, their corner a quarter.
    double pixels = HEIGHT * WIDTH;
    assertEquals(0, cut[0] + cut[3]);
    assertEquals(1 / pixels, cut[1] / (double) IMAGES, 6 * Math.sqrt(1 / pixels / IMAGES));
    double half = (HEIGHT + WIDTH - 2) / pixels;
    assertEquals(half, cut[2] / (double) IMAGES, 6 * Math.sqrt(half / IMAGES));
    BatchSpec all =
        BatchSpec.unit(source, HEIGHT, WIDTH).with(new BatchSpec.Augmentation(true, 1, 40));
    for (int[][] image : made(all, counting(1))) {
      assertTrue(Arrays.stream(image[0]).allMatch(p -> p == 0));
    }
  }

  /** Six deviations of a count. */
  private static void requireUniform(int[] met) {
    double expected = IMAGES / (double) met.length;
    for (int count : met) {
      assertEquals(expected, count, 6 * Math.sqrt(expected), () -> Arrays.toString(met));
    }
  }
}
