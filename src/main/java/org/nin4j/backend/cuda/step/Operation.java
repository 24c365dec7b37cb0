package org.nin4j.backend.cuda.step;

/** One step of a plan as this backend computes it; all that is known about its kind. */
@FunctionalInterface
public interface Operation {
  /**
   * Bytes of scratch memory while it runs, as {@link Assembly#scratch} will hand them out.
   *
   * @param count how many samples to assume
   */
  default long workspace(SampleCount count) {
    return 0;
  }

  /** Bytes kept between runs, see {@link Assembly#resident}. */
  default long resident() {
    return 0;
  }

  /** Whether it reads parameters in bf16. */
  default boolean readsNarrowParameters() {
    return false;
  }

  /** Adds the work of a run. */
  void bind(Assembly a);
}
