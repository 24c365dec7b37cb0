package org.nin4j.kit;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.nin4j.backend.cuda.CudaBackend;
import org.nin4j.data.TrainTest;
import org.nin4j.data.published.IdxDataset;
import org.nin4j.data.shapes.Shapes;
import org.nin4j.plan.Precision;
import org.nin4j.train.Trainer;
import org.nin4j.train.TrainingListener;
import org.nin4j.train.history.EpochResult;
import org.nin4j.train.history.History;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Recipes;

/**
 * Trains the network: by the default recipe from beginning to end, then by the published one for as
 * many of its epochs as there is time for.
 */
final class TrainPart {
  /** Far above the 0.1 of guessing, and below the worst that is published after 10 epochs, 0.69. */
  private static final double LEARNT = 0.5;

  /**
   * Of the default recipe on Fashion-MNIST, which is made to end above the published 0.69 to 0.88.
   */
  private static final double DEFAULT_REACHES = 0.8;

  private static final int LIMIT_WHEN_SMALL = 32;

  private TrainPart() {}

  static List<Figure> figures(Room room) {
    // The first two leave the published one, in its own fp32, most of the time.
    Recipe published = Recipes.d2l();
    return List.of(
        figure(Recipes.standard(), 0.4),
        figure(published.toBuilder().precision(Precision.BF16).build(), 0.4),
        figure(published, 0.95));
  }

  private static Figure figure(Recipe recipe, double share) {
    return new Figure(
        name(recipe),
        (room, findings) -> train(room, findings, recipe, share * room.secondsLeft()));
  }

  private static String name(Recipe recipe) {
    return recipe.name() + " " + recipe.precision().name().toLowerCase(Locale.ROOT);
  }

  /** Ends after the epoch after which another one would not fit any more. */
  private static void train(Room room, Findings findings, Recipe original, double seconds) {
    long begin = System.nanoTime();
    TrainTest data = data(room);
    findings.put("data", data.name() + ", " + data.train().count() + " images");
    try (CudaBackend backend = room.open()) {
      Recipe fitting = fit(room, original, data);
      Recipe recipe = fitting.toBuilder().precision(fitting.precisionOn(backend)).build();
      AtomicReference<Trainer> trainer = new AtomicReference<>();
      AtomicLong started = new AtomicLong();
      TrainingListener listener =
          new TrainingListener() {
            @Override
            public void epochEnded(History history) {
              List<EpochResult> epochs = history.epochs();
              double spent = (System.nanoTime() - begin) / 1e9;
              double trained = (System.nanoTime() - started.get()) / 1e9;
              findings.put(
                  name(recipe),
                  Map.of(
                      "recipe", recipe.toString(),
                      "epochs", epochs,
                      "secondsWithEvaluation", trained,
                      "secondsWithStart", spent),
                  sentence(recipe, epochs)
                      + String.format(
                          Locale.ROOT,
                          "; %.1f s with evaluation, %.1f s with start and data",
                          trained,
                          spent));
              if (spent * (epochs.size() + 1) / epochs.size() > seconds) {
                trainer.get().stop();
              }
            }
          };
      trainer.set(new Trainer(backend, recipe, data, List.of(listener)));
      start(backend, recipe, data);
      started.set(System.nanoTime());
      List<EpochResult> epochs = trainer.get().train().history().epochs();
      if (!room.small() && !learnt(recipe, epochs, room.data().isPresent())) {
        findings.wrong(name(recipe), name(recipe) + " has not learnt: " + sentence(recipe, epochs));
      }
    }
  }

  /** One step, so that kernels are compiled and algorithms chosen before the clock runs. */
  private static void start(CudaBackend backend, Recipe recipe, TrainTest data) {
    TrainTest few =
        new TrainTest(
            data.train().first(recipe.batch()), data.test().first(recipe.batch()), data.origin());
    Recipe once = recipe.toBuilder().epochs(1).limit(recipe.batch()).build();
    new Trainer(backend, once, few, List.of()).train();
  }

  private static TrainTest data(Room room) {
    TrainTest data =
        room.data()
            .map(IdxDataset.FASHION_MNIST::read)
            .orElseGet(
                () ->
                    room.small()
                        ? Shapes.draw(1, LIMIT_WHEN_SMALL, LIMIT_WHEN_SMALL, 1)
                        : Shapes.draw(
                            1,
                            Shapes.TRAIN_COUNT,
                            Shapes.TEST_COUNT,
                            Runtime.getRuntime().availableProcessors()));
    return room.small()
        ? new TrainTest(
            data.train().first(LIMIT_WHEN_SMALL),
            data.test().first(LIMIT_WHEN_SMALL),
            data.origin())
        : data;
  }

  private static Recipe fit(Room room, Recipe recipe, TrainTest data) {
    Recipe.Builder builder =
        recipe.toBuilder().dataset(room.data().isPresent() ? "fashion-mnist" : Shapes.ID);
    if (room.small()) {
      builder.size(Nin.pixels(room)).batch(8).epochs(1).limit(data.train().count());
    }
    return builder.build();
  }

  private static String sentence(Recipe recipe, List<EpochResult> epochs) {
    EpochResult last = epochs.get(epochs.size() - 1);
    return String.format(
        Locale.ROOT,
        "%s (%d×%d, %s): %d of %d epochs, test accuracy %.4f%s, %.0f images/s in training",
        recipe.name(),
        recipe.size(),
        recipe.size(),
        recipe.precision().name().toLowerCase(Locale.ROOT),
        epochs.size(),
        recipe.epochs(),
        last.testAccuracy(),
        last.deadClasses() == 0 ? "" : " (%d classes are lost)".formatted(last.deadClasses()),
        last.imagesPerSecond());
  }

  /**
   * The published recipe may need some epochs to leave the ground, so it is asked late only. It may
   * also lose what it has learnt: a step too long leaves a class's last ReLU at 0 for all images,
   * for good. In bf16 that happened to one of three seeds on an H200; the default recipe is made
   * not to. So the best epoch counts for the former, the last for the latter.
   */
  private static boolean learnt(Recipe recipe, List<EpochResult> epochs, boolean fashionMnist) {
    if (recipe.name().equals(Recipes.DEFAULT)) {
      boolean whole = epochs.size() == recipe.epochs();
      return epochs.get(epochs.size() - 1).testAccuracy()
          >= (whole && fashionMnist ? DEFAULT_REACHES : LEARNT);
    }
    return epochs.size() < recipe.epochs() / 2
        ? epochs.stream().allMatch(epoch -> Double.isFinite(epoch.trainLoss()))
        : epochs.stream().anyMatch(epoch -> epoch.testAccuracy() >= LEARNT);
  }
}
