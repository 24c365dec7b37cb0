package org.nin4j.model.zoo;

import static org.nin4j.model.Activation.RELU;

import java.util.ArrayList;
import java.util.List;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Dropout;
import org.nin4j.model.Flatten;
import org.nin4j.model.Layer;
import org.nin4j.model.Linear;
import org.nin4j.model.MaxPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.Sequential;

/**
 * Networks of blocks of 3×3 convolutions, each block ending in a pool that halves the image.
 * Source: Simonyan, Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
 * Recognition", 2014.
 */
public final class Vgg {
  private static final List<Block> ELEVEN =
      List.of(
          new Block(1, 64),
          new Block(1, 128),
          new Block(2, 256),
          new Block(2, 512),
          new Block(2, 512));

  /** Convolutions of the given number of channels, then a pool. */
  private record Block(int convolutions, int channels) {
    Sequential layers(int divisor) {
      List<Layer> layers = new ArrayList<>();
      for (int i = 0; i < convolutions; i++) {
        layers.add(new Conv2d(channels / divisor, 3, 1, 1));
        layers.add(RELU);
      }
      layers.add(new MaxPool2d(2, 2));
      return Sequential.of(layers.toArray(Layer[]::new));
    }
  }

  private Vgg() {}

  /** Eight convolutions and three linear layers. */
  public static Network eleven(int classes) {
    return of("vgg11", classes, 1);
  }

  /** The same with a quarter of the convolutions' channels, which is what the book trains. */
  public static Network elevenQuarter(int classes) {
    return of("vgg11-quarter", classes, 4);
  }

  private static Network of(String name, int classes, int divisor) {
    List<Layer> layers = new ArrayList<>();
    ELEVEN.forEach(block -> layers.add(block.layers(divisor)));
    layers.add(new Flatten());
    for (int i = 0; i < 2; i++) {
      layers.add(new Linear(4096));
      layers.add(RELU);
      layers.add(new Dropout(0.5f));
    }
    layers.add(new Linear(classes));
    return new Network(name, Sequential.of(layers.toArray(Layer[]::new)));
  }
}
