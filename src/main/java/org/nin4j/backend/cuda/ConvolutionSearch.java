package org.nin4j.backend.cuda;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.cuda.ConvolutionChoice.Method;

/**
 * Chooses how to compute each convolution: the fastest candidate, measured on random numbers where
 * the session's own tensors will lie, and checked once. What was chosen is kept on disk by device,
 * library versions and shape, so the next start measures nothing.
 */
final class ConvolutionSearch implements AutoCloseable {
  private static final String KIND = "algorithms";

  /** Runs that are measured, after one that is not. */
  private static final int RUNS = 3;

  private record Measured(ConvolutionChoice choice, float milliseconds) {}

  private final Device device;
  private final KernelLibrary kernels;
  private final ConvolutionGraphs graphs;
  private final ConvolutionCandidates candidates;
  private final Predicate<Method> allowed;
  private final DiskCache cache;
  private final String environment;
  private final Consumer<String> warnings;
  private final Map<ConvolutionCase, List<ConvolutionChoice>> possible = new HashMap<>();
  private final Map<ConvolutionCase, ConvolutionChoice> chosen = new HashMap<>();

  /**
   * @param environment what else the choice depends on: device and versions
   * @param allowed methods to choose from
   */
  ConvolutionSearch(
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
    this.environment =
        environment
            + "; deterministic %s, workspace %d"
                .formatted(options.deterministic(), options.workspaceBytes());
    this.warnings = options.warnings();
  }

  /**
   * Bytes of scratch memory to set aside: what the choice needs, or, if none is made yet, the most
   * that a candidate needs.
   *
   * @throws BackendException if nothing computes this convolution
   */
  long scratchBytes(ConvolutionCase c) {
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
  long estimatedScratchBytes(ConvolutionCase c) {
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
  Work work(Scope owner, ConvolutionCase c, ConvolutionWork.Operands at, long scratch) {
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
        .filter(choice -> allowed.test(choice.method()));
  }

  private String key(ConvolutionCase c) {
    return environment + "; " + c;
  }

  private List<ConvolutionChoice> possible(ConvolutionCase c) {
    List<ConvolutionChoice> found =
        possible.computeIfAbsent(
            c, key -> candidates.of(key).stream().filter(x -> allowed.test(x.method())).toList());
    if (found.isEmpty()) {
      throw none(c, "cuDNN offers no algorithm within the workspace; allow it more");
    }
    return found;
  }

  private ConvolutionChoice search(
      ConvolutionCase c, List<ConvolutionChoice> fitting, ConvolutionWork.Operands at) {
    ConvolutionTrial trial = new ConvolutionTrial(device, kernels, c, at);
    trial.fillOperands();
    List<Measured> measured = new ArrayList<>();
    for (ConvolutionChoice candidate : fitting) {
      measure(c, candidate, at)
          .ifPresent(milliseconds -> measured.add(new Measured(candidate, milliseconds)));
    }
    measured.sort(Comparator.comparingDouble(Measured::milliseconds));
    for (Measured fastest : measured) {
      Optional<String> wrong = check(c, fastest.choice(), at, trial);
      if (wrong.isEmpty()) {
        return fastest.choice();
      }
      warnings.accept(
          "Passed over: %s gives a wrong result for %s: %s"
              .formatted(fastest.choice(), c, wrong.get()));
    }
    throw none(c, "no algorithm gives the right result");
  }

  /** The shortest of some runs; empty if cuDNN declines after all. */
  private Optional<Float> measure(
      ConvolutionCase c, ConvolutionChoice candidate, ConvolutionWork.Operands at) {
    try (Scope scope = new Scope()) {
      Work work = work(scope, c, candidate, at);
      Stopwatch stopwatch = scope.add(new Stopwatch(device));
      float best = Float.POSITIVE_INFINITY;
      try {
        work.enqueue();
      } catch (CudaException e) {
        if (e.call().startsWith("cudnn") && Check.cudnnDeclines(e.code())) {
          return Optional.empty();
        }
        throw e;
      }
      for (int run = 0; run < RUNS; run++) {
        best = Math.min(best, stopwatch.measure(work));
      }
      return Optional.of(best);
    }
  }

  private Optional<String> check(
      ConvolutionCase c,
      ConvolutionChoice choice,
      ConvolutionWork.Operands at,
      ConvolutionTrial trial) {
    try (Scope scope = new Scope()) {
      return trial.check(work(scope, c, choice, at), choice.method());
    }
  }

  @Override
  public void close() {
    graphs.close();
  }

  private BackendException none(ConvolutionCase c, String why) {
    return new BackendException(
        "cannot compute the convolution %s on %s: %s".formatted(c, device.name(), why));
  }
}
