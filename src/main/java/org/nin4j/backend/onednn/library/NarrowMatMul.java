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
  private static final int RUNS = 7;

  /** Where both are nearly as fast, the choice must not depend on the moment. */
  private static final double CLEARLY = 1.25;

  private NarrowMatMul() {}

  /** Measures a convolution in both types, some milliseconds. */
  public static boolean slow(Dnnl dnnl) {
    try (PointerScope temporary = new PointerScope()) {
      return nanoseconds(dnnl, DType.BF16) > CLEARLY * nanoseconds(dnnl, DType.F32);
    }
  }

  private static long nanoseconds(Dnnl dnnl, DType type) {
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
    long best = Long.MAX_VALUE;
    for (int run = 0; run < RUNS; run++) {
      long begin = System.nanoTime();
      convolution.execute(dnnl.stream(), arguments);
      best = Math.min(best, System.nanoTime() - begin);
    }
    return best;
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
