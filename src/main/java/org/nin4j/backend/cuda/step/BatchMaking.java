package org.nin4j.backend.cuda.step;

import java.nio.ByteBuffer;
import jcuda.driver.CUdeviceptr;
import org.nin4j.backend.cuda.device.Device;
import org.nin4j.backend.cuda.kernel.Kernels;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.MakeBatch;
import org.nin4j.tensor.Philox;
import org.nin4j.tensor.Shape;

/** Makes batches from the stored samples; keeps the tables of {@link BatchTables}. */
record BatchMaking(Device device, MakeBatch step) implements Operation {
  @Override
  public long resident() {
    return BatchTables.of(step.spec()).bytes();
  }

  @Override
  public void bind(Assembly a) {
    BatchSpec spec = step.spec();
    BatchTables tables = BatchTables.of(spec);
    CUdeviceptr resident = a.resident();
    ByteBuffer content = tables.content();
    device
        .staging()
        .upload(
            resident,
            tables.bytes(),
            (buffer, offset) ->
                buffer.put(content.duplicate().position((int) offset).limit(content.limit())));
    Shape source = spec.source();
    int batch = step.images().shape().dim(0);
    int channels = source.dim(0);
    int tiles = (spec.height() + tables.tileRows() - 1) / tables.tileRows();
    RunInputs inputs = a.inputs();
    a.launchTiles(
        "batch",
        "make_batch_" + Kernels.suffix(step.images().type()),
        (long) batch * tiles,
        inputs.images(),
        inputs.labels(),
        inputs.order(),
        inputs.orderLength(),
        a.control().run(),
        a.control().step(),
        a.control().firstPlace(),
        resident.withByteOffset(tables.rowsOffset()),
        tables.rows().maxCount(),
        resident.withByteOffset(tables.columnsOffset()),
        tables.columns().maxCount(),
        resident.withByteOffset(tables.meanOffset()),
        resident.withByteOffset(tables.stdOffset()),
        resident.withByteOffset(tables.cutOffset()),
        a.at(step.images()),
        a.at(step.labels()),
        batch,
        channels,
        source.dim(1),
        source.dim(2),
        channels,
        spec.height(),
        spec.width(),
        tables.tileRows(),
        inputs.seed(),
        Philox.Stream.AUGMENTATION,
        spec.augmentation().flip() ? 1 : 0,
        spec.augmentation().shift(),
        spec.border(),
        spec.augmentation().cutout());
  }
}
