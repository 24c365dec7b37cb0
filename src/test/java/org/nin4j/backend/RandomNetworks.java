package org.nin4j.backend;

import java.util.ArrayList;
import java.util.List;
import org.nin4j.model.Activation;
import org.nin4j.model.AvgPool2d;
import org.nin4j.model.BatchNorm;
import org.nin4j.model.Concat;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Dropout;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.GlobalMaxPool2d;
import org.nin4j.model.Identity;
import org.nin4j.model.Layer;
import org.nin4j.model.Linear;
import org.nin4j.model.MaxPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.Part;
import org.nin4j.model.Sequential;
import org.nin4j.model.Sum;
import org.nin4j.model.Window;
import org.nin4j.tensor.Philox;

/** Small networks with branches within branches, drawn at random. */
public final class RandomNetworks {
  private final Philox.Sequence random;
  private final boolean normed;

  private RandomNetworks(long seed, boolean normed) {
    random = new Philox.Sequence(seed, 11, 0);
    this.normed = normed;
  }

  /**
   * The same, with many a batch norm before a ReLU or a sum, and with a ReLU after each sum.
   *
   * @param seed the same one gives the same network
   */
  public static Network drawNormed(long seed, int classes) {
    return draw(new RandomNetworks(seed, true), "normed-" + seed, classes);
  }

  /**
   * A network for images of at least 8×8.
   *
   * @param seed the same one gives the same network
   */
  public static Network draw(long seed, int classes) {
    return draw(new RandomNetworks(seed, false), "random-" + seed, classes);
  }

  private static Network draw(RandomNetworks draw, String name, int classes) {
    List<Layer> layers = new ArrayList<>();
    layers.add(new Conv2d(4, 3, 1, 1));
    for (int i = 0; i < 3; i++) {
      layers.add(draw.block(2));
      if (draw.random.nextBelow(3) == 0) {
        layers.add(new MaxPool2d(2, 2));
      }
    }
    if (draw.random.nextBelow(2) == 0) {
      layers.add(new Conv2d(classes, 1, 1, 0));
      layers.add(new GlobalAvgPool2d());
      layers.add(new Flatten());
    } else {
      layers.add(draw.random.nextBelow(2) == 0 ? new GlobalMaxPool2d() : new GlobalAvgPool2d());
      layers.add(new Flatten());
      layers.add(new Linear(classes));
    }
    return new Network(name, Sequential.of(layers.toArray(Layer[]::new)));
  }

  /** Something that leaves height and width as they are. */
  private Layer block(int depth) {
    int kind = random.nextBelow(depth == 0 ? 2 : 5);
    return switch (kind) {
      case 0 -> leaf();
      case 1 -> Sequential.of(new Conv2d(3, 3, 1, 1), leaf());
      case 2 -> {
        // Channels must agree: every branch but the identity of a convolution ends in one.
        Layer main = Sequential.of(block(depth - 1), new Conv2d(4, 1, 1, 0), norm());
        Layer side =
            random.nextBelow(2) == 0
                ? new Conv2d(4, 1, 1, 0)
                : Sequential.of(block(depth - 1), new Conv2d(4, 3, 1, 1));
        Part sum = Part.inline("sum", Sum.of(Part.of("a", main), Part.of("b", side)));
        yield normed ? Sequential.of(sum, Part.of("relu", Activation.RELU)) : Sequential.of(sum);
      }
      case 3 ->
          Sequential.of(
              new Conv2d(4, 1, 1, 0),
              Sum.of(new Identity(), Sequential.of(leaf(), leaf(), norm())),
              normed ? Activation.RELU : new Identity());
      default -> {
        List<Part> branches = new ArrayList<>();
        branches.add(Part.of("x", random.nextBelow(2) == 0 ? new Identity() : block(depth - 1)));
        for (int i = 0; i < 1 + random.nextBelow(3); i++) {
          branches.add(Part.of("y" + i, Sequential.of(block(depth - 1), new Conv2d(2, 1, 1, 0))));
        }
        yield new Concat(branches);
      }
    };
  }

  /** Where it matters, a batch norm as often as not. */
  private Layer norm() {
    return normed && random.nextBelow(2) == 0 ? new BatchNorm() : new Identity();
  }

  private Layer leaf() {
    if (normed && random.nextBelow(2) == 0) {
      return random.nextBelow(3) == 0
          ? Sequential.of(
              new BatchNorm(), Concat.of(new Identity(), Activation.RELU), new Conv2d(4, 1, 1, 0))
          : Sequential.of(new BatchNorm(), Activation.RELU);
    }
    return switch (random.nextBelow(7)) {
      case 0 -> Activation.SIGMOID;
      case 1 -> Activation.TANH;
      case 2 -> new BatchNorm();
      case 3 -> new MaxPool2d(3, 1, 1);
      case 4 -> new AvgPool2d(new Window(3, 1, 1), false, random.nextBelow(2) == 0);
      case 5 -> new Dropout(0.2f);
      default -> Activation.RELU;
    };
  }
}
