package org.nin4j.backend.cuda.fusion;

import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.JCudaDriver;
import org.nin4j.backend.cuda.device.Check;
import org.nin4j.backend.cuda.device.Device;
import org.nin4j.backend.cuda.device.Work;
import org.nin4j.backend.cuda.kernel.KernelLibrary;
import org.nin4j.backend.cuda.kernel.Kernels;
import org.nin4j.backend.cuda.kernel.Stopwatch;
import org.nin4j.backend.cuda.session.CudaSession;
import org.nin4j.backend.cuda.step.SessionMemory;
import org.nin4j.plan.Plan;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.tensor.Bfloat16;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Philox;
import org.nin4j.text.Text;

/**
 * Runs a few steps of a plan in a session of their own: for their time on random numbers, for their
 * results on whole ones.
 *
 * <p>Whole numbers: activations and their gradients of −1, 0, 1, filters of four −1 or 1 each. Sums
 * of three layers stay below 2⁸, so that every order of summing and every rounding to bf16 gives
 * the same, and equal maxima of a pool are found in the same place. Two ways to compute the same
 * agree in these to the last bit but where an algorithm transforms its factors, as FFT does, or
 * divides, as a norm does; the gradients of a norm take whole numbers for its statistics too, so
 * that none is near the 0 of a ReLU without being 0.
 */
public final class FusionTrial {
  /** Of several runs each, since starting a single one takes as long as a short step. */
  private static final int ROUNDS = 5;

  private static final int MOST_RUNS = 20;

  /** Milliseconds for all rounds, about. */
  private static final float PATIENCE = 50;

  private static final int WINDOWS = 16;
  private static final int WINDOW = 4096;
  private static final int PRODUCTS = 4;

  /** Of the largest magnitude; for what transforms leave, rounded to bf16. */
  private static final double TOLERANCE = 0x1p-8;

  /** The same for bf16 that is not whole, where a sum's order may round to either neighbour. */
  private static final double PLACE = 0x1p-7;

  private final Device device;
  private final KernelLibrary kernels;
  private final long warmUpMillis;
  private final Function<Plan, CudaSession> binding;

  /**
   * @param binding takes a plan, as it is, to the device
   */
  public FusionTrial(
      Device device,
      KernelLibrary kernels,
      long warmUpMillis,
      Function<Plan, CudaSession> binding) {
    this.device = device;
    this.kernels = kernels;
    this.warmUpMillis = warmUpMillis;
    this.binding = binding;
  }

  /**
   * What a trial gave.
   *
   * @param milliseconds of a run, the median
   * @param repeats whether two runs on random numbers gave the same bits
   * @param results windows of each tensor, on whole numbers
   */
  record Outcome(float milliseconds, boolean repeats, Map<TensorSpec, float[]> results) {
    /** How these results differ from the right ones; empty if they do not. */
    Optional<String> differenceFrom(Outcome right) {
      for (Map.Entry<TensorSpec, float[]> entry : right.results.entrySet()) {
        TensorSpec tensor = entry.getKey();
        float[] expected = entry.getValue();
        float[] actual = results.get(tensor);
        double largest = 0;
        boolean whole = true;
        for (float value : expected) {
          largest = Math.max(largest, Math.abs(value));
          whole &= value == Math.rint(value);
        }
        double allowed =
            switch (tensor.type()) {
              case U8, I32 -> 0;
              case F32 -> TOLERANCE * largest;
              case BF16 -> (whole ? TOLERANCE : PLACE) * largest;
            };
        for (int i = 0; i < expected.length; i++) {
          // Written so that NaN fails.
          if (!(Math.abs(actual[i] - expected[i]) <= allowed)) {
            return Optional.of(Text.of("%s has %s instead of %s", tensor, actual[i], expected[i]));
          }
        }
      }
      return Optional.empty();
    }
  }

  /**
   * Binds the plan and runs it.
   *
   * @param inputs what it reads before it writes it: parameters, activations in fp32 or bf16, state
   * @param outputs what it writes and keeps
   */
  Outcome run(Plan plan, List<TensorSpec> inputs, List<TensorSpec> outputs) {
    try (CudaSession session = binding.apply(plan);
        Stopwatch stopwatch = new Stopwatch(device, kernels)) {
      SessionMemory memory = session.memory();
      for (int i = 0; i < inputs.size(); i++) {
        fillRandomly(memory, inputs.get(i), i);
      }
      float milliseconds = milliseconds(session, stopwatch);
      boolean repeats =
          checksums(session, inputs, outputs).equals(checksums(session, inputs, outputs));
      for (int i = 0; i < inputs.size(); i++) {
        fillWhole(memory, inputs.get(i), i);
      }
      for (TensorSpec output : outputs) {
        if (!inputs.contains(output)) {
          Check.driver(
              JCudaDriver.cuMemsetD8Async(
                  memory.at(output), (byte) -1, output.bytes(), device.stream()),
              "cuMemsetD8Async");
        }
      }
      session.run();
      Map<TensorSpec, float[]> results = new LinkedHashMap<>();
      outputs.forEach(output -> results.put(output, windows(memory, output)));
      return new Outcome(milliseconds, repeats, results);
    }
  }

  /** Of what a run gives; what it changes begins anew. */
  private List<Long> checksums(
      CudaSession session, List<TensorSpec> inputs, List<TensorSpec> outputs) {
    for (int i = 0; i < inputs.size(); i++) {
      if (outputs.contains(inputs.get(i))) {
        fillRandomly(session.memory(), inputs.get(i), i);
      }
    }
    session.run();
    return outputs.stream()
        .map(t -> device.staging().checksum(session.memory().at(t), t.bytes()))
        .toList();
  }

  private float milliseconds(CudaSession session, Stopwatch stopwatch) {
    session.run();
    stopwatch.warmUp(session::run, warmUpMillis);
    float once = stopwatch.measure(session::run);
    int runs = (int) Math.max(1, Math.min(MOST_RUNS, PATIENCE / ROUNDS / once));
    return stopwatch.median(Work.repeated(session::run, runs), ROUNDS) / runs;
  }

  private void fillRandomly(SessionMemory memory, TensorSpec tensor, int seed) {
    long elements = tensor.shape().elements();
    Kernels.fillRandomly(kernels, tensor.type(), memory.at(tensor), elements, seed, 1).enqueue();
    copyParameter(memory, tensor);
  }

  private void copyParameter(SessionMemory memory, TensorSpec tensor) {
    if (tensor.role() == Role.PARAMETER && memory.hasCopy()) {
      long elements = tensor.shape().elements();
      Kernels.cast(kernels, DType.F32, memory.at(tensor), memory.copyAt(tensor), elements)
          .enqueue();
    }
  }

  private void fillWhole(SessionMemory memory, TensorSpec tensor, int seed) {
    boolean narrow = tensor.type() == DType.BF16;
    int size = tensor.type().bytes();
    device
        .staging()
        .upload(
            memory.at(tensor),
            tensor.bytes(),
            (buffer, offset) -> {
              Numbers numbers = new Numbers(tensor, seed);
              for (int at = 0; at < buffer.limit(); at += size) {
                float value = numbers.at((offset + at) / size);
                if (narrow) {
                  buffer.putShort(at, Bfloat16.fromFloat(value));
                } else {
                  buffer.putFloat(at, value);
                }
              }
            });
    copyParameter(memory, tensor);
  }

  /** The whole numbers of a tensor, by its elements as they are stored. */
  private static final class Numbers {
    private final boolean sparse;
    private final long filter;
    private final int seed;
    private final int[] words = new int[4];
    private long block = -1;

    Numbers(TensorSpec tensor, int seed) {
      this.sparse = tensor.role() == Role.PARAMETER;
      this.filter = tensor.shape().elements() / tensor.shape().dim(0);
      this.seed = seed;
    }

    float at(long element) {
      draw(sparse ? element / filter : element / 4);
      if (!sparse) {
        return Integer.remainderUnsigned(words[(int) (element % 4)], 3) - 1;
      }
      for (int i = 0; i < PRODUCTS; i++) {
        if (Integer.toUnsignedLong(words[i]) / 2 % filter == element % filter) {
          return (words[i] & 1) == 0 ? 1 : -1;
        }
      }
      return 0;
    }

    private void draw(long number) {
      if (block != number) {
        block = number;
        Philox.block(seed, number, 0, 0, words);
      }
    }
  }

  /** The beginning, the end, and random places between. */
  private float[] windows(SessionMemory memory, TensorSpec tensor) {
    long elements = tensor.shape().elements();
    int length = (int) Math.min(WINDOW, elements);
    float[] values = new float[WINDOWS * length];
    Philox.Sequence random = new Philox.Sequence(elements, 0, 0);
    for (int window = 0; window < WINDOWS; window++) {
      long last = elements - length;
      long from = window == 0 ? 0 : window == 1 ? last : (long) (random.nextUniform() * last);
      int to = window * length;
      int size = tensor.type().bytes();
      CUdeviceptr source = memory.at(tensor).withByteOffset(from * size);
      device
          .staging()
          .download(
              source,
              (long) length * size,
              (buffer, offset) -> {
                for (int at = 0; at < buffer.limit(); at += size) {
                  values[to + (int) ((offset + at) / size)] = value(buffer, at, tensor.type());
                }
              });
    }
    return values;
  }

  private static float value(ByteBuffer buffer, int at, DType type) {
    return switch (type) {
      case F32 -> buffer.getFloat(at);
      case BF16 -> Bfloat16.toFloat(buffer.getShort(at));
      case I32 -> buffer.getInt(at);
      case U8 -> buffer.get(at) & 0xff;
    };
  }
}
