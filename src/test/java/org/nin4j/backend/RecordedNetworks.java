package org.nin4j.backend;

import java.util.List;

/**
 * The recordings of the published networks but NiN, which has its own in {@link RecordedSteps}, and
 * how far a backend may be from them: ten steps from given weights and images.
 *
 * <p>Measured at worst, reference / oneDNN, relative: a loss; a tensor's change by element; its
 * norm or sum.
 *
 * <table>
 * <caption>Distances</caption>
 * <tr><td>nin-bn</td><td>5.9e-7 / see below</td><td>1.5e-3</td><td>5.0e-4</td></tr>
 * <tr><td>nin-15</td><td>1.4e-7 / 1.7e-7</td><td>6.6e-5 / 6.6e-5</td><td>1.7e-5</td></tr>
 * <tr><td>nin-mini</td><td>1.2e-7 / 1.1e-7</td><td>4.7e-5 / 4.7e-5</td><td>3.5e-6</td></tr>
 * <tr><td>nin-cifar</td><td>5.9e-8 / 1.9e-7</td><td>8.7e-6 / 8.6e-6</td><td>5.4e-7</td></tr>
 * <tr><td>lenet</td><td>1.0e-7 / 1.1e-7</td><td>4.7e-6 / 4.9e-6</td><td>2.6e-6</td></tr>
 * <tr><td>lenet-bn</td><td>2.2e-6 / 4.3e-6</td><td>5.5e-6 / 3.8e-5</td><td>2.2e-5</td></tr>
 * <tr><td>alexnet</td><td>1.0e-7 / 1.0e-7</td><td>8.5e-5 / 8.5e-5</td><td>3.9e-6</td></tr>
 * <tr><td>vgg11</td><td>7.2e-8 / 8.0e-8</td><td>3.4e-5 / 3.4e-5</td><td>1.1e-5</td></tr>
 * <tr><td>vgg11-quarter</td><td>1.3e-7 / 1.3e-7</td><td>8.8e-5 / 8.8e-5</td><td>2.4e-5</td></tr>
 * <tr><td>googlenet</td><td>1.3e-7 / 2.0e-7</td><td>1.7e-3 / 1.7e-3</td><td>3.0e-5</td></tr>
 * <tr><td>resnet18</td><td>3.9e-7 / 1.2e-6</td><td>1.6e-3 / 1.6e-3</td><td>6.0e-4</td></tr>
 * <tr><td>densenet</td><td>4.6e-7 / 9.7e-7</td><td>5.3e-4 / 5.3e-4</td><td>1.6e-4</td></tr>
 * </table>
 *
 * <p>Tolerances are three to ten times that, a loss's at least 1e-6. Larger ones stand where a
 * batch norm's division carries roundings on (lenet-bn at its published rate of 0.9), and for
 * tensors that have hardly changed.
 *
 * <p>Of nin-bn oneDNN repeats two steps in a row, and each of the ten by itself. In the third, one
 * ReLU of 31,000 in layer 2.5 has an input nearer to 0 than its rounding, lets through what the
 * reference holds back, and changes gradients by 1e-3; norms over 8 images make that twenty to
 * fifty times as much in each further step. The reference adds in double precision and decides as
 * libtorch does: both do whatever is the last bit of the initial values.
 */
public final class RecordedNetworks {
  /** A recording, and how far a backend may be from it. */
  public record Case(String name, RecordedSteps.Tolerance tolerance) {
    Case(String name, double loss, double change, double norm) {
      this(name, new RecordedSteps.Tolerance(loss, change, norm));
    }
  }

  /** One for each network, called as it is. */
  public static final List<Case> ALL =
      List.of(
          new Case("nin-bn", 3e-6, 5e-3, 2e-3),
          new Case("nin-15", 1e-6, 3e-4, 1e-4),
          new Case("nin-11", 1e-6, 3e-4, 1e-4),
          new Case("nin-16", 1e-6, 3e-4, 1e-4),
          new Case("nin-19", 1e-6, 3e-4, 1e-4),
          new Case("nin-mini", 1e-6, 2e-4, 2e-5),
          new Case("nin-cifar", 1e-6, 5e-5, 5e-6),
          new Case("lenet", 1e-6, 2e-5, 1e-5),
          new Case("lenet-bn", 3e-5, 2e-4, 1e-4),
          new Case("alexnet", 1e-6, 3e-4, 2e-5),
          new Case("vgg11", 1e-6, 2e-4, 5e-5),
          new Case("vgg11-quarter", 5e-6, 3e-4, 1e-4),
          new Case("googlenet", 1e-6, 5e-3, 1e-4),
          new Case("resnet18", 5e-6, 5e-3, 2e-3),
          new Case("densenet", 5e-6, 5e-3, 2e-3));

  private RecordedNetworks() {}

  /** Repeats one from its first step to its last. */
  public static void check(Backend backend, Case recorded) {
    RecordedSteps.check(backend, recorded.name(), Integer.MAX_VALUE, recorded.tolerance());
  }
}
