package org.nin4j.backend.onednn.convolution;

import static org.nin4j.backend.onednn.convolution.WinogradTransform.STEP;

import org.nin4j.model.Window;
import org.nin4j.tensor.Shape;

/**
 * How a correlation of stride 1 is cut into tiles: each for 4×4 results, from {@code kernel + 3}
 * inputs in both directions. Tiles that reach over an edge meet zeros there.
 *
 * @param samples N
 * @param chunk samples that are computed at a time, so that what lies between stays in a cache; N
 *     is a multiple of it
 * @param channels of the input
 * @param height of the input
 * @param width of the input
 * @param filters channels of the result
 * @param kernel 3 or 5
 * @param padding zeros around the input
 */
record WinogradTiles(
    int samples,
    int chunk,
    int channels,
    int height,
    int width,
    int filters,
    int kernel,
    int padding) {

  /** To pass a float through a transform takes as long as this many multiply-adds of a product. */
  private static final double PASSING = 64;

  /** So long takes it to fetch a weight, of which tiles have 2.6 or 4 times as many. */
  private static final double READING = 32;

  /** An estimated gain that is worth a trial: the estimate's rates are not this processor's. */
  private static final double GAIN = 0.8;

  /** The tiles of a convolution from images to the given number of filters. */
  static WinogradTiles of(Shape images, int filters, int kernel, int padding) {
    WinogradTiles single =
        new WinogradTiles(
            images.dim(0),
            1,
            images.dim(1),
            images.dim(2),
            images.dim(3),
            filters,
            kernel,
            padding);
    long each = (long) single.points() * single.tiles() * (single.channels + filters);
    int chunk = Chunks.samples(single.samples, each);
    return new WinogradTiles(
        single.samples,
        chunk,
        single.channels,
        single.height,
        single.width,
        filters,
        kernel,
        padding);
  }

  /** Whether a convolution can be computed so. */
  static boolean suits(Window window) {
    return window.stride() == 1
        && (window.kernel() == 3 || window.kernel() == 5)
        && window.padding() < window.kernel();
  }

  /**
   * Whether it may take less time than multiplying each weight with each input: for a chunk and all
   * channels, the products, what passes through the transforms, and the weights from memory.
   */
  boolean mayPay() {
    double products = (double) channels * filters;
    double passing = PASSING * (channels + filters);
    double reading = READING * products;
    double byTiles = points() * (rows() * (products + passing) + reading);
    double results = (double) chunk * outHeight() * outWidth();
    double direct = kernel * kernel * (results * products + reading);
    return direct > GAIN * byTiles;
  }

  WinogradTransform transform() {
    return WinogradTransform.of(kernel);
  }

  /** Multiplications of a tile, for each pair of channels. */
  int points() {
    return transform().points() * transform().points();
  }

  int outHeight() {
    return height + 2 * padding - kernel + 1;
  }

  int outWidth() {
    return width + 2 * padding - kernel + 1;
  }

  int down() {
    return (outHeight() + STEP - 1) / STEP;
  }

  int across() {
    return (outWidth() + STEP - 1) / STEP;
  }

  /** Of a sample. */
  int tiles() {
    return down() * across();
  }

  /** Of a chunk: the rows of the products. */
  int rows() {
    return chunk * tiles();
  }

  int chunks() {
    return samples / chunk;
  }
}
