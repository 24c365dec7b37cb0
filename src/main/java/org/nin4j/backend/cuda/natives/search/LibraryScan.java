package org.nin4j.backend.cuda.natives.search;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.nin4j.backend.cuda.natives.elf.ElfException;
import org.nin4j.backend.cuda.natives.elf.ElfFile;
import org.nin4j.backend.cuda.natives.search.LibraryRole.Component;
import org.nin4j.backend.cuda.natives.search.SearchPlaces.Place;

/**
 * The CUDA libraries in a list of folders, each opened and judged by itself.
 *
 * @param byFolder the usable ones, by folder, in the order of search
 * @param rejected those that cannot be used, with the reason
 */
record LibraryScan(List<Contents> byFolder, List<Problem> rejected) {
  private static final Pattern WHEEL =
      Pattern.compile("nvidia_(cuda_nvrtc|cublas|cudnn)(_cu(\\d+))?-([\\d.]+)\\.dist-info");
  private static final Pattern GLIBC = Pattern.compile("GLIBC_(\\d+(\\.\\d+)*)");

  /** A toolkit, NVIDIA's Debian folders, the wheels of CUDA 13, JavaCPP's redistributable. */
  private static final Pattern CUDA_IN_PATH =
      Pattern.compile(
          "/(?:cuda-(1\\d)[^/]*/(?:lib|lib64|targets/x86_64-linux/lib)"
              + "|libcudnn/(1\\d)|cu(1\\d)/lib|cuda-(1\\d)[^/]*-redist[^/]*(?:/.*)?)$");

  /**
   * What one folder holds.
   *
   * @param libraries usable ones; of several with the same soname, the one that bears it as its
   *     file name, else the newest
   * @param cudnnFor the major version of CUDA that the folder's cuDNN is built for, where known
   */
  record Contents(Place place, List<CudaLibrary> libraries, Optional<Integer> cudnnFor) {}

  static LibraryScan of(List<Place> places, List<Path> standardCLibraries) {
    Optional<Version> glibc =
        standardCLibraries.stream().flatMap(path -> glibcVersion(path).stream()).findFirst();
    List<Contents> contents = new ArrayList<>();
    List<Problem> rejected = new ArrayList<>();
    for (Place place : places) {
      Map<String, Version> wheels = wheelVersions(place.folder());
      Map<String, CudaLibrary> bySoname = new HashMap<>();
      for (Path file : libraryFiles(place.folder())) {
        judge(place, file, wheels, glibc, rejected)
            .ifPresent(library -> bySoname.merge(library.soname(), library, LibraryScan::better));
      }
      if (!bySoname.isEmpty()) {
        contents.add(
            new Contents(
                place, List.copyOf(bySoname.values()), cudnnFor(place.folder(), wheels.keySet())));
      }
    }
    return new LibraryScan(List.copyOf(contents), List.copyOf(rejected));
  }

  private static Optional<CudaLibrary> judge(
      Place place,
      Path file,
      Map<String, Version> wheels,
      Optional<Version> glibc,
      List<Problem> rejected) {
    LibraryRole role = LibraryRole.ofName(file.getFileName().toString()).orElseThrow();
    Component component = role.component();
    ElfFile elf;
    Path real;
    try {
      real = file.toRealPath();
      elf = ElfFile.read(real);
    } catch (ElfException unfit) {
      rejected.add(
          unfit.kind() == ElfException.Kind.WRONG_ARCHITECTURE
              ? new Problem.WrongArchitecture(component, file, unfit.getMessage())
              : new Problem.Damaged(component, file, unfit.getMessage()));
      return Optional.empty();
    } catch (IOException unreadable) {
      rejected.add(new Problem.Damaged(component, file, "it cannot be read (" + unreadable + ")"));
      return Optional.empty();
    }
    String soname = elf.soname().orElse("");
    Optional<Version> sonameVersion = role.versionIn(soname);
    if (!LibraryRole.ofName(soname).equals(Optional.of(role)) || sonameVersion.isEmpty()) {
      rejected.add(new Problem.Damaged(component, file, "it gives its name as \"" + soname + "\""));
      return Optional.empty();
    }
    if (!role.supports(sonameVersion.get().major())) {
      rejected.add(new Problem.UnsupportedVersion(component, file, sonameVersion.get()));
      return Optional.empty();
    }
    if (!elf.versionDefinitions().isEmpty()
        && component != Component.DRIVER
        && !elf.versionDefinitions().contains(soname)) {
      rejected.add(
          new Problem.Damaged(component, file, "it does not define symbol version " + soname));
      return Optional.empty();
    }
    Optional<Version> needed = newestGlibcNeeded(elf);
    if (needed.isPresent() && glibc.isPresent() && needed.get().compareTo(glibc.get()) > 0) {
      rejected.add(new Problem.GlibcTooOld(component, file, needed.get(), glibc.get()));
      return Optional.empty();
    }
    return Optional.of(
        new CudaLibrary(
            role, file, soname, version(role, real, sonameVersion.get(), wheels), place.origin()));
  }

  /** The most exact of: the real file's name, the wheel's version, the soname. */
  private static Version version(
      LibraryRole role, Path real, Version soname, Map<String, Version> wheels) {
    Optional<Version> inName = role.versionIn(real.getFileName().toString());
    if (inName.isPresent() && inName.get().hasMinor()) {
      return inName.get();
    }
    String wheel =
        switch (role.component()) {
          case NVRTC -> "cuda_nvrtc";
          case CUBLAS -> "cublas";
          case CUDNN -> "cudnn";
          case DRIVER, CUDA_RUNTIME -> "";
        };
    return wheels.entrySet().stream()
        .filter(entry -> entry.getKey().startsWith(wheel) && !wheel.isEmpty())
        .map(Map.Entry::getValue)
        .filter(version -> version.major() == soname.major())
        .max(Version::compareTo)
        .orElse(soname);
  }

  private static CudaLibrary better(CudaLibrary a, CudaLibrary b) {
    if (a.path().getFileName().toString().equals(a.soname())) {
      return a;
    }
    return b.path().getFileName().toString().equals(b.soname())
            || b.version().compareTo(a.version()) > 0
        ? b
        : a;
  }

  /** Versions of NVIDIA's wheels in the site-packages above {@code nvidia/<wheel>/lib}. */
  private static Map<String, Version> wheelVersions(Path folder) {
    Map<String, Version> versions = new HashMap<>();
    Path sitePackages = folder.resolve("../../..").normalize();
    if (folder.getNameCount() < 4 || !folder.endsWith("lib")) {
      return versions;
    }
    try (DirectoryStream<Path> entries =
        Files.newDirectoryStream(sitePackages, "nvidia_*.dist-info")) {
      for (Path entry : entries) {
        Matcher name = WHEEL.matcher(entry.getFileName().toString());
        if (name.matches()) {
          String suffix = name.group(2) == null ? "" : name.group(2);
          Version.parse(name.group(4))
              .ifPresent(version -> versions.put(name.group(1) + suffix, version));
        }
      }
    } catch (IOException unreadable) {
      return Map.of();
    }
    return versions;
  }

  /** The libraries themselves do not tell; the wheel's name or the folder's often does. */
  private static Optional<Integer> cudnnFor(Path folder, Set<String> wheels) {
    List<Integer> ofWheels =
        wheels.stream()
            .filter(wheel -> wheel.startsWith("cudnn_cu"))
            .map(wheel -> Integer.valueOf(wheel.substring("cudnn_cu".length())))
            .toList();
    if (!ofWheels.isEmpty()) {
      // Two such wheels write to the same folder, and nothing tells which one wrote last.
      return ofWheels.size() == 1 ? Optional.of(ofWheels.get(0)) : Optional.empty();
    }
    Matcher inPath = CUDA_IN_PATH.matcher(folder.toString());
    return inPath.find()
        ? Stream.of(1, 2, 3, 4)
            .map(inPath::group)
            .filter(Objects::nonNull)
            .map(Integer::valueOf)
            .findFirst()
        : Optional.empty();
  }

  static Optional<Version> glibcVersion(Path standardCLibrary) {
    try {
      return newestGlibc(ElfFile.read(standardCLibrary).versionDefinitions().stream());
    } catch (IOException otherArchitecture) {
      return Optional.empty();
    }
  }

  private static Optional<Version> newestGlibcNeeded(ElfFile elf) {
    return newestGlibc(
        elf.versionNeeds().stream()
            .flatMap(need -> need.versions().stream())
            .map(ElfFile.VersionName::name));
  }

  private static Optional<Version> newestGlibc(Stream<String> symbolVersions) {
    return symbolVersions
        .map(GLIBC::matcher)
        .filter(Matcher::matches)
        .map(name -> new Version(name.group(1)))
        .max(Version::compareTo);
  }

  /** Whether there is one by its name, usable or not; nothing is opened. */
  static boolean hasDriver(List<Place> places) {
    return places.stream()
        .flatMap(place -> libraryFiles(place.folder()).stream())
        .anyMatch(
            file ->
                LibraryRole.ofName(file.getFileName().toString())
                    .equals(Optional.of(LibraryRole.DRIVER)));
  }

  private static List<Path> libraryFiles(Path folder) {
    List<Path> files = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, "lib{cu,nvrtc}*.so.*")) {
      for (Path entry : entries) {
        LibraryRole.ofName(entry.getFileName().toString())
            .filter(role -> role != LibraryRole.CUDA_RUNTIME || Files.exists(entry))
            .ifPresent(role -> files.add(entry));
      }
    } catch (IOException unreadable) {
      return List.of();
    }
    files.sort(null);
    return files;
  }
}
