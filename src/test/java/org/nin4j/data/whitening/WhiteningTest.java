package org.nin4j.data.whitening;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Random;
import java.util.concurrent.ForkJoinPool;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nin4j.data.ImageDataset;

class WhiteningTest {
  private final long seed = new Random().nextLong();

  WhiteningTest() {
    System.out.println("seed " + seed);
  }

  /** Images of a slope in some direction with noise: neighbouring pixels are alike. */
  private ImageDataset images(int count, int channels, int height, int width) {
    Random random = new Random(seed);
    byte[] pixels = new byte[count * channels * height * width];
    int at = 0;
    for (int image = 0; image < count; image++) {
      double down = random.nextGaussian();
      double right = random.nextGaussian();
      for (int c = 0; c < channels; c++) {
        for (int i = 0; i < height; i++) {
          for (int j = 0; j < width; j++) {
            double value =
                128 + 10 * (down * (i - height / 2.0) + right * (j - width / 2.0)) + 20 * c;
            value += 8 * random.nextGaussian();
            pixels[at++] = (byte) Math.max(0, Math.min(255, Math.round(value)));
          }
        }
      }
    }
    return new ImageDataset(
        "slopes", List.of("any"), channels, height, width, pixels, new byte[count]);
  }

  private static byte[] image(ImageDataset images, int number) {
    byte[] image = new byte[images.imageSize()];
    images.copyImage(number, image, 0);
    return image;
  }

  /**
   * Images of two pixels: normalised, each is (−a, a) or (a, −a) with a = 55 / √2. The covariance
   * has the eigenvalues 55² and 0, so that (−a, a) becomes (−a, a) / √(55² + 0.1).
   */
  @Test
  void twoPixelsByHand() {
    byte[] pixels = {1, 3, 9, 2, 0, (byte) 255, 100, 99};
    ImageDataset images = new ImageDataset("two", List.of("any"), 1, 1, 2, pixels, new byte[4]);
    Whitening whitening = Whitening.fit(images);
    assertArrayEquals(new float[2], whitening.mean(), 1e-5f);
    double along = 1 / Math.sqrt(55 * 55 + 0.1);
    double across = 1 / Math.sqrt(0.1);
    float same = (float) ((along + across) / 2);
    float other = (float) ((across - along) / 2);
    assertArrayEquals(new float[] {same, other, other, same}, whitening.matrix(), 1e-5f);
    float one = (float) (55 / Math.sqrt(2) * along);
    float[][] whitened = whitening.whitened(new byte[][] {{1, 3}, {99, 98}, {7, 7}});
    assertArrayEquals(new float[] {-one, one}, whitened[0], 1e-4f);
    assertArrayEquals(new float[] {one, -one}, whitened[1], 1e-4f);
    // An image of one value has no contrast to normalise.
    assertArrayEquals(new float[2], whitened[2], 1e-4f);
    assertEquals(one / 127, whitening.step(), 1e-5f);
    assertArrayEquals(new byte[] {1, (byte) 255}, whitening.apply(new byte[] {1, 3}));
    assertArrayEquals(new byte[] {(byte) 128, (byte) 128}, whitening.apply(new byte[] {7, 7}));
  }

  /** (x − mean) · 55 / ‖x − mean‖, by the definition. */
  private static double[] normalised(byte[] image) {
    double mean = 0;
    for (byte b : image) {
      mean += (b & 0xff) / (double) image.length;
    }
    double norm = 0;
    for (byte b : image) {
      norm += Math.pow((b & 0xff) - mean, 2);
    }
    double[] values = new double[image.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = 55 * ((image[i] & 0xff) - mean) / Math.sqrt(norm);
    }
    return values;
  }

  /** More values than images, odd numbers of both, one channel and three. */
  @ParameterizedTest
  @CsvSource({"400, 3, 8, 8", "37, 1, 7, 5", "101, 3, 3, 5", "1, 1, 3, 3"})
  void whatIsWhitenedHasTheIdentityForItsCovarianceUpToTheBias(
      int count, int channels, int height, int width) {
    ImageDataset images = images(count, channels, height, width);
    Whitening whitening = Whitening.fit(images);
    int n = images.imageSize();
    double[][] x = new double[count][];
    double[] mean = new double[n];
    for (int i = 0; i < count; i++) {
      x[i] = normalised(image(images, i));
      for (int k = 0; k < n; k++) {
        mean[k] += x[i][k] / count;
      }
    }
    float[] matrix = whitening.matrix();
    float[] fitted = whitening.mean();
    double[][] y = new double[count][n];
    for (int k = 0; k < n; k++) {
      assertEquals(mean[k], fitted[k], 1e-5);
    }
    for (int i = 0; i < count; i++) {
      float[] whitened = whitening.whitened(new byte[][] {image(images, i)})[0];
      for (int k = 0; k < n; k++) {
        for (int j = 0; j < n; j++) {
          y[i][k] += (double) matrix[k * n + j] * (x[i][j] - mean[j]);
        }
        // Sums in fp32 of n products; the largest term is some 55 · 3.
        assertEquals(y[i][k], whitened[k], 1e-3);
      }
    }
    // W (C + 0.1 I) W = I, where W C W is the covariance of what is whitened.
    for (int k = 0; k < n; k++) {
      for (int j = 0; j <= k; j++) {
        double sum = 0;
        for (int i = 0; i < count; i++) {
          sum += y[i][k] * y[i][j] / count;
        }
        for (int m = 0; m < n; m++) {
          sum += 0.1 * matrix[k * n + m] * matrix[m * n + j];
        }
        assertEquals(k == j ? 1 : 0, sum, 1e-3, k + ", " + j);
        assertEquals(matrix[j * n + k], matrix[k * n + j]);
      }
    }
  }

  @Test
  void bytesAreTheNearestStepsAndTheStepIsTheBest() {
    ImageDataset images = images(70, 3, 6, 5);
    Whitening whitening = Whitening.fit(images);
    ImageDataset stored = whitening.apply(images);
    double least = Double.POSITIVE_INFINITY;
    for (double factor : new double[] {1, 0.7, 1.4}) {
      double step = whitening.step() * factor;
      double error = 0;
      double squares = 0;
      for (int i = 0; i < images.count(); i++) {
        byte[] pixels = image(stored, i);
        assertArrayEquals(pixels, whitening.apply(image(images, i)));
        float[] values = whitening.whitened(new byte[][] {image(images, i)})[0];
        for (int k = 0; k < values.length; k++) {
          long steps = Math.max(-127, Math.min(127, Math.round(values[k] / step)));
          if (factor == 1) {
            // A value halfway between two may go either way.
            assertEquals(
                values[k] / step, (pixels[k] & 0xff) - 128, 0.5001 + clipped(values[k], step));
          }
          error += Math.pow(values[k] - step * steps, 2);
          squares += (double) values[k] * values[k];
        }
      }
      double relative = Math.sqrt(error / squares);
      if (factor == 1) {
        assertEquals(whitening.error(images), relative, 1e-4 * relative);
        assertTrue(relative < 0.02, "bytes change whitened values by " + relative);
        least = relative;
      } else {
        assertTrue(relative > least, factor + ": " + relative + " is less than " + least);
      }
    }
    assertEquals(images.labels(), stored.labels());
    assertEquals(images.toString(), stored.toString());
  }

  private static double clipped(float value, double step) {
    return Math.max(0, Math.abs(value) / step - 127);
  }

  @Test
  void theNumberOfProcessorsChangesNothing() throws Exception {
    ImageDataset images = images(90, 3, 8, 8);
    String all = Whitening.fit(images).fingerprint();
    for (int threads : new int[] {1, 3}) {
      ForkJoinPool pool = new ForkJoinPool(threads);
      assertEquals(all, pool.submit(() -> Whitening.fit(images).fingerprint()).get());
      pool.shutdown();
    }
  }

  @Test
  void imagesOfOneColourAreZero() {
    ImageDataset images =
        new ImageDataset("grey", List.of("any"), 1, 2, 2, new byte[12], new byte[3]);
    Whitening whitening = Whitening.fit(images);
    assertArrayEquals(new byte[] {-128, -128, -128, -128}, whitening.apply(new byte[4]));
    assertEquals(0, whitening.error(images));
  }

  @Test
  void whatDoesNotFitIsRefused() {
    Whitening whitening = Whitening.fit(images(5, 1, 2, 2));
    assertThrows(IllegalArgumentException.class, () -> whitening.apply(new byte[5]));
    assertThrows(IllegalArgumentException.class, () -> whitening.apply(images(2, 1, 3, 2)));
    assertThrows(
        IllegalArgumentException.class, () -> new Whitening(new float[2], new float[5], 1));
    assertThrows(
        IllegalArgumentException.class, () -> new Whitening(new float[2], new float[4], 0));
    String message =
        assertThrows(IllegalArgumentException.class, () -> Whitening.fit(images(1, 1, 91, 91)))
            .getMessage();
    assertEquals(
        "whitening takes images of at most 8192 values, such as 3×52×52; those of slopes have 8281",
        message);
  }
}
