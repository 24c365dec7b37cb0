package org.nin4j.backend.onednn;

import static org.bytedeco.dnnl.global.dnnl.dnnl_version;
import static org.bytedeco.dnnl.global.dnnl.get_effective_cpu_isa;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;
import org.bytedeco.dnnl.dnnl_version_t;
import org.bytedeco.dnnl.global.dnnl.cpu_isa;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.nin4j.backend.Backend;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.Ballast;
import org.nin4j.backend.CheckedSession;
import org.nin4j.backend.CpuOptions;
import org.nin4j.backend.CpuOptions.Convolution;
import org.nin4j.backend.Platform;
import org.nin4j.backend.Session;
import org.nin4j.backend.onednn.convolution.ConvolutionChoice;
import org.nin4j.backend.onednn.convolution.ConvolutionTrials;
import org.nin4j.backend.onednn.convolution.Convolutions;
import org.nin4j.backend.onednn.convolution.KeptChoices;
import org.nin4j.backend.onednn.library.Buffers;
import org.nin4j.backend.onednn.library.Dnnl;
import org.nin4j.backend.onednn.library.LibraryFolder;
import org.nin4j.backend.onednn.library.OpenMp;
import org.nin4j.backend.onednn.library.Operation;
import org.nin4j.backend.onednn.library.OperationStorage;
import org.nin4j.backend.onednn.library.Workers;
import org.nin4j.backend.onednn.step.SampleStore;
import org.nin4j.plan.Arena;
import org.nin4j.plan.PlacedPlan;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Precision;
import org.nin4j.plan.StepOrder;
import org.nin4j.plan.rewrite.Fusion;
import org.nin4j.plan.rewrite.NormMasks;
import org.nin4j.plan.step.ConvolutionStep;
import org.nin4j.plan.step.FoldNorm;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.Update;
import org.nin4j.text.Text;

/** Runs plans on the CPU through oneDNN. */
public final class OneDnnBackend implements Backend {
  static {
    // The arena may be larger than the Java heap, which JavaCPP would take as its limit.
    System.setProperty("org.bytedeco.javacpp.maxBytes", "0");
    System.setProperty("org.bytedeco.javacpp.maxPhysicalBytes", "0");
  }

  /**
   * glibc keeps up to 64 MiB of what was freed, as pieces that it does not map one by one; these
   * are such pieces, and never written to.
   */
  private static final int LEFTOVER_PIECES = 80;

  private static final long LEFTOVER_BYTES = 1 << 20;

  private static final boolean X86 = Platform.ofThisMachine().name().endsWith("-x86_64");

  private final Dnnl dnnl;
  private final int threads;
  private final List<String> remarks = new ArrayList<>();
  private final Optional<Convolution> wanted;
  private final boolean tries;
  private final Workers workers;
  private final ConvolutionTrials trials;
  private final PointerScope scope;

  /** Like {@link #OneDnnBackend(CpuOptions)}: what is fastest, which is not kept. */
  public OneDnnBackend(int threads) {
    this(CpuOptions.of(threads));
  }

  /**
   * Opens oneDNN.
   *
   * @param options its threads are those of loops in Java, and for the description: oneDNN takes
   *     its number from the environment variable OMP_NUM_THREADS when it is loaded, or one for each
   *     core
   * @throws BackendException if oneDNN's library cannot be loaded here, or the environment lets
   *     OpenMP start fewer threads than oneDNN waits for
   */
  public OneDnnBackend(CpuOptions options) {
    OpenMp.obstacle(System.getenv(), Runtime.getRuntime().availableProcessors())
        .ifPresent(
            obstacle -> {
              throw new BackendException(obstacle);
            });
    remarks.addAll(OpenMp.remarks(System.getenv()));
    LibraryFolder folder = folder();
    remarks.addAll(folder.remarks());
    System.setProperty(LibraryFolder.PROPERTY, folder.path().toString());
    try {
      scope = new PointerScope();
    } catch (UnsatisfiedLinkError | NoClassDefFoundError e) {
      throw notLoaded(folder, e);
    }
    try (scope) {
      dnnl = Dnnl.open();
      scope.extend();
    } catch (UnsatisfiedLinkError | NoClassDefFoundError e) {
      throw notLoaded(folder, e);
    }
    threads = options.threads();
    wanted = options.convolutions();
    tries = options.tries();
    workers = new Workers(threads);
    KeptChoices kept =
        options
            .cache()
            .map(cache -> KeptChoices.in(cache.resolve("cpu"), environment(), options.chosen()))
            .orElseGet(() -> KeptChoices.here(options.chosen()));
    trials = new ConvolutionTrials(dnnl, workers, kept);
  }

  /** What the fastest way depends on, which ways there are and how they are tried among it. */
  private String environment() {
    return Text.of("%s; %s; ways 3", Platform.ofThisMachine().model(), description());
  }

  private static LibraryFolder folder() {
    String set = System.getProperty(LibraryFolder.PROPERTY, "");
    Path usual =
        set.isEmpty() ? Path.of(System.getProperty("user.home"), ".javacpp/cache") : Path.of(set);
    List<Path> temporary =
        Stream.of(System.getProperty("java.io.tmpdir"), "/var/tmp", "/dev/shm")
            .map(Path::of)
            .filter(Files::isDirectory)
            .toList();
    return LibraryFolder.choose(usual, temporary);
  }

  /** JavaCPP tries one way after another; what went wrong first is the innermost cause. */
  private static BackendException notLoaded(LibraryFolder folder, LinkageError e) {
    Platform here = Platform.ofThisMachine();
    if (!here.hasOneDnn()) {
      return new BackendException(
          Text.of(
              "oneDNN is not there for %s, only for %s",
              here, String.join(", ", Platform.WITH_ONEDNN)),
          e);
    }
    if (OneDnnBackend.class.getClassLoader().getResource(nativePart(here)) == null) {
      return new BackendException(
          Text.of(
                  "oneDNN for %s is not among the libraries: build NiN4J on this machine, or with",
                  here)
              + " -Djavacpp.platform="
              + here.name(),
          e);
    }
    Throwable cause = e;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    return new BackendException(
        Text.of(
            "oneDNN cannot be loaded from %s (%s); it needs glibc and 100 MB there",
            folder.path(), cause.getMessage()),
        e);
  }

  /** The binding's own library in the jar for a platform. */
  private static String nativePart(Platform platform) {
    return "org/bytedeco/dnnl/" + platform.name() + "/" + System.mapLibraryName("jnidnnl");
  }

  /** What is odd about the environment though it works: a line for each. */
  public List<String> remarks() {
    return List.copyOf(remarks);
  }

  @Override
  public String name() {
    return "onednn";
  }

  /** bf16 takes AVX-512 with bf16 products, or AMX; elsewhere the binding's names mean others. */
  @Override
  public boolean computesIn(Precision precision) {
    return switch (precision) {
      case FP32 -> true;
      case TF32 -> false;
      case BF16 -> {
        int needed = cpu_isa.avx512_core_bf16.value;
        yield X86 && (get_effective_cpu_isa().value & needed) == needed;
      }
    };
  }

  @Override
  public Map<String, Convolution> chosen() {
    return trials.all();
  }

  @Override
  public Optional<String> way(Plan plan, Step step) {
    return convolution(plan, step).map(way -> way.name().toLowerCase(Locale.ROOT));
  }

  @Override
  public boolean multipliesLess(Plan plan, Step step) {
    return convolution(plan, step).filter(way -> way == Convolution.TILES).isPresent();
  }

  /** How it is computed as far as that is known, without trying anything. */
  private Optional<Convolution> convolution(Plan plan, Step step) {
    return step instanceof ConvolutionStep s
        ? Optional.of(convolutions(isConstant(plan), trials::known).way(s))
        : Optional.empty();
  }

  /** Whether no step changes weights. */
  private static boolean isConstant(Plan plan) {
    return plan.steps(Update.class).findAny().isEmpty();
  }

  private Convolutions convolutions(
      boolean constant, Function<Boolean, ConvolutionChoice> unlessOneIsWanted) {
    ConvolutionChoice choice =
        wanted
            .map(ConvolutionChoice::preferring)
            .orElseGet(() -> unlessOneIsWanted.apply(constant));
    return new Convolutions(dnnl, workers, choice, constant);
  }

  @Override
  public String description() {
    dnnl_version_t version = dnnl_version();
    return Text.of(
        "CPU by oneDNN %d.%d.%d, %s, %d threads",
        version.major(), version.minor(), version.patch(), instructions(), threads);
  }

  /** The best that oneDNN takes; its binding has names for x86 only. */
  private static String instructions() {
    return X86 ? get_effective_cpu_isa().toString() : Platform.ofThisMachine().processor();
  }

  @Override
  public Ballast takeLeftovers() {
    List<Pointer> pieces =
        Stream.generate(() -> Pointer.malloc(LEFTOVER_BYTES)).limit(LEFTOVER_PIECES).toList();
    return () -> pieces.forEach(Pointer::free);
  }

  @Override
  public PlacedPlan prepare(Plan plan) {
    if (plan.precision() == Precision.TF32) {
      throw new BackendException("tf32 is a GPU's precision; the CPU has fp32 and bf16");
    }
    if (!computesIn(plan.precision())) {
      throw new BackendException(
          Text.of(
              "this processor has no bf16 instructions (its best are %s); use fp32",
              instructions()));
    }
    Plan fused = plan;
    for (Fusion fusion :
        List.of(
            Fusion.FOLD_NORM,
            Fusion.CONVOLUTION_RELU,
            Fusion.LINEAR_RELU,
            Fusion.NORM_RELU,
            Fusion.SUM_RELU,
            Fusion.RELU_AFTER_POOL)) {
      fused = fusion.apply(fused);
    }
    try (PointerScope temporary = new PointerScope()) {
      // Folded once: their weights are copied at once, their biases are read by each run.
      fused = fused.keeping(fused.steps(FoldNorm.class).map(FoldNorm::foldedBias).toList());
      Operations operations = operations(fused, new SampleStore());
      fused = NormMasks.apply(fused, operations::keepsMask);
      OperationStorage rules = new OperationStorage(operations::of);
      return Arena.place(StepOrder.forMemory(fused, rules), rules);
    }
  }

  private Operations operations(Plan plan, SampleStore samples) {
    boolean constant = isConstant(plan);
    return new Operations(
        dnnl,
        workers,
        convolutions(constant, tries ? trials::choice : trials::known),
        constant,
        samples);
  }

  @Override
  public Session bind(PlacedPlan placed) {
    PointerScope owned = new PointerScope();
    try {
      BytePointer arena = Buffers.arena(placed.bytes(), 0);
      SampleStore samples = new SampleStore();
      Operations operations = operations(placed.plan(), samples);
      List<Operation.Kernel> kernels = new ArrayList<>();
      for (int i = 0; i < placed.plan().steps().size(); i++) {
        Step step = placed.plan().steps().get(i);
        kernels.add(operations.of(step).bind(new Buffers(dnnl, placed, arena, i)));
      }
      owned.extend();
      return new CheckedSession(new OneDnnSession(dnnl, placed, owned, arena, samples, kernels));
    } finally {
      owned.close();
    }
  }

  @Override
  public void close() {
    workers.close();
    scope.close();
  }
}
