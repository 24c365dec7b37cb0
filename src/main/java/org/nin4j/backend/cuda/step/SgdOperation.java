package org.nin4j.backend.cuda.step;

import jcuda.driver.CUdeviceptr;
import org.nin4j.backend.cuda.kernel.Kernels;
import org.nin4j.plan.step.Sgd;
import org.nin4j.plan.step.SgdUpdate;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.DType;

/** One launch over the whole region of parameters, and over their bf16 copy. */
record SgdOperation(SgdUpdate step) implements Operation {
  @Override
  public void bind(Assembly a) {
    Sgd sgd = step.sgd();
    long elements = a.placed().parameterBytes() / Float.BYTES;
    TensorSpec first = step.parameters().get(0);
    CUdeviceptr velocities = sgd.momentum() == 0 ? Assembly.NONE : a.at(step.velocities().get(0));
    a.launch(
        "sgd",
        "sgd",
        elements / Kernels.pack(DType.F32),
        a.at(first),
        a.at(step.gradients().get(0)),
        velocities,
        a.copyFrom(first),
        elements,
        a.inputs().rates(),
        a.inputs().rateCount(),
        a.control().run(),
        sgd.momentum(),
        sgd.weightDecay(),
        sgd.nesterov() ? 1 : 0);
  }
}
