package org.nin4j.backend.cuda.fusion;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.CudaOptions;
import org.nin4j.backend.CudaOptions.Fusions;
import org.nin4j.backend.cuda.device.CudaException;
import org.nin4j.backend.cuda.kernel.DiskCache;
import org.nin4j.backend.cuda.kernel.KernelSource;
import org.nin4j.backend.cuda.step.FusedSteps;
import org.nin4j.model.Window;
import org.nin4j.plan.Plan;
import org.nin4j.plan.rewrite.KernelFusion;
import org.nin4j.plan.rewrite.KernelFusion.Replacement;
import org.nin4j.plan.step.ConvolutionBackwardData;
import org.nin4j.plan.step.Fused;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.text.Text;

/**
 * Chooses where one kernel computes several steps: where it was faster than these steps when both
 * were tried on this GPU, gave the same, and, where results must repeat, the same bits each time.
 * What was chosen is kept on disk by device, library versions, kernel and shapes, so the next start
 * measures nothing; with a graph and without alike, so that both give the same bits. Where a trial
 * fails, for want of memory or otherwise, the steps stay apart, and the next start tries again.
 */
public final class FusionSearch {
  private static final String KIND = "fusions";
  private static final String FUSED = "fused";

  private final FusedSteps fusedSteps;
  private final FusionTrial trial;
  private final DiskCache cache;
  private final String environment;
  private final Fusions fusions;
  private final boolean deterministic;
  private final Consumer<String> warnings;
  private final Map<String, Boolean> chosen = new HashMap<>();

  /**
   * @param environment what else the choice depends on: device and versions
   */
  public FusionSearch(
      FusedSteps fusedSteps,
      FusionTrial trial,
      DiskCache cache,
      String environment,
      CudaOptions options) {
    this.fusedSteps = fusedSteps;
    this.trial = trial;
    this.cache = cache;
    this.environment =
        environment
            + Text.of(
                "; deterministic %s, workspace %d",
                options.deterministic(), options.workspaceBytes());
    this.fusions = options.fusions();
    this.deterministic = options.deterministic();
    this.warnings = options.warnings();
  }

  /** The plan with the kernels that were chosen, or are now. */
  public Plan apply(Plan plan) {
    // A block is tried against what would be there without it, which may have the others.
    return others(
        apply(
            plan,
            List.of(KernelFusion.NIN_BLOCK, KernelFusion.HEAD_FORWARD, KernelFusion.HEAD_BACKWARD),
            this::others));
  }

  private Plan others(Plan plan) {
    return apply(
        plan,
        List.of(KernelFusion.POINTWISE_PAIR, KernelFusion.DATA_GRADIENT_RELU, KernelFusion.NORM),
        UnaryOperator.identity());
  }

  private Plan apply(Plan plan, List<KernelFusion> kinds, UnaryOperator<Plan> otherwise) {
    Plan rewritten = plan;
    for (KernelFusion fusion : kinds) {
      Plan before = rewritten;
      rewritten = fusion.apply(before, steps -> isChosen(before, steps, otherwise));
    }
    return rewritten;
  }

  private boolean isChosen(
      Plan plan, List<Replacement> replacements, UnaryOperator<Plan> otherwise) {
    return switch (fusions) {
      case NEVER -> false;
      case ALWAYS -> isComputed(plan, replacements);
      case MEASURED ->
          // What lost needs not be asked for, which may take cuDNN seconds.
          known(key(plan, replacements)).orElse(true)
              && isComputed(plan, replacements)
              && wins(plan, replacements, otherwise);
    };
  }

  private boolean isComputed(Plan plan, List<Replacement> replacements) {
    return replacements.stream().allMatch(r -> fusedSteps.computes(r.by(), plan.precision()));
  }

  /**
   * Makes or recalls the choice.
   *
   * @param otherwise what becomes of the steps if they stay apart
   */
  public boolean wins(Plan plan, List<Replacement> replacements, UnaryOperator<Plan> otherwise) {
    String key = key(plan, replacements);
    Optional<Boolean> known = known(key);
    if (known.isPresent()) {
      return known.get();
    }
    boolean wins = false;
    try {
      String line = measure(plan, replacements, otherwise);
      wins = line.startsWith(FUSED);
      cache.put(KIND, key, line.getBytes(StandardCharsets.UTF_8));
    } catch (BackendException e) {
      if (e instanceof CudaException failure && failure.deviceLost()) {
        throw e;
      }
      warnings.accept(
          Text.of("Not used: %s: its trial failed: %s", name(replacements), e.getMessage()));
    }
    chosen.put(key, wins);
    return wins;
  }

  private Optional<Boolean> known(String key) {
    if (!chosen.containsKey(key)) {
      cache
          .get(KIND, key)
          .map(content -> new String(content, StandardCharsets.UTF_8))
          .ifPresent(line -> chosen.put(key, line.startsWith(FUSED)));
    }
    return Optional.ofNullable(chosen.get(key));
  }

  /** The winner and both times, as a line for the cache. */
  private String measure(Plan plan, List<Replacement> replacements, UnaryOperator<Plan> otherwise) {
    List<Step> apart = replacements.stream().flatMap(r -> r.steps().stream()).toList();
    List<Step> fused = replacements.stream().map(r -> (Step) r.by()).toList();
    Set<TensorSpec> given = new LinkedHashSet<>();
    Set<TensorSpec> results = new LinkedHashSet<>();
    for (Step step : fused) {
      step.reads().stream().filter(t -> !results.contains(t)).forEach(given::add);
      results.addAll(step.writes());
    }
    Set<TensorSpec> kept = new HashSet<>(given);
    kept.addAll(results);
    kept.removeIf(t -> t.role() != Role.ACTIVATION);
    Plan part = new Plan(plan.network(), plan.batch(), plan.precision(), apart, kept);
    List<TensorSpec> inputs = new ArrayList<>(given);
    List<TensorSpec> outputs = new ArrayList<>(results);
    FusionTrial.Outcome expected = trial.run(otherwise.apply(part), inputs, outputs);
    FusionTrial.Outcome actual = trial.run(part.withSteps(fused), inputs, outputs);
    Optional<String> wrong = actual.differenceFrom(expected);
    if (wrong.isPresent()) {
      warnings.accept(
          Text.of("Passed over: %s gives a wrong result: %s", name(replacements), wrong.get()));
      return "wrong";
    }
    if (deterministic && !actual.repeats()) {
      warnings.accept(
          Text.of("Passed over: %s gives other bits from run to run", name(replacements)));
      return "wrong";
    }
    boolean faster = actual.milliseconds() < expected.milliseconds();
    return Text.of(
        "%s %s %s", faster ? FUSED : "apart", actual.milliseconds(), expected.milliseconds());
  }

  private static String name(List<Replacement> replacements) {
    return replacements.stream()
        .map(r -> Text.of("%s (%s)", r.by().layer(), r.by().kind()))
        .collect(Collectors.joining(" with "));
  }

  private String key(Plan plan, List<Replacement> replacements) {
    return replacements.stream()
        .map(Replacement::by)
        .map(
            by ->
                Text.of(
                    "%s of %s %08x %s %s from %s to %s",
                    by.kernel(),
                    by.parts().stream().map(Step::kind).toList(),
                    sourceHash(by.kernel()),
                    plan.precision(),
                    windows(by),
                    shapes(by.reads()),
                    shapes(by.writes())))
        .collect(Collectors.joining("; ", environment + "; ", ""));
  }

  /** Of data gradients, which do not follow from the shapes. */
  private static List<Window> windows(Fused by) {
    return by.parts(ConvolutionBackwardData.class).map(d -> d.convolution().window()).toList();
  }

  /** Another kernel is another choice. */
  private static int sourceHash(Fused.Kernel kernel) {
    KernelSource source = KernelSource.of(FusedSteps.file(kernel) + ".cu");
    return 31 * source.text().hashCode() + source.headers().hashCode();
  }

  private static List<String> shapes(List<TensorSpec> tensors) {
    return tensors.stream().map(t -> t.shape() + " " + t.type()).toList();
  }
}
