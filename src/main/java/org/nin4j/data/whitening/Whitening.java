package org.nin4j.data.whitening;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.stream.IntStream;
import org.nin4j.data.ImageDataset;
import org.nin4j.text.Text;

/**
 * Global contrast normalisation, then whitening, as the paper on Network in Network has it. Over
 * all n values x of an image, of all its channels:
 *
 * <ul>
 *   <li>x ← x − mean(x); x ← 55 · x / ‖x‖, left as it is where ‖x‖ / 55 &lt; 1e-8. Source:
 *       pylearn2, {@code global_contrast_normalize} with {@code scale=55} and its other defaults.
 *   <li>y = W · (x − μ), with μ the mean and C the covariance (divided by the number of images) of
 *       the training images so normalised, and W = (C + 0.1 · I)^(−½), symmetric, so that y looks
 *       like an image still ("ZCA"). Source: pylearn2, {@code ZCA} with {@code filter_bias=0.1}.
 * </ul>
 *
 * <p>Whitened images are kept as bytes: y is stored as {@link #ZERO} + the nearest whole number to
 * y / step in [−127, 127]. The step is the one with the least squared error over training images.
 * On CIFAR-10 (JPEG copies) y has a deviation of 0.47, the bytes reach 7.3 times that, and the norm
 * of what they change is 1.9 % of the norm of y, see {@link #error}. Immutable; the same images
 * give the same bits whatever the number of processors.
 */
public final class Whitening {
  /** What 0 is stored as. */
  public static final int ZERO = 128;

  private static final double SCALE = 55;
  private static final double LEAST_DIVISOR = 1e-8;
  private static final double BIAS = 0.1;

  /** A matrix of 0.5 GB in double precision, of which three are needed. */
  private static final int MOST_VALUES = 8192;

  private static final int MOST_STEPS = 127;
  private static final int STEP_TRIALS = 120;
  private static final double STEP_FALL = 0.97;

  /** Images that the step is chosen by, and its error measured. */
  private static final int TRIAL_IMAGES = 256;

  /** Images that pass over the matrix together, rows of it, and elements of these. */
  private static final int IMAGES = 32;

  private static final int ROWS = 16;
  private static final int COLUMNS = 512;
  private static final int UNROLLED = 4;

  private final float[] mean;

  /** Rows of zeros beyond n, to a multiple of {@link #UNROLLED}. */
  private final float[][] matrix;

  private final float step;
  private final String fingerprint;

  /**
   * One that was fitted before.
   *
   * @param mean μ, [n]
   * @param matrix W, [n · n]
   * @param step above 0
   * @throws IllegalArgumentException if these do not fit each other
   */
  public Whitening(float[] mean, float[] matrix, float step) {
    int n = mean.length;
    if (n < 1 || matrix.length != (long) n * n) {
      throw new IllegalArgumentException(
          Text.of("a whitening of %d values has no matrix of %d elements", n, matrix.length));
    }
    if (!(step > 0 && step < Float.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("a whitening's step is above 0 and finite, not " + step);
    }
    this.mean = mean.clone();
    this.matrix = new float[padded(n)][n];
    for (int i = 0; i < n; i++) {
      System.arraycopy(matrix, i * n, this.matrix[i], 0, n);
    }
    this.step = step;
    fingerprint = digest(mean, matrix, step);
  }

  private static int padded(int n) {
    return (n + UNROLLED - 1) / UNROLLED * UNROLLED;
  }

  /**
   * Fits one to training images, on all processors: with N images of n values, N·n² floating-point
   * operations for the covariance and 12·n³ for its root, for CIFAR-10 a minute on two.
   *
   * @throws IllegalArgumentException if the images are too large
   */
  public static Whitening fit(ImageDataset images) {
    int n = images.imageSize();
    if (n > MOST_VALUES) {
      throw new IllegalArgumentException(
          Text.of(
              "whitening takes images of at most %d values, such as 3×52×52; those of %s have %d",
              MOST_VALUES, images.name(), n));
    }
    double[] mean = mean(images);
    SymmetricMatrix covariance = covariance(images, mean);
    covariance.addToDiagonal(BIAS);
    SymmetricMatrix root = InverseRoot.of(covariance, BIAS);
    float[] matrix = new float[n * n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        matrix[i * n + j] = (float) root.get(i, j);
      }
    }
    float[] single = new float[n];
    for (int i = 0; i < n; i++) {
      single[i] = (float) mean[i];
    }
    return new Whitening(single, matrix, bestStep(new Whitening(single, matrix, 1).trial(images)));
  }

  private static double[] mean(ImageDataset images) {
    double[] sum = new double[images.imageSize()];
    double[] values = new double[sum.length];
    byte[] bytes = new byte[sum.length];
    for (int image = 0; image < images.count(); image++) {
      images.copyImage(image, bytes, 0);
      normalise(bytes, values);
      for (int i = 0; i < sum.length; i++) {
        sum[i] += values[i];
      }
    }
    return Arrays.stream(sum).map(s -> s / images.count()).toArray();
  }

  private static SymmetricMatrix covariance(ImageDataset images, double[] mean) {
    SymmetricMatrix covariance = SymmetricMatrix.zeros(mean.length);
    double[][] block = covariance.block();
    for (int first = 0; first < images.count(); first += block.length) {
      int start = first;
      IntStream.range(0, block.length)
          .parallel()
          .forEach(
              r -> {
                double[] row = block[r];
                Arrays.fill(row, 0);
                if (start + r < images.count()) {
                  byte[] bytes = new byte[mean.length];
                  images.copyImage(start + r, bytes, 0);
                  normalise(bytes, row);
                  for (int i = 0; i < mean.length; i++) {
                    row[i] -= mean[i];
                  }
                }
              });
      covariance.addProducts(block, block);
    }
    covariance.scale(1.0 / images.count());
    return covariance;
  }

  /** Global contrast normalisation of an image into the first places of an array. */
  static void normalise(byte[] image, double[] values) {
    long sum = 0;
    for (byte pixel : image) {
      sum += pixel & 0xff;
    }
    double mean = (double) sum / image.length;
    double squares = 0;
    for (int i = 0; i < image.length; i++) {
      values[i] = (image[i] & 0xff) - mean;
      squares += values[i] * values[i];
    }
    double divisor = Math.sqrt(squares) / SCALE;
    for (int i = 0; i < image.length && divisor >= LEAST_DIVISOR; i++) {
      values[i] /= divisor;
    }
  }

  /** Values in an image. */
  public int size() {
    return mean.length;
  }

  /** μ, [n]; a copy. */
  public float[] mean() {
    return mean.clone();
  }

  /** W, [n · n]; a copy. */
  public float[] matrix() {
    int n = mean.length;
    float[] all = new float[n * n];
    for (int i = 0; i < n; i++) {
      System.arraycopy(matrix[i], 0, all, i * n, n);
    }
    return all;
  }

  /** The difference of whitened values that are stored as neighbouring bytes. */
  public float step() {
    return step;
  }

  /** A text that tells it from any other: SHA-256 in 64 hexadecimal digits. */
  public String fingerprint() {
    return fingerprint;
  }

  private static String digest(float[] mean, float[] matrix, float step) {
    try {
      MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
      ByteBuffer bytes = ByteBuffer.allocate(mean.length * Float.BYTES);
      for (int row = -1; row < mean.length; row++) {
        bytes
            .asFloatBuffer()
            .put(row < 0 ? mean : matrix, Math.max(row, 0) * mean.length, mean.length);
        sha256.update(bytes.array());
      }
      sha256.update(ByteBuffer.allocate(Float.BYTES).putFloat(step).array());
      return HexFormat.of().formatHex(sha256.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java has SHA-256", e);
    }
  }

  /**
   * The same images, whitened, as bytes.
   *
   * @throws IllegalArgumentException if they have another size
   */
  public ImageDataset apply(ImageDataset images) {
    int n = mean.length;
    requireSize(images.imageSize());
    byte[] pixels = new byte[Math.multiplyExact(images.count(), n)];
    byte[] labels = new byte[images.count()];
    images.labels().get(labels);
    IntStream.range(0, (images.count() + IMAGES - 1) / IMAGES)
        .parallel()
        .forEach(
            group -> {
              int first = group * IMAGES;
              int count = Math.min(IMAGES, images.count() - first);
              byte[][] stored = new byte[count][n];
              for (int i = 0; i < count; i++) {
                images.copyImage(first + i, stored[i], 0);
              }
              float[][] whitened = whitened(stored);
              for (int i = 0; i < count; i++) {
                store(whitened[i], pixels, (first + i) * n);
              }
            });
    return new ImageDataset(
        images.name(),
        images.classNames(),
        images.channels(),
        images.height(),
        images.width(),
        pixels,
        labels);
  }

  /**
   * One image, whitened, as bytes.
   *
   * @throws IllegalArgumentException if it has another size
   */
  public byte[] apply(byte[] image) {
    requireSize(image.length);
    byte[] pixels = new byte[image.length];
    store(whitened(new byte[][] {image})[0], pixels, 0);
    return pixels;
  }

  private void requireSize(int size) {
    if (size != mean.length) {
      throw new IllegalArgumentException(
          Text.of("the whitening was fitted to images of %d values, not %d", mean.length, size));
    }
  }

  private void store(float[] values, byte[] pixels, int offset) {
    for (int i = 0; i < values.length; i++) {
      pixels[offset + i] = (byte) (ZERO + steps(values[i], step));
    }
  }

  private static int steps(float value, float step) {
    return Math.max(-MOST_STEPS, Math.min(MOST_STEPS, Math.round(value / step)));
  }

  /** The whitened values of images. */
  float[][] whitened(byte[][] images) {
    int n = mean.length;
    float[][] x = new float[images.length][matrix.length];
    double[] normalised = new double[n];
    for (int image = 0; image < images.length; image++) {
      normalise(images[image], normalised);
      for (int i = 0; i < n; i++) {
        x[image][i] = (float) normalised[i] - mean[i];
      }
    }
    float[][] y = new float[images.length][n];
    for (int from = 0; from < n; from += COLUMNS) {
      int to = Math.min(n, from + COLUMNS);
      for (int first = 0; first < matrix.length; first += ROWS) {
        int end = Math.min(matrix.length, first + ROWS);
        for (int image = 0; image < images.length; image++) {
          for (int row = first; row < end; row += UNROLLED) {
            addFour(x[image], row, y[image], from, to);
          }
        }
      }
    }
    return y;
  }

  /** Four rows of the matrix into an image: the loop that the compiler turns into vectors. */
  private void addFour(float[] x, int row, float[] y, int from, int to) {
    float[] w0 = matrix[row];
    float[] w1 = matrix[row + 1];
    float[] w2 = matrix[row + 2];
    float[] w3 = matrix[row + 3];
    float x0 = x[row];
    float x1 = x[row + 1];
    float x2 = x[row + 2];
    float x3 = x[row + 3];
    for (int j = from; j < to; j++) {
      y[j] += x0 * w0[j] + x1 * w1[j] + x2 * w2[j] + x3 * w3[j];
    }
  }

  /** Some images of a set, evenly spread, whitened. */
  private float[][] trial(ImageDataset images) {
    int count = Math.min(TRIAL_IMAGES, images.count());
    byte[][] chosen = new byte[count][mean.length];
    for (int i = 0; i < count; i++) {
      images.copyImage((int) ((long) i * images.count() / count), chosen[i], 0);
    }
    return whitened(chosen);
  }

  /**
   * By trial: from one that reaches the largest value down to one that reaches a fortieth of it.
   */
  private static float bestStep(float[][] values) {
    float largest = 0;
    for (float[] image : values) {
      for (float value : image) {
        largest = Math.max(largest, Math.abs(value));
      }
    }
    float best = largest > 0 ? largest / MOST_STEPS : 1;
    double least = squaredError(values, best);
    for (int trial = 1; trial < STEP_TRIALS; trial++) {
      float step = (float) (largest / MOST_STEPS * Math.pow(STEP_FALL, trial));
      double error = step > 0 ? squaredError(values, step) : Double.POSITIVE_INFINITY;
      if (error < least) {
        best = step;
        least = error;
      }
    }
    return best;
  }

  private static double squaredError(float[][] values, float step) {
    double[] sums = new double[values.length];
    IntStream.range(0, values.length)
        .parallel()
        .forEach(
            image -> {
              for (float value : values[image]) {
                double difference = value - (double) step * steps(value, step);
                sums[image] += difference * difference;
              }
            });
    // One after the other, for the same bits on any number of processors.
    double sum = 0;
    for (double image : sums) {
      sum += image;
    }
    return sum;
  }

  /**
   * What storing whitened values as bytes changes, measured on some of the images.
   *
   * @return the norm of the differences as a share of the values' norm
   */
  public double error(ImageDataset images) {
    float[][] values = trial(images);
    double squares = 0;
    for (float[] image : values) {
      for (float value : image) {
        squares += (double) value * value;
      }
    }
    return squares > 0 ? Math.sqrt(squaredError(values, step) / squares) : 0;
  }
}
