package org.nin4j.backend.onednn;

import java.nio.FloatBuffer;

/**
 * One thread's memory for the transforms of {@link WinogradTransform}, and the ways between images
 * (rows of pixels, channels innermost) and products (for each point a matrix with a row of channels
 * for each tile).
 */
final class WinogradLines {
  private static final int POINTS = WinogradTransform.POINTS;

  private final WinogradTiles tiles;
  private final float[] zeros;
  private final float[][] rows;
  private final float[][] picked = new float[POINTS][];
  private final float[][] transformed;
  private final float[][] columns;
  private final float[][] points;
  private final float[][][] halves;

  /** Those of {@link #halves} that are written next. */
  private final float[][] results;

  private final float[] line;

  WinogradLines(WinogradTiles tiles) {
    this.tiles = tiles;
    int most = Math.max(tiles.channels(), tiles.filters());
    int image = Math.max(tiles.width(), tiles.outWidth()) * most;
    int across = tiles.across() * most;
    zeros = new float[image];
    rows = new float[POINTS][image];
    transformed = new float[POINTS][image];
    columns = new float[POINTS][across];
    points = new float[POINTS][across];
    halves = new float[tiles.results()][POINTS][across];
    results = new float[tiles.results()][];
    line = new float[image];
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
    int first = tiles.results() * row - tiles.padding();
    pick(from, sample, first, POINTS, tiles.height(), width * channels);
    WinogradTransform.input(picked, transformed, width * channels);
    for (int i = 0; i < POINTS; i++) {
      gather(transformed[i], POINTS, tiles.padding(), width, channels);
      WinogradTransform.input(columns, points, tiles.across() * channels);
      put(i, to, plane, at, tiles.across() * channels);
    }
  }

  /** V = G g Gᵀ for a row of tiles of the result's gradient, with it as the filter. */
  void spreadGradient(FloatBuffer from, int sample, int row, FloatBuffer to, int plane, int at) {
    int width = tiles.outWidth();
    int channels = tiles.filters();
    int taps = tiles.results();
    pick(from, sample, taps * row, taps, tiles.outHeight(), width * channels);
    WinogradTransform.filter(picked, transformed, taps, width * channels);
    for (int i = 0; i < POINTS; i++) {
      gather(transformed[i], taps, 0, width, channels);
      WinogradTransform.filter(columns, points, taps, tiles.across() * channels);
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
        int column = tiles.results() * tile - padding + i;
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
    for (int j = 0; j < POINTS; j++) {
      to.put((i * POINTS + j) * plane + at, points[j], 0, length);
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
    int count = tiles.results();
    int length = tiles.across() * channels;
    for (int j = 0; j < POINTS; j++) {
      for (int i = 0; i < POINTS; i++) {
        from.get((i * POINTS + j) * plane + at, points[i], 0, length);
      }
      for (int r = 0; r < count; r++) {
        results[r] = halves[r][j];
      }
      WinogradTransform.result(points, results, count, length);
    }
    int elements = tiles.outWidth() * channels;
    for (int r = 0; r < count && count * row + r < tiles.outHeight(); r++) {
      WinogradTransform.result(halves[r], columns, count, length);
      scatter(count, channels);
      if (relu) {
        addAndCut(line, bias, elements);
      } else {
        add(line, bias, elements);
      }
      to.put(sample + (count * row + r) * elements, line, 0, elements);
    }
  }

  private void scatter(int count, int channels) {
    for (int tile = 0; tile < tiles.across(); tile++) {
      int within = Math.min(count, tiles.outWidth() - count * tile);
      for (int i = 0; i < within; i++) {
        System.arraycopy(
            columns[i], tile * channels, line, (count * tile + i) * channels, channels);
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
