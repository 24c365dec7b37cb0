package org.nin4j.cli.option;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.List;
import java.util.Optional;
import org.nin4j.backend.Backend;
import org.nin4j.cli.output.Console;
import org.nin4j.data.ChannelStatistics;
import org.nin4j.data.TrainTest;
import org.nin4j.model.Initialisation;
import org.nin4j.plan.Precision;
import org.nin4j.plan.step.Adam;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.Learning;
import org.nin4j.plan.step.Optimizer;
import org.nin4j.plan.step.Sgd;
import org.nin4j.text.Text;
import org.nin4j.train.recipe.Preprocessing;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.RecipeJson;
import org.nin4j.train.recipe.Recipes;
import org.nin4j.train.recipe.Schedule;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Settings of a recipe that a command line changes. */
public final class RecipeOptions {
  private static final int DIGITS = 4;

  /** Of a channel that has one value everywhere, as nothing can be divided by 0. */
  private static final double LEAST_DEVIATION = 1e-3;

  @Option(
      names = "--dataset",
      paramLabel = "NAME",
      description = "Data set: " + DataSource.NAMES + ". Default: ${bundle:recipe.dataset}.")
  private Optional<String> dataset = Optional.empty();

  @Mixin private SplitOptions splitOptions;

  @Option(
      names = "--limit",
      paramLabel = "N",
      description = "Use only the first N training and N test images. Default: all.")
  private Optional<Integer> limit = Optional.empty();

  @Option(
      names = "--validation",
      paramLabel = "X",
      description =
          "Keep back that share of each class's training images and test with them in place of the"
              + " test images: for choosing settings. Default: train with all.")
  private Optional<Double> validation = Optional.empty();

  @Mixin private NetworkChoice networkChoice;

  @Option(
      names = "--size",
      paramLabel = "N",
      description = "Side of the network's images in pixels. Default: ${bundle:recipe.size}.")
  private Optional<Integer> size = Optional.empty();

  @Option(
      names = "--preprocess",
      paramLabel = "NAME",
      description =
          "What is done to all images first: none, or gcn-zca for contrast normalisation and whitening"
              + " fitted to the training images. Default: ${bundle:recipe.preprocess}.")
  private Optional<Preprocessing> preprocessing = Optional.empty();

  @Option(
      names = "--mean",
      paramLabel = "X",
      split = ",",
      description =
          "Subtracted from pixels in [0, 1]; one value, or one for each channel. Default: those of"
              + " a folder's training images; ${bundle:recipe.mean} for other data sets.")
  private List<Float> mean = List.of();

  @Option(
      names = "--std",
      paramLabel = "X",
      split = ",",
      description =
          "What the difference is divided by. Default: the deviations of a folder's training images;"
              + " ${bundle:recipe.std} for other data sets.")
  private List<Float> std = List.of();

  @Option(
      names = "--flip",
      negatable = true,
      description =
          "Mirror training images left and right at random. Default: ${bundle:recipe.flip}.")
  private Optional<Boolean> flip = Optional.empty();

  @Option(
      names = "--shift",
      paramLabel = "N",
      description =
          "Shift training images at random by up to N stored pixels along each axis, as a crop with"
              + " N pixels of padding does. Default: ${bundle:recipe.shift}.")
  private Optional<Integer> shift = Optional.empty();

  @Option(
      names = "--cutout",
      paramLabel = "N",
      description =
          "Set a square of N×N stored pixels at a random place of each training image to the mean; 0:"
              + " none. Default: ${bundle:recipe.cutout}.")
  private Optional<Integer> cutout = Optional.empty();

  @Option(
      names = "--batch",
      paramLabel = "N",
      description = "Images in a step. Default: ${bundle:recipe.batch}.")
  private Optional<Integer> batch = Optional.empty();

  @Option(
      names = "--epochs",
      paramLabel = "N",
      description = "Passes over the training set. Default: ${bundle:recipe.epochs}.")
  private Optional<Integer> epochs = Optional.empty();

  @Option(
      names = "--precision",
      paramLabel = "NAME",
      description = "fp32, tf32 or bf16. Default: ${bundle:recipe.precision}.")
  private Optional<Precision> precision = Optional.empty();

  @Option(
      names = "--lr",
      paramLabel = "X",
      description = "Learning rate, at its highest. Default: ${bundle:recipe.rate}.")
  private Optional<Float> rate = Optional.empty();

  @Option(
      names = "--schedule",
      paramLabel = "NAME",
      description =
          "How the learning rate goes: constant, cosine, linear, steps or onecycle. Default:"
              + " ${bundle:recipe.kind}.")
  private Optional<String> schedule = Optional.empty();

  @Option(
      names = "--warm-up",
      paramLabel = "X",
      description =
          "Share of the run in which the rate rises; cosine, linear and onecycle only. Default:"
              + " ${bundle:recipe.warm_up}.")
  private Optional<Float> warmUp = Optional.empty();

  @Option(
      names = "--milestones",
      paramLabel = "X",
      split = ",",
      description = "Shares of the run at which the rate falls; steps only. Default: 0.5,0.75.")
  private List<Float> milestones = List.of();

  @Option(
      names = "--factor",
      paramLabel = "X",
      description = "What the rate is multiplied by at each milestone. Default: 0.1.")
  private Optional<Float> factor = Optional.empty();

  @Option(
      names = "--optimizer",
      paramLabel = "NAME",
      description = "sgd, adam or adamw. Default: ${bundle:recipe.optimizer}.")
  private Optional<String> optimizer = Optional.empty();

  @Option(
      names = "--momentum",
      paramLabel = "X",
      description = "Momentum of gradient descent. Default: ${bundle:recipe.momentum}.")
  private Optional<Float> momentum = Optional.empty();

  @Option(
      names = "--nesterov",
      negatable = true,
      description = "Nesterov's momentum. Default: ${bundle:recipe.nesterov}.")
  private Optional<Boolean> nesterov = Optional.empty();

  @Option(
      names = "--weight-decay",
      paramLabel = "X",
      description = "Weight decay. Default: ${bundle:recipe.weight_decay}.")
  private Optional<Float> weightDecay = Optional.empty();

  @Option(
      names = "--beta1",
      paramLabel = "X",
      description = "What adam keeps of the gradients' mean in each step. Default: 0.9.")
  private Optional<Double> beta1 = Optional.empty();

  @Option(
      names = "--beta2",
      paramLabel = "X",
      description = "What adam keeps of their squares' mean. Default: 0.999.")
  private Optional<Double> beta2 = Optional.empty();

  @Option(
      names = "--epsilon",
      paramLabel = "X",
      description = "What adam adds to their root. Default: 1e-8.")
  private Optional<Float> epsilon = Optional.empty();

  @Option(
      names = "--bias-rate",
      paramLabel = "X",
      description = "Factor of the learning rate for biases. Default: ${bundle:recipe.bias_rate}.")
  private Optional<Float> biasRate = Optional.empty();

  @Option(
      names = "--norm-rate",
      paramLabel = "X",
      description =
          "Factor for scales and shifts of batch normalisation. Default:"
              + " ${bundle:recipe.norm_rate}.")
  private Optional<Float> normRate = Optional.empty();

  @Option(
      names = "--last-rate",
      paramLabel = "X",
      description =
          "Factor for the last layer, on top of the others. Default: ${bundle:recipe.last_rate}.")
  private Optional<Float> lastRate = Optional.empty();

  @Option(
      names = "--decay-weights-only",
      negatable = true,
      description =
          "Leave biases, scales and shifts out of the weight decay. Default:"
              + " ${bundle:recipe.decay_weights_only}.")
  private Optional<Boolean> decayWeightsOnly = Optional.empty();

  @Option(
      names = "--clip",
      paramLabel = "X",
      description =
          "Scale all gradients so that their common norm is at most X; 0: never. Default:"
              + " ${bundle:recipe.clip}.")
  private Optional<Float> clip = Optional.empty();

  @Option(
      names = "--average",
      paramLabel = "X",
      description =
          "Evaluate and keep a running average of the parameters, of which a share of X stays in each"
              + " step; 0: none. Default: ${bundle:recipe.average}.")
  private Optional<Float> average = Optional.empty();

  @Option(
      names = "--init",
      paramLabel = "NAME",
      description =
          "How parameters start: xavier-uniform, he-uniform, pytorch, xavier-pytorch-bias as"
              + " the book has it, gaussian as the paper, or identity, which keeps classes of NiN"
              + " alive. Default:"
              + " ${bundle:recipe.initialisation}.")
  private Optional<Initialisation> initialisation = Optional.empty();

  @Option(
      names = "--label-smoothing",
      paramLabel = "X",
      description =
          "Share of each label spread over all classes. Default:"
              + " ${bundle:recipe.label_smoothing}.")
  private Optional<Float> labelSmoothing = Optional.empty();

  @Option(
      names = "--seed",
      paramLabel = "N",
      description =
          "Seed of weights, order, dropout and augmentation. Default: ${bundle:recipe.seed}.")
  private Optional<Long> seed = Optional.empty();

  /** Which network. */
  public NetworkChoice network() {
    return networkChoice;
  }

  /**
   * The recipe that the changes start from.
   *
   * @param name the recipe's; without one, the network decides
   * @throws IllegalArgumentException if there is no such recipe, or network
   */
  public Recipe base(Optional<String> name) {
    String network = networkChoice.name();
    return name.map(n -> Recipes.named(n, network)).orElseGet(() -> Recipes.of(network));
  }

  /** Whether the command line says how many epochs. */
  public boolean givesEpochs() {
    return epochs.isPresent();
  }

  /** Checks that the device computes in a precision that the command line insists on. */
  public void requireFitting(Backend backend) {
    precision.ifPresent(p -> DeviceOptions.requireComputesIn(backend, p));
  }

  /** As {@link DeviceOptions#fitting}, unless the command line insists on a precision. */
  public Recipe fitting(Backend backend, Recipe wanted, Console console) {
    return precision.isPresent() ? wanted : DeviceOptions.fitting(backend, wanted, console);
  }

  /**
   * A recipe with the changes of the command line.
   *
   * @throws IllegalArgumentException if the result makes no sense
   */
  public Recipe apply(Recipe base) {
    Recipe.Builder changed = networkChoice.apply(base);
    dataset.map(DataSource::absolute).ifPresent(changed::dataset);
    changed.split(splitOptions.apply(dataset.isPresent() ? Optional.empty() : base.split()));
    limit.ifPresent(changed::limit);
    validation.ifPresent(changed::validation);
    size.ifPresent(changed::size);
    preprocessing.ifPresent(changed::preprocessing);
    scale(preprocessing.orElse(base.preprocessing()), base, changed);
    changed.augmentation(
        new BatchSpec.Augmentation(
            flip.orElse(base.augmentation().flip()),
            shift.orElse(base.augmentation().shift()),
            cutout.orElse(base.augmentation().cutout())));
    batch.ifPresent(changed::batch);
    epochs.ifPresent(changed::epochs);
    precision.ifPresent(changed::precision);
    changed.schedule(schedule(base.schedule()));
    changed.learning(learning(base.learning()));
    initialisation.ifPresent(changed::initialisation);
    labelSmoothing.ifPresent(changed::labelSmoothing);
    seed.ifPresent(changed::seed);
    return changed.build();
  }

  /**
   * A recipe with the mean and deviation of a folder's training images, where the command line
   * gives none and they are not whitened: as many digits as matter, so that a printed command
   * trains the same.
   */
  public Recipe measured(Recipe recipe, TrainTest data) {
    if (!DataSource.isFolder(recipe.dataset()) || recipe.preprocessing() != Preprocessing.NONE) {
      return recipe;
    }
    ChannelStatistics found = ChannelStatistics.of(data.train());
    return recipe.toBuilder()
        .mean(orElse(mean, rounded(found.mean(), 0)))
        .std(orElse(std, rounded(found.deviation(), LEAST_DEVIATION)))
        .build();
  }

  private static List<Float> rounded(List<Double> values, double least) {
    return values.stream()
        .map(value -> new BigDecimal(Math.max(least, value)))
        .map(value -> value.setScale(DIGITS, RoundingMode.HALF_EVEN).floatValue())
        .toList();
  }

  /** Whitened images have a scale of their own. */
  private void scale(Preprocessing used, Recipe base, Recipe.Builder changed) {
    if (used == Preprocessing.NONE) {
      changed.mean(orElse(mean, base.mean()));
      changed.std(orElse(std, base.std()));
    } else if (mean.isEmpty() && std.isEmpty()) {
      changed.mean(List.of(0f));
      changed.std(List.of(1f));
    } else {
      throw new IllegalArgumentException(
          Text.of(
              "images preprocessed by %s have a mean and deviation of their own; leave out --mean and --std",
              RecipeJson.name(used)));
    }
  }

  private Learning learning(Learning base) {
    Learning.Factors factors = base.factors();
    return new Learning(
        optimizer(base.optimizer()),
        new Learning.Factors(
            biasRate.orElse(factors.bias()),
            normRate.orElse(factors.norm()),
            lastRate.orElse(factors.last()),
            decayWeightsOnly.orElse(factors.decayWeightsOnly())),
        unlessZero(clip, base.clip()),
        unlessZero(average, base.average()));
  }

  private static Optional<Float> unlessZero(Optional<Float> given, Optional<Float> otherwise) {
    return given.isPresent() ? given.filter(value -> value != 0) : otherwise;
  }

  private Optimizer optimizer(Optimizer base) {
    String kind = optimizer.orElse(RecipeJson.kind(base));
    float decay = weightDecay.orElse(base.weightDecay());
    return switch (kind) {
      case "sgd" -> {
        requireNone(kind, "--beta1, --beta2 or --epsilon", beta1, beta2, epsilon);
        Sgd before = base instanceof Sgd sgd ? sgd : Sgd.PLAIN;
        float used = momentum.orElse(before.momentum());
        yield new Sgd(used, nesterov.orElse(before.nesterov() && used > 0), decay);
      }
      case "adam", "adamw" -> {
        requireNone(kind, "--momentum or --nesterov", momentum, nesterov);
        Adam before = base instanceof Adam adam ? adam : Adam.USUAL;
        yield new Adam(
            beta1.orElse(before.beta1()),
            beta2.orElse(before.beta2()),
            epsilon.orElse(before.epsilon()),
            decay,
            kind.equals("adamw"));
      }
      default ->
          throw new IllegalArgumentException(
              "there is no optimizer '" + kind + "'; there are sgd, adam, adamw");
    };
  }

  private static void requireNone(String kind, String names, Optional<?>... options) {
    for (Optional<?> option : options) {
      if (option.isPresent()) {
        throw new IllegalArgumentException("the optimizer " + kind + " has no " + names);
      }
    }
  }

  private Schedule schedule(Schedule base) {
    float peak = rate.orElse(base.base());
    float warm = warmUp.orElse(warmUp(base));
    String kind = schedule.orElse(RecipeJson.kind(base));
    if (warmUp.isPresent() && !List.of("cosine", "linear", "onecycle").contains(kind)) {
      throw new IllegalArgumentException("the schedule " + kind + " has no --warm-up");
    }
    if ((!milestones.isEmpty() || factor.isPresent()) && !kind.equals("steps")) {
      throw new IllegalArgumentException("the schedule " + kind + " has no --milestones");
    }
    return switch (kind) {
      case "constant" -> new Schedule.Constant(peak);
      case "cosine" -> new Schedule.Cosine(peak, warm);
      case "linear" -> new Schedule.Linear(peak, warm);
      case "onecycle" -> new Schedule.OneCycle(peak, warm);
      case "steps" ->
          base instanceof Schedule.Steps steps
              ? new Schedule.Steps(
                  peak, factor.orElse(steps.factor()), orElse(milestones, steps.milestones()))
              : new Schedule.Steps(
                  peak, factor.orElse(0.1f), orElse(milestones, List.of(0.5f, 0.75f)));
      default ->
          throw new IllegalArgumentException(
              "there is no schedule '"
                  + kind
                  + "'; there are constant, cosine, linear, steps, onecycle");
    };
  }

  private static List<Float> orElse(List<Float> given, List<Float> otherwise) {
    return given.isEmpty() ? otherwise : given;
  }

  private static float warmUp(Schedule schedule) {
    if (schedule instanceof Schedule.Cosine cosine) {
      return cosine.warmUp();
    }
    if (schedule instanceof Schedule.OneCycle cycle) {
      return cycle.warmUp();
    }
    return schedule instanceof Schedule.Linear linear ? linear.warmUp() : 0;
  }
}
