package org.nin4j.backend.onednn;

import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DIFF_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DIFF_SRC;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC;

import java.util.List;
import org.bytedeco.dnnl.eltwise_backward;
import org.bytedeco.dnnl.eltwise_forward;
import org.bytedeco.dnnl.global.dnnl.algorithm;
import org.bytedeco.dnnl.global.dnnl.prop_kind;
import org.bytedeco.dnnl.memory;
import org.nin4j.plan.ReluForward;
import org.nin4j.plan.TensorSpec;

/** ReLU and flattening: element in, element out. */
final class Elements {
  private final Dnnl dnnl;

  Elements(Dnnl dnnl) {
    this.dnnl = dnnl;
  }

  private eltwise_forward.primitive_desc reluDescriptor(memory.desc x, memory.desc y) {
    return new eltwise_forward.primitive_desc(
        dnnl.engine(),
        prop_kind.forward_training,
        algorithm.eltwise_relu,
        x,
        y,
        0,
        0,
        dnnl.userScratchpad(),
        false);
  }

  Operation relu(ReluForward step) {
    eltwise_forward.primitive_desc descriptor =
        reluDescriptor(Dnnl.laid(step.input()), Dnnl.laid(step.output()));
    return places ->
        new Calls(dnnl)
            .add(
                descriptor,
                new eltwise_forward(descriptor),
                places,
                0,
                List.of(
                    Calls.argument(DNNL_ARG_SRC, places.memory(step.input())),
                    Calls.argument(DNNL_ARG_DST, places.memory(step.output()))))
            .kernel();
  }

  Operation reluBackward(TensorSpec y, TensorSpec dy, TensorSpec dx) {
    memory.desc laid = Dnnl.laid(y);
    eltwise_backward.primitive_desc descriptor =
        new eltwise_backward.primitive_desc(
            dnnl.engine(),
            algorithm.eltwise_relu_use_dst_for_bwd,
            laid,
            laid,
            laid,
            0f,
            0f,
            reluDescriptor(laid, laid),
            dnnl.userScratchpad(),
            false);
    return places ->
        new Calls(dnnl)
            .add(
                descriptor,
                new eltwise_backward(descriptor),
                places,
                0,
                List.of(
                    Calls.argument(DNNL_ARG_DST, places.memory(y)),
                    Calls.argument(DNNL_ARG_DIFF_DST, places.memory(dy)),
                    Calls.argument(DNNL_ARG_DIFF_SRC, places.memory(dx))))
            .kernel();
  }

  /** Flat tensors lie in logical order, so this brings the channels outward. */
  Operation flatten(TensorSpec image, TensorSpec flat) {
    memory.desc flatAsImage = Dnnl.plain(image.shape(), flat.type());
    return copy(image, Dnnl.laid(image), flat, flatAsImage);
  }

  Operation unflatten(TensorSpec flat, TensorSpec image) {
    memory.desc flatAsImage = Dnnl.plain(image.shape(), flat.type());
    return copy(flat, flatAsImage, image, Dnnl.laid(image));
  }

  private Operation copy(
      TensorSpec from, memory.desc fromSeenAs, TensorSpec to, memory.desc toSeenAs) {
    long scratch = Calls.reorderScratchpad(dnnl, fromSeenAs, toSeenAs);
    return new Operation() {
      @Override
      public long workspace() {
        return scratch;
      }

      @Override
      public Kernel bind(Places places) {
        return new Calls(dnnl)
            .addReorder(places.memory(fromSeenAs, from), places.memory(toSeenAs, to), places, 0)
            .kernel();
      }
    };
  }
}
