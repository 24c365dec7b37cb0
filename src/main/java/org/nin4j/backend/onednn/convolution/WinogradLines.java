package org.nin4j.backend.onednn.convolution;

import java.nio.FloatBuffer;
import java.util.Arrays;
import org.nin4j.backend.onednn.library.Workers;

/**
 * One thread's memory for the transforms of {@link WinogradTransform}, and the ways between images
 * (rows of pixels, channels innermost) and products (for each point a matrix with a row of channels
 * for each tile).
 *
 * <p>A row of pixels lies here as four lines, every fourth pixel side by side: element j of all its
 * tiles is then line j mod 4, from the first or the second pixel on. All go block by block, so that
 * what one loop leaves the next finds in the first cache.
 */
final class WinogradLines {
  private static final int STEP = WinogradTransform.STEP;

  /** Floats of each line at a time. */
  private static final int BLOCK = 512;

  private final WinogradTiles tiles;
  private final WinogradTransform transform;
  private final int pointCount;
  private final float[] zeros;

  /** Memory for lines, by pixel mod 4 and row. */
  private final float[][][] rows;

  /** The lines of a row of tiles: those in {@link #rows} or zeros. */
  private final float[][][] picked;

  /** Lines after the transform of columns, by pixel mod 4 and point. */
  private final float[][][] transformed;

  /** The same from the second pixel on, of the block that is read next. */
  private final float[][] shifted;

  /** The lines that are read next. */
  private final float[][] columns;

  private final float[][] points;

  /** Results after the first transform, by row and point. */
  private final float[][][] halves;

  /** Those of {@link #halves} that are written next. */
  private final float[][] written = new float[STEP][];

  WinogradLines(WinogradTiles tiles) {
    this.tiles = tiles;
    transform = tiles.transform();
    pointCount = transform.points();
    int line = (tiles.across() + 1) * Math.max(tiles.channels(), tiles.filters());
    zeros = new float[line];
    rows = new float[STEP][pointCount][line];
    picked = new float[STEP][pointCount][];
    transformed = new float[STEP][pointCount][line];
    shifted = new float[pointCount - STEP][line];
    columns = new float[pointCount][];
    points = new float[pointCount][line];
    halves = new float[STEP][pointCount][line];
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
   * @param sample where the row's sample begins
   * @param row of tiles, counted through the chunk
   */
  void spreadInput(FloatBuffer from, int sample, int row, FloatBuffer to) {
    int channels = tiles.channels();
    int line = (tiles.across() + 1) * channels;
    for (int i = 0; i < pointCount; i++) {
      int y = STEP * (row % tiles.down()) + i - tiles.padding();
      boolean inside = y >= 0 && y < tiles.height();
      pick(from, sample, inside, y, i, tiles.width(), tiles.padding(), channels, line);
    }
    for (int pixel = 0; pixel < STEP; pixel++) {
      for (int x = 0; x < line; x += BLOCK) {
        transform.input(picked[pixel], transformed[pixel], x, Math.min(x + BLOCK, line));
      }
    }
    int length = tiles.across() * channels;
    for (int i = 0; i < pointCount; i++) {
      for (int j = 0; j < pointCount; j++) {
        columns[j] = j < STEP ? transformed[j][i] : shifted[j - STEP];
      }
      for (int x = 0; x < length; x += BLOCK) {
        int end = Math.min(x + BLOCK, length);
        for (int j = 0; j < shifted.length; j++) {
          System.arraycopy(transformed[j][i], x + channels, shifted[j], x, end - x);
        }
        transform.input(columns, points, x, end);
        put(i, to, channels, row, x, end);
      }
    }
  }

  /** V = G g Gᵀ for a row of tiles of the result's gradient, with it as the filter. */
  void spreadGradient(FloatBuffer from, int sample, int row, FloatBuffer to) {
    int channels = tiles.filters();
    int length = tiles.across() * channels;
    for (int i = 0; i < STEP; i++) {
      int y = STEP * (row % tiles.down()) + i;
      pick(from, sample, y < tiles.outHeight(), y, i, tiles.outWidth(), 0, channels, length);
    }
    for (int pixel = 0; pixel < STEP; pixel++) {
      for (int x = 0; x < length; x += BLOCK) {
        transform.filter(picked[pixel], transformed[pixel], x, Math.min(x + BLOCK, length));
      }
    }
    for (int i = 0; i < pointCount; i++) {
      for (int j = 0; j < STEP; j++) {
        columns[j] = transformed[j][i];
      }
      for (int x = 0; x < length; x += BLOCK) {
        int end = Math.min(x + BLOCK, length);
        transform.filter(columns, points, x, end);
        put(i, to, channels, row, x, end);
      }
    }
  }

  /**
   * Row y of an image as the lines i, zeros where there is none.
   *
   * @param inside whether there is such a row
   * @param line floats of a line
   */
  private void pick(
      FloatBuffer from,
      int sample,
      boolean inside,
      int y,
      int i,
      int width,
      int padding,
      int channels,
      int line) {
    for (int pixel = 0; pixel < STEP; pixel++) {
      picked[pixel][i] = inside ? rows[pixel][i] : zeros;
      for (int to = 0; inside && to < line; to += channels) {
        int x = to / channels * STEP + pixel - padding;
        if (x >= 0 && x < width) {
          from.get(sample + (y * width + x) * channels, rows[pixel][i], to, channels);
        } else {
          Arrays.fill(rows[pixel][i], to, to + channels, 0);
        }
      }
    }
  }

  /** Where in the products a row of tiles begins for the point (i, j). */
  private int at(int i, int j, int row, int channels) {
    return ((i * pointCount + j) * tiles.rows() + row * tiles.across()) * channels;
  }

  private void put(int i, FloatBuffer to, int channels, int row, int begin, int end) {
    for (int j = 0; j < pointCount; j++) {
      to.put(at(i, j, row, channels) + begin, points[j], begin, end - begin);
    }
  }

  /**
   * y = Aᵀ m A for a row of tiles of the result, and what follows it.
   *
   * @param sample where the row's sample begins
   * @param row of tiles, counted through the chunk
   * @param bias a bias for each channel, again and again for each tile
   * @param relu whether max(·, 0) is taken
   */
  void collect(FloatBuffer from, FloatBuffer to, int sample, int row, float[] bias, boolean relu) {
    int first = STEP * (row % tiles.down());
    int channels = tiles.filters();
    int length = tiles.across() * channels;
    int within = Math.min(STEP, tiles.outHeight() - first);
    for (int x = 0; x < length; x += BLOCK) {
      int end = Math.min(x + BLOCK, length);
      for (int j = 0; j < pointCount; j++) {
        for (int i = 0; i < pointCount; i++) {
          from.get(at(i, j, row, channels) + x, points[i], x, end - x);
        }
        for (int r = 0; r < STEP; r++) {
          written[r] = halves[r][j];
        }
        transform.result(points, written, x, end);
      }
      for (int r = 0; r < within; r++) {
        for (int pixel = 0; pixel < STEP; pixel++) {
          written[pixel] = rows[pixel][r];
        }
        transform.result(halves[r], written, x, end);
        for (int pixel = 0; pixel < STEP; pixel++) {
          if (relu) {
            addAndCut(written[pixel], bias, x, end);
          } else {
            add(written[pixel], bias, x, end);
          }
        }
      }
    }
    for (int r = 0; r < within; r++) {
      for (int x = 0; x < tiles.outWidth(); x++) {
        int pixel = (first + r) * tiles.outWidth() + x;
        to.put(sample + pixel * channels, rows[x % STEP][r], x / STEP * channels, channels);
      }
    }
  }

  private static void add(float[] values, float[] bias, int from, int to) {
    for (int i = from; i < to; i++) {
      values[i] += bias[i];
    }
  }

  private static void addAndCut(float[] values, float[] bias, int from, int to) {
    for (int i = from; i < to; i++) {
      values[i] = Math.max(values[i] + bias[i], 0);
    }
  }
}
