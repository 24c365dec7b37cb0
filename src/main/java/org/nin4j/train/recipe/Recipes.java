package org.nin4j.train.recipe;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.nin4j.model.Initialisation;
import org.nin4j.model.zoo.Networks;
import org.nin4j.model.zoo.NinVariant;
import org.nin4j.plan.Precision;
import org.nin4j.plan.step.Adam;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.Learning;
import org.nin4j.plan.step.Sgd;
import org.nin4j.text.Text;

/** The recipes that come with the library. */
public final class Recipes {
  /** The name of the recipe that is used where none is given. */
  public static final String DEFAULT = "default";

  /** The name of the recipes that were published: the book's, and for nin-cifar the paper's. */
  public static final String PUBLISHED = "d2l";

  /** The fewest epochs that {@link #standard(int)} has settings for. */
  public static final int FEWEST_EPOCHS = 1;

  /** The most epochs that {@link #standard(int)} has settings for: those of the default recipe. */
  public static final int MOST_EPOCHS = 5;

  /** Mirrored images were tried from two epochs on, see {@code bench/LADDER.md}. */
  private static final int EPOCHS_TO_FLIP = 2;

  /** Smoothed labels were tried with five epochs. */
  private static final int EPOCHS_TO_SMOOTH = 4;

  private static final String CIFAR = "nin-cifar";

  private Recipes() {}

  /** Network in Network on Fashion-MNIST as published, see {@link #d2l(String)}. */
  public static Recipe d2l() {
    return d2l("nin");
  }

  /**
   * A network of the library on Fashion-MNIST as published: the size of the images, the batch and
   * the rate that {@link Networks} has for it, pixels in [0, 1], plain gradient descent. Source:
   * Zhang, Lipton, Li, Smola, "Dive into Deep Learning", chapters 7 and 8.
   *
   * <p>A network of one's own gets images as Fashion-MNIST stores them, and what most of the book's
   * networks are trained with.
   *
   * @param network its name
   */
  public static Recipe d2l(String network) {
    boolean known = Networks.NAMES.contains(network);
    return new Recipe(
        PUBLISHED,
        network,
        NinVariant.PUBLISHED,
        "fashion-mnist",
        Optional.empty(),
        OptionalInt.empty(),
        OptionalDouble.empty(),
        known ? Networks.named(network).size() : 28,
        Preprocessing.NONE,
        List.of(0f),
        List.of(1f),
        BatchSpec.Augmentation.NONE,
        known ? Networks.named(network).batch() : 128,
        10,
        Precision.FP32,
        Learning.by(Sgd.PLAIN),
        new Schedule.Constant(known ? Networks.named(network).rate() : 0.1f),
        Initialisation.XAVIER_PYTORCH_BIAS,
        0,
        1);
  }

  /**
   * The paper's network on CIFAR-10 as its author trained it: images normalised in contrast and
   * whitened, Gaussian weights, a rate of 0.1 for 200 epochs, a tenth of it for 30 and a hundredth
   * for 30 more, twice the rate for biases, a tenth for the last layer, momentum 0.9, weight decay.
   * It ended with 10.41 % of the test images wrong, and with shifted and mirrored training images
   * 8.81 %. Source: Lin, Chen, Yan, "Network In Network", ICLR 2014, and the author's
   * configurations at https://github.com/mavenlin/cuda-convnet.
   *
   * <p>That program updates v ← momentum·v − wc·rate·w − rate·g; w ← w + v, weights alone with wc,
   * where the rate is the layer's own. {@link Sgd} has v ← momentum·v + g + decay·w; w ← w −
   * rate·v: the same steps with decay = wc = 1e-4, which acts through the rate here too, and so a
   * tenth as much in the last layer. They differ only just after the rate falls: there what the old
   * rate moved goes on, here it slows down at once.
   */
  public static Recipe paper() {
    Networks.Known network = Networks.named(CIFAR);
    int first = 200;
    int then = 30;
    int epochs = first + then + then;
    return d2l(CIFAR).toBuilder()
        .name("paper")
        .dataset("cifar-10")
        .preprocessing(Preprocessing.GCN_ZCA)
        .epochs(epochs)
        .learning(
            new Learning(
                new Sgd(0.9f, false, 1e-4f),
                new Learning.Factors(2, 1, 0.1f, true),
                Optional.empty(),
                Optional.empty()))
        .schedule(
            new Schedule.Steps(
                network.rate(),
                0.1f,
                List.of((float) first / epochs, (float) (first + then) / epochs)))
        .initialisation(Initialisation.GAUSSIAN)
        .build();
  }

  /** How a network was trained where it was published: {@link #paper} or {@link #d2l(String)}. */
  public static Recipe published(String network) {
    return network.equals(CIFAR) ? paper() : d2l(network);
  }

  /** The default recipe: {@link #standard(int)} for the most epochs. */
  public static Recipe standard() {
    return standard(MOST_EPOCHS);
  }

  /**
   * The most accuracy in so many epochs: the smallest images that fit, so that two processor cores
   * do in minutes, by Adam, whose mean of squares goes back a hundred steps of an epoch's 1,250,
   * without dropout; from two epochs on with mirrored images, from four on with smoothed labels.
   * {@link Initialisation#IDENTITY} and a warm-up are there for the last block's ReLUs: without
   * them all classes may die within the first epoch.
   *
   * <p>Chosen by a tenth of the training images, kept back; the test images had no part in it.
   *
   * @param epochs from {@link #FEWEST_EPOCHS} to {@link #MOST_EPOCHS}
   * @throws IllegalArgumentException if it is not
   */
  public static Recipe standard(int epochs) {
    if (epochs < FEWEST_EPOCHS || epochs > MOST_EPOCHS) {
      throw new IllegalArgumentException(
          Text.of(
              "the default recipe takes %d to %d epochs, not %d",
              FEWEST_EPOCHS, MOST_EPOCHS, epochs));
    }
    return d2l().toBuilder()
        .name(DEFAULT)
        .size(67)
        .batch(48)
        .epochs(epochs)
        .precision(Precision.BF16)
        .augmentation(new BatchSpec.Augmentation(epochs >= EPOCHS_TO_FLIP, 0, 0))
        .optimizer(new Adam(0.9, 0.99, 1e-8f, 0, false))
        .mean(List.of(0.286f))
        .std(List.of(0.353f))
        .schedule(new Schedule.Linear(0.0015f, 0.1f))
        .initialisation(Initialisation.IDENTITY)
        .variant(NinVariant.PUBLISHED.withDropout(Optional.of(0f)))
        .labelSmoothing(epochs >= EPOCHS_TO_SMOOTH ? 0.05f : 0)
        .build();
  }

  /** Whether the default recipe was made for that network. */
  public static boolean standardFits(String network) {
    return List.of("nin", "nin-mini").contains(network);
  }

  /** The fewest seconds to a test accuracy of 0.90 on two processor cores: one epoch. */
  public static Recipe fast() {
    return standard(FEWEST_EPOCHS).toBuilder().name("fast").build();
  }

  /**
   * The highest accuracy: {@link #momentum()} at a higher rate for 26 epochs, with images shifted
   * by up to 2 pixels, smoothed labels, and a running average of the parameters. Chosen by a tenth
   * of the training images, kept back, where 26 epochs gave 0.9367 and 16 gave 0.9312, and ten by
   * Adam 0.9292; the test images had no part in it.
   */
  public static Recipe best() {
    return momentum().toBuilder()
        .name("best")
        .epochs(26)
        .augmentation(new BatchSpec.Augmentation(true, 2, 0))
        .schedule(new Schedule.Cosine(0.03f, 0.25f))
        .learning(
            new Learning(
                new Sgd(0.9f, true, 5e-4f),
                Learning.Factors.NONE,
                Optional.empty(),
                Optional.of(0.999f)))
        .labelSmoothing(0.05f)
        .build();
  }

  /**
   * By gradient descent with momentum, eight epochs of mirrored images at 67×67 pixels: what the
   * studies train with. The long warm-up is there for the last block's ReLUs: with He-uniform
   * weights and a warm-up over a tenth of the run, all classes died within the first epoch.
   */
  public static Recipe momentum() {
    return standard().toBuilder()
        .name("momentum")
        .batch(128)
        .epochs(8)
        .optimizer(new Sgd(0.9f, true, 5e-4f))
        .schedule(new Schedule.Cosine(0.02f, 0.25f))
        .variant(NinVariant.PUBLISHED)
        .labelSmoothing(0)
        .build();
  }

  /**
   * A network of the library on Fashion-MNIST as PaddlePaddle's version of the book has it: Adam
   * with a rate of 0.001, pixels in [−1, 1], batches of 128, 10 epochs; else as {@link
   * #d2l(String)}.
   */
  public static Recipe paddle() {
    return d2l().toBuilder()
        .name("paddle")
        .mean(List.of(0.5f))
        .std(List.of(0.5f))
        .optimizer(Adam.USUAL)
        .schedule(new Schedule.Constant(0.001f))
        .build();
  }

  /** All recipes by name, {@link #DEFAULT} first. */
  public static Map<String, Recipe> all() {
    Map<String, Recipe> all = new LinkedHashMap<>();
    for (Recipe recipe : List.of(standard(), fast(), best(), momentum(), d2l(), paddle())) {
      all.put(recipe.name(), recipe);
    }
    return all;
  }

  /**
   * The recipe of that name, for Network in Network.
   *
   * @throws IllegalArgumentException if there is none
   */
  public static Recipe named(String name) {
    Map<String, Recipe> all = all();
    if (!all.containsKey(name)) {
      throw new IllegalArgumentException(
          "there is no recipe '" + name + "'; there are " + String.join(", ", all.keySet()));
    }
    return all.get(name);
  }

  /**
   * The recipe of that name for a network, the library's or one's own: {@code d2l} is another one
   * for each, see {@link #published}.
   *
   * @throws IllegalArgumentException if there is none
   */
  public static Recipe named(String name, String network) {
    Recipe recipe = named(name);
    return name.equals(PUBLISHED)
        ? published(network)
        : recipe.toBuilder()
            .network(network)
            .variant(standardFits(network) ? recipe.variant() : NinVariant.PUBLISHED)
            .build();
  }

  /** The recipe for a network where none is chosen: the default one, or what is published. */
  public static Recipe of(String network) {
    return standardFits(network) ? named(DEFAULT, network) : published(network);
  }
}
