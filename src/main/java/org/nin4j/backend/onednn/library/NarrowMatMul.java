package org.nin4j.backend.onednn.library;

import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_WEIGHTS;

import java.nio.ByteBuffer;
import org.bytedeco.dnnl.IntMemoryMap;
import org.bytedeco.dnnl.convolution_forward;
import org.bytedeco.dnnl.global.dnnl.algorithm;
import org.bytedeco.dnnl.global.dnnl.prop_kind;
import org.bytedeco.dnnl.memory;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerScope;
import org.nin4j.tensor.DType;

/**
 * Whether this processor multiplies bf16 slower than fp32: some have the instructions for it but
 * give them half the rate, and without matrix units nothing makes up for that.
 */
public final class NarrowMatMul {
  private static final long[] IMAGES = {2, 128, 24, 24};
  private static final long[] FILTERS = {128, 128, 3, 3};
  private static final long[] ONE = {1, 1};

  /**
   * In turn, since on a busy machine one run of five is interrupted, and then its neighbours often
   * too; the best of each type counts.
   */
  private static final int ROUNDS = 11;

  /** Where both are nearly as fast, the choice must not depend on the moment. */
  private static final double CLEARLY = 1.25;

  private NarrowMatMul() {}

  /**
   * Measures a convolution in both types, some ten milliseconds. The choice decides in which order
   * numbers are added, so it must be the same each time: two measurements must agree, or a third
   * one decides. One alone was wrong once in 600 times beside two other programs, and once in 25
   * when each type was measured in one go.
   */
  public static boolean slow(Dnnl dnnl) {
    boolean once = seemsSlow(dnnl);
    boolean twice = seemsSlow(dnnl);
    return once == twice ? once : seemsSlow(dnnl);
  }

  private static boolean seemsSlow(Dnnl dnnl) {
    try (PointerScope temporary = new PointerScope()) {
      Runnable narrow = convolution(dnnl, DType.BF16);
      Runnable wide = convolution(dnnl, DType.F32);
      narrow.run();
      wide.run();
      long bestNarrow = Long.MAX_VALUE;
      long bestWide = Long.MAX_VALUE;
      for (int round = 0; round < ROUNDS; round++) {
        bestNarrow = Math.min(bestNarrow, nanoseconds(narrow));
        bestWide = Math.min(bestWide, nanoseconds(wide));
      }
      return bestNarrow > CLEARLY * bestWide;
    }
  }

  private static long nanoseconds(Runnable run) {
    long begin = System.nanoTime();
    run.run();
    return System.nanoTime() - begin;
  }

  private static Runnable convolution(Dnnl dnnl, DType type) {
    memory.desc images = new memory.desc(IMAGES, Dnnl.type(type), memory.format_tag.acdb);
    memory.desc filters = new memory.desc(FILTERS, Dnnl.type(type), memory.format_tag.any);
    convolution_forward.primitive_desc descriptor =
        new convolution_forward.primitive_desc(
            dnnl.engine(),
            prop_kind.forward_inference,
            algorithm.convolution_direct,
            images,
            filters,
            images,
            ONE,
            ONE,
            ONE);
    IntMemoryMap arguments = new IntMemoryMap();
    arguments.put(DNNL_ARG_SRC, ones(dnnl, images));
    arguments.put(DNNL_ARG_WEIGHTS, ones(dnnl, descriptor.weights_desc()));
    arguments.put(DNNL_ARG_DST, ones(dnnl, images));
    convolution_forward convolution = new convolution_forward(descriptor);
    return () -> convolution.execute(dnnl.stream(), arguments);
  }

  /** Bytes that are about 1 in either type, since zeros might be multiplied in no time. */
  private static memory ones(Dnnl dnnl, memory.desc desc) {
    BytePointer bytes = new BytePointer(desc.get_size());
    ByteBuffer buffer = bytes.asByteBuffer();
    while (buffer.hasRemaining()) {
      buffer.put((byte) 0x3f);
    }
    return dnnl.at(desc, bytes);
  }
}
