package org.nin4j.backend.cuda.step;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.nin4j.backend.BackendException;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.tensor.ResizeAxis;
import org.nin4j.text.Text;

/**
 * What the kernel in {@code batch.cu} reads beside the data set: for each row and column of the
 * image made its start, count and weights in the stored one; mean, deviation and the value that is
 * cut out by channel.
 *
 * @param rows height to height
 * @param columns width to width
 * @param spec how a batch is made
 * @param tileRows rows of an image that one block makes at a time
 */
record BatchTables(ResizeAxis rows, ResizeAxis columns, BatchSpec spec, int tileRows) {
  /** As in {@code batch.cu}. */
  private static final int SHARED_BYTES = 16384;

  private static final int MAX_CHANNELS = 4;

  /** Of small images, so that there are enough tiles for all multiprocessors. */
  private static final int TILE_ROWS = 16;

  /**
   * Of large ones, where a block that begins anew waits for its data anew: four tiles make an image
   * of 224 rows, and 128 such images occupy an H100 once.
   */
  private static final int MOST_TILE_ROWS = 64;

  static BatchTables of(BatchSpec spec) {
    int channels = spec.source().dim(0);
    if (channels > MAX_CHANNELS) {
      throw new BackendException(
          Text.of(
              "the batch step takes images of at most %d channels on the GPU, not %d",
              MAX_CHANNELS, channels));
    }
    ResizeAxis rows = ResizeAxis.of(spec.source().dim(1), spec.height());
    ResizeAxis columns = ResizeAxis.of(spec.source().dim(2), spec.width());
    int line = spec.width() * channels;
    int tile = tileRows(spec.height());
    while (tile > 0 && sourceRows(rows, tile) * (long) line > SHARED_BYTES) {
      tile--;
    }
    if (tile == 0) {
      throw new BackendException(
          Text.of(
              "the batch step cannot make images %d wide from %s on the GPU: the %d stored rows behind one row are over %d bytes; use a smaller size",
              spec.width(), spec.source(), sourceRows(rows, 1), SHARED_BYTES));
    }
    return new BatchTables(rows, columns, spec, tile);
  }

  /** As many in each tile, but for a remainder. */
  private static int tileRows(int height) {
    if (height <= MOST_TILE_ROWS) {
      return Math.min(TILE_ROWS, height);
    }
    int tiles = (height + MOST_TILE_ROWS - 1) / MOST_TILE_ROWS;
    return (height + tiles - 1) / tiles;
  }

  /** The most stored rows that lie behind one tile. */
  private static int sourceRows(ResizeAxis rows, int tile) {
    int most = 0;
    for (int first = 0; first < rows.outSize(); first += tile) {
      int last = Math.min(first + tile, rows.outSize()) - 1;
      most = Math.max(most, rows.start()[last] + rows.count()[last] - rows.start()[first]);
    }
    return most;
  }

  private static int words(ResizeAxis axis) {
    return axis.outSize() * (2 + axis.maxCount());
  }

  long rowsOffset() {
    return 0;
  }

  long columnsOffset() {
    return (long) words(rows) * Integer.BYTES;
  }

  long meanOffset() {
    return columnsOffset() + (long) words(columns) * Integer.BYTES;
  }

  long stdOffset() {
    return meanOffset() + (long) spec.mean().size() * Float.BYTES;
  }

  long cutOffset() {
    return stdOffset() + (long) spec.std().size() * Float.BYTES;
  }

  long bytes() {
    return cutOffset() + (long) spec.std().size() * Integer.BYTES;
  }

  /** All of it, in the device's byte order. */
  ByteBuffer content() {
    ByteBuffer buffer =
        ByteBuffer.allocate(Math.toIntExact(bytes())).order(ByteOrder.LITTLE_ENDIAN);
    put(buffer, rows);
    put(buffer, columns);
    spec.mean().forEach(buffer::putFloat);
    spec.std().forEach(buffer::putFloat);
    for (int c = 0; c < spec.std().size(); c++) {
      buffer.putInt(spec.nearestToMean(c));
    }
    return buffer.flip();
  }

  private static void put(ByteBuffer buffer, ResizeAxis axis) {
    for (int o = 0; o < axis.outSize(); o++) {
      buffer.putInt(axis.start()[o]).putInt(axis.count()[o]);
      for (int i = 0; i < axis.maxCount(); i++) {
        buffer.putInt(axis.coefficients()[o * axis.maxCount() + i]);
      }
    }
  }
}
