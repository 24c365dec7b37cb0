package org.nin4j.backend.cuda.norm;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.CudaOptions;
import org.nin4j.backend.cuda.device.Check;
import org.nin4j.backend.cuda.device.CudaException;
import org.nin4j.backend.cuda.device.Device;
import org.nin4j.backend.cuda.device.Scope;
import org.nin4j.backend.cuda.device.Work;
import org.nin4j.backend.cuda.kernel.DiskCache;
import org.nin4j.backend.cuda.library.CudnnConfiguration;
import org.nin4j.backend.cuda.library.CudnnDescriptor;
import org.nin4j.backend.cuda.library.CudnnPlan;
import org.nin4j.backend.cuda.library.CudnnTarget;
import org.nin4j.backend.cuda.library.CudnnValues;
import org.nin4j.tensor.DType;
import org.nin4j.text.Text;

/**
 * Batch norms by cuDNN's graph API, each by the first engine that cuDNN names and that makes a
 * plan: it has one kernel for them, compiled with what follows the norm in it, and one for their
 * gradients. Plans are kept as long as the backend, and as text on disk, so that the next start
 * compiles nothing.
 */
public final class NormGraphs implements AutoCloseable {
  private static final String KIND = "plans";

  /** Of the settings that the heuristics list, from the best to the worst. */
  private static final int LOOKED_AT = 4;

  private final Device device;
  private final CudnnTarget target;
  private final DiskCache cache;
  private final String environment;
  private final boolean deterministic;
  private final long workspaceBytes;
  private final Scope scope = new Scope();
  private final CudnnValues values;
  private final Map<NormCase, Optional<CudnnPlan>> plans = new HashMap<>();

  /**
   * @param environment what else a plan depends on: device and versions
   */
  public NormGraphs(Device device, DiskCache cache, String environment, CudaOptions options) {
    this.device = device;
    this.target = CudnnTarget.of(device);
    this.cache = cache;
    this.environment =
        environment
            + Text.of(
                "; deterministic %s, workspace %d",
                options.deterministic(), options.workspaceBytes());
    this.deterministic = options.deterministic();
    this.workspaceBytes = options.workspaceBytes();
    this.values = scope.add(new CudnnValues());
  }

  /** Whether cuDNN computes this; what needs compiling for that is compiled. */
  public boolean offers(NormCase c) {
    return c.hasChannelsInEights() && plan(c).isPresent();
  }

  /**
   * Bytes of scratch memory.
   *
   * @throws BackendException if cuDNN does not compute this
   */
  public long workspace(NormCase c) {
    return planOf(c).workspace();
  }

  /**
   * Prepares a run.
   *
   * @param owner closes what it needs, before this is closed
   * @param eps is added to the variance; a gradient does not read it
   * @param at the places of just the tensors that the case has
   * @param scratch at least {@link #workspace}
   * @throws BackendException if cuDNN does not compute this
   */
  public Work work(
      Scope owner, NormCase c, float eps, Map<NormTensor, CUdeviceptr> at, CUdeviceptr scratch) {
    Map<Long, Pointer> places = new HashMap<>();
    at.forEach((tensor, place) -> places.put(tensor.number(), place));
    if (c.kind().isForward()) {
      places.put(NormOperations.EPS, owner.add(CudnnValues.ofNumber(eps)).memory());
    }
    return planOf(c).work(owner, device::cudnn, places, scratch);
  }

  private CudnnPlan planOf(NormCase c) {
    return plan(c).orElseThrow(() -> new BackendException("cuDNN does not compute " + c));
  }

  private Optional<CudnnPlan> plan(NormCase c) {
    if (!plans.containsKey(c)) {
      String key = environment + "; plan " + c;
      Optional<CudnnPlan> kept =
          cache.get(KIND, key).flatMap(text -> CudnnPlan.restored(target, values, text));
      if (kept.isPresent()) {
        plans.put(c, kept.map(scope::add));
      } else {
        plans.put(c, make(c));
        plans.get(c).flatMap(CudnnPlan::text).ifPresent(text -> cache.put(KIND, key, text));
      }
    }
    return plans.get(c);
  }

  private Optional<CudnnPlan> make(NormCase c) {
    try (Scope parts = new Scope()) {
      Optional<CudnnPlan> made =
          configurations(parts, target, values, c, deterministic).stream()
              .flatMap(configuration -> configuration.plan(target, values).stream())
              .map(parts::add)
              .filter(plan -> plan.workspace() <= workspaceBytes)
              .findFirst();
      if (made.isPresent()) {
        scope.add(parts.release());
      }
      return made;
    } catch (CudaException e) {
      // A cuDNN that knows no norms, or not these.
      if (e.call().startsWith("cudnnBackend") && Check.cudnnDeclines(e.code())) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /**
   * Engines for a norm that may be used, the best first.
   *
   * @param owner closes the graph that they are for
   * @throws CudaException also if cuDNN declines the graph
   */
  public static List<CudnnConfiguration> configurations(
      Scope owner, CudnnTarget target, CudnnValues values, NormCase c, boolean deterministic) {
    CudnnDescriptor graph = NormOperations.graph(owner, target, values, c);
    return CudnnConfiguration.asked(
            owner, target, values, graph, CudnnConfiguration.MODE_A, LOOKED_AT)
        .stream()
        .filter(found -> found.engine().isUsable(c.type() == DType.F32, deterministic))
        .toList();
  }

  @Override
  public void close() {
    plans.clear();
    scope.close();
  }
}
