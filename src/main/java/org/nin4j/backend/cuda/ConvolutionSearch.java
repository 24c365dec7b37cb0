package org.nin4j.backend.cuda;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.nin4j.backend.BackendException;

/**
 * Chooses how to compute each convolution: the fastest candidate, measured on random numbers where
 * the session's own tensors will lie, and checked once. What was chosen is kept on disk by device,
 * library versions and shape, so the next start measures nothing.
 */
final class ConvolutionSearch {
  private static final String KIND = "algorithms";

  /** Runs that are measured, after one that is not. */
  private static final int RUNS = 3;

  private record Measured(ConvolutionChoice choice, float milliseconds) {}

  private final Device device;
  private final KernelLibrary kernels;
  private final ConvolutionCandidates candidates;
  private final DiskCache cache;
  private final String environment;
  private final Consumer<String> warnings;
  private final Map<ConvolutionCase, List<ConvolutionChoice>> possible = new HashMap<>();
  private final Map<ConvolutionCase, ConvolutionChoice> chosen = new HashMap<>();

  /**
   * @param environment what else the choice depends on: device and versions
   */
  ConvolutionSearch(
      Device device,
      KernelLibrary kernels,
      DiskCache cache,
      String environment,
      CudaOptions options) {
    this.device = device;
    this.kernels = kernels;
    this.candidates = new ConvolutionCandidates(device, options);
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
   * Makes or recalls the choice. Making it overwrites the operands.
   *
   * @param scratch bytes of scratch memory that there are
   */
  ConvolutionChoice choose(ConvolutionCase c, ConvolutionWork.Operands at, long scratch) {
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
    cache.put(KIND, key(c), choice.line().getBytes(StandardCharsets.UTF_8));
    return choice;
  }

  private Optional<ConvolutionChoice> known(ConvolutionCase c) {
    if (!chosen.containsKey(c)) {
      cache
          .get(KIND, key(c))
          .flatMap(content -> ConvolutionChoice.parse(new String(content, StandardCharsets.UTF_8)))
          .ifPresent(choice -> chosen.put(c, choice));
    }
    return Optional.ofNullable(chosen.get(c));
  }

  private String key(ConvolutionCase c) {
    return environment + "; " + c;
  }

  private List<ConvolutionChoice> possible(ConvolutionCase c) {
    List<ConvolutionChoice> found = possible.computeIfAbsent(c, candidates::of);
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
      Work work = ConvolutionWork.of(scope, device, kernels, c, candidate, at);
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
      return trial.check(ConvolutionWork.of(scope, device, kernels, c, choice, at));
    }
  }

  private BackendException none(ConvolutionCase c, String why) {
    return new BackendException(
        "cannot compute the convolution %s on %s: %s".formatted(c, device.name(), why));
  }
}
