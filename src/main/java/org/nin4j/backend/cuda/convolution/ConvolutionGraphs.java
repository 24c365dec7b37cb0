package org.nin4j.backend.cuda.convolution;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import jcuda.driver.CUdeviceptr;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.CudaOptions;
import org.nin4j.backend.cuda.convolution.ConvolutionCase.Kind;
import org.nin4j.backend.cuda.convolution.ConvolutionChoice.Method;
import org.nin4j.backend.cuda.device.Check;
import org.nin4j.backend.cuda.device.CudaException;
import org.nin4j.backend.cuda.device.Device;
import org.nin4j.backend.cuda.device.Scope;
import org.nin4j.backend.cuda.device.Work;
import org.nin4j.backend.cuda.kernel.DiskCache;
import org.nin4j.backend.cuda.kernel.KernelLibrary;
import org.nin4j.backend.cuda.kernel.Kernels;
import org.nin4j.backend.cuda.library.CudnnEngine;
import org.nin4j.backend.cuda.library.CudnnPlan;
import org.nin4j.backend.cuda.library.CudnnTarget;
import org.nin4j.backend.cuda.library.CudnnValues;
import org.nin4j.tensor.DType;
import org.nin4j.text.Text;

/**
 * Convolutions by cuDNN's graph API: it has what the older API has not, kernels that are compiled
 * with bias and ReLU in them, or the gradient of a ReLU, and filter gradients of bf16 operands in
 * fp32. Some are described as a {@link Substitute} too. Graphs and plans are kept as long as the
 * backend, so that a plan is made once for measuring, checking and all sessions; and the text of
 * the plan that was chosen on disk, so that the next start compiles nothing.
 */
final class ConvolutionGraphs implements AutoCloseable {
  private static final String KIND = "plans";

  /** Candidates of one graph whose plans need not be compiled: they cost nothing but a trial. */
  private static final int MOST_READY = 256;

  /** Candidates of one graph that cost the compilation of a kernel, about a second each. */
  private static final int MOST_COMPILED = 2;

  /** The same for a filter gradient of folded images: its sum can be split in several ways. */
  private static final int MOST_FOLDED = 5;

  /** The same for other filter gradients, of which none was the fastest on an H100. */
  private static final int MOST_COMPILED_FILTER_GRADIENTS = 1;

  /** A convolution and how it is described. */
  private record Form(ConvolutionCase c, Method method) {
    Optional<Substitute> substitute() {
      return Substitute.of(c, method);
    }

    ConvolutionCase described() {
      return substitute().map(Substitute::inner).orElse(c);
    }

    boolean rounded() {
      return method == Method.CUDNN_GRAPH_ROUNDED;
    }

    int mostCompiled() {
      if (c.kind() != Kind.BACKWARD_FILTER) {
        return MOST_COMPILED;
      }
      return method == Method.CUDNN_GRAPH_FOLDED ? MOST_FOLDED : MOST_COMPILED_FILTER_GRADIENTS;
    }
  }

  private record Place(Form form, int engine) {}

  private final Device device;
  private final CudnnTarget target;
  private final KernelLibrary kernels;
  private final DiskCache cache;
  private final String environment;
  private final boolean deterministic;
  private final long workspaceBytes;
  private final Consumer<String> warnings;
  private final CudnnValues values = new CudnnValues();
  private final Map<Form, Optional<ConvolutionGraph>> graphs = new HashMap<>();
  private final Map<Place, Optional<CudnnPlan>> plans = new HashMap<>();
  private boolean warned;

  /**
   * @param environment what else a plan depends on: device and versions
   */
  ConvolutionGraphs(
      Device device,
      KernelLibrary kernels,
      DiskCache cache,
      String environment,
      CudaOptions options) {
    this.device = device;
    this.target = CudnnTarget.of(device);
    this.kernels = kernels;
    this.cache = cache;
    this.environment = environment;
    this.deterministic = options.deterministic();
    this.workspaceBytes = options.workspaceBytes();
    this.warnings = options.warnings();
  }

  /** By cuDNN's estimate the fastest first; none where cuDNN declines. */
  List<ConvolutionChoice> candidates(ConvolutionCase c) {
    List<ConvolutionChoice> candidates = new ArrayList<>();
    methods(c).forEach(method -> candidates.addAll(candidates(new Form(c, method))));
    return candidates;
  }

  /** The ways to describe a convolution. */
  static List<Method> methods(ConvolutionCase c) {
    List<Method> methods = new ArrayList<>(List.of(Method.CUDNN_GRAPH));
    if (c.kind() == Kind.BACKWARD_FILTER && c.type() == DType.BF16) {
      methods.add(Method.CUDNN_GRAPH_ROUNDED);
    }
    if (FoldedImages.suits(c)) {
      methods.add(Method.CUDNN_GRAPH_FOLDED);
    }
    if (PaddedFilters.suits(c)) {
      methods.add(Method.CUDNN_GRAPH_PADDED);
    }
    return methods;
  }

  private List<ConvolutionChoice> candidates(Form form) {
    List<ConvolutionChoice> candidates = new ArrayList<>();
    List<CudnnEngine> engines = graph(form).map(ConvolutionGraph::engines).orElseGet(List::of);
    int ready = 0;
    int compiled = 0;
    for (int place = 0; place < engines.size(); place++) {
      CudnnEngine engine = engines.get(place);
      boolean wanted = engine.compiles() ? compiled < form.mostCompiled() : ready < MOST_READY;
      if (wanted && engine.isUsable(form.c().isExact(), deterministic)) {
        Optional<CudnnPlan> plan =
            plan(new Place(form, place)).filter(p -> p.workspace() <= workspaceBytes);
        if (plan.isPresent()) {
          candidates.add(new ConvolutionChoice(form.method(), place, 0, plan.get().workspace()));
          if (engine.compiles()) {
            compiled++;
          } else {
            ready++;
          }
        }
      }
    }
    return candidates;
  }

  /** Whether a choice of an earlier process can still be had, with no more scratch memory. */
  boolean offers(ConvolutionCase c, ConvolutionChoice choice) {
    return plan(place(c, choice)).filter(p -> p.workspace() <= choice.workspace()).isPresent();
  }

  /**
   * Prepares the calls of a choice.
   *
   * @param owner closes what they need, before this is closed
   */
  Work work(Scope owner, ConvolutionCase c, ConvolutionChoice choice, ConvolutionWork.Operands at) {
    CudnnPlan plan =
        plan(place(c, choice))
            .orElseThrow(
                () -> new BackendException(Text.of("cuDNN does not offer %s for %s", choice, c)));
    Optional<Substitute> substitute = Substitute.of(c, choice.method());
    if (substitute.isPresent()) {
      ConvolutionCase inner = substitute.get().inner();
      return substitute
          .get()
          .work(
              kernels,
              at,
              there -> plan.work(owner, device::cudnn, places(inner, there), there.scratch()));
    }
    Map<Long, CUdeviceptr> places = places(c, at);
    if (choice.method() == Method.CUDNN_GRAPH) {
      return plan.work(owner, device::cudnn, places, at.scratch());
    }
    CUdeviceptr rounded = at.scratch();
    places.put(ConvolutionOperations.WEIGHT, rounded);
    CUdeviceptr rest = rounded.withByteOffset(roundedBytes(c));
    return Work.sequence(
        List.of(
            plan.work(owner, device::cudnn, places, rest),
            Kernels.cast(kernels, c.type(), rounded, at.weight(), c.weightElements())));
  }

  private static Map<Long, CUdeviceptr> places(ConvolutionCase c, ConvolutionWork.Operands at) {
    Map<Long, CUdeviceptr> places = new HashMap<>();
    places.put(ConvolutionOperations.X, at.x());
    places.put(ConvolutionOperations.WEIGHT, at.weight());
    places.put(ConvolutionOperations.Y, at.y());
    if (c.kind() == Kind.FORWARD) {
      places.put(ConvolutionOperations.BIAS, at.typedBias());
    }
    if (c.isMasked()) {
      places.put(ConvolutionOperations.MASK, at.mask());
    }
    return places;
  }

  /** Bytes before the plan's scratch memory, for a filter gradient that is rounded. */
  static long roundedBytes(ConvolutionCase c) {
    return Kernels.align(c.weightElements() * c.type().bytes());
  }

  /** Lets go of all that the choice does not need, and keeps the choice's plan on disk. */
  void keepOnly(ConvolutionCase c, ConvolutionChoice choice) {
    Optional<Place> kept =
        choice.method().isGraph() ? Optional.of(place(c, choice)) : Optional.empty();
    try (Scope others = new Scope()) {
      List<Form> forms =
          graphs.keySet().stream()
              .filter(
                  form -> form.c().equals(c) && kept.filter(k -> k.form().equals(form)).isEmpty())
              .toList();
      forms.forEach(form -> graphs.remove(form).ifPresent(others::add));
      List<Place> unused =
          plans.keySet().stream()
              .filter(place -> place.form().c().equals(c) && kept.filter(place::equals).isEmpty())
              .toList();
      unused.forEach(place -> plans.remove(place).ifPresent(others::add));
    }
    kept.ifPresent(this::remember);
  }

  private void remember(Place place) {
    if (cache.get(KIND, key(place)).isEmpty()) {
      plan(place).flatMap(CudnnPlan::text).ifPresent(text -> cache.put(KIND, key(place), text));
    }
  }

  private String key(Place place) {
    return environment + "; of many tiles, plan " + place;
  }

  private static Place place(ConvolutionCase c, ConvolutionChoice choice) {
    return new Place(new Form(c, choice.method()), choice.algorithm());
  }

  private Optional<CudnnPlan> plan(Place place) {
    if (!plans.containsKey(place)) {
      // Without the graph where possible, which then need not be described.
      Optional<CudnnPlan> plan =
          cache
              .get(KIND, key(place))
              .flatMap(text -> CudnnPlan.restored(target, values, text))
              .or(() -> graph(place.form()).flatMap(graph -> graph.plan(place.engine())));
      plans.put(place, plan);
    }
    return plans.get(place);
  }

  private Optional<ConvolutionGraph> graph(Form form) {
    if (!graphs.containsKey(form)) {
      graphs.put(form, make(form));
    }
    return graphs.get(form);
  }

  private Optional<ConvolutionGraph> make(Form form) {
    try {
      return Optional.of(new ConvolutionGraph(target, values, form.described(), form.rounded()));
    } catch (CudaException e) {
      if (!e.call().startsWith("cudnnBackend") || !Check.cudnnDeclines(e.code())) {
        throw e;
      }
      if (!Check.cudnnDoesNotSupport(e.code()) && !warned) {
        warned = true;
        warnings.accept(
            Text.of("cuDNN's graph API is left out for %s: %s", form.c(), e.getMessage()));
      }
      return Optional.empty();
    }
  }

  @Override
  public void close() {
    try (Scope all = new Scope()) {
      all.add(values);
      // Plans are closed before the graphs that they were made of.
      graphs.values().forEach(graph -> graph.ifPresent(all::add));
      plans.values().forEach(plan -> plan.ifPresent(all::add));
      graphs.clear();
      plans.clear();
    }
  }
}
