package org.nin4j.backend.onednn.library;

import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_FROM;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SCRATCHPAD;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_TO;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_WEIGHTS;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.bytedeco.dnnl.IntMemoryMap;
import org.bytedeco.dnnl.matmul;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.primitive;
import org.bytedeco.dnnl.primitive_desc_base;
import org.bytedeco.dnnl.reorder;

/**
 * The primitives of one step in order, and the workspace they need: one part for weights in another
 * layout or type, kept to the end of the step, and one scratchpad after it that all share.
 */
public final class Calls {
  private record Call(primitive primitive, IntMemoryMap arguments) {}

  private static final long ALIGNMENT = 64;

  private final Dnnl dnnl;
  private final List<Call> calls = new ArrayList<>();

  public Calls(Dnnl dnnl) {
    this.dnnl = dnnl;
  }

  /** The part of a workspace that something of the given number of bytes takes. */
  public static long aligned(long bytes) {
    return (bytes + ALIGNMENT - 1) & -ALIGNMENT;
  }

  public static long scratchpad(primitive_desc_base descriptor) {
    return descriptor.scratchpad_desc().get_size();
  }

  /** An argument: what it is to the primitive, and where. */
  public record Argument(int kind, memory memory) {}

  public static Argument argument(int kind, memory memory) {
    return new Argument(kind, memory);
  }

  /**
   * Adds a primitive.
   *
   * @param scratchAt where in the workspace its scratchpad begins
   */
  public Calls add(
      primitive_desc_base descriptor,
      primitive primitive,
      Buffers buffers,
      long scratchAt,
      List<Argument> arguments) {
    IntMemoryMap map = new IntMemoryMap();
    for (Argument argument : arguments) {
      map.put(argument.kind(), argument.memory());
    }
    memory.desc scratch = descriptor.scratchpad_desc();
    if (scratch.get_size() > 0) {
      map.put(DNNL_ARG_SCRATCHPAD, buffers.workspace(scratch, scratchAt));
    }
    calls.add(new Call(primitive, map));
    return this;
  }

  /** Adds result = left · right. */
  public Calls addProduct(
      matmul.primitive_desc descriptor,
      Buffers buffers,
      long scratchAt,
      memory left,
      memory right,
      memory result) {
    return add(
        descriptor,
        new matmul(descriptor),
        buffers,
        scratchAt,
        List.of(
            argument(DNNL_ARG_SRC, left),
            argument(DNNL_ARG_WEIGHTS, right),
            argument(DNNL_ARG_DST, result)));
  }

  /** Adds a copy from one layout or type to another. */
  public Calls addReorder(memory from, memory to, Buffers buffers, long scratchAt) {
    reorder.primitive_desc descriptor =
        new reorder.primitive_desc(
            dnnl.engine(),
            from.get_desc(),
            dnnl.engine(),
            to.get_desc(),
            dnnl.userScratchpad(),
            false);
    return add(
        descriptor,
        new reorder(descriptor),
        buffers,
        scratchAt,
        List.of(argument(DNNL_ARG_FROM, from), argument(DNNL_ARG_TO, to)));
  }

  /** The scratchpad of such a copy. */
  public static long reorderScratchpad(Dnnl dnnl, memory.desc from, memory.desc to) {
    return scratchpad(
        new reorder.primitive_desc(
            dnnl.engine(), from, dnnl.engine(), to, dnnl.userScratchpad(), false));
  }

  /** Runs all of them; nothing is allocated. */
  public void execute() {
    for (int i = 0; i < calls.size(); i++) {
      Call call = calls.get(i);
      call.primitive().execute(dnnl.stream(), call.arguments());
    }
  }

  public Operation.Kernel kernel() {
    return run -> execute();
  }

  /** An operation of one primitive with its scratchpad. */
  public static Operation single(
      Dnnl dnnl,
      primitive_desc_base descriptor,
      primitive primitive,
      Function<Buffers, List<Argument>> arguments) {
    long scratch = scratchpad(descriptor);
    return new Operation() {
      @Override
      public long workspace() {
        return scratch;
      }

      @Override
      public Kernel bind(Buffers buffers) {
        return new Calls(dnnl)
            .add(descriptor, primitive, buffers, 0, arguments.apply(buffers))
            .kernel();
      }
    };
  }
}
