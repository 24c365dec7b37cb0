package org.nin4j.backend.onednn.step;

import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_BIAS;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_WEIGHTS;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import org.bytedeco.dnnl.matmul;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.primitive_attr;
import org.nin4j.backend.onednn.library.Buffers;
import org.nin4j.backend.onednn.library.Calls;
import org.nin4j.backend.onednn.library.Dnnl;
import org.nin4j.backend.onednn.library.Operation;
import org.nin4j.backend.onednn.library.Prepared;
import org.nin4j.backend.onednn.library.Regions;
import org.nin4j.plan.step.LinearBackwardData;
import org.nin4j.plan.step.LinearBackwardFilter;
import org.nin4j.plan.step.LinearForward;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.Bfloat16;
import org.nin4j.tensor.DType;

/** Matrix multiplications: the linear layer, and what convolutions have in common with it. */
public final class MatMuls {
  private final Dnnl dnnl;
  private final int threads;
  private final boolean constant;

  /**
   * @param threads that compute
   * @param constant whether no step of the plan changes weights
   */
  public MatMuls(Dnnl dnnl, int threads, boolean constant) {
    this.dnnl = dnnl;
    this.threads = threads;
    this.constant = constant;
  }

  /**
   * One factor of a product.
   *
   * @param tensor where it lies
   * @param seenAs the matrix in its stored type
   * @param wanted the matrix in the type to multiply
   * @param kept whether a copy of it serves all runs
   */
  private record Factor(TensorSpec tensor, memory.desc seenAs, memory.desc wanted, boolean kept) {
    boolean copied() {
      return !seenAs.equals(wanted);
    }

    long bytes() {
      return copied() && !kept ? Calls.aligned(wanted.get_size()) : 0;
    }

    long keptBytes() {
      return copied() && kept ? Calls.aligned(wanted.get_size()) : 0;
    }

    /** Weights that no step changes, in whatever layout is multiplied fastest. */
    Factor keptInAnyLayout() {
      return new Factor(
          tensor,
          seenAs,
          new memory.desc(wanted.get_dims(), wanted.get_data_type(), memory.format_tag.any),
          true);
    }

    Factor in(memory.desc layout) {
      return new Factor(tensor, seenAs, layout, kept);
    }
  }

  /** A tensor of any rank as (rows × columns), with the innermost stored axis as the columns. */
  private static long columns(TensorSpec tensor) {
    return tensor.shape().dim(1);
  }

  private static long rows(TensorSpec tensor) {
    return tensor.shape().elements() / columns(tensor);
  }

  private static Factor plain(TensorSpec tensor, DType type) {
    return new Factor(
        tensor,
        Dnnl.matrix(rows(tensor), columns(tensor), tensor.type()),
        Dnnl.matrix(rows(tensor), columns(tensor), type),
        false);
  }

  private static Factor transposed(TensorSpec tensor, DType type) {
    return new Factor(
        tensor,
        Dnnl.transposed(rows(tensor), columns(tensor), tensor.type()),
        Dnnl.transposed(rows(tensor), columns(tensor), type),
        false);
  }

  /** y = x · wᵀ + b, multiplied in the type of x. */
  public Operation forward(LinearForward step) {
    TensorSpec x = step.input();
    Factor weight = transposed(step.weight(), x.type());
    return product(
        plain(x, x.type()),
        constant ? weight.keptInAnyLayout() : weight,
        Optional.of(step.bias()),
        step.relu(),
        step.output(),
        Dnnl.layoutOf(step.output()));
  }

  /** dx = dy · w, multiplied in the type of dx. */
  public Operation backwardData(LinearBackwardData step) {
    TensorSpec dx = step.inputGradient();
    return product(
        plain(step.outputGradient(), dx.type()),
        plain(step.weight(), dx.type()),
        Optional.empty(),
        false,
        dx,
        Dnnl.layoutOf(dx));
  }

  public Operation backwardFilter(LinearBackwardFilter step) {
    return Operation.inOrder(
        transposedProduct(step.outputGradient(), step.input(), step.weightGradient()),
        columnSums(step.outputGradient(), step.biasGradient()));
  }

  /** dw = dyᵀ · x over the samples, multiplied in the type of x. */
  private Operation transposedProduct(TensorSpec dy, TensorSpec x, TensorSpec dw) {
    return product(
        transposed(dy, x.type()),
        plain(x, x.type()),
        Optional.empty(),
        false,
        dw,
        Dnnl.matrix(columns(dy), columns(x), DType.F32));
  }

  private Operation product(
      Factor left,
      Factor asked,
      Optional<TensorSpec> bias,
      boolean relu,
      TensorSpec result,
      memory.desc resultSeenAs) {
    primitive_attr attributes = Dnnl.withRelu(relu);
    matmul.primitive_desc descriptor =
        bias.isPresent()
            ? new matmul.primitive_desc(
                dnnl.engine(),
                left.wanted(),
                asked.wanted(),
                biasRow(bias.get()),
                resultSeenAs,
                attributes,
                false)
            : new matmul.primitive_desc(
                dnnl.engine(), left.wanted(), asked.wanted(), resultSeenAs, attributes, false);
    Factor right = asked.kept() ? asked.in(descriptor.weights_desc()) : asked;
    long scratchAt = left.bytes() + right.bytes();
    long scratch = Calls.scratchpad(descriptor);
    for (Factor factor : new Factor[] {left, right}) {
      if (factor.copied()) {
        scratch =
            Math.max(scratch, Calls.reorderScratchpad(dnnl, factor.seenAs(), factor.wanted()));
      }
    }
    long workspace = scratchAt + scratch;
    return new Operation() {
      @Override
      public long workspace() {
        return workspace;
      }

      @Override
      public long resident() {
        return right.keptBytes();
      }

      @Override
      public Kernel bind(Buffers buffers) {
        Calls calls = new Calls(dnnl);
        Calls once = new Calls(dnnl);
        memory leftMemory = take(left, calls, buffers, 0, scratchAt);
        memory rightMemory =
            take(right, right.kept() ? once : calls, buffers, left.bytes(), scratchAt);
        Calls.Argument src = Calls.argument(DNNL_ARG_SRC, leftMemory);
        Calls.Argument weights = Calls.argument(DNNL_ARG_WEIGHTS, rightMemory);
        Calls.Argument dst = Calls.argument(DNNL_ARG_DST, buffers.memory(resultSeenAs, result));
        matmul product = new matmul(descriptor);
        if (bias.isPresent()) {
          memory row = buffers.memory(biasRow(bias.get()), bias.get());
          Calls.Argument added = Calls.argument(DNNL_ARG_BIAS, row);
          calls.add(descriptor, product, buffers, scratchAt, List.of(src, weights, added, dst));
        } else {
          calls.add(descriptor, product, buffers, scratchAt, List.of(src, weights, dst));
        }
        Kernel preparation = Prepared.of(right.kept(), once.kernel());
        return run -> {
          preparation.run(run);
          calls.execute();
        };
      }
    };
  }

  private static memory.desc biasRow(TensorSpec bias) {
    return Dnnl.matrix(1, bias.shape().dim(0), DType.F32);
  }

  private static memory take(Factor factor, Calls calls, Buffers buffers, long at, long scratchAt) {
    memory stored = buffers.memory(factor.seenAs(), factor.tensor());
    if (!factor.copied()) {
      return stored;
    }
    memory converted =
        factor.kept()
            ? buffers.resident(factor.wanted(), 0)
            : buffers.workspace(factor.wanted(), at);
    calls.addReorder(stored, converted, buffers, scratchAt);
    return converted;
  }

  /**
   * sums[c] = Σ over rows of matrix[r, c], as a product with a row of ones: oneDNN's reduction is a
   * plain loop, its product is not. Each thread sums rows of its own; then their sums are added in
   * the same way.
   */
  public Operation columnSums(TensorSpec matrix, TensorSpec sums) {
    long rows = rows(matrix);
    long columns = columns(matrix);
    DType type = matrix.type();
    int parts = partsOf(rows);
    memory.desc ones = Dnnl.matrices(parts, 1, rows / parts, type);
    memory.desc seenAs = Dnnl.matrices(parts, rows / parts, columns, type);
    memory.desc each = Dnnl.matrices(parts, 1, columns, DType.F32);
    matmul.primitive_desc summing = dnnl.product(ones, seenAs, each);
    memory.desc fewOnes = Dnnl.matrix(1, parts, DType.F32);
    memory.desc result = Dnnl.matrix(1, columns, DType.F32);
    memory.desc eachRow = Dnnl.matrix(parts, columns, DType.F32);
    matmul.primitive_desc adding = dnnl.product(fewOnes, eachRow, result);
    int onesBytes = Math.toIntExact(Calls.aligned(ones.get_size()));
    long fewOnesBytes = fewOnes.get_size();
    Regions regions = new Regions();
    long eachAt = regions.take(each.get_size());
    long scratchAt = regions.takeLargest(Calls.scratchpad(summing), Calls.scratchpad(adding));
    return new Operation() {
      @Override
      public long workspace() {
        return regions.bytes();
      }

      @Override
      public long resident() {
        return onesBytes + fewOnesBytes;
      }

      @Override
      public Kernel bind(Buffers buffers) {
        ByteBuffer resident = buffers.residentBytes();
        fillWithOnes(resident, 0, type, rows);
        fillWithOnes(resident, onesBytes, DType.F32, parts);
        return new Calls(dnnl)
            .addProduct(
                summing,
                buffers,
                scratchAt,
                buffers.resident(ones, 0),
                buffers.memory(seenAs, matrix),
                buffers.workspace(each, eachAt))
            .addProduct(
                adding,
                buffers,
                scratchAt,
                buffers.resident(fewOnes, onesBytes),
                buffers.workspace(eachRow, eachAt),
                buffers.memory(result, sums))
            .kernel();
      }
    };
  }

  private int partsOf(long rows) {
    int parts = (int) Math.min(threads, rows);
    while (rows % parts != 0) {
      parts--;
    }
    return parts;
  }

  private static void fillWithOnes(ByteBuffer bytes, int at, DType type, long count) {
    for (int i = 0; i < count; i++) {
      if (type == DType.F32) {
        bytes.putFloat(at + i * Float.BYTES, 1);
      } else {
        bytes.putShort(at + i * Short.BYTES, Bfloat16.fromFloat(1));
      }
    }
  }
}
