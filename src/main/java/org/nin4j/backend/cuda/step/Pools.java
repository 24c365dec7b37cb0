package org.nin4j.backend.cuda.step;

import java.util.ArrayList;
import java.util.List;
import jcuda.driver.CUdeviceptr;
import org.nin4j.backend.cuda.kernel.Kernels;
import org.nin4j.model.Window;
import org.nin4j.plan.step.AvgPoolBackward;
import org.nin4j.plan.step.AvgPoolForward;
import org.nin4j.plan.step.GlobalAvgPoolBackward;
import org.nin4j.plan.step.GlobalAvgPoolForward;
import org.nin4j.plan.step.GlobalMaxPoolBackward;
import org.nin4j.plan.step.GlobalMaxPoolForward;
import org.nin4j.plan.step.MaxPoolBackward;
import org.nin4j.plan.step.MaxPoolForward;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Shape;

/** Pools and their gradients. */
final class Pools {
  private Pools() {}

  static Operation max(MaxPoolForward s) {
    DType type = Kernels.type(s.layer(), s.input(), s.output());
    long elements = s.output().shape().elements();
    Geometry g = new Geometry(s.input().shape(), s.output().shape(), s.pool().window());
    return a ->
        g.launch(
            a,
            "max_pool",
            "max_pool_forward_" + Kernels.suffix(type),
            elements / Kernels.pack(type),
            List.of(),
            a.at(s.input()),
            a.at(s.output()),
            s.position().map(a::at).orElse(Assembly.NONE));
  }

  static Operation maxBackward(MaxPoolBackward s) {
    DType type = Kernels.type(s.layer(), s.outputGradient(), s.inputGradient());
    Shape in = s.inputGradient().shape();
    Geometry g = new Geometry(in, s.outputGradient().shape(), s.pool().window());
    return a ->
        g.launch(
            a,
            "max_pool",
            "max_pool_backward_" + Kernels.suffix(type),
            in.elements() / Kernels.pack(type),
            List.of(),
            a.at(s.position()),
            a.at(s.outputGradient()),
            a.at(s.inputGradient()));
  }

  static Operation average(AvgPoolForward s) {
    DType type = Kernels.type(s.layer(), s.input(), s.output());
    long elements = s.output().shape().elements();
    Geometry g = new Geometry(s.input().shape(), s.output().shape(), s.pool().window());
    return a ->
        g.launch(
            a,
            "window_average",
            "window_average_forward_" + Kernels.suffix(type),
            elements / Kernels.pack(type),
            List.of(s.pool().countPadding() ? 1 : 0),
            a.at(s.input()),
            a.at(s.output()));
  }

  static Operation averageBackward(AvgPoolBackward s) {
    DType type = Kernels.type(s.layer(), s.outputGradient(), s.inputGradient());
    Shape in = s.inputGradient().shape();
    Geometry g = new Geometry(in, s.outputGradient().shape(), s.pool().window());
    return a ->
        g.launch(
            a,
            "window_average",
            "window_average_backward_" + Kernels.suffix(type),
            in.elements() / Kernels.pack(type),
            List.of(s.pool().countPadding() ? 1 : 0),
            a.at(s.outputGradient()),
            a.at(s.inputGradient()));
  }

  /** The numbers in the arguments of a pool with windows. */
  private record Geometry(Shape in, Shape out, Window window) {
    void launch(
        Assembly a,
        String file,
        String kernel,
        long units,
        List<Integer> more,
        CUdeviceptr... tensors) {
      List<Object> arguments = new ArrayList<>(List.of(tensors));
      arguments.add((long) in.dim(0));
      arguments.addAll(List.of(in.dim(2), in.dim(3), in.dim(1), out.dim(2), out.dim(3)));
      arguments.addAll(List.of(window.kernel(), window.stride(), window.padding()));
      arguments.addAll(more);
      a.launch(file, kernel, units, arguments.toArray());
    }
  }

  static Operation globalAverage(GlobalAvgPoolForward s) {
    String type = Kernels.suffix(Kernels.type(s.layer(), s.input(), s.output()));
    return reduction("average_pool", "global_average_pool_forward_" + type, s.input(), s.output());
  }

  static Operation globalAverageBackward(GlobalAvgPoolBackward s) {
    String type = Kernels.suffix(Kernels.type(s.layer(), s.outputGradient(), s.inputGradient()));
    return spread(
        "average_pool",
        "global_average_pool_backward_" + type,
        s.inputGradient(),
        s.outputGradient());
  }

  static Operation globalMax(GlobalMaxPoolForward s) {
    String type = Kernels.suffix(Kernels.type(s.layer(), s.input(), s.output()));
    String kernel = "global_max_pool_forward_" + type;
    return a ->
        reduce(
            a,
            "global_max_pool",
            kernel,
            s.input().shape(),
            a.at(s.input()),
            a.at(s.output()),
            s.position().map(a::at).orElse(Assembly.NONE));
  }

  static Operation globalMaxBackward(GlobalMaxPoolBackward s) {
    String type = Kernels.suffix(Kernels.type(s.layer(), s.outputGradient(), s.inputGradient()));
    return spread(
        "global_max_pool",
        "global_max_pool_backward_" + type,
        s.inputGradient(),
        s.position(),
        s.outputGradient());
  }

  private static Operation reduction(String file, String kernel, TensorSpec x, TensorSpec y) {
    return a -> reduce(a, file, kernel, x.shape(), a.at(x), a.at(y));
  }

  /** A block takes 32 channels of an image. */
  private static void reduce(
      Assembly a, String file, String kernel, Shape image, CUdeviceptr... tensors) {
    long tiles = (long) image.dim(0) * ((image.dim(1) + 31) / 32);
    a.launchTiles(file, kernel, tiles, arguments(image, tensors));
  }

  private static Operation spread(String file, String kernel, TensorSpec dx, TensorSpec... from) {
    Shape image = dx.shape();
    return a -> {
      List<CUdeviceptr> tensors = new ArrayList<>();
      for (TensorSpec tensor : from) {
        tensors.add(a.at(tensor));
      }
      tensors.add(a.at(dx));
      a.launch(
          file,
          kernel,
          image.elements() / Kernels.pack(dx.type()),
          arguments(image, tensors.toArray(CUdeviceptr[]::new)));
    };
  }

  private static Object[] arguments(Shape image, CUdeviceptr... tensors) {
    List<Object> arguments = new ArrayList<>(List.of(tensors));
    arguments.add((long) image.dim(0));
    arguments.add(image.dim(1));
    arguments.add(image.dim(2) * image.dim(3));
    return arguments.toArray();
  }
}
