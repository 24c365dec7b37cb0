package org.nin4j.model.zoo;

import static org.nin4j.model.Activation.RELU;

import java.util.ArrayList;
import java.util.List;
import org.nin4j.model.AvgPool2d;
import org.nin4j.model.BatchNorm;
import org.nin4j.model.Concat;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalMaxPool2d;
import org.nin4j.model.Identity;
import org.nin4j.model.Layer;
import org.nin4j.model.Linear;
import org.nin4j.model.MaxPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.Part;
import org.nin4j.model.Sequential;

/**
 * DenseNet as the book has it: four blocks of four convolutions, each of 32 channels, which get all
 * earlier ones' outputs; it ends in a maximum instead of a mean. Source: Huang, Liu, van der
 * Maaten, Weinberger, "Densely Connected Convolutional Networks", 2016.
 */
public final class DenseNet {
  private static final int STEM = 64;
  private static final int GROWTH = 32;
  private static final int BLOCKS = 4;
  private static final int CONVOLUTIONS = 4;

  private DenseNet() {}

  public static Network of(int classes) {
    return of("densenet", classes, STEM, GROWTH);
  }

  static Network of(String name, int classes, int stem, int growth) {
    List<Layer> layers = new ArrayList<>();
    layers.add(
        Sequential.of(new Conv2d(stem, 7, 2, 3), new BatchNorm(), RELU, new MaxPool2d(3, 2, 1)));
    int channels = stem;
    for (int block = 0; block < BLOCKS; block++) {
      layers.add(dense(growth));
      channels += CONVOLUTIONS * growth;
      if (block < BLOCKS - 1) {
        channels /= 2;
        layers.add(transition(channels));
      }
    }
    layers.add(new BatchNorm());
    layers.add(RELU);
    layers.add(new GlobalMaxPool2d());
    layers.add(new Flatten());
    layers.add(new Linear(classes));
    return new Network(name, Sequential.of(layers.toArray(Layer[]::new)));
  }

  /** Each convolution's channels are put behind its input's. */
  private static Sequential dense(int growth) {
    List<Part> parts = new ArrayList<>();
    for (int i = 0; i < CONVOLUTIONS; i++) {
      Layer convolution = Sequential.of(new BatchNorm(), RELU, new Conv2d(growth, 3, 1, 1));
      parts.add(
          Part.inline(
              "concat" + i,
              Concat.of(
                  Part.of("input" + i, new Identity()),
                  Part.of(Integer.toString(i), convolution))));
    }
    return Sequential.of(Part.of("net", new Sequential(parts)));
  }

  private static Sequential transition(int channels) {
    return Sequential.of(new BatchNorm(), RELU, new Conv2d(channels, 1, 1, 0), new AvgPool2d(2, 2));
  }
}
