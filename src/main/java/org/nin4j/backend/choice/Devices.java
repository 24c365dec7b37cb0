package org.nin4j.backend.choice;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.nin4j.backend.Backend;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.CudaOptions;
import org.nin4j.backend.cuda.CudaBackend;
import org.nin4j.backend.onednn.OneDnnBackend;
import org.nin4j.backend.reference.ReferenceBackend;

/** Opens backends by name. */
public final class Devices {
  /** What {@link #open} takes, for people. */
  public static final String NAMES = "auto, cuda, cuda:INDEX, cpu or reference";

  private static final Pattern CUDA = Pattern.compile("cuda(?::(\\d{1,3}))?");

  private Devices() {}

  /** Like {@link #open(String, int, CudaOptions)}, with what fits most on a GPU. */
  public static Backend open(String name, int threads) {
    return open(name, threads, CudaOptions.STANDARD);
  }

  /**
   * Opens a device; the caller closes it.
   *
   * @param name {@code auto} takes a GPU where one can be used, else the CPU; it never takes the
   *     reference loops, which are hundreds of times slower; {@code cuda} is the first GPU, {@code
   *     cuda:1} the second
   * @param threads for backends that compute on the processor, at least 1
   * @param options for a GPU; its warnings get a line that says why {@code auto} does without one,
   *     and what is odd about the environment
   * @throws IllegalArgumentException if there is no device of that name
   * @throws BackendException if it cannot be used; the message says why
   */
  public static Backend open(String name, int threads, CudaOptions options) {
    if (threads < 1) {
      throw new IllegalArgumentException("there is at least 1 thread, not " + threads);
    }
    Matcher cuda = CUDA.matcher(name);
    if (name.equals("auto")) {
      return automatic(threads, options);
    } else if (cuda.matches()) {
      int index = cuda.group(1) == null ? 0 : Integer.parseInt(cuda.group(1));
      return CudaBackend.open(index, options);
    } else if (name.equals("cpu")) {
      return cpu(threads, options);
    } else if (name.equals("reference")) {
      return new ReferenceBackend();
    }
    throw new IllegalArgumentException("there is no device '" + name + "'; there are " + NAMES);
  }

  private static Backend automatic(int threads, CudaOptions options) {
    try {
      return CudaBackend.open(0, options);
    } catch (BackendException e) {
      String error = e.getMessage().lines().findFirst().orElse("");
      options.warnings().accept(CudaBackend.whyNot(options).orElse(error) + "; using the CPU");
    }
    try {
      return cpu(threads, options);
    } catch (BackendException e) {
      throw new BackendException(
          e.getMessage() + "; plain loops, hundreds of times slower, are --device reference", e);
    }
  }

  private static Backend cpu(int threads, CudaOptions options) {
    OneDnnBackend backend = new OneDnnBackend(threads);
    backend.remarks().forEach(options.warnings());
    return backend;
  }
}
