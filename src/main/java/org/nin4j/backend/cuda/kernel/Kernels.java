package org.nin4j.backend.cuda.kernel;

import jcuda.driver.CUdeviceptr;
import org.nin4j.backend.cuda.device.Work;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.DType;
import org.nin4j.text.Text;

/** What all users of the kernels agree on. */
public final class Kernels {
  /** Every place in memory begins at a multiple of this; sixteen bytes are what kernels need. */
  public static final long ALIGNMENT = 256;

  private Kernels() {}

  public static long align(long bytes) {
    return (bytes + ALIGNMENT - 1) & -ALIGNMENT;
  }

  /** The end of a kernel's name for elements of the type. */
  public static String suffix(DType type) {
    return switch (type) {
      case F32 -> "f32";
      case BF16 -> "bf16";
      case I32, U8 -> throw new IllegalArgumentException("no kernels for " + type);
    };
  }

  /**
   * The type that activations of a step have in common. Types meet in casts alone.
   *
   * @throws IllegalArgumentException if there are two
   */
  public static DType type(String layer, TensorSpec... activations) {
    DType type = activations[0].type();
    for (TensorSpec activation : activations) {
      if (activation.type() != type) {
        throw new IllegalArgumentException(
            Text.of(
                "layer %s takes %s and %s in one step; a cast belongs between",
                layer, activations[0], activation));
      }
    }
    return type;
  }

  /**
   * Blocks, and so partial sums, of sums over that many rows. Their order follows from it, so it
   * does not depend on the GPU.
   */
  public static int parts(long rows) {
    return (int) Math.min(512, (rows + 63) / 64);
  }

  /** Elements that a thread takes at once: sixteen bytes. */
  public static int pack(DType type) {
    return 16 / type.bytes();
  }

  /**
   * Random numbers from −1 to 1, each by its place and the seed.
   *
   * @param rounded 1 if fp32 elements take values of bf16 only, else 0
   */
  public static Work fillRandomly(
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
  public static Work cast(
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
