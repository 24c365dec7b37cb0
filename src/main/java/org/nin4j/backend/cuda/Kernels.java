package org.nin4j.backend.cuda;

import jcuda.driver.CUdeviceptr;
import org.nin4j.tensor.DType;

/** What all users of the kernels agree on. */
final class Kernels {
  /** Every place in memory begins at a multiple of this; sixteen bytes are what kernels need. */
  static final long ALIGNMENT = 256;

  private Kernels() {}

  static long align(long bytes) {
    return (bytes + ALIGNMENT - 1) & -ALIGNMENT;
  }

  /** The end of a kernel's name for elements of the type. */
  static String suffix(DType type) {
    return switch (type) {
      case F32 -> "f32";
      case BF16 -> "bf16";
      case I32, U8 -> throw new IllegalArgumentException("no kernels for " + type);
    };
  }

  /** Elements that a thread takes at once: sixteen bytes. */
  static int pack(DType type) {
    return 16 / type.bytes();
  }

  /**
   * Random numbers from −1 to 1, each by its place and the seed.
   *
   * @param rounded 1 if fp32 elements take values of bf16 only, else 0
   */
  static Work fillRandomly(
      KernelLibrary kernels,
      DType type,
      CUdeviceptr target,
      long elements,
      long seed,
      int rounded) {
    return kernels.launch(
        "random_fill",
        "random_fill_" + suffix(type),
        kernels.blocks((elements + 3) / 4),
        target,
        elements,
        seed,
        rounded);
  }

  /** Conversion between the two types. */
  static Work cast(
      KernelLibrary kernels, DType from, CUdeviceptr source, CUdeviceptr target, long elements) {
    return kernels.launch(
        "cast",
        from == DType.F32 ? "cast_f32_bf16" : "cast_bf16_f32",
        kernels.blocks(elements / pack(DType.BF16)),
        source,
        target,
        elements);
  }
}
