package org.nin4j.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.nin4j.model.Activation;
import org.nin4j.model.AvgPool2d;
import org.nin4j.model.BatchNorm;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.MaxPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.NinBlock;
import org.nin4j.model.Sequential;
import org.nin4j.model.Window;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.rewrite.Fusion;
import org.nin4j.plan.rewrite.KernelFusion;
import org.nin4j.plan.step.ActivationBackward;
import org.nin4j.plan.step.ActivationForward;
import org.nin4j.plan.step.Adam;
import org.nin4j.plan.step.AdamUpdate;
import org.nin4j.plan.step.AfterNorm;
import org.nin4j.plan.step.AvgPoolBackward;
import org.nin4j.plan.step.AvgPoolForward;
import org.nin4j.plan.step.BatchNormBackward;
import org.nin4j.plan.step.BatchNormForward;
import org.nin4j.plan.step.BatchNormInference;
import org.nin4j.plan.step.BatchNormReluBackward;
import org.nin4j.plan.step.BatchNormSumReluBackward;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.Cast;
import org.nin4j.plan.step.ClipFactor;
import org.nin4j.plan.step.ConcatBackward;
import org.nin4j.plan.step.ConcatForward;
import org.nin4j.plan.step.ConvolutionBackwardData;
import org.nin4j.plan.step.ConvolutionBackwardFilter;
import org.nin4j.plan.step.ConvolutionForward;
import org.nin4j.plan.step.DropoutBackward;
import org.nin4j.plan.step.DropoutForward;
import org.nin4j.plan.step.FlattenBackward;
import org.nin4j.plan.step.FlattenForward;
import org.nin4j.plan.step.FoldNorm;
import org.nin4j.plan.step.Fused;
import org.nin4j.plan.step.GlobalAvgPoolBackward;
import org.nin4j.plan.step.GlobalAvgPoolForward;
import org.nin4j.plan.step.GlobalMaxPoolBackward;
import org.nin4j.plan.step.GlobalMaxPoolForward;
import org.nin4j.plan.step.LinearBackwardData;
import org.nin4j.plan.step.LinearBackwardFilter;
import org.nin4j.plan.step.LinearForward;
import org.nin4j.plan.step.MakeBatch;
import org.nin4j.plan.step.MaxPoolBackward;
import org.nin4j.plan.step.MaxPoolForward;
import org.nin4j.plan.step.ReluBiasBackward;
import org.nin4j.plan.step.Sgd;
import org.nin4j.plan.step.SgdUpdate;
import org.nin4j.plan.step.SoftmaxCrossEntropy;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.Sum;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.plan.step.UpdateGroup;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Philox;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

/**
 * Every kind of step over odd sizes, batch 1, one channel, sizes past a vector, strides over the
 * kernel, padding: what a backend must get right.
 */
public final class StepCases {
  private final DType type;
  private final long seed;
  private final List<StepCase> cases = new ArrayList<>();

  private StepCases(DType type, long seed) {
    this.type = type;
    this.seed = seed;
  }

  /**
   * All cases with activations of the given type.
   *
   * @param type F32 or BF16
   * @param seed of the random inputs
   */
  public static List<StepCase> all(DType type, long seed) {
    StepCases cases = new StepCases(type, seed);
    cases.convolutions();
    cases.groupedConvolutions();
    cases.linears();
    cases.elements();
    cases.pools();
    cases.averagePools();
    cases.joins();
    cases.norms();
    if (type == DType.BF16) {
      cases.casts();
    }
    cases.losses();
    if (type == DType.F32) {
      cases.updates();
    }
    cases.batches();
    return cases.cases;
  }

  /**
   * Several steps as one, in bf16, for backends that have kernels for that; where these take fp32
   * too, in both.
   *
   * @param seed of the random inputs
   */
  public static List<StepCase> fused(long seed) {
    StepCases cases = new StepCases(DType.BF16, seed);
    for (int channels : new int[] {96, 256, 384}) {
      cases.pointwisePair(1, channels, 1, 1);
      cases.pointwisePair(2, channels, 7, 5);
      cases.pointwisePair(3, channels, 13, 11);
    }
    cases.firstBlock(1, 19, 19);
    cases.firstBlock(2, 67, 43);
    cases.firstBlock(3, 38, 61);
    // So wide that the smaller GPUs hold three rows of it before the pool, and no more.
    cases.firstBlock(1, 35, 120);
    cases.firstBlockGradient(1, 19, 19);
    cases.firstBlockGradient(3, 38, 61);
    cases.head(1, 1, 1, 1);
    cases.head(128, 10, 5, 5);
    cases.head(3, 10, 7, 5);
    cases.head(1, 16, 9, 11);
    cases.head(2, 17, 8, 4);
    cases.head(5, 32, 6, 7);
    cases.head(1, 32, 1, 1);
    // More than the blocks that sum.
    cases.head(300, 3, 2, 3);
    for (DType type : new DType[] {DType.F32, DType.BF16}) {
      StepCases either = new StepCases(type, seed);
      either.dataGradients();
      either.onePassNorms();
      cases.cases.addAll(either.cases);
    }
    return cases.cases;
  }

  private void dataGradients() {
    dataGradient(1, 1, 1, 1, 1, new Window(1, 1, 0));
    dataGradient(2, 17, 9, 7, 33, new Window(1, 1, 0));
    dataGradient(2, 96, 6, 5, 96, new Window(1, 1, 0));
    dataGradient(3, 16, 7, 5, 24, new Window(3, 1, 1));
    dataGradient(2, 8, 9, 10, 16, new Window(5, 1, 2));
    dataGradient(2, 5, 9, 10, 7, new Window(3, 2, 1));
    dataGradient(1, 64, 5, 5, 10, new Window(3, 1, 1));
  }

  /** With the gradient of the ReLU before it, and the bias gradient before that or without. */
  private void dataGradient(int n, int c, int h, int w, int o, Window window) {
    int k = window.kernel();
    TensorSpec y = activation("y", n, c, h, w);
    TensorSpec dy = activation("dy", n, c, h, w);
    TensorSpec dx = activation("dx", n, c, h, w);
    TensorSpec db = tensor("b.gradient", DType.F32, Role.PARAMETER_GRADIENT, c);
    Step data =
        new ConvolutionBackwardData(
            "l",
            new Conv2d(o, window),
            activation("dz", n, o, window.outputExtent(h), window.outputExtent(w)),
            tensor("w", DType.F32, Role.PARAMETER, o, c, k, k),
            dy);
    String what = Text.of("data gradient+relu %s %s of %s to %d", type, window, y.shape(), o);
    random(
        what,
        new Fused(
            Fused.Kernel.DATA_GRADIENT_RELU,
            List.of(data, new ActivationBackward("r", Activation.RELU, y, dy, dx)),
            List.of(dx)));
    // Whole numbers: what the bias gradient sums may be rounded to bf16 before, or not.
    Step withBias =
        new Fused(
            Fused.Kernel.DATA_GRADIENT_RELU,
            List.of(data, new ReluBiasBackward("r", y, dy, dx, db)),
            List.of(dx, db));
    cases.add(whole(StepCase.random(what + ", bias", withBias, seed)));
  }

  private void pointwisePair(int n, int channels, int h, int w) {
    TensorSpec x = activation("x", n, channels, h, w);
    TensorSpec between = activation("between", n, channels, h, w);
    TensorSpec y = activation("y", n, channels, h, w);
    List<Step> parts = List.of(convolution("a", 1, x, between), convolution("b", 1, between, y));
    String what = "pair of 1×1 convolutions of " + x.shape();
    random(what, new Fused(Fused.Kernel.POINTWISE_PAIR, parts, List.of(between, y)));
    random(what + ", inference", new Fused(Fused.Kernel.POINTWISE_PAIR, parts, List.of(y)));
  }

  /** As in the first block of NiN, where only the first has another stride than 1. */
  private static ConvolutionForward convolution(
      String layer, int kernel, TensorSpec x, TensorSpec y) {
    int filters = y.shape().dim(1);
    int channels = x.shape().dim(1);
    return new ConvolutionForward(
        layer,
        new Conv2d(filters, new Window(kernel, kernel == 1 ? 1 : 4, 0)),
        x,
        tensor(layer + ".w", DType.F32, Role.PARAMETER, filters, channels, kernel, kernel),
        Optional.of(tensor(layer + ".b", DType.F32, Role.PARAMETER, filters)),
        y,
        true);
  }

  private void firstBlock(int n, int h, int w) {
    Window first = new Window(11, 4, 0);
    Window pooling = new Window(3, 2, 0);
    int rows = first.outputExtent(h);
    int columns = first.outputExtent(w);
    TensorSpec x = activation("x", n, 1, h, w);
    TensorSpec a = activation("a.y", n, 96, rows, columns);
    TensorSpec b = activation("b.y", n, 96, rows, columns);
    TensorSpec c = activation("c.y", n, 96, rows, columns);
    int[] out = {n, 96, pooling.outputExtent(rows), pooling.outputExtent(columns)};
    TensorSpec y = activation("y", out);
    TensorSpec position = tensor("p", DType.U8, Role.ACTIVATION, out);
    for (boolean training : new boolean[] {true, false}) {
      MaxPoolForward pool =
          new MaxPoolForward(
              "l",
              new MaxPool2d(pooling, false),
              c,
              y,
              training ? Optional.of(position) : Optional.empty());
      List<Step> parts =
          List.of(
              convolution("a", 11, x, a),
              convolution("b", 1, a, b),
              convolution("c", 1, b, c),
              pool);
      Step block = new Fused(Fused.Kernel.NIN_BLOCK_FORWARD, parts, pool.writes());
      String what = "first block of " + x.shape() + (training ? "" : ", inference");
      cases.add(whole(StepCase.random(what, block, seed)));
    }
  }

  /** All gradients of the first block, as the rewrites of a training plan make them one step. */
  private void firstBlockGradient(int n, int h, int w) {
    Network network =
        new Network(
            "first-block",
            Sequential.of(
                NinBlock.of(96, 11, 4, 0),
                new MaxPool2d(3, 2),
                new Conv2d(3, 1, 1, 0),
                new GlobalAvgPool2d(),
                new Flatten()));
    BatchSpec images = BatchSpec.unit(Shape.of(1, h, w), h, w);
    Purpose training = new Purpose.Training(Optional.empty(), 0);
    Plan plan = Planner.plan(network, images, n, Precision.BF16, training);
    for (Fusion fusion :
        List.of(Fusion.CONVOLUTION_RELU, Fusion.RELU_AFTER_POOL, Fusion.RELU_BIAS_GRADIENT)) {
      plan = fusion.apply(plan);
    }
    Fused block =
        KernelFusion.NIN_BLOCK
            .apply(plan, all -> true)
            .steps(Fused.class)
            .filter(f -> f.kernel() == Fused.Kernel.NIN_BLOCK_BACKWARD)
            .findFirst()
            .orElseThrow();
    MaxPoolBackward pool = block.parts(MaxPoolBackward.class).findFirst().orElseThrow();
    Shape before = pool.inputGradient().shape();
    int[] out = pool.position().shape().dims().stream().mapToInt(Integer::intValue).toArray();
    cases.add(
        whole(StepCase.random("gradients of the first block of " + images.output(), block, seed))
            .with(
                pool.position(),
                positions(pool.pool().window(), before.dim(2), before.dim(3), out)));
  }

  /** Both directions of two 1×1 convolutions and the mean, as the rewrites make each one step. */
  private void head(int n, int c, int h, int w) {
    Conv2d pointwise = new Conv2d(c, 1, 1, 0);
    Network network =
        new Network(
            "head",
            Sequential.of(
                pointwise,
                Activation.RELU,
                pointwise,
                Activation.RELU,
                pointwise,
                Activation.RELU,
                new GlobalAvgPool2d(),
                new Flatten()));
    BatchSpec images = BatchSpec.unit(Shape.of(c, h, w), h, w);
    for (Purpose purpose :
        List.of(new Purpose.Training(Optional.empty(), 0), new Purpose.Inference())) {
      Plan plan = Planner.plan(network, images, n, Precision.BF16, purpose);
      for (Fusion fusion : List.of(Fusion.CONVOLUTION_RELU, Fusion.RELU_BIAS_GRADIENT)) {
        plan = fusion.apply(plan);
      }
      for (KernelFusion fusion : List.of(KernelFusion.HEAD_FORWARD, KernelFusion.HEAD_BACKWARD)) {
        plan = fusion.apply(plan, all -> true);
      }
      List<Fused> heads = plan.steps(Fused.class).toList();
      assertEquals(purpose instanceof Purpose.Training ? 2 : 1, heads.size());
      for (Fused head : heads) {
        String what = Text.of("%s of %s", head.kind(), Shape.of(n, c, h, w));
        StepCase whole =
            whole(
                StepCase.random(
                    purpose instanceof Purpose.Training ? what : what + ", inference", head, seed));
        cases.add(head.kernel() == Fused.Kernel.HEAD_BACKWARD ? undivided(whole, h * w) : whole);
      }
    }
  }

  /** With a gradient of the logits that the pixels divide without a rest. */
  private static StepCase undivided(StepCase head, int pixels) {
    TensorSpec gradient = head.step().reads().get(0);
    float[] values = head.inputs().get(gradient).values();
    for (int i = 0; i < values.length; i++) {
      values[i] *= pixels;
    }
    return head;
  }

  /**
   * With whole numbers: inputs of −1, 0, 1, three such numbers in each filter and a bias. Three
   * layers stay below 2⁸, exact in bf16, so that equal maxima are found in the same place.
   */
  private StepCase whole(StepCase stepCase) {
    int stream = 0;
    for (TensorSpec tensor : stepCase.step().reads()) {
      float[] values = stepCase.inputs().get(tensor).values();
      Philox.Sequence random = new Philox.Sequence(seed, 4, stream++);
      int filter = (int) (tensor.shape().elements() / tensor.shape().dim(0));
      for (int i = 0; i < values.length; i++) {
        values[i] = tensor.role() == Role.PARAMETER ? 0 : random.nextBelow(3) - 1;
      }
      for (int from = 0; tensor.role() == Role.PARAMETER && from < values.length; from += filter) {
        for (int product = 0; product < 3; product++) {
          values[from + random.nextBelow(filter)] = random.nextBelow(3) - 1;
        }
      }
    }
    return stepCase;
  }

  private static TensorSpec tensor(String name, DType type, Role role, int... dims) {
    return new TensorSpec(name, Shape.of(dims), type, role);
  }

  private static TensorSpec tensor(String name, DType type, Role role, Shape shape) {
    return new TensorSpec(name, shape, type, role);
  }

  private TensorSpec activation(String name, int... dims) {
    return tensor(name, type, Role.ACTIVATION, dims);
  }

  private void convolutions() {
    convolution(1, 1, 1, 1, 1, new Window(1, 1, 0));
    convolution(2, 3, 7, 5, 4, new Window(3, 1, 1));
    convolution(1, 1, 23, 23, 96, new Window(11, 4, 0));
    convolution(3, 1, 12, 15, 8, new Window(11, 4, 0));
    convolution(2, 17, 9, 9, 33, new Window(1, 1, 0));
    convolution(2, 96, 6, 6, 96, new Window(1, 1, 0));
    convolution(2, 20, 8, 7, 40, new Window(5, 1, 2));
    convolution(1, 5, 9, 10, 7, new Window(2, 3, 0));
    convolution(2, 4, 6, 6, 6, new Window(1, 2, 0));
    convolution(2, 64, 5, 5, 10, new Window(3, 1, 1));
    convolution(2, 8, 7, 6, 3, new Window(3, 2, 1));
    convolution(2, 3, 13, 11, 16, new Window(7, 2, 3));
    convolution(2, 10, 5, 5, 10, new Window(1, 1, 0));
    convolution(2, 3, 10, 10, 16, new Window(3, 2, 1));
    convolution(5, 16, 3, 3, 32, new Window(3, 1, 2));
    convolution(3, 96, 13, 11, 64, new Window(5, 1, 2));
    convolution(4, 48, 12, 12, 80, new Window(3, 1, 1));
    convolution(2, 7, 6, 9, 5, new Window(5, 1, 0));
    convolution(1, 2, 4, 5, 3, new Window(5, 1, 4));
  }

  private void convolution(int n, int c, int h, int w, int o, Window window) {
    Conv2d conv = new Conv2d(o, window);
    TensorSpec x = activation("x", n, c, h, w);
    TensorSpec y = activation("y", n, o, window.outputExtent(h), window.outputExtent(w));
    TensorSpec dy = activation("dy", n, o, window.outputExtent(h), window.outputExtent(w));
    TensorSpec dx = activation("dx", n, c, h, w);
    int k = window.kernel();
    TensorSpec weight = tensor("w", DType.F32, Role.PARAMETER, o, c, k, k);
    TensorSpec bias = tensor("b", DType.F32, Role.PARAMETER, o);
    TensorSpec dw = tensor("w.gradient", DType.F32, Role.PARAMETER_GRADIENT, o, c, k, k);
    TensorSpec db = tensor("b.gradient", DType.F32, Role.PARAMETER_GRADIENT, o);
    String what = Text.of(" %s of %s to %d", window, x.shape(), o);
    random(
        "forward" + what,
        new ConvolutionForward("l", conv, x, weight, Optional.of(bias), y, false));
    random(
        "forward+relu" + what,
        new ConvolutionForward("l", conv, x, weight, Optional.of(bias), y, true));
    random("data gradient" + what, new ConvolutionBackwardData("l", conv, dy, weight, dx));
    random(
        "filter gradient" + what,
        new ConvolutionBackwardFilter("l", conv, x, dy, dw, Optional.of(db)));
    random(
        "filter gradient, no bias" + what,
        new ConvolutionBackwardFilter("l", conv, x, dy, dw, Optional.empty()));
  }

  private void groupedConvolutions() {
    groupedConvolution(2, 4, 6, 5, 6, 2, new Window(3, 1, 1));
    groupedConvolution(1, 6, 7, 7, 6, 6, new Window(3, 2, 1));
    groupedConvolution(3, 32, 5, 5, 64, 4, new Window(1, 1, 0));
    groupedConvolution(2, 3, 9, 8, 9, 1, new Window(3, 1, 1));
  }

  /** In groups, and without bias. */
  private void groupedConvolution(int n, int c, int h, int w, int o, int groups, Window window) {
    Conv2d conv = new Conv2d(o, window, groups, false);
    int[] out = {n, o, window.outputExtent(h), window.outputExtent(w)};
    int k = window.kernel();
    TensorSpec x = activation("x", n, c, h, w);
    TensorSpec dx = activation("dx", n, c, h, w);
    TensorSpec y = activation("y", out);
    TensorSpec dy = activation("dy", out);
    TensorSpec weight = tensor("w", DType.F32, Role.PARAMETER, o, c / groups, k, k);
    TensorSpec dw = tensor("w.gradient", DType.F32, Role.PARAMETER_GRADIENT, o, c / groups, k, k);
    String what = Text.of(" %s of %s to %d in %d groups, no bias", window, x.shape(), o, groups);
    for (boolean relu : new boolean[] {false, true}) {
      random(
          (relu ? "forward+relu" : "forward") + what,
          new ConvolutionForward("l", conv, x, weight, Optional.empty(), y, relu));
    }
    random("data gradient" + what, new ConvolutionBackwardData("l", conv, dy, weight, dx));
    random(
        "filter gradient" + what,
        new ConvolutionBackwardFilter("l", conv, x, dy, dw, Optional.empty()));
  }

  private void linears() {
    for (int[] s : new int[][] {{1, 1, 1}, {3, 17, 5}, {2, 64, 33}, {9, 100, 10}}) {
      TensorSpec x = activation("x", s[0], s[1]);
      TensorSpec dx = activation("dx", s[0], s[1]);
      TensorSpec y = activation("y", s[0], s[2]);
      TensorSpec dy = activation("dy", s[0], s[2]);
      TensorSpec weight = tensor("w", DType.F32, Role.PARAMETER, s[2], s[1]);
      TensorSpec bias = tensor("b", DType.F32, Role.PARAMETER, s[2]);
      TensorSpec dw = tensor("w.gradient", DType.F32, Role.PARAMETER_GRADIENT, s[2], s[1]);
      TensorSpec db = tensor("b.gradient", DType.F32, Role.PARAMETER_GRADIENT, s[2]);
      String what = Text.of(" linear %s to %d", x.shape(), s[2]);
      random("forward" + what, new LinearForward("l", x, weight, bias, y, false));
      random("forward+relu" + what, new LinearForward("l", x, weight, bias, y, true));
      random("data gradient" + what, new LinearBackwardData("l", dy, weight, dx));
      random("filter gradient" + what, new LinearBackwardFilter("l", x, dy, dw, db));
    }
  }

  private void elements() {
    for (int[] s : new int[][] {{1, 1, 1, 1}, {2, 3, 5, 7}, {3, 17, 1, 1}, {2, 96, 9, 9}}) {
      TensorSpec x = activation("x", s);
      TensorSpec y = activation("y", s);
      TensorSpec dx = activation("dx", s);
      TensorSpec dy = activation("dy", s);
      TensorSpec flat = activation("flat", s[0], s[1] * s[2] * s[3]);
      TensorSpec db = tensor("b.gradient", DType.F32, Role.PARAMETER_GRADIENT, s[1]);
      String what = " of " + x.shape();
      for (Activation f : Activation.values()) {
        random(f.kind() + what, new ActivationForward("l", f, x, y));
        random(f.kind() + " gradient" + what, new ActivationBackward("l", f, y, dy, dx));
      }
      random("relu and bias gradient" + what, new ReluBiasBackward("l", y, dy, dx, db));
      random("dropout" + what, new DropoutForward("l", 0.5f, 3, x, y));
      random("dropout gradient" + what, new DropoutBackward("l", 0.3f, 4, dy, dx));
      random("flatten" + what, new FlattenForward("l", x, flat));
      random("flatten gradient" + what, new FlattenBackward("l", flat, dx));
    }
  }

  private void pools() {
    pool(2, 3, 7, 9, new Window(3, 2, 0));
    pool(1, 1, 3, 3, new Window(3, 2, 0));
    pool(2, 33, 6, 6, new Window(2, 2, 0));
    pool(2, 16, 9, 8, new Window(3, 1, 1));
    pool(1, 96, 10, 10, new Window(3, 2, 0));
    pool(2, 5, 7, 7, new Window(2, 3, 0));
    for (int[] s : new int[][] {{1, 1, 1, 1}, {2, 10, 5, 5}, {3, 33, 2, 7}}) {
      TensorSpec x = activation("x", s);
      TensorSpec dx = activation("dx", s);
      TensorSpec y = activation("y", s[0], s[1], 1, 1);
      TensorSpec dy = activation("dy", s[0], s[1], 1, 1);
      random("global average of " + x.shape(), new GlobalAvgPoolForward("l", x, y));
      random("global average gradient of " + x.shape(), new GlobalAvgPoolBackward("l", dy, dx));
    }
  }

  private void pool(int n, int c, int h, int w, Window window) {
    MaxPool2d pool = new MaxPool2d(window, false);
    TensorSpec x = activation("x", n, c, h, w);
    TensorSpec dx = activation("dx", n, c, h, w);
    int[] out = {n, c, window.outputExtent(h), window.outputExtent(w)};
    TensorSpec y = activation("y", out);
    TensorSpec dy = activation("dy", out);
    TensorSpec position = tensor("p", DType.U8, Role.ACTIVATION, out);
    String what = Text.of(" %s of %s", window, x.shape());
    MaxPoolForward forward = new MaxPoolForward("l", pool, x, y, Optional.of(position));
    random("max pool" + what, forward);
    StepCase ties = StepCase.random("max pool with ties" + what, forward, seed);
    HostTensor coarse = ties.inputs().get(x);
    for (int i = 0; i < coarse.values().length; i++) {
      coarse.values()[i] = Math.max(0, Math.round(2 * coarse.values()[i]));
    }
    cases.add(ties);
    random("max pool in inference" + what, new MaxPoolForward("l", pool, x, y, Optional.empty()));
    MaxPoolBackward backward = new MaxPoolBackward("l", pool, position, dy, dx);
    StepCase gradient = StepCase.random("max pool gradient" + what, backward, seed);
    cases.add(gradient.with(position, positions(window, h, w, out)));
  }

  /** Random winners inside the image. */
  private float[] positions(Window window, int h, int w, int[] out) {
    float[] positions = new float[out[0] * out[1] * out[2] * out[3]];
    Philox.Sequence random = new Philox.Sequence(seed, 2, 0);
    for (int e = 0; e < positions.length; e++) {
      int i = e / out[3] % out[2] * window.stride() - window.padding();
      int j = e % out[3] * window.stride() - window.padding();
      int u;
      int v;
      do {
        u = random.nextBelow(window.kernel());
        v = random.nextBelow(window.kernel());
      } while (i + u < 0 || i + u >= h || j + v < 0 || j + v >= w);
      positions[e] = u * window.kernel() + v;
    }
    return positions;
  }

  private void averagePools() {
    for (boolean ceil : new boolean[] {false, true}) {
      for (boolean counted : new boolean[] {false, true}) {
        averagePool(2, 3, 7, 9, new AvgPool2d(new Window(3, 2, 0), ceil, counted));
        averagePool(1, 1, 6, 5, new AvgPool2d(new Window(3, 2, 1), ceil, counted));
        averagePool(2, 17, 8, 8, new AvgPool2d(new Window(2, 2, 0), ceil, counted));
        averagePool(1, 6, 9, 9, new AvgPool2d(new Window(4, 3, 2), ceil, counted));
        averagePool(2, 5, 7, 7, new AvgPool2d(new Window(2, 3, 0), ceil, counted));
      }
    }
    for (int[] s : new int[][] {{1, 1, 1, 1}, {2, 10, 5, 5}, {3, 33, 2, 7}, {1, 3, 20, 19}}) {
      TensorSpec x = activation("x", s);
      TensorSpec dx = activation("dx", s);
      TensorSpec y = activation("y", s[0], s[1], 1, 1);
      TensorSpec dy = activation("dy", s[0], s[1], 1, 1);
      TensorSpec position = tensor("p", DType.I32, Role.ACTIVATION, s[0], s[1], 1, 1);
      String what = " of " + x.shape();
      random("global max" + what, new GlobalMaxPoolForward("l", x, y, Optional.of(position)));
      random("global max, inference" + what, new GlobalMaxPoolForward("l", x, y, Optional.empty()));
      int pixels = s[2] * s[3];
      float[] winners = new float[s[0] * s[1]];
      Philox.Sequence random = new Philox.Sequence(seed, 6, 0);
      for (int i = 0; i < winners.length; i++) {
        winners[i] = random.nextBelow(pixels);
      }
      Step backward = new GlobalMaxPoolBackward("l", position, dy, dx);
      cases.add(
          StepCase.random("global max gradient" + what, backward, seed).with(position, winners));
    }
  }

  private void averagePool(int n, int c, int h, int w, AvgPool2d pool) {
    Window window = pool.window();
    TensorSpec x = activation("x", n, c, h, w);
    TensorSpec dx = activation("dx", n, c, h, w);
    int[] out = {n, c, window.outputExtent(h, pool.ceil()), window.outputExtent(w, pool.ceil())};
    String what =
        Text.of(
            " %s%s%s of %s",
            window,
            pool.ceil() ? " ceil" : "",
            pool.countPadding() ? " counting padding" : "",
            x.shape());
    random("average pool" + what, new AvgPoolForward("l", pool, x, activation("y", out)));
    random(
        "average pool gradient" + what, new AvgPoolBackward("l", pool, activation("dy", out), dx));
    if (pool.ceil() && !pool.countPadding()) {
      MaxPool2d max = new MaxPool2d(window, pool.ceil());
      TensorSpec position = tensor("p", DType.U8, Role.ACTIVATION, out);
      random(
          "max pool" + what,
          new MaxPoolForward("l", max, x, activation("y", out), Optional.of(position)));
    }
  }

  private void joins() {
    for (int[] s : new int[][] {{1, 1, 1, 1}, {2, 3, 5, 7}, {3, 17, 4, 4}, {2, 96, 9, 9}}) {
      TensorSpec a = activation("a", s);
      TensorSpec b = activation("b", s);
      TensorSpec c = activation("c", s);
      TensorSpec y = activation("y", s);
      String what = " of " + a.shape();
      random("sum of two" + what, new Sum("l", List.of(a, b), y, false));
      random("sum of three" + what, new Sum("l", List.of(a, b, c), y, false));
      random("sum of eight" + what, new Sum("l", List.of(a, b, c, b, a, c, b, a), y, false));
      if (type == DType.F32) {
        // In bf16 a backend may round in between where there are so many.
        random("sum of ten" + what, new Sum("l", List.of(a, b, c, b, a, c, b, a, c, b), y, false));
      }
      random("sum of two and relu" + what, new Sum("l", List.of(a, b), y, true));
      random("sum of three and relu" + what, new Sum("l", List.of(a, b, c), y, true));
      random("twice and relu" + what, new Sum("l", List.of(a, a), y, true));
      random("twice" + what, new Sum("l", List.of(a, a), y, false));
      TensorSpec wide = activation("wide", s[0], 2 * s[1] + 5, s[2], s[3]);
      TensorSpec five = activation("five", s[0], 5, s[2], s[3]);
      random("concatenation" + what, new ConcatForward("l", List.of(a, five, b), wide));
      random(
          "slices" + what,
          new ConcatBackward(
              "l",
              wide,
              List.of(new ConcatBackward.Slice(0, a), new ConcatBackward.Slice(s[1] + 5, b))));
    }
    TensorSpec a = activation("a", 3, 7);
    TensorSpec b = activation("b", 3, 2);
    random(
        "concatenation of features", new ConcatForward("l", List.of(a, b), activation("y", 3, 9)));
  }

  private static final int[][] NORMED = {
    {2, 1, 1, 1}, {1, 3, 5, 7}, {3, 17, 4, 4}, {2, 96, 9, 9}, {5, 6}, {2, 40}
  };

  /** The tensors of a batch norm over so much. */
  private final class Normed {
    final String what;
    final TensorSpec x;
    final TensorSpec y;
    final TensorSpec dy;
    final TensorSpec added;
    final TensorSpec sumGradient;
    final Optional<TensorSpec> dx;
    final TensorSpec weight;
    final TensorSpec bias;
    final TensorSpec runningMean;
    final TensorSpec runningVariance;
    final TensorSpec mean;
    final TensorSpec inverse;
    final TensorSpec dweight;
    final TensorSpec dbias;

    /** For what is above 0, such as variances and their inverses. */
    final float[] positive;

    Normed(int[] s) {
      x = activation("x", s);
      y = activation("y", s);
      dy = activation("dy", s);
      added = activation("added", s);
      sumGradient = activation("masked", s);
      dx = Optional.of(activation("dx", s));
      weight = tensor("weight", DType.F32, Role.PARAMETER, s[1]);
      bias = tensor("bias", DType.F32, Role.PARAMETER, s[1]);
      runningMean = tensor("running_mean", DType.F32, Role.STATE, s[1]);
      runningVariance = tensor("running_var", DType.F32, Role.STATE, s[1]);
      mean = tensor("mean", DType.F32, Role.ACTIVATION, s[1]);
      inverse = tensor("inverse", DType.F32, Role.ACTIVATION, s[1]);
      dweight = tensor("weight.gradient", DType.F32, Role.PARAMETER_GRADIENT, s[1]);
      dbias = tensor("bias.gradient", DType.F32, Role.PARAMETER_GRADIENT, s[1]);
      what = " of " + x.shape();
      positive = new float[s[1]];
      Philox.Sequence random = new Philox.Sequence(seed, 6, 1);
      for (int i = 0; i < positive.length; i++) {
        positive[i] = 0.1f + random.nextUniform();
      }
    }

    void forward(String name, AfterNorm after) {
      random(
          name + what,
          new BatchNormForward(
              "l", NORM, x, weight, bias, runningMean, runningVariance, y, mean, inverse, after));
      Step inference =
          new BatchNormInference(
              "l", NORM, x, weight, bias, runningMean, runningVariance, y, after);
      cases.add(
          StepCase.random(name + ", inference" + what, inference, seed)
              .with(runningVariance, positive));
    }

    void backward(String name, Step step) {
      cases.add(StepCase.random(name + what, step, seed).with(inverse, positive));
    }
  }

  private static final BatchNorm NORM = new BatchNorm(1e-3f, 0.2f);

  private void norms() {
    for (int[] s : NORMED) {
      Normed n = new Normed(s);
      n.forward("batch norm", AfterNorm.NOTHING);
      n.forward("batch norm and relu", AfterNorm.RELU);
      for (Optional<TensorSpec> by : List.of(n.dx, Optional.<TensorSpec>empty())) {
        String only = by.isPresent() ? "" : ", parameters only";
        n.backward(
            "batch norm gradient" + only,
            new BatchNormBackward(
                "l", n.x, n.weight, n.mean, n.inverse, n.dy, by, n.dweight, n.dbias));
        n.backward("batch norm, sum and relu gradient" + only, sumReluGradient(n, by));
      }
    }
  }

  /** Channels in eights. */
  private static final int[][] ONE_PASS = {
    {2, 8, 1, 1}, {1, 8, 5, 7}, {3, 24, 4, 4}, {2, 96, 9, 9}, {5, 16}, {2, 40}
  };

  private void onePassNorms() {
    for (int[] s : ONE_PASS) {
      Normed n = new Normed(s);
      for (AfterNorm after :
          List.of(
              AfterNorm.NOTHING,
              AfterNorm.RELU,
              AfterNorm.sumRelu(n.added),
              AfterNorm.sumRelu(n.x))) {
        Step norm =
            new BatchNormForward(
                "l",
                NORM,
                n.x,
                n.weight,
                n.bias,
                n.runningMean,
                n.runningVariance,
                n.y,
                n.mean,
                n.inverse,
                after);
        random(
            Text.of("%s %s in one pass%s", type, norm.kind(), n.what),
            new Fused(Fused.Kernel.NORM_FORWARD, List.of(norm), norm.writes()));
      }
      Step gradient =
          new BatchNormBackward(
              "l", n.x, n.weight, n.mean, n.inverse, n.dy, n.dx, n.dweight, n.dbias);
      n.backward(
          Text.of("%s %s in one pass", type, gradient.kind()),
          new Fused(Fused.Kernel.NORM_BACKWARD, List.of(gradient), gradient.writes()));
    }
  }

  private static Step reluGradient(Normed n, Optional<TensorSpec> by) {
    return new BatchNormReluBackward(
        "l",
        n.x,
        n.weight,
        n.bias,
        n.mean,
        n.inverse,
        Optional.empty(),
        n.dy,
        by,
        n.dweight,
        n.dbias);
  }

  private static Step sumReluGradient(Normed n, Optional<TensorSpec> by) {
    return new BatchNormSumReluBackward(
        "l", n.x, n.weight, n.mean, n.inverse, n.y, n.dy, n.sumGradient, by, n.dweight, n.dbias);
  }

  /**
   * Batch norms with a sum, and gradients that find a ReLU's mask out again, for backends that have
   * kernels for that.
   *
   * @param type F32 or BF16
   * @param seed of the random inputs
   */
  public static List<StepCase> summedNorms(DType type, long seed) {
    StepCases cases = new StepCases(type, seed);
    for (int[] s : NORMED) {
      Normed n = cases.new Normed(s);
      n.forward("batch norm, sum and relu", AfterNorm.sumRelu(n.added));
      n.forward("batch norm, sum with its input and relu", AfterNorm.sumRelu(n.x));
      for (Optional<TensorSpec> by : List.of(n.dx, Optional.<TensorSpec>empty())) {
        n.backward(
            "batch norm and relu gradient" + (by.isPresent() ? "" : ", parameters only"),
            reluGradient(n, by));
      }
    }
    return cases.cases;
  }

  /**
   * Batch norms put into the weights of convolutions, for backends that compute so.
   *
   * @param seed of the random inputs
   */
  public static List<StepCase> foldedNorms(long seed) {
    StepCases cases = new StepCases(DType.F32, seed);
    for (int[] s : new int[][] {{1, 1, 1, 1}, {6, 1, 5, 5}, {17, 3, 3, 3}, {96, 20, 3, 3}}) {
      Normed n = cases.new Normed(new int[] {2, s[0], 1, 1});
      TensorSpec weight = tensor("w", DType.F32, Role.PARAMETER, s);
      TensorSpec bias = tensor("b", DType.F32, Role.PARAMETER, s[0]);
      for (Optional<TensorSpec> by : List.of(Optional.of(bias), Optional.<TensorSpec>empty())) {
        Step fold =
            new FoldNorm(
                "l",
                NORM,
                weight,
                by,
                n.weight,
                n.bias,
                n.runningMean,
                n.runningVariance,
                tensor("w.folded", DType.F32, Role.DERIVED, s),
                tensor("b.folded", DType.F32, Role.DERIVED, s[0]));
        String what =
            Text.of(
                "batch norm in weights of %s%s", weight.shape(), by.isPresent() ? "" : ", no bias");
        cases.cases.add(StepCase.random(what, fold, seed).with(n.runningVariance, n.positive));
      }
    }
    return cases.cases;
  }

  private void casts() {
    for (int[] s : new int[][] {{1, 1, 1, 1}, {2, 3, 5, 7}, {3, 33, 4, 4}, {4, 10}}) {
      TensorSpec narrow = activation("narrow", s);
      TensorSpec wide = tensor("wide", DType.F32, Role.ACTIVATION, s);
      random("cast to fp32 of " + narrow.shape(), new Cast("l", narrow, wide));
      random("cast to bf16 of " + narrow.shape(), new Cast("l", wide, narrow));
    }
  }

  private void losses() {
    for (int[] s : new int[][] {{1, 2}, {5, 10}, {33, 10}, {3, 37}, {128, 10}}) {
      TensorSpec logits = tensor("logits", DType.F32, Role.ACTIVATION, s);
      TensorSpec gradient = tensor("gradient", DType.F32, Role.ACTIVATION, s);
      TensorSpec labels = tensor("labels", DType.I32, Role.ACTIVATION, s[0]);
      float[] classes = new float[s[0]];
      for (int n = 0; n < s[0]; n++) {
        classes[n] = n % 7 == 3 ? -1 : (n * 5 + 1) % s[1];
      }
      for (float smoothing : new float[] {0, 0.1f}) {
        SoftmaxCrossEntropy step =
            new SoftmaxCrossEntropy(logits, labels, Optional.of(gradient), smoothing);
        String what = Text.of("loss of %s, smoothing %s", logits.shape(), smoothing);
        cases.add(StepCase.random(what, step, seed).with(labels, classes));
        StepCase extreme = StepCase.random(what + ", large logits", step, seed);
        HostTensor large = extreme.inputs().get(logits);
        for (int i = 0; i < large.values().length; i++) {
          large.values()[i] *= 200;
        }
        cases.add(extreme.with(labels, classes));
      }
      SoftmaxCrossEntropy counting = new SoftmaxCrossEntropy(logits, labels, Optional.empty(), 0);
      cases.add(
          StepCase.random("counts of " + logits.shape(), counting, seed).with(labels, classes));
      StepCase ties =
          StepCase.random("counts with all logits equal, " + logits.shape(), counting, seed);
      cases.add(ties.with(logits, new float[s[0] * s[1]]).with(labels, classes));
    }
  }

  private void updates() {
    int[][] shapes = {{5, 3, 3, 3}, {5}, {1}, {37, 21}};
    List<TensorSpec> parameters = group("p%d", Role.PARAMETER, shapes);
    List<TensorSpec> gradients = group("p%d.gradient", Role.PARAMETER_GRADIENT, shapes);
    UpdateGroup plain = UpdateGroup.of(parameters, gradients);
    TensorSpec clip = tensor("clip", DType.F32, Role.ACTIVATION, 1);
    UpdateGroup.Average average =
        new UpdateGroup.Average(0.75f, group("p%d.average", Role.OPTIMIZER_STATE, shapes));
    UpdateGroup all =
        new UpdateGroup(parameters, gradients, 0.5f, Optional.of(clip), Optional.of(average));
    for (UpdateGroup group : List.of(plain, all)) {
      String how = group == plain ? "" : " clipped, at half the rate, averaged";
      for (Sgd sgd :
          List.of(
              Sgd.PLAIN,
              new Sgd(0, false, 0.01f),
              new Sgd(0.9f, false, 0),
              new Sgd(0.9f, true, 5e-4f))) {
        List<TensorSpec> velocities =
            sgd.momentum() == 0 ? List.of() : group("p%d.velocity", Role.OPTIMIZER_STATE, shapes);
        random("update " + sgd + how, new SgdUpdate(sgd, group, velocities));
      }
      for (Adam adam :
          List.of(
              Adam.USUAL,
              new Adam(0.8, 0.95, 1e-3f, 0.1f, false),
              new Adam(0.9, 0.999, 1e-8f, 0.1f, true))) {
        List<TensorSpec> squares = group("p%d.square", Role.OPTIMIZER_STATE, shapes);
        StepCase update =
            StepCase.random(
                    "update " + adam + how,
                    new AdamUpdate(
                        adam, group, group("p%d.mean", Role.OPTIMIZER_STATE, shapes), squares),
                    seed)
                .withMagnitudes(squares);
        cases.add(update.atStep(0));
        cases.add(update.atStep(1234));
      }
    }
    cases.add(
        StepCase.random("update with its average", new SgdUpdate(Sgd.PLAIN, all, List.of()), seed)
            .atStep(0));
    for (float most : new float[] {1e-2f, 1e6f}) {
      random("clip to " + most, new ClipFactor(most, gradients, clip));
    }
    int[][] large = {{70_001}, {3}};
    random(
        "clip many",
        new ClipFactor(1, group("q%d.gradient", Role.PARAMETER_GRADIENT, large), clip));
  }

  private static List<TensorSpec> group(String name, Role role, int[][] shapes) {
    return IntStream.range(0, shapes.length)
        .mapToObj(i -> tensor(Text.of(name, i), DType.F32, role, shapes[i]))
        .toList();
  }

  private void batches() {
    batch(BatchSpec.unit(Shape.of(1, 28, 28), 67, 67));
    batch(BatchSpec.unit(Shape.of(1, 28, 28), 28, 28));
    batch(BatchSpec.unit(Shape.of(3, 9, 7), 5, 13));
    batch(
        new BatchSpec(
            Shape.of(3, 8, 8),
            17,
            9,
            List.of(0.5f, 0.25f, 0.1f),
            List.of(0.5f, 0.2f, 2f),
            77,
            new BatchSpec.Augmentation(true, 2, 3)));
    batch(BatchSpec.unit(Shape.of(1, 6, 6), 11, 11).with(new BatchSpec.Augmentation(false, 3, 0)));
    batch(BatchSpec.unit(Shape.of(3, 5, 4), 5, 4).with(new BatchSpec.Augmentation(false, 0, 1)));
    batch(BatchSpec.unit(Shape.of(1, 5, 4), 9, 9).with(new BatchSpec.Augmentation(true, 0, 40)));
  }

  private void batch(BatchSpec spec) {
    int[] order = {4, 0, -1, 6, 6, 1, -1};
    int count = 7;
    byte[] pixels = new byte[(int) (count * spec.source().elements())];
    byte[] labels = new byte[count];
    Philox.Sequence random = new Philox.Sequence(seed, 3, 0);
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (byte) random.nextBits();
    }
    for (int i = 0; i < count; i++) {
      labels[i] = (byte) (i * 3 % 10);
    }
    TensorSpec images =
        new TensorSpec("images", spec.output().batched(order.length), type, Role.ACTIVATION);
    TensorSpec classes = tensor("labels", DType.I32, Role.ACTIVATION, order.length);
    StepCase made =
        StepCase.random(
            Text.of("batch of %s from %s, %s", spec.output(), spec.source(), spec.augmentation()),
            new MakeBatch(spec, images, classes),
            seed);
    cases.add(
        new StepCase(
            made.name(),
            made.step(),
            made.inputs(),
            Optional.of(
                new Samples(
                    ByteBuffer.wrap(pixels), ByteBuffer.wrap(labels), count, spec.source())),
            new Epoch(99, 3, order, new float[] {0})));
  }

  private void random(String name, Step step) {
    cases.add(StepCase.random(name, step, seed));
  }
}
