package org.nin4j.backend.onednn.step;

import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_ATTR_SCALES;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC_0;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC_1;

import java.util.List;
import org.bytedeco.dnnl.binary;
import org.bytedeco.dnnl.eltwise_forward;
import org.bytedeco.dnnl.global.dnnl.algorithm;
import org.bytedeco.dnnl.global.dnnl.prop_kind;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.primitive_attr;
import org.nin4j.backend.onednn.library.Buffers;
import org.nin4j.backend.onednn.library.Calls;
import org.nin4j.backend.onednn.library.Dnnl;
import org.nin4j.tensor.DType;

/**
 * Arithmetic on whole regions of the arena, element by element, by factors that are read when it
 * runs. Java's loops over memory outside its heap are several times slower, since its compiler does
 * not vectorise them. A result may be the first operand.
 */
final class RegionArithmetic {
  private final Dnnl dnnl;
  private final Buffers buffers;
  private final memory.desc region;
  private final memory.desc single = Dnnl.vector(1, DType.F32);
  private final Calls calls;

  /**
   * @param elements of a region
   */
  RegionArithmetic(Dnnl dnnl, Buffers buffers, long elements) {
    this.dnnl = dnnl;
    this.buffers = buffers;
    region = Dnnl.vector(elements, DType.F32);
    calls = new Calls(dnnl);
  }

  memory.desc region() {
    return region;
  }

  /** One number as it lies in a tensor or in what the step keeps. */
  memory.desc single() {
    return single;
  }

  /** result = a · x + b · y. */
  void sum(memory a, memory x, memory b, memory y, memory result) {
    add(algorithm.binary_add, a, x, b, y, region, result);
  }

  /** result = x + b · 1 for a single number. */
  void plus(memory one, memory x, memory b, memory result) {
    add(algorithm.binary_add, one, x, b, one, single, result);
  }

  /** result = a · x · b · y. */
  void product(memory a, memory x, memory b, memory y, memory result) {
    add(algorithm.binary_mul, a, x, b, y, region, result);
  }

  /** result = x / y. */
  void quotient(memory one, memory x, memory y, memory result) {
    add(algorithm.binary_div, one, x, one, y, region, result);
  }

  private void add(
      algorithm how, memory a, memory x, memory b, memory y, memory.desc second, memory result) {
    primitive_attr scaled = Dnnl.withUserScratchpad();
    scaled.set_scales_mask(DNNL_ARG_SRC_0, 0);
    scaled.set_scales_mask(DNNL_ARG_SRC_1, 0);
    binary.primitive_desc descriptor =
        new binary.primitive_desc(dnnl.engine(), how, region, second, region, scaled, false);
    calls.add(
        descriptor,
        new binary(descriptor),
        buffers,
        0,
        List.of(
            Calls.argument(DNNL_ARG_SRC_0, x),
            Calls.argument(DNNL_ARG_SRC_1, y),
            Calls.argument(DNNL_ARG_DST, result),
            Calls.argument(DNNL_ARG_ATTR_SCALES | DNNL_ARG_SRC_0, a),
            Calls.argument(DNNL_ARG_ATTR_SCALES | DNNL_ARG_SRC_1, b)));
  }

  /** result = √x. */
  void root(memory x, memory result) {
    eltwise_forward.primitive_desc descriptor =
        new eltwise_forward.primitive_desc(
            dnnl.engine(),
            prop_kind.forward_inference,
            algorithm.eltwise_sqrt,
            region,
            region,
            0,
            0,
            Dnnl.withUserScratchpad(),
            false);
    calls.add(
        descriptor,
        new eltwise_forward(descriptor),
        buffers,
        0,
        List.of(Calls.argument(DNNL_ARG_SRC, x), Calls.argument(DNNL_ARG_DST, result)));
  }

  /** Runs all of it, in order; nothing is allocated. */
  void execute() {
    calls.execute();
  }
}
