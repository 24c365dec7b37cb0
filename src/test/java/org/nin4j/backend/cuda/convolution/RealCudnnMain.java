package org.nin4j.backend.cuda.convolution;

import java.io.File;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.JCudaDriver;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.CudaOptions;
import org.nin4j.backend.cuda.DescribedGpu;
import org.nin4j.backend.cuda.convolution.ConvolutionChoice.Method;
import org.nin4j.backend.cuda.device.Check;
import org.nin4j.backend.cuda.device.CudaException;
import org.nin4j.backend.cuda.device.Scope;
import org.nin4j.backend.cuda.kernel.DiskCache;
import org.nin4j.backend.cuda.kernel.KernelCompiler;
import org.nin4j.backend.cuda.kernel.KernelSource;
import org.nin4j.backend.cuda.library.CudnnEngine;
import org.nin4j.backend.cuda.library.CudnnPlan;
import org.nin4j.backend.cuda.library.CudnnTarget;
import org.nin4j.backend.cuda.library.CudnnValues;
import org.nin4j.backend.cuda.natives.JCudaNatives;
import org.nin4j.backend.cuda.natives.LibraryVersions;
import org.nin4j.backend.cuda.natives.search.CacheDirectory;
import org.nin4j.backend.cuda.natives.search.CudaLibraries;
import org.nin4j.backend.cuda.natives.search.Found;
import org.nin4j.backend.cuda.natives.search.SearchPlaces;
import org.nin4j.backend.cuda.norm.RealNorms;
import org.nin4j.backend.cuda.step.Convolutions;
import org.nin4j.model.zoo.NetworkInNetwork;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.rewrite.Fusion;
import org.nin4j.plan.rewrite.KernelFusion;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.ConvolutionBackwardData;
import org.nin4j.plan.step.ConvolutionBackwardFilter;
import org.nin4j.plan.step.ConvolutionForward;
import org.nin4j.plan.step.Fused;
import org.nin4j.plan.step.Sgd;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

/**
 * Asks the real cuDNN, in a process of its own, which engines it has on GPUs that are described to
 * it, for every convolution of Network in Network and the batch norms of other networks, and makes
 * plans; and prints tables in Markdown. Nothing is run. A line that begins with "WRONG" tells what
 * the backend could not live with.
 */
final class RealCudnnMain {
  private static final Map<Integer, String> KNOBS = Map.of(17, "split ", 24, "kernel ");

  /** Only convolutions and norms whose names this finds are asked for. */
  private static final Pattern ROWS = Pattern.compile(System.getProperty("rows"));

  /** Kernel files that need compute capability 8.0. */
  private static final Set<String> FOR_TENSOR_CORES =
      Set.of("pointwise_pair.cu", "first_block.cu", "first_block_backward.cu");

  private final CudnnValues values;
  private final DescribedGpu gpu;
  private final CudnnTarget target;
  private final Compilations compilations;
  private final PrintStream out;

  /** How many plans are made; of those that compile a kernel each takes a second or more. */
  private static final class Compilations {
    private final int readyPerGraph;
    private final int mostPerGraph;
    private int left;

    Compilations(boolean all) {
      readyPerGraph = all ? 3 : 1;
      mostPerGraph = all ? 4 : 2;
      left = all ? Integer.MAX_VALUE : 3;
    }
  }

  private RealCudnnMain(
      Scope owner,
      CudnnValues values,
      DescribedGpu gpu,
      Compilations compilations,
      PrintStream out) {
    this.values = values;
    this.gpu = gpu;
    this.target = gpu.target(owner, values);
    this.compilations = compilations;
    this.out = out;
  }

  /**
   * Takes the folder of the real libraries, the folder of a driver that answers as if it could load
   * code, and "all" or "some" plans that must be compiled.
   */
  public static void main(String[] arguments) {
    CacheDirectory cache = CacheDirectory.ofThisUser(System.out::println);
    List<Path> folders = List.of(Path.of(arguments[0]), Path.of(arguments[1]));
    Found found = CudaLibraries.find(SearchPlaces.ofThisMachine(folders), cache);
    LibraryVersions versions = JCudaNatives.load(found, cache);
    PrintStream out = System.out;
    out.println(
        """
        # Engines and plans of cuDNN for Network in Network

        What the real cuDNN answers for GPUs that are described to it: every convolution of a
        training step at 224×224, batch 128, asked in the words of the backend. **Nothing was run.**
        Engines are those that by their notes give the same bits each time and round no more than
        they may; *ready* ones need no compiling. Of these up to three plans were made for each
        line, of those that compile a kernel up to four, and each again from its text, with the same
        workspace. *Folded*: squares of pixels as channels; *padded*: with filters of zeros added;
        *data gradient, ReLU*: with the gradient of the ReLU before it.
        """);
    out.printf(
        Locale.ROOT,
        "cuDNN %s, NVRTC %s, cuBLAS %s%n%n",
        versions.cudnn(),
        versions.nvrtc(),
        versions.cublas());
    boolean all = arguments[2].equals("all");
    try (Scope scope = new Scope()) {
      context(scope);
      CudnnValues values = scope.add(new CudnnValues());
      Compilations compilations = new Compilations(all);
      out.println(
          "| GPU | type | convolution | engines, ready; compiled | plans: engine, workspace |");
      out.println("|---|---|---|---|---|");
      // The one for which most is compiled comes first.
      List<DescribedGpu> gpus = new ArrayList<>(DescribedGpu.ALL);
      gpus.sort(Comparator.comparing(gpu -> gpu.capability() != 90));
      for (DescribedGpu gpu : gpus) {
        try (Scope parts = new Scope()) {
          RealCudnnMain main = new RealCudnnMain(parts, values, gpu, compilations, out);
          for (Precision precision : Precision.values()) {
            cases(precision).forEach(main::ask);
          }
        }
      }
      RealNorms.print(values, ROWS, all ? Integer.MAX_VALUE : 2, out);
    }
    kernels(all ? List.of(75, 80, 89, 90, 100, 120) : List.of(90), out);
    out.println("done");
  }

  /** Compiles all kernels as the backend does. */
  private static void kernels(List<Integer> capabilities, PrintStream out) {
    Path sources = Path.of(System.getProperty("kernels"));
    Path cubins = Path.of(System.getProperty("cubins"));
    for (int capability : capabilities) {
      int count = 0;
      KernelCompiler compiler = new KernelCompiler(new DiskCache(cubins, out::println), capability);
      for (File file : sources.toFile().listFiles((folder, name) -> name.endsWith(".cu"))) {
        if (capability < 80 && FOR_TENSOR_CORES.contains(file.getName())) {
          continue;
        }
        try {
          compiler.compile(KernelSource.of(file.getName()));
          count++;
        } catch (BackendException e) {
          out.println("WRONG: " + e.getMessage());
        }
      }
      out.printf(Locale.ROOT, "%n%d kernel files compiled for sm_%d%n", count, capability);
    }
  }

  /** The driver's memory is where attributes lie. */
  private static void context(Scope scope) {
    Check.driver(JCudaDriver.cuInit(0), "cuInit");
    CUdevice device = new CUdevice();
    Check.driver(JCudaDriver.cuDeviceGet(device, 0), "cuDeviceGet");
    CUcontext context = new CUcontext();
    Check.driver(JCudaDriver.cuDevicePrimaryCtxRetain(context, device), "cuDevicePrimaryCtxRetain");
    scope.add(() -> JCudaDriver.cuDevicePrimaryCtxRelease(device));
    Check.driver(JCudaDriver.cuCtxSetCurrent(context), "cuCtxSetCurrent");
  }

  /** Every convolution of a training step, as the backend will ask for it. */
  private static Set<ConvolutionCase> cases(Precision precision) {
    Plan plan =
        Planner.plan(
            NetworkInNetwork.of(10),
            BatchSpec.unit(Shape.of(1, 28, 28), 224, 224),
            128,
            precision,
            new Purpose.Training(new Sgd(0.9f, true, 0)));
    Set<ConvolutionCase> cases = new LinkedHashSet<>();
    boolean rounding = precision != Precision.FP32;
    Plan fused = Fusion.CONVOLUTION_RELU.apply(plan);
    fused.steps(ConvolutionForward.class).forEach(s -> cases.add(Convolutions.caseOf(s, rounding)));
    fused
        .steps(ConvolutionBackwardData.class)
        .forEach(s -> cases.add(Convolutions.caseOf(s, rounding)));
    fused
        .steps(ConvolutionBackwardFilter.class)
        .forEach(s -> cases.add(Convolutions.caseOf(s, rounding)));
    for (Fusion fusion : List.of(Fusion.RELU_AFTER_POOL, Fusion.RELU_BIAS_GRADIENT)) {
      fused = fusion.apply(fused);
    }
    KernelFusion.DATA_GRADIENT_RELU
        .apply(fused, wanted -> true)
        .steps(Fused.class)
        .flatMap(s -> s.parts(ConvolutionBackwardData.class))
        .forEach(s -> cases.add(Convolutions.caseOf(s, rounding, true)));
    return cases;
  }

  private void ask(ConvolutionCase c) {
    boolean usable = false;
    for (Method method : ConvolutionGraphs.methods(c)) {
      boolean found = ask(c, method);
      usable |= found;
      // What is there for tensor cores must be there for them.
      if (!found && c.type() == DType.BF16 && Substitute.of(c, method).isPresent()) {
        out.printf(Locale.ROOT, "WRONG: no engine on %s for %s by %s%n", gpu.name(), c, method);
      }
    }
    // In exact fp32 a ReLU may stay a step of its own.
    if (!usable && !(c.isMasked() && c.isExact())) {
      out.printf(Locale.ROOT, "WRONG: no engine on %s for %s%n", gpu.name(), c);
    }
  }

  /** Whether a plan was made, or could be compiled. */
  private boolean ask(ConvolutionCase c, Method method) {
    ConvolutionCase described = Substitute.of(c, method).map(Substitute::inner).orElse(c);
    boolean rounded = method == Method.CUDNN_GRAPH_ROUNDED;
    if (!ROWS.matcher(name(c, method)).find()) {
      return true;
    }
    Set<Long> ready = new TreeSet<>();
    Set<Long> compiled = new TreeSet<>();
    List<String> plans = new ArrayList<>();
    boolean usable = false;
    int tried = 0;
    int compiling = 0;
    try (ConvolutionGraph graph = new ConvolutionGraph(target, values, described, rounded)) {
      List<CudnnEngine> engines = graph.engines();
      for (int place = 0; place < engines.size(); place++) {
        CudnnEngine engine = engines.get(place);
        if (engine.isUsable(c.isExact(), true)) {
          (engine.compiles() ? compiled : ready).add(engine.number());
          boolean wanted =
              engine.compiles() ? mayCompile(compiling) : tried < compilations.readyPerGraph;
          if (wanted && engine.compiles()) {
            compiling++;
            compilations.left--;
          } else if (wanted) {
            tried++;
          }
          Optional<String> plan = wanted ? plan(graph, place, engine) : Optional.empty();
          plan.ifPresent(plans::add);
          usable |= plan.isPresent() || (engine.compiles() && !mayCompile(compiling));
        }
      }
    } catch (CudaException e) {
      plans.add(e.getMessage());
    }
    out.printf(
        Locale.ROOT,
        "| %s | %s | %s | %s; %s | %s |%n",
        gpu.name(),
        c.type() == DType.BF16 ? "bf16" : c.rounding() ? "tf32" : "fp32",
        name(c, method),
        numbers(ready),
        numbers(compiled),
        String.join(", ", plans));
    return usable;
  }

  private boolean mayCompile(int compiling) {
    return compiling < compilations.mostPerGraph && compilations.left > 0;
  }

  private static String name(ConvolutionCase c, Method method) {
    String kind =
        switch (c.kind()) {
          case FORWARD -> c.relu() ? "forward, bias, ReLU" : "forward, bias";
          case BACKWARD_DATA -> c.relu() ? "data gradient, ReLU" : "data gradient";
          case BACKWARD_FILTER -> "filter gradient";
        };
    String how =
        switch (method) {
          case CUDNN_GRAPH_ROUNDED -> ", rounded";
          case CUDNN_GRAPH_FOLDED -> ", folded";
          case CUDNN_GRAPH_PADDED -> ", padded";
          default -> "";
        };
    return Text.of(
        "%s, %d→%d, %d×%d: %s%s",
        c.window(), c.channels(), c.filters(), c.height(), c.width(), kind, how);
  }

  private static String numbers(Set<Long> engines) {
    return engines.isEmpty()
        ? "none"
        : engines.stream().map(String::valueOf).collect(Collectors.joining(" "));
  }

  /** Makes a plan, and makes it again from its text; empty if it cannot be used. */
  private Optional<String> plan(ConvolutionGraph graph, int place, CudnnEngine engine) {
    Optional<CudnnPlan> made = graph.plan(place);
    if (made.isEmpty()) {
      return Optional.empty();
    }
    try (CudnnPlan plan = made.get()) {
      if (plan.workspace() > CudaOptions.STANDARD.workspaceBytes()) {
        return Optional.empty();
      }
      Optional<CudnnPlan> again =
          plan.text().flatMap(json -> CudnnPlan.restored(target, values, json));
      if (again.isEmpty() || again.get().workspace() != plan.workspace()) {
        out.printf(Locale.ROOT, "WRONG: a plan of %s does not come back from its text%n", engine);
      }
      again.ifPresent(CudnnPlan::close);
      String knobs =
          engine.compiles()
              ? engine.knobs().entrySet().stream()
                  .map(knob -> " " + KNOBS.getOrDefault(knob.getKey(), "") + knob.getValue())
                  .collect(Collectors.joining())
              : "";
      return Optional.of(Text.of("%d%s %.1f MB", engine.number(), knobs, plan.workspace() / 1e6));
    }
  }
}
