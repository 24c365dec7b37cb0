package org.nin4j.backend.onednn;

import java.util.List;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.reorder;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.Metrics;
import org.nin4j.backend.Samples;
import org.nin4j.backend.Session;
import org.nin4j.backend.onednn.library.Dnnl;
import org.nin4j.backend.onednn.library.Operation;
import org.nin4j.backend.onednn.step.SampleStore;
import org.nin4j.plan.PlacedPlan;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.HostTensor;

/** Runs the kernels in plan order; {@code CheckedSession} keeps the contract around it. */
final class OneDnnSession implements Session {
  private final Dnnl dnnl;
  private final PlacedPlan placed;
  private final PointerScope scope;
  private final BytePointer arena;
  private final SampleStore samples;
  private final List<Operation.Kernel> kernels;
  private final Operation.Run run = new Operation.Run();

  /**
   * @param scope owns every native object of the session
   * @param arena zeroed memory of the plan's size
   */
  OneDnnSession(
      Dnnl dnnl,
      PlacedPlan placed,
      PointerScope scope,
      BytePointer arena,
      SampleStore samples,
      List<Operation.Kernel> kernels) {
    this.dnnl = dnnl;
    this.placed = placed;
    this.scope = scope;
    this.arena = arena;
    this.samples = samples;
    this.kernels = List.copyOf(kernels);
  }

  @Override
  public PlacedPlan placed() {
    return placed;
  }

  @Override
  public void write(TensorSpec tensor, HostTensor values) {
    try (PointerScope temporary = new PointerScope()) {
      if (liesAsOnTheHost(tensor)) {
        new FloatPointer(place(tensor)).put(values.values());
      } else {
        FloatPointer host = new FloatPointer(values.values());
        copy(dnnl.at(Dnnl.plain(tensor.shape(), DType.F32), host), memory(tensor));
      }
    }
    run.noteWritten();
  }

  @Override
  public HostTensor read(TensorSpec tensor) {
    HostTensor values = HostTensor.zeros(tensor.shape());
    try (PointerScope temporary = new PointerScope()) {
      if (liesAsOnTheHost(tensor)) {
        new FloatPointer(place(tensor)).get(values.values());
      } else {
        FloatPointer host = new FloatPointer((long) values.values().length);
        copy(memory(tensor), dnnl.at(Dnnl.plain(tensor.shape(), DType.F32), host));
        host.get(values.values());
      }
    }
    return values;
  }

  /**
   * Parameters and optimizers' state do, and are copied straight: a buffer between would be as
   * large as the largest weight, 411 MB in VGG-11.
   */
  private static boolean liesAsOnTheHost(TensorSpec tensor) {
    return Dnnl.layoutOf(tensor).equals(Dnnl.plain(tensor.shape(), DType.F32));
  }

  private Pointer place(TensorSpec tensor) {
    return arena.getPointer(placed.slot(tensor).offset());
  }

  private memory memory(TensorSpec tensor) {
    return dnnl.at(Dnnl.layoutOf(tensor), place(tensor));
  }

  private void copy(memory from, memory to) {
    new reorder(from, to).execute(dnnl.stream(), from, to);
    dnnl.stream()._wait();
  }

  @Override
  public void load(Samples loaded) {
    samples.load(loaded);
  }

  @Override
  public void begin(Epoch epoch) {
    run.begin(epoch);
  }

  @Override
  public void run() {
    for (int i = 0; i < kernels.size(); i++) {
      kernels.get(i).run(run);
    }
    run.advance();
  }

  @Override
  public long[] runTimed() {
    long[] times = new long[kernels.size()];
    for (int i = 0; i < times.length; i++) {
      long begin = System.nanoTime();
      kernels.get(i).run(run);
      times[i] = System.nanoTime() - begin;
    }
    run.advance();
    return times;
  }

  @Override
  public Metrics metrics() {
    return run.metrics();
  }

  @Override
  public void close() {
    scope.close();
  }
}
