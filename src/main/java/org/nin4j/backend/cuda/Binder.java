package org.nin4j.backend.cuda;

import java.nio.ByteBuffer;
import jcuda.driver.CUdeviceptr;
import org.nin4j.model.Window;
import org.nin4j.plan.ConvolutionBackwardData;
import org.nin4j.plan.ConvolutionBackwardFilter;
import org.nin4j.plan.ConvolutionForward;
import org.nin4j.plan.DropoutBackward;
import org.nin4j.plan.DropoutForward;
import org.nin4j.plan.FlattenBackward;
import org.nin4j.plan.FlattenForward;
import org.nin4j.plan.Fused;
import org.nin4j.plan.GlobalAvgPoolBackward;
import org.nin4j.plan.GlobalAvgPoolForward;
import org.nin4j.plan.LinearBackwardData;
import org.nin4j.plan.LinearBackwardFilter;
import org.nin4j.plan.LinearForward;
import org.nin4j.plan.MakeBatch;
import org.nin4j.plan.MaxPoolBackward;
import org.nin4j.plan.MaxPoolForward;
import org.nin4j.plan.Plan;
import org.nin4j.plan.ActivationBackward;
import org.nin4j.plan.ReluBiasBackward;
import org.nin4j.plan.ActivationForward;
import org.nin4j.plan.SgdUpdate;
import org.nin4j.plan.SoftmaxCrossEntropy;
import org.nin4j.plan.Step;
import org.nin4j.plan.TensorSpec;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Philox;
import org.nin4j.tensor.Shape;

/** Turns each step of a placed plan into the calls that compute it. */
final class Binder {
  private static final CUdeviceptr NONE = new CUdeviceptr();

  private final Device device;
  private final KernelLibrary kernels;
  private final WeightedSteps weighted;
  private final FusedSteps fused;
  private final SessionMemory memory;
  private final RunInputs inputs;
  private final Plan plan;

  /**
   * @param owner closes what the work needs
   */
  Binder(
      Scope owner,
      Device device,
      KernelLibrary kernels,
      ConvolutionSearch search,
      SessionMemory memory,
      RunInputs inputs) {
    this.device = device;
    this.kernels = kernels;
    this.weighted = new WeightedSteps(owner, device, kernels, search, memory);
    this.fused = new FusedSteps(device, kernels);
    this.memory = memory;
    this.inputs = inputs;
    this.plan = memory.placed().plan();
  }

  /** The step at that place of the plan. */
  Work bind(int index) {
    Step step = plan.steps().get(index);
    Assembly a = new Assembly(kernels, memory, step, index);
    if (step instanceof MakeBatch s) {
      makeBatch(a, s, memory.resident(index));
    } else if (step instanceof ConvolutionForward s) {
      weighted.convolutionForward(a, s);
    } else if (step instanceof ConvolutionBackwardData s) {
      weighted.convolutionBackwardData(a, s);
    } else if (step instanceof ConvolutionBackwardFilter s) {
      weighted.convolutionBackwardFilter(a, s);
    } else if (step instanceof LinearForward s) {
      weighted.linearForward(a, s);
    } else if (step instanceof LinearBackwardData s) {
      weighted.linearBackwardData(a, s);
    } else if (step instanceof LinearBackwardFilter s) {
      weighted.linearBackwardFilter(a, s);
    } else if (step instanceof ActivationForward s) {
      reluForward(a, s);
    } else if (step instanceof ActivationBackward s) {
      reluBackward(a, s);
    } else if (step instanceof ReluBiasBackward s) {
      weighted.reluBiasBackward(a, s);
    } else if (step instanceof MaxPoolForward s) {
      maxPoolForward(a, s);
    } else if (step instanceof MaxPoolBackward s) {
      maxPoolBackward(a, s);
    } else if (step instanceof GlobalAvgPoolForward s) {
      averagePoolForward(a, s);
    } else if (step instanceof GlobalAvgPoolBackward s) {
      averagePoolBackward(a, s);
    } else if (step instanceof DropoutForward s) {
      dropout(a, s.probability(), s.stream(), s.input(), s.output());
    } else if (step instanceof DropoutBackward s) {
      dropout(a, s.probability(), s.stream(), s.outputGradient(), s.inputGradient());
    } else if (step instanceof FlattenForward s) {
      transpose(a, "nhwc_to_nchw_", s.input(), a.read(s.input()), a.write(s.output()));
    } else if (step instanceof FlattenBackward s) {
      CUdeviceptr dy = a.read(s.outputGradient());
      transpose(a, "nchw_to_nhwc_", s.inputGradient(), dy, a.write(s.inputGradient()));
    } else if (step instanceof SoftmaxCrossEntropy s) {
      softmaxCrossEntropy(a, s);
    } else if (step instanceof SgdUpdate s) {
      update(a, s);
    } else if (step instanceof Fused s) {
      fused.bind(a, memory, s);
    } else {
      throw new AssertionError("no kernels for " + step.kind());
    }
    return a.finish();
  }

  /** What moves the counters on, at the end of each run. */
  Work advance() {
    Control control = memory.control();
    return kernels.single("counters", "advance_counters", control.step(), control.run());
  }

  private void makeBatch(Assembly a, MakeBatch s, CUdeviceptr resident) {
    BatchTables tables = BatchTables.of(s.spec());
    ByteBuffer content = tables.content();
    device
        .staging()
        .upload(
            resident,
            tables.bytes(),
            (buffer, offset) ->
                buffer.put(content.duplicate().position((int) offset).limit(content.limit())));
    Shape source = s.spec().source();
    int batch = plan.batch();
    int channels = source.dim(0);
    int height = s.spec().height();
    int tiles = (height + tables.tileRows() - 1) / tables.tileRows();
    a.launchBlocks(
        "batch",
        "make_batch_" + a.suffix(),
        kernels.tiles((long) batch * tiles),
        inputs.images,
        inputs.labels,
        inputs.order,
        inputs.orderLength,
        memory.control().run(),
        memory.control().step(),
        resident.withByteOffset(tables.rowsOffset()),
        tables.rows().maxCount(),
        resident.withByteOffset(tables.columnsOffset()),
        tables.columns().maxCount(),
        resident.withByteOffset(tables.meanOffset()),
        resident.withByteOffset(tables.stdOffset()),
        a.write(s.images()),
        memory.at(s.labels()),
        batch,
        channels,
        source.dim(1),
        source.dim(2),
        channels,
        height,
        s.spec().width(),
        tables.tileRows(),
        inputs.seed,
        Philox.Stream.AUGMENTATION,
        s.spec().augmentation().flip() ? 1 : 0,
        s.spec().augmentation().shift());
  }

  private void reluForward(Assembly a, ActivationForward s) {
    long n = s.input().shape().elements();
    CUdeviceptr x = a.read(s.input());
    a.launch("relu", "relu_forward_" + a.suffix(), packs(a, n), x, a.write(s.output()), n);
  }

  private void reluBackward(Assembly a, ActivationBackward s) {
    long n = s.output().shape().elements();
    CUdeviceptr y = a.read(s.output());
    CUdeviceptr dy = a.read(s.outputGradient());
    CUdeviceptr dx = a.write(s.inputGradient());
    a.launch("relu", "relu_backward_" + a.suffix(), packs(a, n), y, dy, dx, n);
  }

  private static long packs(Assembly a, long elements) {
    return elements / Kernels.pack(a.type());
  }

  private void maxPoolForward(Assembly a, MaxPoolForward s) {
    CUdeviceptr x = a.read(s.input());
    CUdeviceptr y = a.write(s.output());
    CUdeviceptr position = s.position().map(memory::at).orElse(NONE);
    Geometry g = Geometry.of(s.input(), s.output(), s.pool().window());
    g.launch(a, "max_pool_forward_", s.output().shape().elements(), x, y, position);
  }

  private void maxPoolBackward(Assembly a, MaxPoolBackward s) {
    CUdeviceptr dy = a.read(s.outputGradient());
    CUdeviceptr dx = a.write(s.inputGradient());
    Geometry g = Geometry.of(s.inputGradient(), s.outputGradient(), s.pool().window());
    long elements = s.inputGradient().shape().elements();
    g.launch(a, "max_pool_backward_", elements, memory.at(s.position()), dy, dx);
  }

  /** The numbers at the end of a pooling kernel's arguments. */
  private record Geometry(Shape in, Shape out, Window window) {
    static Geometry of(TensorSpec in, TensorSpec out, Window window) {
      return new Geometry(in.shape(), out.shape(), window);
    }

    void launch(
        Assembly a, String kernel, long elements, CUdeviceptr p, CUdeviceptr q, CUdeviceptr r) {
      a.launch(
          "max_pool",
          kernel + a.suffix(),
          packs(a, elements),
          p,
          q,
          r,
          (long) in.dim(0),
          in.dim(2),
          in.dim(3),
          in.dim(1),
          out.dim(2),
          out.dim(3),
          window.kernel(),
          window.stride(),
          window.padding());
    }
  }

  private void averagePoolForward(Assembly a, GlobalAvgPoolForward s) {
    Shape shape = s.input().shape();
    a.launchBlocks(
        "average_pool",
        "global_average_pool_forward_" + averageSuffix(s.input(), s.output()),
        kernels.tiles((long) shape.dim(0) * ((shape.dim(1) + 31) / 32)),
        memory.at(s.input()),
        memory.at(s.output()),
        (long) shape.dim(0),
        shape.dim(1),
        shape.dim(2) * shape.dim(3));
  }

  private void averagePoolBackward(Assembly a, GlobalAvgPoolBackward s) {
    Shape shape = s.inputGradient().shape();
    a.launch(
        "average_pool",
        "global_average_pool_backward_" + averageSuffix(s.inputGradient(), s.outputGradient()),
        shape.elements() / Kernels.pack(s.inputGradient().type()),
        memory.at(s.outputGradient()),
        memory.at(s.inputGradient()),
        (long) shape.dim(0),
        shape.dim(1),
        shape.dim(2) * shape.dim(3));
  }

  private static String averageSuffix(TensorSpec image, TensorSpec mean) {
    String type = Kernels.suffix(image.type());
    return image.type() == mean.type() ? type : type + "_" + Kernels.suffix(mean.type());
  }

  private void dropout(
      Assembly a, float probability, int stream, TensorSpec input, TensorSpec output) {
    Shape shape = input.shape();
    int channels = shape.dim(1);
    int pixels = Math.toIntExact(shape.elements() / shape.dim(0) / channels);
    CUdeviceptr x = a.read(input);
    a.launch(
        "dropout",
        "dropout_" + a.suffix(),
        packs(a, shape.elements()) / 4,
        x,
        a.write(output),
        (long) shape.dim(0),
        channels,
        pixels,
        probability,
        inputs.seed,
        memory.control().step(),
        stream);
  }

  private void transpose(
      Assembly a, String kernel, TensorSpec image, CUdeviceptr from, CUdeviceptr to) {
    Shape shape = image.shape();
    int channels = shape.dim(1);
    int pixels = Math.toIntExact(shape.elements() / shape.dim(0) / channels);
    long tiles = (long) shape.dim(0) * ((channels + 31) / 32) * ((pixels + 31) / 32);
    a.launchBlocks(
        "layout",
        kernel + a.suffix(),
        kernels.tiles(tiles),
        from,
        to,
        (long) shape.dim(0),
        channels,
        pixels,
        channels);
  }

  private void softmaxCrossEntropy(Assembly a, SoftmaxCrossEntropy s) {
    int samples = s.logits().shape().dim(0);
    CUdeviceptr logits = a.read(s.logits());
    CUdeviceptr gradient = s.gradient().map(a::write).orElse(NONE);
    CUdeviceptr loss = a.scratch((long) samples * Float.BYTES);
    CUdeviceptr rank = a.scratch((long) samples * Integer.BYTES);
    a.launchBlocks(
        "softmax_cross_entropy",
        "softmax_cross_entropy",
        kernels.tiles((samples + 7) / 8),
        logits,
        memory.at(s.labels()),
        gradient,
        loss,
        rank,
        samples,
        s.logits().shape().dim(1),
        s.smoothing());
    a.launchBlocks(
        "softmax_cross_entropy",
        "accumulate_metrics",
        1,
        loss,
        rank,
        memory.control().metrics(),
        memory.control().step(),
        samples);
  }

  /** One launch over the whole region of parameters. */
  private void update(Assembly a, SgdUpdate s) {
    long elements = memory.placed().parameterBytes() / Float.BYTES;
    boolean momentum = s.sgd().momentum() != 0;
    a.launch(
        "sgd",
        "sgd",
        elements / Kernels.pack(DType.F32),
        memory.at(s.parameters().get(0)),
        memory.at(s.gradients().get(0)),
        momentum ? memory.at(s.velocities().get(0)) : NONE,
        memory.hasCopy() ? memory.copyAt(s.parameters().get(0)) : NONE,
        elements,
        inputs.rates,
        inputs.rateCount,
        memory.control().run(),
        s.sgd().momentum(),
        s.sgd().weightDecay(),
        s.sgd().nesterov() ? 1 : 0);
  }
}
