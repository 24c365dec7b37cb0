package org.nin4j.backend.cuda.convolution;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.CudaOptions;
import org.nin4j.backend.cuda.convolution.ConvolutionChoice.Method;
import org.nin4j.backend.cuda.device.Check;
import org.nin4j.backend.cuda.device.CudaException;
import org.nin4j.backend.cuda.device.CudaGraph;
import org.nin4j.backend.cuda.device.Device;
import org.nin4j.backend.cuda.device.DeviceMemory;
import org.nin4j.backend.cuda.device.DeviceMemoryException;
import org.nin4j.backend.cuda.device.Scope;
import org.nin4j.backend.cuda.device.Work;
import org.nin4j.backend.cuda.kernel.DiskCache;
import org.nin4j.backend.cuda.kernel.KernelLibrary;
import org.nin4j.backend.cuda.kernel.Stopwatch;
import org.nin4j.text.Text;

/**
 * Chooses how to compute each convolution: the fastest candidate, measured on random numbers where
 * the session's own tensors will lie, and checked once; what fails is left out, and, where results
 * must repeat, what gives other bits when it runs again. What was chosen is kept on disk by device,
 * library versions and shape, so the next start measures nothing.
 */
public final class ConvolutionSearch implements AutoCloseable {
  private static final String KIND = "algorithms";

  /** The median of the given number of rounds counts. */
  private static final int ROUNDS = 5;

  private static final int MOST_RUNS = 20;

  /** Milliseconds of a round, about. */
  private static final float ROUND = 2;

  /** What takes so many times as long as the fastest at once is not measured further. */
  private static final float HOPELESS = 1.3f;

  /** So many of the fastest are measured again, in more rounds, each a single run. */
  private static final int FINALISTS = 6;

  private static final int FINAL_ROUNDS = 9;

  private record Measured(ConvolutionChoice choice, float milliseconds) {}

  private final Device device;
  private final KernelLibrary kernels;
  private final ConvolutionGraphs graphs;
  private final ConvolutionCandidates candidates;
  private final Predicate<Method> allowed;
  private final DiskCache cache;
  private final String environment;
  private final boolean replays;
  private final boolean deterministic;
  private final long warmUpMillis;
  private final Consumer<String> warnings;
  private final Map<ConvolutionCase, List<ConvolutionChoice>> possible = new HashMap<>();
  private final Map<ConvolutionCase, ConvolutionChoice> chosen = new HashMap<>();

  /**
   * @param environment what else the choice depends on: device and versions
   * @param allowed methods to choose from
   */
  public ConvolutionSearch(
      Device device,
      KernelLibrary kernels,
      DiskCache cache,
      String environment,
      CudaOptions options,
      Predicate<Method> allowed) {
    this.device = device;
    this.kernels = kernels;
    this.graphs = new ConvolutionGraphs(device, kernels, cache, environment, options);
    this.candidates = new ConvolutionCandidates(device, graphs, options);
    this.allowed = allowed;
    this.cache = cache;
    // The same with a graph and without, so that both give the same bits. How it is chosen is named
    // too, so that what was chosen in another way is chosen again.
    this.environment =
        environment
            + Text.of(
                "; timed on the device, of many tiles, cold, deterministic %s, workspace %d",
                options.deterministic(), options.workspaceBytes());
    this.replays = options.graph();
    this.deterministic = options.deterministic();
    this.warmUpMillis = options.warmUpMillis();
    this.warnings = options.warnings();
  }

  /** Whether something computes this convolution; what needs compiling for that is compiled. */
  public boolean offers(ConvolutionCase c) {
    return known(c).isPresent() || !found(c).isEmpty();
  }

  /**
   * Bytes of scratch memory to set aside: what the choice needs, or, if none is made yet, the most
   * that a candidate needs.
   *
   * @throws BackendException if nothing computes this convolution
   */
  public long scratchBytes(ConvolutionCase c) {
    return known(c)
        .map(choice -> ConvolutionWork.scratchBytes(c, choice))
        .orElseGet(
            () ->
                possible(c).stream()
                    .mapToLong(choice -> ConvolutionWork.scratchBytes(c, choice))
                    .max()
                    .orElseThrow());
  }

  /**
   * Like {@link #scratchBytes}, for a convolution that may never be computed: not so exact, and
   * without compiling anything.
   */
  public long estimatedScratchBytes(ConvolutionCase c) {
    return Optional.ofNullable(chosen.get(c))
        .or(() -> kept(c))
        .map(choice -> ConvolutionWork.scratchBytes(c, choice))
        .orElseGet(
            () ->
                candidates.ready(c).stream()
                    .mapToLong(choice -> ConvolutionWork.scratchBytes(c, choice))
                    .max()
                    .orElse(0));
  }

  /**
   * Prepares the calls for a convolution by the choice, which is made or recalled. Making it
   * overwrites the operands.
   *
   * @param owner closes what the calls need, before this is closed
   * @param scratch bytes of scratch memory that there are
   */
  public Work work(Scope owner, ConvolutionCase c, ConvolutionWork.Operands at, long scratch) {
    return work(owner, c, choose(c, at, scratch), at);
  }

  private Work work(
      Scope owner, ConvolutionCase c, ConvolutionChoice choice, ConvolutionWork.Operands at) {
    return choice.method().isGraph()
        ? graphs.work(owner, c, choice, at)
        : ConvolutionWork.of(owner, device, kernels, c, choice, at);
  }

  private ConvolutionChoice choose(ConvolutionCase c, ConvolutionWork.Operands at, long scratch) {
    Optional<ConvolutionChoice> known =
        known(c).filter(choice -> ConvolutionWork.scratchBytes(c, choice) <= scratch);
    if (known.isPresent()) {
      return known.get();
    }
    List<ConvolutionChoice> fitting =
        possible(c).stream()
            .filter(choice -> ConvolutionWork.scratchBytes(c, choice) <= scratch)
            .toList();
    ConvolutionChoice choice = search(c, fitting, at);
    chosen.put(c, choice);
    graphs.keepOnly(c, choice);
    cache.put(KIND, key(c), choice.line().getBytes(StandardCharsets.UTF_8));
    return choice;
  }

  private Optional<ConvolutionChoice> known(ConvolutionCase c) {
    if (!chosen.containsKey(c)) {
      kept(c)
          .filter(choice -> !choice.method().isGraph() || graphs.offers(c, choice))
          .ifPresent(
              choice -> {
                chosen.put(c, choice);
                graphs.keepOnly(c, choice);
              });
    }
    return Optional.ofNullable(chosen.get(c));
  }

  /** The choice of an earlier process. */
  private Optional<ConvolutionChoice> kept(ConvolutionCase c) {
    return cache
        .get(KIND, key(c))
        .flatMap(content -> ConvolutionChoice.parse(new String(content, StandardCharsets.UTF_8)))
        .filter(choice -> allowed.test(choice.method()))
        // What is kept may be an older program's.
        .filter(x -> !x.method().isGraph() || ConvolutionGraphs.methods(c).contains(x.method()));
  }

  private String key(ConvolutionCase c) {
    return environment + "; " + c;
  }

  private List<ConvolutionChoice> possible(ConvolutionCase c) {
    List<ConvolutionChoice> found = found(c);
    if (found.isEmpty()) {
      throw none(c, "cuDNN offers no algorithm within the workspace; allow it more");
    }
    return found;
  }

  private List<ConvolutionChoice> found(ConvolutionCase c) {
    return possible.computeIfAbsent(
        c, key -> candidates.of(key).stream().filter(x -> allowed.test(x.method())).toList());
  }

  private ConvolutionChoice search(
      ConvolutionCase c, List<ConvolutionChoice> fitting, ConvolutionWork.Operands at) {
    ConvolutionTrial trial = new ConvolutionTrial(device, kernels, c, at);
    trial.fillOperands();
    List<Measured> measured = new ArrayList<>();
    try (Stopwatch stopwatch = new Stopwatch(device, kernels)) {
      float least = Float.POSITIVE_INFINITY;
      for (ConvolutionChoice candidate : fitting) {
        float best = least;
        boolean cold = measured.isEmpty();
        Optional<Float> milliseconds =
            attempt(c, candidate, at, work -> measure(work, stopwatch, cold, best));
        if (milliseconds.isPresent()) {
          measured.add(new Measured(candidate, milliseconds.get()));
          least = Math.min(least, milliseconds.get());
        }
      }
      measured.sort(Comparator.comparingDouble(Measured::milliseconds));
      measureFinalists(c, measured, at, stopwatch);
    }
    for (Measured fastest : measured) {
      Optional<Optional<String>> checked =
          attempt(c, fastest.choice(), at, work -> checked(trial, work, fastest.choice()));
      if (checked.isPresent() && checked.get().isEmpty()) {
        return fastest.choice();
      }
      checked
          .flatMap(wrong -> wrong)
          .ifPresent(
              wrong ->
                  warnings.accept(
                      Text.of(
                          "Passed over: %s gives a wrong result for %s: %s",
                          fastest.choice(), c, wrong)));
    }
    throw none(
        c, measured.isEmpty() ? "every algorithm fails" : "no algorithm gives the right result");
  }

  /**
   * Measures the fastest anew, each time with nothing of theirs in the cache, and puts them in that
   * order: one after the other on the same operands they find there what other steps will have
   * driven out. On an H100 one that was chosen without this took 245 µs in a step, and another 197.
   * Where there is no memory for it, their order stays.
   */
  private void measureFinalists(
      ConvolutionCase c,
      List<Measured> measured,
      ConvolutionWork.Operands at,
      Stopwatch stopwatch) {
    List<Measured> finalists = measured.subList(0, Math.min(FINALISTS, measured.size()));
    if (finalists.size() < 2) {
      return;
    }
    long bytes = 2L * device.cacheBytes();
    try (DeviceMemory flood = new DeviceMemory(bytes)) {
      Work before = () -> flood.fill(device, (byte) 0, 0, bytes);
      finalists.replaceAll(
          one ->
              new Measured(
                  one.choice(),
                  attempt(
                          c,
                          one.choice(),
                          at,
                          work -> stopwatch.medianAfter(before, work, FINAL_ROUNDS))
                      .orElse(Float.POSITIVE_INFINITY)));
      finalists.sort(Comparator.comparingDouble(Measured::milliseconds));
      device.synchronize();
    } catch (DeviceMemoryException e) {
      // The order stays.
    }
  }

  /** What is wrong with a candidate. */
  private Optional<String> checked(ConvolutionTrial trial, Work work, ConvolutionChoice choice) {
    return trial
        .check(work, choice.method())
        .or(() -> deterministic ? trial.checkRepeats(work) : Optional.empty());
  }

  /**
   * Does something with a candidate's work. One that fails is told of, unless cuDNN just has no
   * such thing, and left out.
   *
   * @return empty if the candidate fails
   * @throws CudaException if the device is lost
   */
  private <T> Optional<T> attempt(
      ConvolutionCase c,
      ConvolutionChoice candidate,
      ConvolutionWork.Operands at,
      Function<Work, T> action) {
    try (Scope scope = new Scope()) {
      return Optional.of(action.apply(work(scope, c, candidate, at)));
    } catch (CudaException e) {
      if (e.deviceLost()) {
        throw e;
      }
      // Libraries do not say that the device is lost; the driver does.
      device.synchronize();
      if (!(e.call().startsWith("cudnn") && Check.cudnnDeclines(e.code()))) {
        warnings.accept(Text.of("Left out: %s for %s: %s", candidate, c, e.getMessage()));
      }
      return Optional.empty();
    }
  }

  /**
   * Milliseconds of a run, by rounds of several, as they will be started: replayed or one by one.
   *
   * @param cold whether the device has done nothing of late
   * @param best milliseconds of the fastest so far
   */
  private float measure(Work work, Stopwatch stopwatch, boolean cold, float best) {
    // Libraries load their code now, which a captured run could not.
    work.enqueue();
    device.synchronize();
    if (cold) {
      stopwatch.warmUp(work, warmUpMillis);
    }
    float once = stopwatch.measure(work);
    boolean hopeless = once > HOPELESS * best;
    int runs = hopeless ? 1 : (int) Math.max(1, Math.min(MOST_RUNS, ROUND / once));
    Work round = Work.repeated(work, runs);
    if (!replays) {
      return stopwatch.median(round, hopeless ? 1 : ROUNDS) / runs;
    }
    try (CudaGraph graph = new CudaGraph(device, round)) {
      return stopwatch.median(graph::launch, hopeless ? 1 : ROUNDS) / runs;
    }
  }

  @Override
  public void close() {
    graphs.close();
  }

  private BackendException none(ConvolutionCase c, String why) {
    return new BackendException(
        Text.of("cannot compute the convolution %s on %s: %s", c, device.name(), why));
  }
}
