package org.nin4j.train.recipe;

import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.nin4j.backend.Backend;
import org.nin4j.data.Split;
import org.nin4j.data.whitening.Whitening;
import org.nin4j.model.Initialisation;
import org.nin4j.model.Network;
import org.nin4j.model.zoo.Networks;
import org.nin4j.model.zoo.NinVariant;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.Learning;
import org.nin4j.plan.step.Optimizer;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

/**
 * Everything that decides how a training goes, apart from the device.
 *
 * @param name where the settings come from, for people
 * @param network its name: one of {@link Networks#NAMES}, unless the trainer is given a network
 * @param variant what is varied in networks of NiN blocks
 * @param dataset its name in options, such as {@code fashion-mnist} or {@code folder:DIR}
 * @param split how a folder's images are divided; empty where they are divided already
 * @param limit train and test on only the given number of first images
 * @param validation share of each class's training images that are kept back from training and
 *     tested with in place of the test images; empty to train with all of them. For choosing
 *     settings, see {@link org.nin4j.data.TrainTest#validating}
 * @param size side of the images that the network gets, in pixels
 * @param preprocessing what is done to all images first
 * @param mean subtracted from pixels in [0, 1]; one value, or one for each channel
 * @param std what the difference is divided by; one value, or one for each channel; whitened images
 *     have another mean and deviation, see {@link #ofWhitened}
 * @param augmentation what is varied at random in training images
 * @param batch samples per step
 * @param epochs passes over the training set
 * @param precision which tensors have fewer bits
 * @param learning what changes the parameters
 * @param schedule the learning rate
 * @param initialisation how parameters start
 * @param labelSmoothing see {@link org.nin4j.plan.step.SoftmaxCrossEntropy}
 * @param seed of initialisation, order, dropout and augmentation
 */
public record Recipe(
    String name,
    String network,
    NinVariant variant,
    String dataset,
    Optional<Split> split,
    OptionalInt limit,
    OptionalDouble validation,
    int size,
    Preprocessing preprocessing,
    List<Float> mean,
    List<Float> std,
    BatchSpec.Augmentation augmentation,
    int batch,
    int epochs,
    Precision precision,
    Learning learning,
    Schedule schedule,
    Initialisation initialisation,
    float labelSmoothing,
    long seed) {
  private static final int MOST_PIXELS = 4096;

  private static final int BLACK = 0;

  /** More than the images of a whole data set; sizes in bytes stay far below what a long holds. */
  private static final int MOST_SAMPLES = 1 << 16;

  /** Pixels lie in [0, 1]; scaled by more than this, sums of their products overflow. */
  private static final float LARGEST_SCALE = 1e6f;

  public Recipe {
    mean = List.copyOf(mean);
    std = List.copyOf(std);
    requirePositive("the number of images trained on", limit.orElse(1));
    validation.ifPresent(Split::requireShare);
    requirePositive("the image size", size);
    requirePositive("the batch size", batch);
    requirePositive("the number of epochs", epochs);
    requireAtMost("the image size", MOST_PIXELS, size);
    requireAtMost("the batch size", MOST_SAMPLES, batch);
    requireAtMost("the shift", MOST_PIXELS, augmentation.shift());
    requireAtMost("the cut-out", MOST_PIXELS, augmentation.cutout());
    if (mean.isEmpty() || std.isEmpty()) {
      throw new IllegalArgumentException("mean and deviation have at least one value each");
    }
    for (float m : mean) {
      if (!(Math.abs(m) <= LARGEST_SCALE)) {
        throw new IllegalArgumentException(
            Text.of("means are from -%g to %g, not %s", LARGEST_SCALE, LARGEST_SCALE, mean));
      }
    }
    for (float s : std) {
      if (!(s >= 1 / LARGEST_SCALE && s <= LARGEST_SCALE)) {
        throw new IllegalArgumentException(
            Text.of(
                "deviations are above 0, from %g to %g, not %s",
                1 / LARGEST_SCALE, LARGEST_SCALE, std));
      }
    }
    if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
      throw new IllegalArgumentException("label smoothing is in [0, 1), not " + labelSmoothing);
    }
  }

  private static void requireAtMost(String what, int most, int value) {
    if (value > most) {
      throw new IllegalArgumentException(what + " is at most " + most + ", not " + value);
    }
  }

  private static void requirePositive(String what, int value) {
    if (value < 1) {
      throw new IllegalArgumentException(what + " is at least 1, not " + value);
    }
  }

  /**
   * The network, for the given number of classes.
   *
   * @throws IllegalArgumentException if the library has none of that name, or not this variant
   */
  public Network network(int classes) {
    return Networks.named(network).network(classes, variant);
  }

  /** How batches are made for evaluation and prediction, from images stored in this shape. */
  public BatchSpec images(Shape source) {
    return new BatchSpec(
        source,
        size,
        size,
        forEachChannel("means", mean, source),
        forEachChannel("deviations", std, source),
        preprocessing == Preprocessing.GCN_ZCA ? Whitening.ZERO : BLACK,
        BatchSpec.Augmentation.NONE);
  }

  /** How batches are made for training, from images stored in this shape. */
  public BatchSpec trainingImages(Shape source) {
    return images(source).with(augmentation);
  }

  /**
   * The same with the mean and deviation that make whitened values of stored bytes: (b / 255 −
   * mean) / deviation = (b − {@link Whitening#ZERO}) · step.
   */
  public Recipe ofWhitened(Whitening whitening) {
    return toBuilder()
        .mean(List.of(Whitening.ZERO / 255f))
        .std(List.of(1 / (255f * whitening.step())))
        .build();
  }

  private static List<Float> forEachChannel(String what, List<Float> values, Shape source) {
    int channels = source.dim(0);
    if (values.size() == 1) {
      return Collections.nCopies(channels, values.get(0));
    }
    if (values.size() != channels) {
      throw new IllegalArgumentException(
          Text.of(
              "%d %s are given, but the images have %d channels; give one or %d",
              values.size(), what, channels, channels));
    }
    return values;
  }

  /** The recipe's precision, or fp32 where a device has no instructions for it. */
  public Precision precisionOn(Backend backend) {
    return backend.computesIn(precision) ? precision : Precision.FP32;
  }

  /** What the training plan is for. */
  public Purpose.Training purpose() {
    return new Purpose.Training(Optional.of(learning), labelSmoothing);
  }

  /**
   * Steps of an evaluation of the given number of samples: the last one may have fewer than the
   * batch.
   */
  public int stepsPerEpoch(int samples) {
    return (samples + batch - 1) / batch;
  }

  /**
   * Steps of training in an epoch over the given number of samples. With batch normalisation every
   * step has a whole batch, since places without a sample would count in its means and variances:
   * what is left over, other samples in each epoch, is left out. Other networks train on it in a
   * last step.
   *
   * @param plan of the training
   * @throws IllegalArgumentException if a network with batch normalisation gets no whole batch
   */
  public int trainingSteps(Plan plan, int samples) {
    if (plan.tensors(Role.STATE).isEmpty()) {
      return stepsPerEpoch(samples);
    }
    if (samples < batch) {
      throw new IllegalArgumentException(
          Text.of(
              "%s has batch normalisation and trains on whole batches, but %d images are fewer than a batch of %d; use a smaller batch or more images",
              network, samples, batch));
    }
    return samples / batch;
  }

  /** A builder that starts with these settings. */
  public Builder toBuilder() {
    return new Builder(this);
  }

  /** Settings under change; nothing is checked before {@link #build}. */
  public static final class Builder {
    private String name;
    private String network;
    private NinVariant variant;
    private String dataset;
    private Optional<Split> split;
    private OptionalInt limit;
    private OptionalDouble validation;
    private int size;
    private Preprocessing preprocessing;
    private List<Float> mean;
    private List<Float> std;
    private BatchSpec.Augmentation augmentation;
    private int batch;
    private int epochs;
    private Precision precision;
    private Learning learning;
    private Schedule schedule;
    private Initialisation initialisation;
    private float labelSmoothing;
    private long seed;

    private Builder(Recipe from) {
      name = from.name;
      network = from.network;
      variant = from.variant;
      dataset = from.dataset;
      split = from.split;
      limit = from.limit;
      validation = from.validation;
      size = from.size;
      preprocessing = from.preprocessing;
      mean = from.mean;
      std = from.std;
      augmentation = from.augmentation;
      batch = from.batch;
      epochs = from.epochs;
      precision = from.precision;
      learning = from.learning;
      schedule = from.schedule;
      initialisation = from.initialisation;
      labelSmoothing = from.labelSmoothing;
      seed = from.seed;
    }

    public Builder name(String value) {
      name = value;
      return this;
    }

    public Builder network(String value) {
      network = value;
      return this;
    }

    public Builder variant(NinVariant value) {
      variant = value;
      return this;
    }

    public Builder dataset(String value) {
      dataset = value;
      return this;
    }

    public Builder split(Optional<Split> value) {
      split = value;
      return this;
    }

    public Builder limit(int value) {
      limit = OptionalInt.of(value);
      return this;
    }

    public Builder validation(double value) {
      validation = OptionalDouble.of(value);
      return this;
    }

    public Builder size(int value) {
      size = value;
      return this;
    }

    public Builder preprocessing(Preprocessing value) {
      preprocessing = value;
      return this;
    }

    public Builder mean(List<Float> value) {
      mean = value;
      return this;
    }

    public Builder std(List<Float> value) {
      std = value;
      return this;
    }

    public Builder augmentation(BatchSpec.Augmentation value) {
      augmentation = value;
      return this;
    }

    public Builder batch(int value) {
      batch = value;
      return this;
    }

    public Builder epochs(int value) {
      epochs = value;
      return this;
    }

    public Builder precision(Precision value) {
      precision = value;
      return this;
    }

    public Builder learning(Learning value) {
      learning = value;
      return this;
    }

    /** By another rule; factors, clipping and average stay. */
    public Builder optimizer(Optimizer value) {
      learning = new Learning(value, learning.factors(), learning.clip(), learning.average());
      return this;
    }

    public Builder schedule(Schedule value) {
      schedule = value;
      return this;
    }

    public Builder initialisation(Initialisation value) {
      initialisation = value;
      return this;
    }

    public Builder labelSmoothing(float value) {
      labelSmoothing = value;
      return this;
    }

    public Builder seed(long value) {
      seed = value;
      return this;
    }

    /**
     * The recipe.
     *
     * @throws IllegalArgumentException if a setting makes no sense
     */
    public Recipe build() {
      return new Recipe(
          name,
          network,
          variant,
          dataset,
          split,
          limit,
          validation,
          size,
          preprocessing,
          mean,
          std,
          augmentation,
          batch,
          epochs,
          precision,
          learning,
          schedule,
          initialisation,
          labelSmoothing,
          seed);
    }
  }
}
