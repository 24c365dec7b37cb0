package org.nin4j.backend.cuda.session;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntUnaryOperator;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.Metrics;
import org.nin4j.backend.Samples;
import org.nin4j.backend.Session;
import org.nin4j.backend.cuda.device.CudaException;
import org.nin4j.backend.cuda.device.CudaGraph;
import org.nin4j.backend.cuda.device.Device;
import org.nin4j.backend.cuda.device.GrowingMemory;
import org.nin4j.backend.cuda.device.Layout;
import org.nin4j.backend.cuda.device.Scope;
import org.nin4j.backend.cuda.device.Work;
import org.nin4j.backend.cuda.kernel.KernelLibrary;
import org.nin4j.backend.cuda.kernel.Kernels;
import org.nin4j.backend.cuda.kernel.Stopwatch;
import org.nin4j.backend.cuda.step.Assembly;
import org.nin4j.backend.cuda.step.Control;
import org.nin4j.backend.cuda.step.Operations;
import org.nin4j.backend.cuda.step.RunInputs;
import org.nin4j.backend.cuda.step.SessionMemory;
import org.nin4j.plan.PlacedPlan;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.HostTensor;

/** A plan on the GPU; {@code CheckedSession} keeps the contract around it. */
public final class CudaSession implements Session {
  /** More than the host needs to put a step's calls into the stream, and to begin with it. */
  private static final long HOST_NANOS_OF_A_STEP = 50_000;

  private static final long HOST_NANOS = 2_000_000;

  private record BoundStep(String name, Work work) {
    void enqueue() {
      try {
        work.enqueue();
      } catch (CudaException e) {
        throw e.during(name);
      }
    }
  }

  private final Scope scope;
  private final Device device;
  private final KernelLibrary kernels;
  private final boolean replays;
  private final PlacedPlan placed;
  private final SessionMemory memory;
  private final RunInputs inputs = new RunInputs();

  /** In the plan's order, then the counters. */
  private final List<BoundStep> steps = new ArrayList<>();

  /** The same, each in its stream and after what it waits for. */
  private final List<Work> run = new ArrayList<>();

  private final GrowingMemory data = new GrowingMemory();
  private final GrowingMemory order = new GrowingMemory();
  private final GrowingMemory rates = new GrowingMemory();
  private Optional<CudaGraph> graph = Optional.empty();
  private int runs;
  private boolean lost;

  public CudaSession(
      Device device,
      KernelLibrary kernels,
      Operations operations,
      boolean replays,
      Branches branches,
      PlacedPlan placed) {
    this.device = device;
    this.kernels = kernels;
    this.replays = replays;
    this.placed = placed;
    try (Scope parts = new Scope()) {
      memory = parts.add(new SessionMemory(placed, operations));
      parts.add(data);
      parts.add(order);
      parts.add(rates);
      parts.add(this::dropGraph);
      // Before anything is freed, also where binding fails half-way.
      parts.add(device::synchronize);
      inputs.set(inputs.rates(), memory.zeroAddress());
      memory.clear(device);
      bind(parts, operations, branches);
      warmUp();
      memory.clear(device);
      device.synchronize();
      scope = parts.release();
    }
  }

  private void bind(Scope owner, Operations operations, Branches branches) {
    List<Step> planned = placed.plan().steps();
    for (int i = 0; i < planned.size(); i++) {
      String name = name(planned.get(i));
      try {
        Assembly assembly = new Assembly(owner, kernels, memory, inputs, i);
        operations.of(planned.get(i)).bind(assembly);
        steps.add(new BoundStep(name, assembly.finish()));
      } catch (CudaException e) {
        throw e.during(name);
      }
    }
    steps.add(new BoundStep("counters", advance()));
    for (int i = 0; i < steps.size(); i++) {
      Work step = steps.get(i)::enqueue;
      Work placed = branches.forks(i) ? () -> device.fork(step) : step;
      run.add(branches.joins(i) ? Work.sequence(List.of(device::join, placed)) : placed);
    }
  }

  /** What moves the counters on, at the end of each run. */
  private Work advance() {
    Control control = memory.control();
    return kernels.single("counters", "advance_counters", control.step(), control.run());
  }

  private static String name(Step step) {
    return step.layer() + " (" + step.kind() + ")";
  }

  /**
   * Runs every step once and waits for it: the libraries load their code now, which they could not
   * within a captured run, and a step that fails is known by name.
   */
  private void warmUp() {
    for (int i = 0; i < run.size(); i++) {
      run.get(i).enqueue();
      try {
        device.synchronize();
      } catch (CudaException e) {
        throw e.during(steps.get(i).name());
      }
    }
  }

  @Override
  public PlacedPlan placed() {
    return placed;
  }

  /** Where the tensors lie, for trials. */
  public SessionMemory memory() {
    return memory;
  }

  @Override
  public void write(TensorSpec tensor, HostTensor values) {
    watched(
        "writing " + tensor.name(),
        () -> {
          Layout layout = Layout.of(tensor);
          device
              .staging()
              .upload(
                  memory.at(tensor),
                  tensor.bytes(),
                  (buffer, offset) -> layout.store(values.values(), buffer, offset));
          updateCopy(tensor);
        });
  }

  @Override
  public void fillRandomly(TensorSpec tensor, long seed) {
    watched(
        "filling " + tensor.name(),
        () -> {
          Kernels.fillRandomly(kernels, tensor.type(), memory.at(tensor), elements(tensor), seed, 1)
              .enqueue();
          updateCopy(tensor);
        });
  }

  /** A parameter's bf16 copy follows it. */
  private void updateCopy(TensorSpec tensor) {
    if (tensor.role() == Role.PARAMETER && memory.hasCopy()) {
      Kernels.cast(kernels, DType.F32, memory.at(tensor), memory.copyAt(tensor), elements(tensor))
          .enqueue();
    }
  }

  private static long elements(TensorSpec tensor) {
    return tensor.shape().elements();
  }

  @Override
  public HostTensor read(TensorSpec tensor) {
    HostTensor values = HostTensor.zeros(tensor.shape());
    Layout layout = Layout.of(tensor);
    watched(
        "reading " + tensor.name(),
        () ->
            device
                .staging()
                .download(
                    memory.at(tensor),
                    tensor.bytes(),
                    (buffer, offset) -> layout.load(buffer, offset, values.values())));
    return values;
  }

  @Override
  public void load(Samples loaded) {
    watched(
        "loading the data",
        () -> {
          device.synchronize();
          long images = loaded.images().capacity();
          data.ensure(images + loaded.count());
          device
              .staging()
              .upload(
                  data.at(0),
                  images,
                  (buffer, offset) -> buffer.put(0, loaded.images(), (int) offset, buffer.limit()));
          device
              .staging()
              .upload(
                  data.at(images),
                  loaded.count(),
                  (buffer, offset) -> buffer.put(0, loaded.labels(), (int) offset, buffer.limit()));
          inputs.set(inputs.images(), data.address());
          inputs.set(inputs.labels(), data.address() + images);
        });
  }

  @Override
  public void begin(Epoch epoch) {
    runs = 0;
    watched(
        "beginning an epoch",
        () -> {
          device.synchronize();
          upload(order, epoch.order().length, i -> epoch.order()[i]);
          upload(
              rates,
              epoch.learningRates().length,
              i -> Float.floatToRawIntBits(epoch.learningRates()[i]));
          inputs.set(inputs.order(), epoch.order().length == 0 ? 0 : order.address());
          inputs.set(inputs.orderLength(), epoch.order().length);
          if (epoch.learningRates().length > 0) {
            inputs.set(inputs.rates(), rates.address());
            inputs.set(inputs.rateCount(), epoch.learningRates().length);
          }
          inputs.set(inputs.seed(), epoch.seed());
          memory
              .control()
              .begin(device.staging(), epoch.firstStep(), epoch.firstPlace(), epoch.before());
          if (replays) {
            capture();
          }
        });
  }

  /** Numbers of 32 bits. */
  private void upload(GrowingMemory target, int count, IntUnaryOperator bits) {
    if (count > 0) {
      target.ensure((long) count * Integer.BYTES);
      device
          .staging()
          .upload(
              target.at(0),
              (long) count * Integer.BYTES,
              (buffer, offset) -> {
                int first = (int) (offset / Integer.BYTES);
                for (int i = 0; i < buffer.limit() / Integer.BYTES; i++) {
                  buffer.putInt(i * Integer.BYTES, bits.applyAsInt(first + i));
                }
              });
    }
  }

  @Override
  public void run() {
    try {
      if (replays) {
        capture();
        graph.orElseThrow().launch();
      } else {
        enqueueAll();
      }
    } catch (CudaException e) {
      lost |= e.deviceLost();
      throw e.during("run " + runs + " of the epoch");
    }
    runs++;
  }

  @Override
  public long[] runTimed() {
    long[] nanoseconds = new long[placed.plan().steps().size()];
    watched(
        "timed run",
        () -> {
          List<Work> works = new ArrayList<>();
          steps.forEach(step -> works.add(step::enqueue));
          try (Stopwatch stopwatch = new Stopwatch(device, kernels)) {
            float[] laps = stopwatch.laps(works, HOST_NANOS + works.size() * HOST_NANOS_OF_A_STEP);
            for (int i = 0; i < nanoseconds.length; i++) {
              nanoseconds[i] = (long) (laps[i] * 1e6);
            }
          }
        });
    runs++;
    return nanoseconds;
  }

  private void enqueueAll() {
    for (Work work : run) {
      work.enqueue();
    }
  }

  /** Captures a run, unless that was done and nothing has changed since. */
  private void capture() {
    if (inputs.takeChanged() || graph.isEmpty()) {
      dropGraph();
      graph = Optional.of(new CudaGraph(device, this::enqueueAll));
    }
  }

  private void dropGraph() {
    Optional<CudaGraph> old = graph;
    graph = Optional.empty();
    old.ifPresent(CudaGraph::close);
  }

  @Override
  public Metrics metrics() {
    Metrics[] read = new Metrics[1];
    watched("waiting for the runs", () -> read[0] = memory.control().read(device.staging()));
    return read[0];
  }

  /** Tells failures with what was being done, and remembers when the device is gone. */
  private void watched(String what, Runnable action) {
    try {
      action.run();
    } catch (CudaException e) {
      lost |= e.deviceLost();
      throw e.during(what);
    }
  }

  @Override
  public void close() {
    try {
      scope.close();
    } catch (CudaException e) {
      // A lost device was reported already, and has nothing left to free.
      if (!lost) {
        throw e;
      }
    }
  }
}
