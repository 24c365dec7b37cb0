package org.nin4j.backend.reference;

import org.nin4j.backend.BackendException;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.Samples;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.tensor.BilinearResize;
import org.nin4j.tensor.Philox;
import org.nin4j.text.Text;

/** Making a batch from stored bytes. */
final class Batches {
  private Batches() {}

  static void make(
      BatchSpec spec, Samples samples, Epoch epoch, int run, View images, View labels) {
    if (!samples.image().equals(spec.source())) {
      throw new BackendException(
          Text.of(
              "the plan makes batches from images of %s, but those loaded are %s",
              spec.source(), samples.image()));
    }
    int batch = labels.size();
    for (int n = 0; n < batch; n++) {
      int sample = epoch.order()[run * batch + n];
      labels.set(n, sample < 0 ? -1 : samples.labels().get(sample) & 0xff);
      for (int c = 0; c < spec.source().dim(0); c++) {
        byte[] plane = new byte[spec.height() * spec.width()];
        if (sample >= 0) {
          int[] random = new int[4];
          Philox.block(
              epoch.seed(),
              epoch.firstPlace() + n,
              epoch.firstStep() + run,
              Philox.Stream.AUGMENTATION,
              random);
          byte[] source = augmented(spec, samples, sample, c, random);
          BilinearResize.of(spec.source().dim(1), spec.source().dim(2), spec.height(), spec.width())
              .resize(source, 0, plane, 0);
        }
        int at = images.at(n, c, 0, 0);
        for (int p = 0; p < plane.length; p++) {
          double pixel = (plane[p] & 0xff) / 255.0;
          double scaled = (pixel - spec.mean().get(c)) / spec.std().get(c);
          images.set(at + p, sample < 0 ? 0 : scaled);
        }
      }
    }
  }

  private static byte[] augmented(
      BatchSpec spec, Samples samples, int sample, int channel, int[] random) {
    int height = spec.source().dim(1);
    int width = spec.source().dim(2);
    int shift = spec.augmentation().shift();
    boolean flip = spec.augmentation().flip() && (random[0] & 1) == 1;
    int down = Integer.remainderUnsigned(random[1], 2 * shift + 1) - shift;
    int right = Integer.remainderUnsigned(random[2], 2 * shift + 1) - shift;
    int cutout = spec.augmentation().cutout();
    int centre = Integer.remainderUnsigned(random[3], height * width);
    int top = centre / width - cutout / 2;
    int left = centre % width - cutout / 2;
    int from = (sample * spec.source().dim(0) + channel) * height * width;
    byte[] plane = new byte[height * width];
    for (int i = 0; i < height; i++) {
      for (int j = 0; j < width; j++) {
        int row = i + down;
        int column = (flip ? width - 1 - j : j) + right;
        boolean inside = row >= 0 && row < height && column >= 0 && column < width;
        boolean cut = i >= top && i < top + cutout && j >= left && j < left + cutout;
        plane[i * width + j] =
            cut
                ? (byte) spec.nearestToMean(channel)
                : inside ? samples.images().get(from + row * width + column) : (byte) spec.border();
      }
    }
    return plane;
  }
}
