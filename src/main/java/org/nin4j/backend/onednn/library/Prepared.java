package org.nin4j.backend.onednn.library;

/**
 * What comes out the same in each run until somebody writes other values, such as the weights in
 * the layout of a convolution: done in the first run and after a write.
 */
public final class Prepared implements Operation.Kernel {
  private final Operation.Kernel kernel;
  private int written = -1;

  private Prepared(Operation.Kernel kernel) {
    this.kernel = kernel;
  }

  /**
   * @param constant whether nothing in the plan changes what it is made of; else it is done in each
   *     run
   */
  public static Operation.Kernel of(boolean constant, Operation.Kernel kernel) {
    return constant ? new Prepared(kernel) : kernel;
  }

  @Override
  public void run(Operation.Run run) {
    if (written != run.written()) {
      kernel.run(run);
      written = run.written();
    }
  }
}
