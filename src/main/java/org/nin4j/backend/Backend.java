package org.nin4j.backend;

import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.nin4j.plan.PlacedPlan;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Precision;
import org.nin4j.plan.step.Step;

/**
 * A device and the way to compute on it. Not thread-safe; sessions of one backend are used from the
 * thread that made them.
 */
public interface Backend extends AutoCloseable {
  /** One word: {@code reference}, {@code onednn}, {@code cuda}. */
  String name();

  /** Whether the device has instructions of its own for plans of this precision. */
  boolean computesIn(Precision precision);

  /**
   * Whether a step of a prepared plan is known to be computed with fewer multiplications than it
   * counts, such as by Winograd's tiles.
   */
  default boolean multipliesLess(Plan plan, Step step) {
    return false;
  }

  /** What was fastest of several ways for which shapes, as far as it was tried on the CPU. */
  default Map<String, CpuOptions.Convolution> chosen() {
    return Map.of();
  }

  /** How a step of a prepared plan is computed, in a word, where there are several ways. */
  default Optional<String> way(Plan plan, Step step) {
    return Optional.empty();
  }

  /** A line for people: library versions, device, threads. */
  String description();

  /**
   * Rewrites a plan with the fusions that this backend has, and places its tensors by this
   * backend's layout: what the placed plan says is what a session holds. Needs no device memory,
   * though it may use some to try, once, which of two ways is faster.
   *
   * @throws BackendException if some step cannot run here; the message names it
   */
  PlacedPlan prepare(Plan plan);

  /**
   * Takes a prepared plan to the device: allocates the arena, chooses algorithms, compiles kernels.
   *
   * @throws BackendException if the device cannot hold or run it; nothing stays allocated
   */
  Session bind(PlacedPlan plan);

  /**
   * Bytes that are free on a device with memory of its own; empty for one that computes in main
   * memory.
   */
  default OptionalLong freeBytes() {
    return OptionalLong.empty();
  }

  /**
   * Takes what earlier sessions have left to this process, and the next one would get without
   * taking more from the system: so that what it takes can be measured.
   */
  default Ballast takeLeftovers() {
    return Ballast.NONE;
  }

  /** Releases the device; sessions must be closed before. */
  @Override
  void close();
}
