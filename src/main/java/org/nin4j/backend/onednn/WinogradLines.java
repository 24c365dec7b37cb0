package org.nin4j.backend.onednn;

import java.nio.FloatBuffer;
import java.util.Arrays;

/**
 * One thread's memory for the transforms of {@link WinogradTransform}, and the ways between images
 * (rows of pixels, channels innermost) and products (for each point a matrix with a row of channels
 * for each tile).
 */
final class WinogradLines {
  private static final int STEP = WinogradTransform.STEP;

  private final WinogradTiles tiles;
  private final WinogradTransform transform;
  private final int pointCount;
  private final float[] zeros;
  private final float[][] rows;
  private final float[][] picked;
  private final float[][] transformed;
  private final float[][] columns;
  private final float[][] points;
  private final float[][][] halves;

  /** Those of {@link #halves} that are written next. */
  private final float[][] results = new float[STEP][];

  private final float[] line;

  WinogradLines(WinogradTiles tiles) {
    this.tiles = tiles;
    transform = tiles.transform();
    pointCount = transform.points();
    int most = Math.max(tiles.channels(), tiles.filters());
    int image = Math.max(tiles.width(), tiles.outWidth()) * most;
    int across = tiles.across() * most;
    zeros = new float[image];
    rows = new float[pointCount][image];
    picked = new float[pointCount][];
    transformed = new float[pointCount][image];
    columns = new float[pointCount][across];
    points = new float[pointCount][across];
    halves = new float[STEP][pointCount][across];
    line = new float[image];
  }

  /** Memory for each thread. */
  static WinogradLines[] forEach(Workers workers, WinogradTiles tiles) {
    WinogradLines[] lines = new WinogradLines[workers.count()];
    Arrays.setAll(lines, i -> new WinogradLines(tiles));
    return lines;
  }

  /**
   * V = Bᵀ d B for a row of tiles of the input.
   *
   * @param sample where the sample begins
   * @param row of tiles
   * @param plane elements from point to point in {@code to}
   * @param at where this row of tiles begins in each
   */
  void spreadInput(FloatBuffer from, int sample, int row, FloatBuffer to, int plane, int at) {
    int width = tiles.width();
    int channels = tiles.channels();
    int first = STEP * row - tiles.padding();
    pick(from, sample, first, pointCount, tiles.height(), width * channels);
    transform.input(picked, transformed, width * channels);
    for (int i = 0; i < pointCount; i++) {
      gather(transformed[i], pointCount, tiles.padding(), width, channels);
      transform.input(columns, points, tiles.across() * channels);
      put(i, to, plane, at, tiles.across() * channels);
    }
  }

  /** V = G g Gᵀ for a row of tiles of the result's gradient, with it as the filter. */
  void spreadGradient(FloatBuffer from, int sample, int row, FloatBuffer to, int plane, int at) {
    int width = tiles.outWidth();
    int channels = tiles.filters();
    pick(from, sample, STEP * row, STEP, tiles.outHeight(), width * channels);
    transform.filter(picked, transformed, width * channels);
    for (int i = 0; i < pointCount; i++) {
      gather(transformed[i], STEP, 0, width, channels);
      transform.filter(columns, points, tiles.across() * channels);
      put(i, to, plane, at, tiles.across() * channels);
    }
  }

  /** Rows of an image, zeros where there are none. */
  private void pick(FloatBuffer from, int sample, int first, int count, int height, int length) {
    for (int i = 0; i < count; i++) {
      int row = first + i;
      if (row < 0 || row >= height) {
        picked[i] = zeros;
      } else {
        from.get(sample + row * length, rows[i], 0, length);
        picked[i] = rows[i];
      }
    }
  }

  /** Column i of each tile, side by side, for so many columns. */
  private void gather(float[] row, int count, int padding, int width, int channels) {
    for (int i = 0; i < count; i++) {
      for (int tile = 0; tile < tiles.across(); tile++) {
        int column = STEP * tile - padding + i;
        boolean inside = column >= 0 && column < width;
        System.arraycopy(
            inside ? row : zeros,
            inside ? column * channels : 0,
            columns[i],
            tile * channels,
            channels);
      }
    }
  }

  private void put(int i, FloatBuffer to, int plane, int at, int length) {
    for (int j = 0; j < pointCount; j++) {
      to.put((i * pointCount + j) * plane + at, points[j], 0, length);
    }
  }

  /**
   * y = Aᵀ m A for a row of tiles of the result, and what follows it.
   *
   * @param bias a bias for each element of a row of y
   * @param relu whether max(·, 0) is taken
   */
  void collect(
      FloatBuffer from,
      int plane,
      int at,
      FloatBuffer to,
      int sample,
      int row,
      float[] bias,
      boolean relu) {
    int channels = tiles.filters();
    int length = tiles.across() * channels;
    for (int j = 0; j < pointCount; j++) {
      for (int i = 0; i < pointCount; i++) {
        from.get((i * pointCount + j) * plane + at, points[i], 0, length);
      }
      for (int r = 0; r < STEP; r++) {
        results[r] = halves[r][j];
      }
      transform.result(points, results, length);
    }
    int elements = tiles.outWidth() * channels;
    for (int r = 0; r < STEP && STEP * row + r < tiles.outHeight(); r++) {
      transform.result(halves[r], columns, length);
      scatter(channels);
      if (relu) {
        addAndCut(line, bias, elements);
      } else {
        add(line, bias, elements);
      }
      to.put(sample + (STEP * row + r) * elements, line, 0, elements);
    }
  }

  private void scatter(int channels) {
    for (int tile = 0; tile < tiles.across(); tile++) {
      int within = Math.min(STEP, tiles.outWidth() - STEP * tile);
      for (int i = 0; i < within; i++) {
        System.arraycopy(columns[i], tile * channels, line, (STEP * tile + i) * channels, channels);
      }
    }
  }

  private static void add(float[] values, float[] bias, int length) {
    for (int i = 0; i < length; i++) {
      values[i] += bias[i];
    }
  }

  private static void addAndCut(float[] values, float[] bias, int length) {
    for (int i = 0; i < length; i++) {
      values[i] = Math.max(values[i] + bias[i], 0);
    }
  }
}
