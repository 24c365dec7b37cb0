package org.nin4j.backend.cuda.natives.search;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.nin4j.backend.cuda.natives.search.SearchPlaces.Place;

/** Finds the CUDA libraries of a machine. */
public final class CudaLibraries {
  /** The major versions of CUDA that the backend works with, newest first. */
  public static final List<Integer> CUDA_MAJORS = List.of(13, 12);

  /** The major version of cuDNN that the backend works with. */
  public static final int CUDNN_MAJOR = 9;

  private CudaLibraries() {}

  /** The oldest driver that runs a major version of CUDA (CUDA release notes, table 2). */
  static int oldestDriver(int cudaMajor) {
    return cudaMajor >= 13 ? 580 : 525;
  }

  /**
   * Searches the places. Nothing is loaded: files are only read.
   *
   * <p>Folders that the user named come first, whatever their version; otherwise the newest
   * complete set wins that the driver can run, wherever it lies, and of equals the one found first.
   */
  public static Found find(SearchPlaces places) {
    return find(places, places.folders());
  }

  /**
   * Like {@link #find(SearchPlaces)}; if there is a driver and no complete set, and Maven has the
   * redistributable one, that is unpacked into the cache first (1.5 GB and some ten seconds, once)
   * and used.
   *
   * @throws NativesException if it cannot be unpacked
   */
  public static Found find(SearchPlaces places, CacheDirectory cache) {
    Found found = find(places);
    List<Path> jars = places.redistributableJars();
    if (found.driver().isEmpty() || found.set().isPresent() || jars.isEmpty()) {
      return found;
    }
    Path unpacked = Redistributable.unpack(jars.get(0), cache);
    return find(places, places.foldersAnd(new Place(Origin.MAVEN, unpacked)));
  }

  private static Found find(SearchPlaces places, List<Place> folders) {
    LibraryScan scan = LibraryScan.of(folders, places.standardCLibraries());
    List<CudaLibrary> libraries =
        scan.byFolder().stream().flatMap(contents -> contents.libraries().stream()).toList();
    Optional<CudaLibrary> driver =
        libraries.stream().filter(library -> library.role() == LibraryRole.DRIVER).findFirst();
    Optional<Version> driverVersion =
        driver.flatMap(library -> driverVersion(library, places.root()));
    SetChoice choice =
        SetChoice.of(
            scan, driverVersion.map(CudaLibraries::newestCuda).orElse(OptionalInt.empty()));
    List<Problem> problems = new ArrayList<>(choice.problems());
    boolean settingUsed =
        Stream.concat(
                driver.stream(), choice.set().stream().flatMap(set -> set.inLoadOrder().stream()))
            .anyMatch(library -> library.origin() == Origin.SETTING);
    if (!places.setting().isEmpty() && choice.set().isPresent() && !settingUsed) {
      problems.add(new Problem.SettingUnused(places.setting()));
    }
    List<Problem> passedOver = new ArrayList<>(scan.rejected());
    passedOver.addAll(choice.passedOver());
    passedOver.removeAll(problems);
    return new Found(folders, libraries, driver, driverVersion, choice.set(), problems, passedOver);
  }

  /** Whether the places hold a driver's library, usable or not; only names are looked at. */
  public static boolean hasDriver(SearchPlaces places) {
    return LibraryScan.hasDriver(places.folders());
  }

  /** By the real file's name, libcuda.so.580.65.06, or else what the kernel module says. */
  private static Optional<Version> driverVersion(CudaLibrary driver, Path root) {
    try {
      Optional<Version> inName =
          LibraryRole.DRIVER.versionIn(driver.path().toRealPath().getFileName().toString());
      if (inName.isPresent() && inName.get().hasMinor()) {
        return inName;
      }
      return Version.parse(Files.readString(root.resolve("sys/module/nvidia/version")).strip());
    } catch (IOException unknown) {
      return Optional.empty();
    }
  }

  private static OptionalInt newestCuda(Version driver) {
    return CUDA_MAJORS.stream()
        .mapToInt(major -> major)
        .filter(major -> driver.major() >= oldestDriver(major))
        .max();
  }
}
