package org.nin4j.backend.cuda.step;

import java.util.List;
import java.util.stream.Stream;
import jcuda.driver.CUdeviceptr;
import org.nin4j.backend.cuda.kernel.Kernels;
import org.nin4j.plan.PlacedPlan;
import org.nin4j.plan.PlacedPlan.Slot;
import org.nin4j.plan.step.Adam;
import org.nin4j.plan.step.AdamUpdate;
import org.nin4j.plan.step.ClipFactor;
import org.nin4j.plan.step.Sgd;
import org.nin4j.plan.step.SgdUpdate;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.Update;
import org.nin4j.plan.step.UpdateGroup;
import org.nin4j.tensor.DType;

/** Optimizers: one launch over a group's region of parameters, and over its bf16 copy. */
final class Updates {
  private Updates() {}

  static Operation sgd(SgdUpdate step) {
    Sgd sgd = step.sgd();
    return a ->
        launch(
            a,
            "sgd",
            step,
            Stream.of(first(a, step.velocities())),
            sgd.momentum(),
            sgd.weightDecay(),
            sgd.nesterov() ? 1 : 0);
  }

  static Operation adam(AdamUpdate step) {
    Adam adam = step.adam();
    return a ->
        launch(
            a,
            "adam",
            step,
            Stream.of(first(a, step.means()), first(a, step.squares())),
            (float) (1 - adam.beta1()),
            (float) Math.log(adam.beta1()),
            (float) (1 - adam.beta2()),
            (float) Math.log(adam.beta2()),
            adam.epsilon(),
            adam.weightDecay(),
            adam.decoupled() ? 1 : 0);
  }

  private static void launch(
      Assembly a, String kernel, Update step, Stream<CUdeviceptr> memory, Object... settings) {
    UpdateGroup group = step.group();
    long elements = elements(a.placed(), group.parameters());
    TensorSpec first = group.parameters().get(0);
    Stream<Object> common =
        Stream.of(
            group.average().map(average -> a.at(average.values().get(0))).orElse(Assembly.NONE),
            a.copyFrom(first),
            elements,
            group.clip().map(a::at).orElse(Assembly.NONE),
            a.inputs().rates(),
            a.inputs().rateCount(),
            a.control().run(),
            a.control().step(),
            group.rate(),
            group.average().map(UpdateGroup.Average::decay).orElse(0f));
    Object[] arguments =
        Stream.of(
                Stream.of(a.at(first), a.at(group.gradients().get(0))),
                memory,
                common,
                Stream.of(settings))
            .flatMap(s -> s)
            .toArray();
    a.launch(kernel, kernel, elements / Kernels.pack(DType.F32), arguments);
  }

  private static CUdeviceptr first(Assembly a, List<TensorSpec> tensors) {
    return tensors.isEmpty() ? Assembly.NONE : a.at(tensors.get(0));
  }

  /** How many floats lie from the first to the last of a region's tensors, padding included. */
  private static long elements(PlacedPlan placed, List<TensorSpec> region) {
    Slot first = placed.slot(region.get(0));
    Slot last = placed.slot(region.get(region.size() - 1));
    return (Kernels.align(last.offset() + last.bytes()) - first.offset()) / Float.BYTES;
  }

  /** The norm of all gradients: each part summed by a block, then the parts by one. */
  record Clip(ClipFactor step) implements Operation {
    /** Enough for every multiprocessor of a large GPU, few enough for one block to add. */
    private static final int MOST_PARTS = 1024;

    /** Elements that a block is worth. */
    private static final long LEAST = 4096;

    private int parts() {
      long elements = step.gradients().stream().mapToLong(g -> g.shape().elements()).sum();
      return (int) Math.max(1, Math.min(MOST_PARTS, elements / LEAST));
    }

    @Override
    public long workspace(SampleCount count) {
      return (long) parts() * Double.BYTES;
    }

    @Override
    public void bind(Assembly a) {
      int parts = parts();
      CUdeviceptr partial = a.scratch((long) parts * Double.BYTES);
      a.launchTiles(
          "clip",
          "squares",
          parts,
          a.at(step.gradients().get(0)),
          partial,
          elements(a.placed(), step.gradients()),
          parts);
      a.launchBlocks(
          "clip", "clip_by_norm", 1, partial, parts, step.mostNorm(), a.at(step.factor()));
    }
  }
}
