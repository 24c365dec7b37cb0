package org.nin4j.data.published;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Where data sets are looked for, in this order.
 *
 * @param option the folder given with {@code --data}: only it counts where it is given
 * @param environment the folder in {@code $NIN4J_DATA}
 * @param cache the folder that downloads go to, in a folder of their own for each data set
 * @param installed folders in which the system's packages put data sets, in a folder of their own
 *     for each
 */
public record DataLocations(
    Optional<Path> option, Optional<Path> environment, Path cache, List<Path> installed) {

  /** The default that the XDG base directory specification gives for {@code XDG_DATA_DIRS}. */
  private static final String SHARED = "/usr/local/share/:/usr/share/";

  /** Copies the list. */
  public DataLocations {
    installed = List.copyOf(installed);
  }

  /**
   * The locations on this machine. The cache is {@code $NIN4J_CACHE}, else {@code
   * $XDG_CACHE_HOME/nin4j}, else {@code ~/.cache/nin4j}; a variable that is empty counts as not
   * set, and so does a relative {@code XDG_CACHE_HOME}, as its specification asks. Packages install
   * into {@code datasets} in the folders of {@code $XDG_DATA_DIRS}, else into {@code
   * /usr/local/share/datasets} and {@code /usr/share/datasets}.
   *
   * @param option the folder given with {@code --data}
   * @param environment the process's environment variables
   * @param home the user's home folder
   */
  public static DataLocations of(
      Optional<Path> option, Map<String, String> environment, Path home) {
    Path cache =
        variable(environment, "NIN4J_CACHE")
            .or(
                () ->
                    variable(environment, "XDG_CACHE_HOME")
                        .filter(Path::isAbsolute)
                        .map(base -> base.resolve("nin4j")))
            .orElse(home.resolve(".cache").resolve("nin4j"));
    String shared = environment.getOrDefault("XDG_DATA_DIRS", "");
    List<Path> installed =
        Stream.of((shared.isEmpty() ? SHARED : shared).split(":"))
            .map(Path::of)
            .filter(Path::isAbsolute)
            .map(base -> base.resolve("datasets"))
            .toList();
    return new DataLocations(option, variable(environment, "NIN4J_DATA"), cache, installed);
  }

  private static Optional<Path> variable(Map<String, String> environment, String name) {
    return Optional.ofNullable(environment.get(name))
        .filter(value -> !value.isEmpty())
        .map(Path::of);
  }
}
