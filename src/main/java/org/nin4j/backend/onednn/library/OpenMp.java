package org.nin4j.backend.onednn.library;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.nin4j.text.Text;

/**
 * What the environment tells OpenMP, which reads it when it is loaded; a program cannot change it
 * later. oneDNN divides its work among a number of threads and waits for every one of them.
 */
public final class OpenMp {
  private OpenMp() {}

  /**
   * The number of threads that OMP_NUM_THREADS names for the outermost level; empty where it is not
   * set or OpenMP would not understand it.
   */
  public static OptionalInt threads(Map<String, String> environment) {
    String first = value(environment, "OMP_NUM_THREADS").split(",", 2)[0].strip();
    return first.matches("0*[1-9]\\d{0,8}")
        ? OptionalInt.of(Integer.parseInt(first))
        : OptionalInt.empty();
  }

  /**
   * The setting with which OpenMP may start fewer threads than oneDNN waits for, so that a
   * convolution would never end; with what would help.
   */
  public static Optional<String> obstacle(Map<String, String> environment, int cores) {
    int threads = threads(environment).orElse(cores);
    if (value(environment, "OMP_DYNAMIC").equals("true")) {
      return Optional.of(obstacle("OMP_DYNAMIC=true"));
    }
    String limit = value(environment, "OMP_THREAD_LIMIT");
    if (limit.matches("\\d{1,9}") && Integer.parseInt(limit) < threads) {
      return Optional.of(obstacle("OMP_THREAD_LIMIT=" + limit));
    }
    if (value(environment, "OMP_MAX_ACTIVE_LEVELS").matches("0+") && threads > 1) {
      return Optional.of(obstacle("OMP_MAX_ACTIVE_LEVELS=0"));
    }
    return Optional.empty();
  }

  private static String obstacle(String setting) {
    return setting
        + " lets OpenMP start fewer threads than oneDNN waits for, which may be for ever; unset it,"
        + " or start with nin";
  }

  /** Settings with which everything still ends, but perhaps slowly: a line for each. */
  public static List<String> remarks(Map<String, String> environment) {
    List<String> remarks = new ArrayList<>();
    for (String name : List.of("OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY")) {
      String value = value(environment, name);
      if (!value.isEmpty() && !value.equals("false")) {
        remarks.add(
            Text.of(
                "%s=%s binds threads to cores, Java's too: this may be slow; unset it",
                name, value));
      }
    }
    return remarks;
  }

  private static String value(Map<String, String> environment, String name) {
    return environment.getOrDefault(name, "").strip().toLowerCase(Locale.ROOT);
  }
}
