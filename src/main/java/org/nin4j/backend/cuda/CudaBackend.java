package org.nin4j.backend.cuda;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Predicate;
import org.nin4j.backend.Backend;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.CheckedSession;
import org.nin4j.backend.CudaOptions;
import org.nin4j.backend.Platform;
import org.nin4j.backend.Session;
import org.nin4j.backend.cuda.convolution.ConvolutionChoice.Method;
import org.nin4j.backend.cuda.convolution.ConvolutionSearch;
import org.nin4j.backend.cuda.device.Device;
import org.nin4j.backend.cuda.device.DeviceMemoryException;
import org.nin4j.backend.cuda.device.Scope;
import org.nin4j.backend.cuda.fusion.FusionSearch;
import org.nin4j.backend.cuda.fusion.FusionTrial;
import org.nin4j.backend.cuda.kernel.DiskCache;
import org.nin4j.backend.cuda.kernel.KernelCompiler;
import org.nin4j.backend.cuda.kernel.KernelLibrary;
import org.nin4j.backend.cuda.natives.JCudaNatives;
import org.nin4j.backend.cuda.natives.LibraryVersions;
import org.nin4j.backend.cuda.natives.doctor.Doctor;
import org.nin4j.backend.cuda.natives.doctor.Report;
import org.nin4j.backend.cuda.natives.search.CacheDirectory;
import org.nin4j.backend.cuda.natives.search.CudaLibraries;
import org.nin4j.backend.cuda.natives.search.Found;
import org.nin4j.backend.cuda.natives.search.NativesException;
import org.nin4j.backend.cuda.natives.search.SearchPlaces;
import org.nin4j.backend.cuda.natives.search.Version;
import org.nin4j.backend.cuda.norm.NormGraphs;
import org.nin4j.backend.cuda.session.Branches;
import org.nin4j.backend.cuda.session.CudaSession;
import org.nin4j.backend.cuda.session.CudaStorage;
import org.nin4j.backend.cuda.step.FusedSteps;
import org.nin4j.backend.cuda.step.Operations;
import org.nin4j.backend.cuda.step.SampleCount;
import org.nin4j.plan.Arena;
import org.nin4j.plan.PlacedPlan;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Precision;
import org.nin4j.plan.rewrite.Fusion;
import org.nin4j.plan.step.Fused;
import org.nin4j.text.Text;

/** Computes on an NVIDIA GPU, from the thread that opened it. */
public final class CudaBackend implements Backend {
  /** Of free memory; some is lost to the driver and to gaps. */
  private static final double USABLE = 0.95;

  private final Scope scope;
  private final Device device;
  private final KernelLibrary kernels;
  private final ConvolutionSearch search;
  private final NormGraphs norms;
  private final FusedSteps fusedSteps;
  private final FusionSearch fusions;
  private final CudaOptions options;
  private final String description;

  private CudaBackend(
      int index,
      CudaOptions options,
      Path folder,
      Predicate<Method> convolutions,
      String libraries) {
    this.options = options;
    try (Scope parts = new Scope()) {
      device = parts.add(new Device(index, options.secondStream()));
      if (device.capability() < 75) {
        throw new BackendException(
            Text.of(
                "%s has compute capability %d.%d, and 7.5 is needed; use --device cpu",
                device.name(), device.capability() / 10, device.capability() % 10));
      }
      DiskCache cache = new DiskCache(folder, options.warnings());
      kernels =
          parts.add(new KernelLibrary(device, new KernelCompiler(cache, device.capability())));
      description =
          Text.of(
              "CUDA on %s (compute capability %d.%d), %s",
              device.name(), device.capability() / 10, device.capability() % 10, libraries);
      search =
          parts.add(
              new ConvolutionSearch(device, kernels, cache, description, options, convolutions));
      norms = parts.add(new NormGraphs(device, cache, description, options));
      fusedSteps = new FusedSteps(device, kernels, search, norms);
      FusionTrial trial =
          new FusionTrial(
              device, kernels, options.warmUpMillis(), plan -> session(placed(plan, plan.batch())));
      fusions = new FusionSearch(fusedSteps, trial, cache, description, options);
      scope = parts.release();
    }
  }

  /**
   * Opens a GPU.
   *
   * @param index its number among those that CUDA shows
   * @throws BackendException if there is none, or CUDA's libraries are missing; the message says
   *     what would mend it
   */
  public static CudaBackend open(int index, CudaOptions options) {
    return open(index, options, method -> true);
  }

  /** Computes convolutions by some methods only, which tests want. */
  public static CudaBackend open(int index, CudaOptions options, Predicate<Method> convolutions) {
    try {
      JCudaNatives.checkPlatform();
      SearchPlaces places = SearchPlaces.ofThisMachine(options.libraries());
      CacheDirectory natives = CacheDirectory.ofThisUser(options.warnings());
      Found found = CudaLibraries.find(places, natives);
      LibraryVersions versions = JCudaNatives.load(found, natives);
      String driver = found.driverVersion().map(Version::toString).orElse("of unknown version");
      return new CudaBackend(
          index,
          options,
          options.cache().orElse(natives.folder()),
          convolutions,
          Text.of(
              "driver %s, NVRTC %s, cuBLAS %s, cuDNN %s",
              driver, versions.nvrtc(), versions.cublas(), versions.cudnn()));
    } catch (NativesException e) {
      throw new BackendException(e.getMessage(), e);
    }
  }

  /**
   * Whether {@link #open} would succeed on the first GPU: empty if so, else one line that says why
   * not.
   */
  public static Optional<String> whyNot(CudaOptions options) {
    Report report = Doctor.examine(SearchPlaces.ofThisMachine(options.libraries()));
    return report.usable() ? Optional.empty() : Optional.of(report.verdict());
  }

  /**
   * Why {@link #open} would not succeed, as far as a glance shows it: on most machines without a
   * GPU there is no driver either, or nothing for their platform.
   */
  public static Optional<String> knownWhyNot(CudaOptions options) {
    return JCudaNatives.platformProblem(Platform.ofThisMachine())
        .or(() -> Doctor.noDriver(SearchPlaces.ofThisMachine(options.libraries())))
        .map(Report::verdict);
  }

  @Override
  public String name() {
    return "cuda";
  }

  /** TF32 and bf16 came with compute capability 8.0. */
  @Override
  public boolean computesIn(Precision precision) {
    return precision == Precision.FP32 || device.capability() >= 80;
  }

  @Override
  public String description() {
    return description;
  }

  @Override
  public PlacedPlan prepare(Plan plan) {
    if (!computesIn(plan.precision())) {
      throw new BackendException(
          Text.of(
              "%s does not compute in %s, which needs compute capability 8.0; use --precision fp32",
              device.name(), plan.precision().toString().toLowerCase(Locale.ROOT)));
    }
    Plan fused = plan;
    // Each takes what those before it have made or left.
    for (Fusion fusion :
        List.of(
            Fusion.CONVOLUTION_RELU,
            Fusion.LINEAR_RELU,
            Fusion.NORM_RELU,
            Fusion.SUM_RELU,
            Fusion.NORM_SUM_RELU,
            Fusion.RELU_AFTER_POOL,
            Fusion.NORM_RELU_GRADIENT,
            Fusion.RELU_BIAS_GRADIENT)) {
      fused = fusion.apply(fused);
    }
    fused = fusions.apply(fused);
    Precision precision = plan.precision();
    fused.steps(Fused.class).forEach(step -> requireKernel(step, precision));
    return placed(fused, fused.batch());
  }

  private void requireKernel(Fused step, Precision precision) {
    if (!fusedSteps.computes(step, precision)) {
      throw new BackendException(
          Text.of(
              "%s has no kernel for %s (%s) in these shapes",
              device.name(), step.layer(), step.kind()));
    }
  }

  /** The places that the plan's tensors would have with that number of samples per step. */
  private PlacedPlan placed(Plan plan, int batch) {
    SampleCount count = new SampleCount(plan.batch(), batch);
    return Arena.place(plan, new CudaStorage(plan, count, operations(plan), branches(plan)));
  }

  private Operations operations(Plan plan) {
    return new Operations(plan, device, kernels, search, norms);
  }

  private Branches branches(Plan plan) {
    return options.secondStream() ? Branches.of(plan) : Branches.none(plan);
  }

  @Override
  public Session bind(PlacedPlan plan) {
    try {
      return new CheckedSession(session(plan));
    } catch (DeviceMemoryException e) {
      throw e.of(plan, largestBatch(plan.plan(), e.freeBytes()));
    }
  }

  private CudaSession session(PlacedPlan plan) {
    return new CudaSession(
        device, kernels, operations(plan.plan()), options.graph(), branches(plan.plan()), plan);
  }

  /** The largest batch found whose arena fits into so much memory; 0 if there is none. */
  private int largestBatch(Plan plan, long freeBytes) {
    int fits = 0;
    int fails = plan.batch();
    while (fails - fits > 1) {
      int middle = (fits + fails) >>> 1;
      if (placed(plan, middle).bytes() <= USABLE * freeBytes) {
        fits = middle;
      } else {
        fails = middle;
      }
    }
    return fits;
  }

  @Override
  public OptionalLong freeBytes() {
    return OptionalLong.of(Device.freeBytes());
  }

  @Override
  public void close() {
    scope.close();
  }
}
