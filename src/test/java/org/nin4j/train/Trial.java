package org.nin4j.train;

import java.util.List;
import java.util.function.Consumer;
import org.nin4j.backend.Backend;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.data.TrainTest;
import org.nin4j.data.shapes.Shapes;
import org.nin4j.model.Activation;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Dropout;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.Initialisation;
import org.nin4j.model.MaxPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.Sequential;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.Sgd;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Recipes;
import org.nin4j.train.recipe.Schedule;

/** A training small enough for tests, with everything in it that a resumed run must get right. */
public final class Trial {
  private Trial() {}

  public static final Network NETWORK =
      new Network(
          "tiny",
          Sequential.of(
              new Conv2d(4, 3, 1, 1),
              Activation.RELU,
              new MaxPool2d(2, 2),
              new Dropout(0.25f),
              new Conv2d(10, 3, 1, 1),
              Activation.RELU,
              new GlobalAvgPool2d(),
              new Flatten()));

  /** 50 images in batches of 8: the seventh step of an epoch has 2. */
  static final int STEPS = 7;

  public static TrainTest data() {
    return Shapes.draw(5, 50, 30, 1);
  }

  public static Recipe recipe() {
    return Recipes.d2l().toBuilder()
        .network("tiny")
        .dataset("shapes")
        .size(8)
        .batch(8)
        .epochs(3)
        .augmentation(new BatchSpec.Augmentation(true, 2, 3))
        .optimizer(new Sgd(0.9f, true, 1e-3f))
        .schedule(new Schedule.Cosine(0.05f, 0.2f))
        .initialisation(Initialisation.HE_UNIFORM)
        .labelSmoothing(0.1f)
        .build();
  }

  public static Trainer trainer(Recipe recipe, TrainingListener... listeners) {
    return trainer(new ReferenceBackend(), recipe, listeners);
  }

  static Trainer trainer(Backend backend, Recipe recipe, TrainingListener... listeners) {
    return new Trainer(backend, recipe, NETWORK, data(), List.of(listeners));
  }

  /** A listener for checkpoints. */
  public static TrainingListener onCheckpoint(Consumer<Checkpoint> consumer) {
    return new TrainingListener() {
      @Override
      public void checkpointed(Checkpoint checkpoint, boolean best) {
        consumer.accept(checkpoint);
      }
    };
  }
}
