package org.nin4j.backend.onednn.library;

import org.bytedeco.dnnl.engine;
import org.bytedeco.dnnl.global.dnnl.algorithm;
import org.bytedeco.dnnl.global.dnnl.scratchpad_mode;
import org.bytedeco.dnnl.matmul;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.post_ops;
import org.bytedeco.dnnl.primitive_attr;
import org.bytedeco.dnnl.stream;
import org.bytedeco.javacpp.Pointer;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Shape;

/**
 * oneDNN's engine and stream, and how tensors look to it.
 *
 * @param engine the CPU
 * @param stream where primitives run; on the CPU they are done when {@code execute} returns
 * @param userScratchpad attributes of a primitive whose scratch memory we provide
 */
public record Dnnl(engine engine, stream stream, primitive_attr userScratchpad) {
  public static Dnnl open() {
    engine engine = new engine(org.bytedeco.dnnl.engine.kind.cpu, 0);
    return new Dnnl(engine, new stream(engine), withUserScratchpad());
  }

  /** Fresh attributes, to which post-operations may be added. */
  public static primitive_attr withUserScratchpad() {
    primitive_attr attributes = new primitive_attr();
    attributes.set_scratchpad_mode(scratchpad_mode.user);
    return attributes;
  }

  /** The same, with a ReLU after the primitive if {@code relu}. */
  public static primitive_attr withRelu(boolean relu) {
    primitive_attr attributes = withUserScratchpad();
    if (relu) {
      post_ops after = new post_ops();
      after.append_eltwise(algorithm.eltwise_relu, 0, 0);
      attributes.set_post_ops(after);
    }
    return attributes;
  }

  static memory.data_type type(DType type) {
    return switch (type) {
      case F32 -> memory.data_type.f32;
      case BF16 -> memory.data_type.bf16;
      case I32 -> memory.data_type.s32;
      case U8 -> memory.data_type.u8;
    };
  }

  public static long[] dims(Shape shape) {
    return shape.dims().stream().mapToLong(Integer::longValue).toArray();
  }

  /** A tensor in logical order, as parameters lie. */
  public static memory.desc plain(Shape shape, DType type) {
    memory.format_tag[] tags = {
      memory.format_tag.a,
      memory.format_tag.ab,
      memory.format_tag.abc,
      memory.format_tag.abcd,
      memory.format_tag.abcde
    };
    return new memory.desc(dims(shape), type(type), tags[shape.rank() - 1]);
  }

  /** A tensor as this backend lays it: activations of images with the channels innermost. */
  public static memory.desc layoutOf(TensorSpec tensor) {
    if (tensor.role() == TensorSpec.Role.ACTIVATION && tensor.shape().rank() == 4) {
      return new memory.desc(dims(tensor.shape()), type(tensor.type()), memory.format_tag.acdb);
    }
    return plain(tensor.shape(), tensor.type());
  }

  /** Weights of a given type, in whatever layout the primitive likes best. */
  public static memory.desc anyLayout(Shape shape, DType type) {
    return new memory.desc(dims(shape), type(type), memory.format_tag.any);
  }

  /** So many values side by side. */
  public static memory.desc vector(long elements, DType type) {
    return new memory.desc(new long[] {elements}, type(type), memory.format_tag.a);
  }

  /** A matrix of the given extents, row by row. */
  public static memory.desc matrix(long rows, long columns, DType type) {
    return new memory.desc(new long[] {rows, columns}, type(type), memory.format_tag.ab);
  }

  /** The transpose of a matrix that lies row by row: (columns × rows). */
  public static memory.desc transposed(long rows, long columns, DType type) {
    return new memory.desc(new long[] {columns, rows}, type(type), new long[] {1, columns});
  }

  /** A matrix in whatever layout the primitive likes best. */
  public static memory.desc anyMatrix(long rows, long columns, DType type) {
    return new memory.desc(new long[] {rows, columns}, type(type), memory.format_tag.any);
  }

  /** Something whose neighbours along each axis lie the given numbers of elements apart. */
  public static memory.desc strided(long[] dims, DType type, long... strides) {
    return new memory.desc(dims, type(type), strides);
  }

  /** The given number of matrices, one after the other, each row by row. */
  public static memory.desc matrices(long count, long rows, long columns, DType type) {
    return new memory.desc(new long[] {count, rows, columns}, type(type), memory.format_tag.abc);
  }

  /** The transposes of such matrices: each (columns × rows). */
  public static memory.desc transposedMatrices(long count, long rows, long columns, DType type) {
    return new memory.desc(new long[] {count, columns, rows}, type(type), memory.format_tag.acb);
  }

  /** result = left · right. */
  public matmul.primitive_desc product(memory.desc left, memory.desc right, memory.desc result) {
    return new matmul.primitive_desc(engine, left, right, result, userScratchpad, false);
  }

  /** result += left · right. */
  public matmul.primitive_desc addedProduct(
      memory.desc left, memory.desc right, memory.desc result) {
    primitive_attr adding = withUserScratchpad();
    post_ops sum = new post_ops();
    sum.append_sum();
    adding.set_post_ops(sum);
    return new matmul.primitive_desc(engine, left, right, result, adding, false);
  }

  public memory at(memory.desc desc, Pointer place) {
    return new memory(desc, engine, place);
  }
}
