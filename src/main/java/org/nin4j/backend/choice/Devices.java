package org.nin4j.backend.choice;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.nin4j.backend.Backend;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.onednn.OneDnnBackend;
import org.nin4j.backend.reference.ReferenceBackend;

/** Opens backends by name. */
public final class Devices {
  /** What {@link #open} takes, for people. */
  public static final String NAMES = "auto, cuda, cuda:INDEX, cpu or reference";

  private static final Pattern CUDA = Pattern.compile("cuda(?::(\\d{1,3}))?");

  /** The fastest first. */
  private static final List<String> AUTO = List.of("cuda", "cpu", "reference");

  private Devices() {}

  /**
   * Opens a device; the caller closes it.
   *
   * @param name {@code auto} takes the first that can be used of: GPU, CPU, reference loops; {@code
   *     cuda} is the first GPU, {@code cuda:1} the second
   * @param threads for backends that compute on the processor, at least 1
   * @throws IllegalArgumentException if there is no device of that name
   * @throws BackendException if it cannot be used; the message says why
   */
  public static Backend open(String name, int threads) {
    if (threads < 1) {
      throw new IllegalArgumentException("there is at least 1 thread, not " + threads);
    }
    Matcher cuda = CUDA.matcher(name);
    if (name.equals("auto")) {
      return first(threads);
    } else if (cuda.matches()) {
      return cuda(cuda.group(1) == null ? 0 : Integer.parseInt(cuda.group(1)));
    } else if (name.equals("cpu")) {
      return cpu(threads);
    } else if (name.equals("reference")) {
      return new ReferenceBackend();
    }
    throw new IllegalArgumentException("there is no device '" + name + "'; there are " + NAMES);
  }

  private static Backend first(int threads) {
    for (String name : AUTO) {
      try {
        return open(name, threads);
      } catch (BackendException e) {
        continue; // The next one is asked; the last one can always be used.
      }
    }
    throw new AssertionError("the reference loops need no device");
  }

  private static Backend cuda(int index) {
    throw new BackendException("GPU " + index + " cannot be used: there is no CUDA backend yet");
  }

  private static Backend cpu(int threads) {
    return new OneDnnBackend(threads);
  }
}
