package org.nin4j.train.session;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;
import org.nin4j.backend.Samples;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.TrainTest;
import org.nin4j.model.ShapeException;
import org.nin4j.plan.Plan;
import org.nin4j.plan.step.SoftmaxCrossEntropy;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

/** Data sets as backends take them. */
public final class Images {
  private Images() {}

  /** (channels, height, width) of a set's images. */
  public static Shape shape(ImageDataset data) {
    return Shape.of(data.channels(), data.height(), data.width());
  }

  public static Samples samples(ImageDataset data) {
    return new Samples(data.pixels(), data.labels(), data.count(), shape(data));
  }

  /**
   * Checks that a network answers with the classes of a data set.
   *
   * @throws ShapeException if it has another number
   */
  public static void requireClasses(Plan plan, ImageDataset data) {
    int scores =
        plan.steps(SoftmaxCrossEntropy.class).findFirst().orElseThrow().logits().shape().dim(1);
    int classes = data.classNames().size();
    if (scores != classes) {
      throw new ShapeException(
          Text.of(
              "%s ends in %d values, but %s has %d classes; give its last layer as many outputs",
              plan.network(), scores, data.name(), classes));
    }
  }

  /** A text that tells this data from any other that one would take for it. */
  public static String fingerprint(TrainTest data) {
    return Text.of(
        "%s, %d + %d images, CRC-32C %08x",
        data.name(), data.train().count(), data.test().count(), sum(data.train(), data.test()));
  }

  /** The same for one set. */
  public static String fingerprint(ImageDataset data) {
    return Text.of("%s, %d images, CRC-32C %08x", data.name(), data.count(), sum(data));
  }

  private static long sum(ImageDataset... sets) {
    CRC32C sum = new CRC32C();
    for (ImageDataset set : sets) {
      for (ByteBuffer bytes : new ByteBuffer[] {set.pixels(), set.labels()}) {
        sum.update(bytes);
      }
    }
    return sum.getValue();
  }
}
