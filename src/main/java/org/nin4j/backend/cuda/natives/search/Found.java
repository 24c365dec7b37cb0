package org.nin4j.backend.cuda.natives.search;

import java.util.List;
import java.util.Optional;

/**
 * What a search found.
 *
 * @param places the folders that exist and were searched, in order
 * @param libraries all usable libraries, also those that make no complete set
 * @param driver the driver's library
 * @param driverVersion the driver's version, where a file name or the kernel module tells it
 * @param set the newest complete set that the driver can run, or else the newest complete one
 * @param problems what keeps a set from being complete or the setting from being followed; empty if
 *     a set was found as asked
 * @param passedOver candidates not used, with the reason
 */
public record Found(
    List<SearchPlaces.Place> places,
    List<CudaLibrary> libraries,
    Optional<CudaLibrary> driver,
    Optional<Version> driverVersion,
    Optional<CudaSet> set,
    List<Problem> problems,
    List<Problem> passedOver) {
  /** Where nothing is looked for. */
  public static final Found NOTHING =
      new Found(
          List.of(),
          List.of(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          List.of(),
          List.of());

  /** Copies the lists. */
  public Found {
    places = List.copyOf(places);
    libraries = List.copyOf(libraries);
    problems = List.copyOf(problems);
    passedOver = List.copyOf(passedOver);
  }
}
