package org.nin4j.data.shapes;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.TrainTest;

/**
 * Ten classes of shapes drawn by the program, 28×28: data to learn from where there is no other.
 *
 * <p>Each image has one shape of random place, size, angle and proportions, filled or only
 * outlined, lighter or darker than its background, which is unevenly lit; then noise is laid over
 * it. The same seed gives the same images everywhere, whatever the number of threads.
 */
public final class Shapes {

  /** The name of the data set in options. */
  public static final String ID = "shapes";

  /** The name of the data set as shown. */
  public static final String NAME = "shapes (drawn by the program)";

  /** The classes by label. */
  public static final List<String> CLASS_NAMES =
      List.of(
          "circle",
          "ellipse",
          "triangle",
          "square",
          "hexagon",
          "star",
          "cross",
          "arrow",
          "crescent",
          "heart");

  /** Number of training images that the usual data sets have. */
  public static final int TRAIN_COUNT = 60_000;

  /** Number of test images that the usual data sets have. */
  public static final int TEST_COUNT = 10_000;

  private static final int SIZE = 28;
  private static final int TRAIN_STREAM = 0;
  private static final int TEST_STREAM = 1;

  private Shapes() {}

  /**
   * Draws a training and a test set. Labels go round: image i shows class i mod 10. A smaller set
   * is the beginning of a larger one.
   *
   * @param seed what all images follow from
   * @param trainCount training images, at least 1
   * @param testCount test images, at least 1; drawn apart from the training images
   * @param threads threads to draw with, at least 1
   */
  public static TrainTest draw(long seed, int trainCount, int testCount, int threads) {
    return new TrainTest(
        drawSet(seed, TRAIN_STREAM, trainCount, threads),
        drawSet(seed, TEST_STREAM, testCount, threads),
        "drawn from seed " + seed);
  }

  private static ImageDataset drawSet(long seed, int stream, int count, int threads) {
    byte[] pixels = new byte[Math.multiplyExact(count, SIZE * SIZE)];
    byte[] labels = new byte[count];
    ExecutorService executor = Executors.newFixedThreadPool(threads);
    try {
      List<Future<?>> parts = new ArrayList<>();
      for (int t = 0; t < threads; t++) {
        int from = (int) ((long) count * t / threads);
        int to = (int) ((long) count * (t + 1) / threads);
        parts.add(
            executor.submit(
                () -> {
                  for (int i = from; i < to; i++) {
                    labels[i] = (byte) (i % CLASS_NAMES.size());
                    drawImage(labels[i], SplitMix64.of(seed, stream, i), pixels, i * SIZE * SIZE);
                  }
                }));
      }
      for (Future<?> part : parts) {
        part.get();
      }
    } catch (ExecutionException e) {
      throw new IllegalStateException("Drawing shapes failed", e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("Drawing shapes was interrupted", e);
    } finally {
      executor.shutdownNow();
    }
    return new ImageDataset(NAME, CLASS_NAMES, 1, SIZE, SIZE, pixels, labels);
  }

  private static Outline outline(int label, SplitMix64 random) {
    return switch (label) {
      case 0 -> Outline.circle();
      case 1 -> Outline.ellipse(random.uniform(0.4, 0.65));
      case 2 -> Outline.polygon(3);
      case 3 -> Outline.polygon(4);
      case 4 -> Outline.polygon(6);
      case 5 -> Outline.star(5, random.uniform(0.35, 0.5));
      case 6 -> Outline.cross(random.uniform(0.18, 0.34));
      case 7 ->
          Outline.arrow(
              random.uniform(0.12, 0.25), random.uniform(-0.1, 0.2), random.uniform(0.5, 0.75));
      case 8 -> Outline.crescent(random.uniform(0.5, 1.0), random.uniform(0.5, 0.8));
      case 9 -> Outline.heart();
      default -> throw new IllegalArgumentException("no shape " + label);
    };
  }

  private static void drawImage(int label, SplitMix64 random, byte[] pixels, int offset) {
    double radius = random.uniform(6, 12.5);
    double slack = SIZE / 2.0 - 1 - radius;
    double centreX = SIZE / 2.0 + random.uniform(-slack, slack);
    double centreY = SIZE / 2.0 + random.uniform(-slack, slack);
    double angle = random.uniform(0, 2 * Math.PI);
    Outline outline = outline(label, random).placed(centreX, centreY, radius, angle);
    boolean filled = random.coin();
    double halfStroke = random.uniform(0.5, 1.1);

    double contrast = random.uniform(50, 220);
    double dark = random.uniform(0, 255 - contrast);
    boolean lightShape = random.coin();
    double background = lightShape ? dark : dark + contrast;
    double towardsShape = lightShape ? contrast : -contrast;
    double shadeX = random.uniform(-1.5, 1.5);
    double shadeY = random.uniform(-1.5, 1.5);
    double noise = random.uniform(4, 36);

    for (int y = 0; y < SIZE; y++) {
      for (int x = 0; x < SIZE; x++) {
        double fromX = x + 0.5 - centreX;
        double fromY = y + 0.5 - centreY;
        double coverage = 0;
        double reach = radius + 2;
        if (fromX * fromX + fromY * fromY < reach * reach) {
          double distance = outline.signedDistance(x + 0.5, y + 0.5);
          double outside = filled ? distance : Math.abs(distance) - halfStroke;
          coverage = Math.max(0, Math.min(1, 0.5 - outside));
        }
        double shade = shadeX * (x - SIZE / 2.0) + shadeY * (y - SIZE / 2.0);
        double value = background + towardsShape * coverage + shade + noise * random.normal();
        pixels[offset + y * SIZE + x] = (byte) Math.max(0, Math.min(255, (int) (value + 0.5)));
      }
    }
  }
}
