package org.nin4j.model.zoo;

import java.util.List;
import java.util.function.IntFunction;
import org.nin4j.model.Network;
import org.nin4j.text.Text;

/** The networks that come with the library: the one list of them. */
public final class Networks {
  private static final List<Known> ALL =
      List.of(
          family("nin", 224, 128, 0.1f, NetworkInNetwork::of),
          family("nin-bn", 224, 128, 0.1f, NetworkInNetwork::withBatchNorm),
          family("nin-15", 224, 128, 0.1f, NetworkInNetwork::fifteen),
          family("nin-11", 224, 128, 0.05f, NetworkInNetwork::eleven),
          family("nin-16", 224, 128, 0.05f, NetworkInNetwork::sixteen),
          family("nin-19", 224, 128, 0.05f, NetworkInNetwork::nineteen),
          family("nin-mini", 28, 128, 0.1f, NetworkInNetwork::mini),
          new Known("nin-cifar", 3, 32, 128, 0.1f, published("nin-cifar", NetworkInNetwork::cifar)),
          one("lenet", 28, 256, 0.9f, LeNet::of),
          one("lenet-bn", 28, 256, 0.9f, LeNet::withBatchNorm),
          one("alexnet", 224, 128, 0.01f, AlexNet::of),
          one("vgg11", 224, 128, 0.05f, Vgg::eleven),
          one("vgg11-quarter", 224, 128, 0.05f, Vgg::elevenQuarter),
          one("googlenet", 96, 128, 0.1f, GoogLeNet::of),
          one("resnet18", 96, 256, 0.05f, ResNet::eighteen),
          one("densenet", 96, 256, 0.1f, DenseNet::of));

  /** All names. */
  public static final List<String> NAMES = ALL.stream().map(Known::name).toList();

  private Networks() {}

  /** Makes a network for a number of classes. */
  @FunctionalInterface
  public interface Factory {
    Network of(int classes, NinVariant variant);
  }

  /**
   * A network that comes with the library, and how it is trained where it was published: in the
   * book, nin-cifar in the paper.
   *
   * @param name unique
   * @param channels of the images
   * @param size side of the images in pixels
   * @param batch images in a step
   * @param rate learning rate at its highest; for LeNet the book's, for those that the book does
   *     not train that of the network they are made from
   */
  public record Known(String name, int channels, int size, int batch, float rate, Factory factory) {
    /** As published. */
    public Network network(int classes) {
      return network(classes, NinVariant.PUBLISHED);
    }

    /**
     * A variant.
     *
     * @throws IllegalArgumentException if this network has no such variant
     */
    public Network network(int classes, NinVariant variant) {
      return factory.of(classes, variant);
    }
  }

  private static Known family(String name, int size, int batch, float rate, Factory factory) {
    return new Known(name, 1, size, batch, rate, factory);
  }

  private static Known one(
      String name, int size, int batch, float rate, IntFunction<Network> factory) {
    return new Known(name, 1, size, batch, rate, published(name, factory));
  }

  /** Of a network that is not varied. */
  private static Factory published(String name, IntFunction<Network> factory) {
    return (classes, variant) -> {
      if (!variant.equals(NinVariant.PUBLISHED)) {
        throw new IllegalArgumentException(
            name
                + " is as published: inner convolutions, head, reduction and dropout are for nin and its family");
      }
      return factory.apply(classes);
    };
  }

  /** All of them. */
  public static List<Known> all() {
    return ALL;
  }

  /**
   * A network by its name.
   *
   * @param name one of {@link #NAMES}
   * @throws IllegalArgumentException if there is no such network
   */
  public static Known named(String name) {
    return ALL.stream()
        .filter(known -> known.name().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    Text.of(
                        "there is no network '%s'; there are %s", name, String.join(", ", NAMES))));
  }
}
