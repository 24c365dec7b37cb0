package org.nin4j.backend.choice;

import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.nin4j.backend.Backend;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.CpuOptions;
import org.nin4j.backend.CudaOptions;
import org.nin4j.backend.cuda.CudaBackend;
import org.nin4j.backend.cuda.natives.search.CacheDirectory;
import org.nin4j.backend.onednn.OneDnnBackend;
import org.nin4j.backend.reference.ReferenceBackend;

/** Opens backends by name. */
public final class Devices {
  /** What {@link #open} takes, for people. */
  public static final String NAMES = "auto, cuda, cuda:INDEX, cpu or reference";

  private static final Pattern CUDA = Pattern.compile("cuda(?::(\\d{1,3}))?");

  private Devices() {}

  /** Like {@link #open(String, CpuOptions, CudaOptions)}, with what fits most. */
  public static Backend open(String name, int threads) {
    return open(name, processor(threads), CudaOptions.STANDARD);
  }

  /** What fits most for the CPU: what is fastest, kept in the user's cache folder. */
  public static CpuOptions processor(int threads) {
    return CpuOptions.of(threads)
        .withCache(CacheDirectory.asked(System.getenv(), Path.of(System.getProperty("user.home"))));
  }

  /**
   * Opens a device; the caller closes it.
   *
   * @param name {@code auto} takes a GPU where one can be used, else the CPU; it never takes the
   *     reference loops, which are hundreds of times slower; {@code cuda} is the first GPU, {@code
   *     cuda:1} the second
   * @param processor for the CPU
   * @param options for a GPU; its warnings get a line that says why {@code auto} does without one,
   *     and what is odd about the environment
   * @throws IllegalArgumentException if there is no device of that name
   * @throws BackendException if it cannot be used; the message says why
   */
  public static Backend open(String name, CpuOptions processor, CudaOptions options) {
    Matcher cuda = CUDA.matcher(name);
    if (name.equals("auto")) {
      return automatic(processor, options);
    } else if (cuda.matches()) {
      int index = cuda.group(1) == null ? 0 : Integer.parseInt(cuda.group(1));
      return CudaBackend.open(index, options);
    } else if (name.equals("cpu")) {
      return cpu(processor, options);
    } else if (name.equals("reference")) {
      return new ReferenceBackend();
    }
    throw new IllegalArgumentException("there is no device '" + name + "'; there are " + NAMES);
  }

  private static Backend automatic(CpuOptions processor, CudaOptions options) {
    Optional<String> whyNot = CudaBackend.knownWhyNot(options);
    if (whyNot.isEmpty()) {
      try {
        return CudaBackend.open(0, options);
      } catch (BackendException e) {
        String error = e.getMessage().lines().findFirst().orElse("");
        whyNot = CudaBackend.whyNot(options).or(() -> Optional.of(error));
      }
    }
    options.warnings().accept(whyNot.orElseThrow() + "; using the CPU");
    try {
      return cpu(processor, options);
    } catch (BackendException e) {
      throw new BackendException(
          e.getMessage() + "; plain loops, hundreds of times slower, are --device reference", e);
    }
  }

  private static Backend cpu(CpuOptions processor, CudaOptions options) {
    OneDnnBackend backend = new OneDnnBackend(processor);
    backend.remarks().forEach(options.warnings());
    return backend;
  }
}
