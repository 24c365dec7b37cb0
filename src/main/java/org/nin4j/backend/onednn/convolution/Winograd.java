package org.nin4j.backend.onednn.convolution;

import java.util.Optional;
import org.nin4j.backend.onednn.library.Dnnl;
import org.nin4j.backend.onednn.library.Operation;
import org.nin4j.backend.onednn.library.Workers;
import org.nin4j.model.Window;
import org.nin4j.plan.step.ConvolutionBackwardData;
import org.nin4j.plan.step.ConvolutionBackwardFilter;
import org.nin4j.plan.step.ConvolutionForward;
import org.nin4j.plan.step.ConvolutionStep;
import org.nin4j.plan.step.TensorSpec;

/**
 * Convolutions and their gradients by {@link WinogradTransform}, with a matrix product for each
 * point of a tile: 4 times fewer multiplications for 3×3 windows with tiles of 6×6, 6.25 times for
 * 5×5 with tiles of 8×8.
 *
 * <pre>
 *   forward          Y[p] = V[p] U[p],  V = Bᵀ x B, U = G w Gᵀ, y = Aᵀ Y A     tiles × C × O
 *   data gradient    the same of dy, with w turned by 180° and its channels exchanged
 *   filter gradient  Z[p] = Σ D[p]ᵀ V[p], D = G dy Gᵀ, dw = Aᵀ Z A              O × tiles × C
 * </pre>
 *
 * <p>The transforms are Java's loops on all threads, the products oneDNN's.
 *
 * @param constant whether no step of the plan changes weights
 */
record Winograd(Dnnl dnnl, Workers workers, boolean constant) {
  /** The tiles of a step; a data gradient is a correlation of dy. */
  static WinogradTiles tiles(ConvolutionStep s) {
    Window window = s.convolution().window();
    return s instanceof ConvolutionBackwardData
        ? WinogradTiles.of(
            s.results().shape(),
            s.images().shape().dim(1),
            window.kernel(),
            window.kernel() - 1 - window.padding())
        : WinogradTiles.of(
            s.images().shape(), s.results().shape().dim(1), window.kernel(), window.padding());
  }

  Operation forward(ConvolutionForward s) {
    return new WinogradCorrelation(
        dnnl,
        workers,
        constant,
        tiles(s),
        s.input(),
        s.weight(),
        s.bias(),
        s.output(),
        s.relu(),
        false);
  }

  Operation backwardData(ConvolutionBackwardData s) {
    TensorSpec dy = s.outputGradient();
    TensorSpec dx = s.inputGradient();
    return new WinogradCorrelation(
        dnnl, workers, constant, tiles(s), dy, s.weight(), Optional.empty(), dx, false, true);
  }

  /** The filter gradient; the bias gradient is somebody else's. */
  Operation backwardFilter(ConvolutionBackwardFilter s) {
    return new WinogradFilterGradient(
        dnnl, workers, tiles(s), s.input(), s.outputGradient(), s.weightGradient());
  }
}
