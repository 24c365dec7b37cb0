package org.nin4j.backend.cuda.norm;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.nin4j.backend.CudaOptions;
import org.nin4j.backend.cuda.DescribedGpu;
import org.nin4j.backend.cuda.device.CudaException;
import org.nin4j.backend.cuda.device.Scope;
import org.nin4j.backend.cuda.library.CudnnConfiguration;
import org.nin4j.backend.cuda.library.CudnnPlan;
import org.nin4j.backend.cuda.library.CudnnTarget;
import org.nin4j.backend.cuda.library.CudnnValues;
import org.nin4j.backend.cuda.step.FusedSteps;
import org.nin4j.model.zoo.Networks;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.rewrite.Fusion;
import org.nin4j.plan.rewrite.KernelFusion;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.Fused;
import org.nin4j.plan.step.Sgd;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

/** Asks the real cuDNN for the batch norms of networks, on GPUs that are described to it. */
public final class RealNorms {
  private static final List<String> NETWORKS =
      List.of("resnet18", "densenet", "nin-bn", "lenet-bn");

  private final CudnnValues values;
  private final PrintStream out;

  /** Plans that may still be compiled. */
  private int left;

  private RealNorms(CudnnValues values, int most, PrintStream out) {
    this.values = values;
    this.out = out;
    this.left = most;
  }

  /**
   * Prints a table in Markdown, and a line that begins with "WRONG" for what the backend could not
   * live with.
   *
   * @param rows only norms whose names this finds are asked for
   * @param most plans that are compiled
   */
  public static void print(CudnnValues values, Pattern rows, int most, PrintStream out) {
    List<DescribedGpu> gpus =
        DescribedGpu.ALL.stream().filter(gpu -> gpu.capability() != 89).toList();
    String names = gpus.stream().map(DescribedGpu::name).collect(Collectors.joining(", "));
    out.printf(Locale.ROOT, "%n| type | batch norm | engines | workspace in MB: %s |%n", names);
    out.println("|---|---|---|---|");
    RealNorms norms = new RealNorms(values, most, out);
    for (Precision precision : List.of(Precision.BF16, Precision.FP32)) {
      cases(precision).stream()
          .filter(c -> rows.matcher(name(c)).find())
          .forEach(c -> norms.ask(c, gpus));
    }
  }

  /** Every norm with channels in eights, as the backend will ask for it. */
  private static Set<NormCase> cases(Precision precision) {
    Set<NormCase> cases = new LinkedHashSet<>();
    for (String name : NETWORKS) {
      Networks.Known known = Networks.named(name);
      Plan plan =
          Planner.plan(
              known.network(10),
              BatchSpec.unit(Shape.of(1, 28, 28), known.size(), known.size()),
              known.batch(),
              precision,
              new Purpose.Training(new Sgd(0.9f, true, 0)));
      for (Fusion fusion :
          List.of(
              Fusion.NORM_RELU,
              Fusion.SUM_RELU,
              Fusion.NORM_SUM_RELU,
              Fusion.RELU_AFTER_POOL,
              Fusion.NORM_RELU_GRADIENT)) {
        plan = fusion.apply(plan);
      }
      KernelFusion.NORM
          .apply(plan, wanted -> true)
          .steps(Fused.class)
          .flatMap(s -> FusedSteps.normOf(s).stream())
          .filter(NormCase::hasChannelsInEights)
          .forEach(cases::add);
    }
    return cases;
  }

  private void ask(NormCase c, List<DescribedGpu> gpus) {
    Set<Long> engines = new TreeSet<>();
    List<String> workspaces = new ArrayList<>();
    for (DescribedGpu gpu : gpus) {
      try (Scope scope = new Scope()) {
        CudnnTarget target = gpu.target(scope, values);
        List<CudnnConfiguration> found = NormGraphs.configurations(scope, target, values, c, true);
        found.forEach(f -> engines.add(f.engine().number()));
        if (found.isEmpty()) {
          out.printf(Locale.ROOT, "WRONG: no engine on %s for %s%n", gpu.name(), c);
        } else if (left > 0) {
          left--;
          workspaces.add(workspace(scope, target, c, gpu, found));
        }
      } catch (CudaException e) {
        out.printf(Locale.ROOT, "WRONG: %s on %s for %s%n", e.getMessage(), gpu.name(), c);
      }
    }
    out.printf(
        Locale.ROOT,
        "| %s | %s | %s | %s |%n",
        c.type() == DType.BF16 ? "bf16" : "fp32",
        name(c),
        engines.stream().map(String::valueOf).collect(Collectors.joining(" ")),
        String.join(", ", workspaces));
  }

  /** Of the first plan that is made, and made again from its text. */
  private String workspace(
      Scope scope,
      CudnnTarget target,
      NormCase c,
      DescribedGpu gpu,
      List<CudnnConfiguration> found) {
    Optional<CudnnPlan> made =
        found.stream().flatMap(f -> f.plan(target, values).stream()).map(scope::add).findFirst();
    Optional<CudnnPlan> again =
        made.flatMap(CudnnPlan::text)
            .flatMap(text -> CudnnPlan.restored(target, values, text))
            .map(scope::add);
    if (made.isEmpty() || made.get().workspace() > CudaOptions.STANDARD.workspaceBytes()) {
      out.printf(Locale.ROOT, "WRONG: no plan on %s for %s%n", gpu.name(), c);
      return "none";
    }
    if (again.isEmpty() || again.get().workspace() != made.get().workspace()) {
      out.printf(
          Locale.ROOT,
          "WRONG: a plan on %s for %s does not come back from its text%n",
          gpu.name(),
          c);
    }
    return Text.of("%.2f", made.get().workspace() / 1e6);
  }

  private static String name(NormCase c) {
    String kind =
        switch (c.kind()) {
          case FORWARD -> "norm";
          case FORWARD_RELU -> "norm, ReLU";
          case FORWARD_SUM_RELU -> "norm, sum, ReLU";
          case BACKWARD -> "norm's gradients";
        };
    return Text.of("%d×%d×%d×%d: %s", c.samples(), c.channels(), c.height(), c.width(), kind);
  }
}
