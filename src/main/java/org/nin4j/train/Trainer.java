package org.nin4j.train;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.nin4j.backend.Backend;
import org.nin4j.backend.Metrics;
import org.nin4j.backend.Session;
import org.nin4j.data.DataException;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.TrainTest;
import org.nin4j.data.whitening.Whitening;
import org.nin4j.model.Network;
import org.nin4j.plan.PlacedPlan;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.step.Sgd;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;
import org.nin4j.train.checkpoint.Best;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.checkpoint.CheckpointException;
import org.nin4j.train.checkpoint.Parameters;
import org.nin4j.train.checkpoint.Position;
import org.nin4j.train.diagnosis.DeadUnits;
import org.nin4j.train.history.EpochResult;
import org.nin4j.train.history.History;
import org.nin4j.train.recipe.Preprocessing;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.RecipeJson;
import org.nin4j.train.session.Images;

/**
 * Trains a network by a recipe and evaluates it after every epoch. The same recipe on the same data
 * and backend gives the same history and parameters, stopped and resumed or not.
 */
public final class Trainer {
  private final Backend backend;
  private final Recipe recipe;

  /** The recipe with the mean and deviation of the images as they are loaded. */
  private final Recipe recipeInUse;

  private final Network network;

  /** As they are loaded: whitened, where the recipe says so. */
  private final TrainTest data;

  private final Optional<Whitening> whitening;
  private final List<TrainingListener> listeners;
  private final PlacedPlan plan;
  private final int steps;
  private final Epochs epochs;
  private final String fingerprint;
  private final String testData;
  private final Optional<String> otherPrecision;
  private final boolean timing;
  private final boolean examining;
  private final StepTimes stepTimes = new StepTimes();

  private final Requests requests = new Requests();
  private volatile Duration saveEvery = Duration.ZERO;
  private volatile boolean findingOrigins;

  /** The newest state within the epoch, where origins are looked for. */
  private Optional<Checkpoint> goodWithin = Optional.empty();

  /** Prepares the training of the network that the recipe names. */
  public Trainer(Backend backend, Recipe recipe, TrainTest data, List<TrainingListener> listeners) {
    this(backend, recipe, recipe.network(data.train().classNames().size()), data, listeners);
  }

  /**
   * Prepares the training of any network; takes nothing on the device yet. Checkpoints name this
   * network, whatever the recipe says. Where the device has no instructions for the recipe's
   * precision, it is trained in fp32, which listeners are told. Where the recipe says so, whitening
   * is fitted to the training images, which takes a while.
   *
   * @throws org.nin4j.model.ShapeException if the network cannot take such images, or does not end
   *     in as many values as there are classes
   * @throws IllegalArgumentException if a network with batch normalisation gets no whole batch, or
   *     images are too large to be whitened
   * @throws org.nin4j.backend.BackendException if the backend cannot run some step
   */
  public Trainer(
      Backend backend,
      Recipe recipe,
      Network network,
      TrainTest data,
      List<TrainingListener> listeners) {
    this(backend, recipe, network, data, Optional.empty(), listeners);
  }

  /**
   * The same, for a training that goes on: its images are whitened as they were.
   *
   * @param fitted the checkpoint's; where there is none, and the recipe asks for one, it is fitted
   */
  public Trainer(
      Backend backend,
      Recipe recipe,
      Network network,
      TrainTest data,
      Optional<Whitening> fitted,
      List<TrainingListener> listeners) {
    this.backend = backend;
    Precision precision = recipe.precisionOn(backend);
    this.recipe = recipe.toBuilder().network(network.name()).precision(precision).build();
    otherPrecision =
        precision == recipe.precision()
            ? Optional.empty()
            : Optional.of(
                Text.of(
                    "This device has no instructions for %s: computing in %s instead.",
                    RecipeJson.name(recipe.precision()), RecipeJson.name(precision)));
    this.network = network;
    this.listeners = List.copyOf(listeners);
    timing = listeners.stream().anyMatch(TrainingListener::wantsStepTimes);
    examining = listeners.stream().anyMatch(TrainingListener::wantsAnswers);
    fingerprint = Images.fingerprint(data);
    testData = Images.fingerprint(data.test());
    // What cannot be is found out before the whitening.
    Plan checked = described(this.recipe, data);
    steps = this.recipe.trainingSteps(checked, data.train().count());
    epochs = new Epochs(this.recipe, data.train().count(), steps);
    whitening =
        recipe.preprocessing() == Preprocessing.NONE
            ? Optional.empty()
            : Optional.of(fitted.orElseGet(() -> fit(data.train())));
    recipeInUse = whitening.map(this.recipe::ofWhitened).orElse(this.recipe);
    this.data =
        whitening
            .map(w -> new TrainTest(w.apply(data.train()), w.apply(data.test()), data.origin()))
            .orElse(data);
    plan = backend.prepare(described(recipeInUse, data));
  }

  private Plan described(Recipe used, TrainTest images) {
    Plan described =
        Planner.plan(
            network,
            used.trainingImages(Images.shape(images.train())),
            used.batch(),
            used.precision(),
            used.purpose());
    Images.requireClasses(described, images.train());
    return described;
  }

  private Whitening fit(ImageDataset images) {
    remark(Text.of("Fitting the whitening to %,d images.", images.count()));
    Whitening whitening = Whitening.fit(images);
    remark(
        Text.of(
            "Whitened images are kept as bytes, which changes them by %.1f %%.",
            100 * whitening.error(images)));
    return whitening;
  }

  /** Size of a checkpoint's tensors, and of the whitening beside it. */
  public long checkpointBytes() {
    long state =
        plan.plan().tensors(Role.OPTIMIZER_STATE).stream().mapToLong(TensorSpec::bytes).sum();
    long values = whitening.map(Whitening::size).orElse(0);
    return plan.parameterBytes() + state + values * values * Float.BYTES;
  }

  /**
   * Makes listeners get a checkpoint within an epoch, too, this long after the last one. Where they
   * take long with them, they get fewer: from the second on no more than {@link
   * SavePace#MOST_SHARE} of the training's time. Nothing is read from the device in between.
   *
   * @param time zero, as at first: at the ends of epochs only; for a training that begins later
   */
  public void checkpointEvery(Duration time) {
    if (time.isNegative()) {
      throw new IllegalArgumentException(Text.of("checkpoints cannot be %s apart", time));
    }
    saveEvery = time;
  }

  /**
   * Makes a training whose loss or parameters are no longer finite look for the step and the layer
   * that were first, before it ends: it trains again from the last good state, twice, as far as it
   * came. {@link NumericalException}'s message then says what was found.
   */
  public void findOrigins() {
    findingOrigins = true;
  }

  /**
   * Makes the training stop after the step that is under way, or at once where it is paused; may be
   * called from any thread.
   */
  public void stop() {
    requests.stop();
  }

  /**
   * Makes the training wait after the step that is under way, until {@link #goOn} or {@link #stop};
   * an evaluation comes to its end first. May be called from any thread, before it begins, too.
   */
  public void pause() {
    requests.pause();
  }

  /** Lets a training that is paused go on; may be called from any thread. */
  public void goOn() {
    requests.goOn();
  }

  /**
   * Trains from the beginning, until all epochs are done or {@link #stop} is called.
   *
   * @return the state at the end
   * @throws NumericalException if the loss or a parameter is no longer finite
   */
  public Checkpoint train() {
    return begin(Parameters.draw(recipe, network, networkInput()));
  }

  /**
   * Trains from the beginning, but not from nothing: what has the name and the shape of a parameter
   * or of state starts with the values that another training ended with, the rest is drawn, such as
   * a last layer for other classes. Which, is remarked.
   *
   * @param values of the other training, by name, see {@link Checkpoint#inUse}
   * @return the state at the end
   * @throws CheckpointException if nothing fits
   * @throws NumericalException if the loss or a parameter is no longer finite
   */
  public Checkpoint fineTune(Map<String, HostTensor> values) {
    Map<String, HostTensor> parameters = Parameters.draw(recipe, network, networkInput());
    List<String> drawn = new ArrayList<>();
    for (Map.Entry<String, HostTensor> parameter : parameters.entrySet()) {
      Optional<HostTensor> given =
          Optional.ofNullable(values.get(parameter.getKey()))
              .filter(value -> value.shape().equals(parameter.getValue().shape()));
      given.ifPresentOrElse(parameter::setValue, () -> drawn.add(parameter.getKey()));
    }
    if (drawn.size() == parameters.size()) {
      throw new CheckpointException(
          "none of its tensors has the name and the shape of one of " + network.name());
    }
    remark(
        Text.of(
            "%d of %d tensors start from the other training; drawn: %s",
            parameters.size() - drawn.size(),
            parameters.size(),
            drawn.isEmpty() ? "none" : String.join(", ", drawn)));
    return begin(parameters);
  }

  private Checkpoint begin(Map<String, HostTensor> parameters) {
    return train(
        checkpoint(Position.atEpoch(0), History.EMPTY, Optional.empty(), parameters, Map.of()));
  }

  /**
   * Goes on from a checkpoint. The recipe may differ from the checkpoint's, but within an epoch not
   * in what its steps are. Where the test images are others, the best epoch starts anew.
   *
   * @return the state at the end
   * @throws CheckpointException if the checkpoint is of another network or of an epoch with other
   *     steps
   * @throws DataException if the checkpoint is of other data under the same name
   * @throws NumericalException if the loss or a parameter is no longer finite
   */
  public Checkpoint resume(Checkpoint from) {
    from.requireFits(network, networkInput());
    requireSamePreprocessing(from);
    boolean sameData = from.data().equals(fingerprint);
    boolean sameName =
        from.recipe().dataset().equals(recipe.dataset())
            && from.recipe().limit().equals(recipe.limit())
            && from.recipe().validation().equals(recipe.validation());
    if (sameName && !sameData) {
      throw new DataException(
          Text.of(
              "the checkpoint was trained on other data (%s) than is found now (%s)",
              from.data(), fingerprint));
    }
    boolean sameSteps = sameData && from.recipe().batch() == recipe.batch();
    if (from.position().step() > 0 && !sameSteps) {
      throw new CheckpointException(
          "the checkpoint was saved "
              + from.position()
              + "; with other data or another batch size, only a checkpoint between epochs can go"
              + " on");
    }
    if (from.position().step() > steps) {
      throw new CheckpointException(
          Text.of(
              "the checkpoint was saved %s, but an epoch has %d steps", from.position(), steps));
    }
    requireOptimizerState(from);
    return train(from);
  }

  private void requireSamePreprocessing(Checkpoint from) {
    if (from.recipe().preprocessing() != recipe.preprocessing()) {
      throw new CheckpointException(
          Text.of(
              "the checkpoint was trained with --preprocess %s and cannot go on with %s",
              RecipeJson.name(from.recipe().preprocessing()),
              RecipeJson.name(recipe.preprocessing())));
    }
    if (!from.whitening()
        .map(Whitening::fingerprint)
        .equals(whitening.map(Whitening::fingerprint))) {
      throw new CheckpointException(
          "the checkpoint's images were whitened otherwise; give the trainer the checkpoint's whitening");
    }
  }

  /**
   * State that is missing as a whole starts at zero where that is how it begins at any time, as
   * momentum's is; Adam's corrections and averages count from the training's first step.
   */
  private void requireOptimizerState(Checkpoint from) {
    boolean begins = from.position().epoch() == 0 && from.position().step() == 0;
    boolean anytime =
        recipe.learning().optimizer() instanceof Sgd && recipe.learning().average().isEmpty();
    if (from.optimizerState().isEmpty() && (begins || anytime)) {
      return;
    }
    for (TensorSpec tensor : plan.plan().tensors(Role.OPTIMIZER_STATE)) {
      if (!from.optimizerState().containsKey(tensor.name())) {
        throw new CheckpointException("the checkpoint has no " + tensor.name());
      }
      Shape shape = from.optimizerState().get(tensor.name()).shape();
      if (!shape.equals(tensor.shape())) {
        throw new CheckpointException(
            Text.of(
                "%s is %s in the checkpoint and %s in %s",
                tensor.name(), shape, tensor.shape(), network.name()));
      }
    }
  }

  private void remark(String remark) {
    tell(listener -> listener.remarked(remark));
  }

  private Shape networkInput() {
    return recipe.images(Images.shape(data.train())).output();
  }

  private Checkpoint train(Checkpoint from) {
    Finite.requireBeginning(from);
    otherPrecision.ifPresent(this::remark);
    from.best()
        .filter(best -> !best.testData().equals(testData))
        .ifPresent(
            best ->
                remark(
                    Text.of(
                        "The test images are not those of the best so far, %s: best starts anew.",
                        best)));
    try (Session session = backend.bind(plan);
        Evaluator evaluator = new Evaluator(backend, recipeInUse, network, data.test());
        DeadUnits deadUnits = new DeadUnits(backend, recipeInUse, network, data.test())) {
      session.load(Images.samples(data.train()));
      Parameters.write(session, from.parameters());
      Parameters.writeOptimizer(session, from.optimizerState());
      TrainingStart start =
          new TrainingStart(
              recipe,
              network,
              data.name(),
              plan.plan(),
              plan.bytes(),
              steps,
              from.position(),
              from.history());
      tell(listener -> listener.started(start));
      Checkpoint last = from;
      SavePace saves = new SavePace(saveEvery, System::nanoTime);
      ParameterWatch watch = new ParameterWatch(session);
      while (last.position().epoch() < recipe.epochs() && !requests.stopping()) {
        goodWithin = Optional.empty();
        Position position;
        Map<String, HostTensor> parameters;
        Map<String, HostTensor> state;
        try {
          position = trainEpoch(session, last, saves, watch);
          parameters = Finite.parameters(session, position);
          state = Finite.optimizerState(session, position);
        } catch (NumericalException e) {
          throw findingOrigins ? withOrigin(e, session, goodWithin.orElse(last)) : e;
        }
        History history = last.history();
        Map<String, HostTensor> used = Parameters.averaged(parameters, state);
        Optional<Metrics> test =
            position.step() < steps ? Optional.empty() : evaluate(evaluator, used, position);
        Optional<Best> best = last.best();
        if (test.isPresent()) {
          history = history.with(result(position, test.get(), deadUnits.count(used)));
          Best now = new Best(position.epoch() + 1, test.get().accuracy(), testData);
          best = Optional.of(best.filter(b -> b.holdsAgainst(now)).orElse(now));
          position = Position.atEpoch(position.epoch() + 1);
          tellEnd(history);
        }
        last = checkpoint(position, history, best, parameters, state);
        saves.begin();
        tellSaved(last, test.isPresent() && last.holdsBest());
        saves.endedEpoch();
      }
      return last;
    }
  }

  /** The same, and what was first. */
  private NumericalException withOrigin(
      NumericalException found, Session session, Checkpoint good) {
    remark(found.getMessage());
    remark(Text.of("Looking for its origin: training again from %s.", good.position()));
    String origin;
    try {
      origin =
          new Origin(backend, recipeInUse, network, data.train(), epochs)
              .find(session, good, found.position().orElseThrow());
    } catch (RuntimeException e) {
      // Keeping every result takes memory that the device may not have.
      origin = "its origin cannot be found: " + e.getMessage();
    }
    return new NumericalException(found.getMessage() + "; " + origin);
  }

  private void tell(Consumer<TrainingListener> event) {
    listeners.forEach(event);
  }

  /** Runs the steps that are left of an epoch, or until stopped. */
  private Position trainEpoch(
      Session session, Checkpoint last, SavePace saves, ParameterWatch watch) {
    Position from = last.position();
    if (from.step() == steps) {
      return from;
    }
    int epoch = from.epoch();
    session.begin(epochs.part(epoch, from.step(), steps - from.step(), from.sums()));
    long begin = System.nanoTime();
    Pace pace = new Pace();
    int step = from.step();
    while (step < steps && !requests.stopping()) {
      if (requests.pausing()) {
        Position at =
            new Position(epoch, step, session.metrics(), from.seconds() + secondsSince(begin));
        begin += waitWhilePaused(at);
        continue;
      }
      int together = Math.min(session.stride(), steps - step);
      for (int i = 0; i < together; i++) {
        runStep(session);
      }
      step += together;
      if (pace.due() && step < steps) {
        Position at =
            new Position(epoch, step, session.metrics(), from.seconds() + secondsSince(begin));
        report(at);
        watch.look(session).ifPresent(found -> Finite.require(found.value(), found.name(), at));
        if (saves.due()) {
          begin += saveWithin(session, last, at, saves);
        }
      }
    }
    Metrics sums = session.metrics();
    Position reached = new Position(epoch, step, sums, from.seconds() + secondsSince(begin));
    report(reached);
    return reached;
  }

  private void runStep(Session session) {
    if (timing) {
      stepTimes.run(session).ifPresent(times -> tellTimes(session.placed().plan(), times));
    } else {
      session.run();
    }
  }

  /**
   * Gives listeners the state within an epoch.
   *
   * @param last of the epoch's beginning, or where the run went on in it
   * @return the nanoseconds that took
   */
  private long saveWithin(Session session, Checkpoint last, Position at, SavePace saves) {
    saves.begin();
    Checkpoint within =
        checkpoint(
            at,
            last.history(),
            last.best(),
            Finite.parameters(session, at),
            Finite.optimizerState(session, at));
    goodWithin = findingOrigins ? Optional.of(within) : Optional.empty();
    tellSaved(within, false);
    return saves.endedWithin();
  }

  private void tellSaved(Checkpoint checkpoint, boolean best) {
    tell(listener -> listener.checkpointed(checkpoint, best));
  }

  private void tellEnd(History history) {
    tell(listener -> listener.epochEnded(history));
  }

  private void tellTimes(Plan run, List<long[]> nanoseconds) {
    listeners.stream()
        .filter(TrainingListener::wantsStepTimes)
        .forEach(listener -> listener.timed(run, nanoseconds));
  }

  /**
   * Waits where the training is paused.
   *
   * @return the nanoseconds that took
   */
  private long waitWhilePaused(Position at) {
    long begin = System.nanoTime();
    if (at.step() > 0) {
      report(at);
    }
    tell(listener -> listener.paused(at));
    requests.awaitGoOn();
    tell(TrainingListener::wentOn);
    return System.nanoTime() - begin;
  }

  private void report(Position at) {
    Finite.require(at.sums().lossSum(), "the loss", at);
    tellProgress(Progress.Phase.TRAINING, at.epoch(), at.step(), steps, at.sums(), at.seconds());
  }

  private Optional<Metrics> evaluate(
      Evaluator evaluator, Map<String, HostTensor> parameters, Position at) {
    int batch = recipe.batch();
    int testSteps = recipe.stepsPerEpoch(data.test().count());
    long begin = System.nanoTime();
    Consumer<Metrics> progress =
        sums ->
            tellProgress(
                Progress.Phase.EVALUATION,
                at.epoch(),
                (int) ((sums.samples() + batch - 1) / batch),
                testSteps,
                sums,
                secondsSince(begin));
    Optional<Evaluation> examined =
        examining ? evaluator.examine(parameters, requests::stopping, progress) : Optional.empty();
    examined.ifPresent(all -> tellAnswers(at.epoch() + 1, all));
    Optional<Metrics> test =
        examining
            ? examined.map(Evaluation::metrics)
            : evaluator.evaluate(parameters, requests::stopping, progress);
    test.ifPresent(sums -> Finite.require(sums.lossSum(), "the test loss", at));
    return test;
  }

  private void tellAnswers(int epoch, Evaluation evaluation) {
    listeners.stream()
        .filter(TrainingListener::wantsAnswers)
        .forEach(listener -> listener.examined(epoch, evaluation));
  }

  private void tellProgress(
      Progress.Phase phase, int epoch, int step, int ofSteps, Metrics sums, double seconds) {
    Progress progress =
        new Progress(
            phase, epoch + 1, recipe.epochs(), step, ofSteps, sums, sums.samples() / seconds);
    tell(listener -> listener.progressed(progress));
  }

  private EpochResult result(Position at, Metrics test, DeadUnits.Count dead) {
    Metrics train = at.sums();
    long lastStep = (long) at.epoch() * steps + steps - 1;
    return new EpochResult(
        at.epoch() + 1,
        train.loss(),
        train.accuracy(),
        test.loss(),
        test.accuracy(),
        test.top5Accuracy(),
        at.seconds(),
        train.samples() / at.seconds(),
        recipe.schedule().rate(lastStep, epochs.allSteps()),
        dead.units(),
        dead.classes());
  }

  private Checkpoint checkpoint(
      Position position,
      History history,
      Optional<Best> best,
      Map<String, HostTensor> parameters,
      Map<String, HostTensor> optimizerState) {
    return new Checkpoint(
        recipe,
        network,
        Images.shape(data.train()),
        data.train().classNames(),
        fingerprint,
        position,
        history,
        best,
        parameters,
        optimizerState,
        whitening);
  }

  private static double secondsSince(long nanoTime) {
    return (System.nanoTime() - nanoTime) / 1e9;
  }
}
