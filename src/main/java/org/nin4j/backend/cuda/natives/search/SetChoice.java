package org.nin4j.backend.cuda.natives.search;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import org.nin4j.backend.cuda.natives.search.LibraryRole.Component;
import org.nin4j.backend.cuda.natives.search.LibraryScan.Contents;

/**
 * The choice of one set among the libraries found.
 *
 * @param set the set, if any is complete
 * @param problems why none is
 * @param passedOver components for the same CUDA that are incomplete or do not fit
 */
record SetChoice(Optional<CudaSet> set, List<Problem> problems, List<Problem> passedOver) {

  /** A component as one folder holds it, complete. */
  private record Installed(Component component, Map<LibraryRole, CudaLibrary> libraries) {
    boolean named() {
      return libraries.values().stream().anyMatch(each -> each.origin() == Origin.SETTING);
    }

    Version version() {
      return libraries.get(principal(component)).version();
    }
  }

  /** The best of each component for one major version of CUDA, and what is no good for it. */
  private record Partial(
      int cudaMajor, Map<Component, Installed> components, List<Problem> passedOver) {
    boolean complete() {
      return components.keySet().containsAll(Remedies.WHOLE);
    }

    long count(boolean namedOnly) {
      return Remedies.WHOLE.stream()
          .filter(components::containsKey)
          .filter(component -> !namedOnly || components.get(component).named())
          .count();
    }
  }

  /**
   * Chooses.
   *
   * @param newestForDriver the newest major version of CUDA that the driver runs, where known
   */
  static SetChoice of(LibraryScan scan, OptionalInt newestForDriver) {
    // Best first; the sort is stable, so of equals the newer CUDA stays in front.
    List<Partial> partials =
        CudaLibraries.CUDA_MAJORS.stream()
            .map(major -> partial(scan, major))
            .sorted(
                Comparator.comparing(Partial::complete)
                    .thenComparing(each -> each.count(true))
                    .thenComparing(each -> each.count(false))
                    .thenComparing(each -> each.passedOver().size())
                    .thenComparing(
                        each -> each.cudaMajor() <= newestForDriver.orElse(Integer.MAX_VALUE))
                    .reversed())
            .toList();
    Partial best = partials.get(0);
    if (!best.complete()) {
      return new SetChoice(Optional.empty(), missing(best, scan.rejected()), best.passedOver());
    }
    Map<LibraryRole, CudaLibrary> libraries = new EnumMap<>(LibraryRole.class);
    best.components().values().forEach(each -> libraries.putAll(each.libraries()));
    return new SetChoice(
        Optional.of(new CudaSet(best.cudaMajor(), libraries)), List.of(), best.passedOver());
  }

  /** For each missing component, why what there is of it does not serve, or that there is none. */
  private static List<Problem> missing(Partial partial, List<Problem> rejected) {
    List<Problem> reasons = new ArrayList<>(partial.passedOver());
    reasons.addAll(rejected);
    List<Problem> problems = new ArrayList<>();
    List<Component> nowhere = new ArrayList<>();
    for (Component component : Remedies.WHOLE) {
      if (!partial.components().containsKey(component)) {
        List<Problem> known =
            reasons.stream()
                .filter(each -> each.component().equals(Optional.of(component)))
                .toList();
        problems.addAll(known);
        if (known.isEmpty()) {
          nowhere.add(component);
        }
      }
    }
    if (!nowhere.isEmpty()) {
      problems.add(0, new Problem.Missing(nowhere, partial.cudaMajor()));
    }
    return problems;
  }

  private static Partial partial(LibraryScan scan, int cudaMajor) {
    Map<Component, Installed> best = new EnumMap<>(Component.class);
    List<Problem> passedOver = new ArrayList<>();
    for (Contents contents : scan.byFolder()) {
      for (Component component :
          List.of(Component.CUDA_RUNTIME, Component.NVRTC, Component.CUBLAS, Component.CUDNN)) {
        Map<LibraryRole, CudaLibrary> parts = parts(contents, component, cudaMajor);
        Optional<Problem> unfit = unfit(contents, component, parts, cudaMajor);
        unfit.ifPresent(passedOver::add);
        if (!parts.isEmpty() && unfit.isEmpty()) {
          best.merge(component, new Installed(component, parts), SetChoice::better);
        }
      }
    }
    return new Partial(cudaMajor, best, List.copyOf(passedOver));
  }

  private static Installed better(Installed first, Installed second) {
    if (first.named() != second.named()) {
      return first.named() ? first : second;
    }
    return second.version().compareTo(first.version()) > 0 ? second : first;
  }

  /** A folder's libraries of one component for one major version of CUDA. */
  private static Map<LibraryRole, CudaLibrary> parts(
      Contents contents, Component component, int cudaMajor) {
    Map<LibraryRole, CudaLibrary> parts = new EnumMap<>(LibraryRole.class);
    for (CudaLibrary library : contents.libraries()) {
      boolean fits = component == Component.CUDNN || library.version().major() == cudaMajor;
      if (library.role().component() == component && fits) {
        parts.merge(library.role(), library, (a, b) -> moreFitting(a, b, parts));
      }
    }
    return withMinorOfBuiltins(parts);
  }

  /** Of two libraries of one role: NVRTC's built-ins must be of its own minor version. */
  private static CudaLibrary moreFitting(
      CudaLibrary a, CudaLibrary b, Map<LibraryRole, CudaLibrary> parts) {
    CudaLibrary compiler = parts.get(LibraryRole.NVRTC);
    if (compiler != null && sameMinor(a.version(), compiler.version())) {
      return a;
    }
    if (compiler != null && sameMinor(b.version(), compiler.version())) {
      return b;
    }
    return b.version().compareTo(a.version()) > 0 ? b : a;
  }

  private static boolean sameMinor(Version a, Version b) {
    return a.hasMinor() && b.hasMinor() && a.major() == b.major() && a.minor() == b.minor();
  }

  /** NVRTC's soname tells its major version only; its built-ins' soname tells the minor too. */
  private static Map<LibraryRole, CudaLibrary> withMinorOfBuiltins(
      Map<LibraryRole, CudaLibrary> parts) {
    CudaLibrary compiler = parts.get(LibraryRole.NVRTC);
    CudaLibrary builtins = parts.get(LibraryRole.NVRTC_BUILTINS);
    if (compiler != null && builtins != null && !compiler.version().hasMinor()) {
      parts.put(
          LibraryRole.NVRTC,
          new CudaLibrary(
              compiler.role(),
              compiler.path(),
              compiler.soname(),
              builtins.version(),
              compiler.origin()));
    }
    return parts;
  }

  private static Optional<Problem> unfit(
      Contents contents, Component component, Map<LibraryRole, CudaLibrary> parts, int cudaMajor) {
    if (parts.isEmpty()) {
      return Optional.empty();
    }
    Optional<Integer> builtFor = contents.cudnnFor();
    if (component == Component.CUDNN && builtFor.isPresent() && builtFor.get() != cudaMajor) {
      return Optional.of(
          new Problem.CudnnForOtherCuda(contents.place().folder(), builtFor.get(), cudaMajor));
    }
    return lack(component, parts, cudaMajor)
        .map(lack -> new Problem.Incomplete(component, contents.place().folder(), lack, cudaMajor));
  }

  private static Optional<String> lack(
      Component component, Map<LibraryRole, CudaLibrary> parts, int cudaMajor) {
    List<String> absent =
        Arrays.stream(LibraryRole.values())
            .filter(role -> role.component() == component && !parts.containsKey(role))
            .map(role -> fileName(role, parts, cudaMajor))
            .toList();
    if (!absent.isEmpty()) {
      return Optional.of(
          String.join(", ", absent) + (absent.size() > 1 ? " are" : " is") + " missing");
    }
    List<CudaLibrary> exact =
        parts.values().stream().filter(each -> each.version().hasMinor()).toList();
    boolean mixed =
        component == Component.NVRTC
            ? !sameMinor(
                parts.get(LibraryRole.NVRTC).version(),
                parts.get(LibraryRole.NVRTC_BUILTINS).version())
            : exact.stream().map(CudaLibrary::version).distinct().count() > 1;
    return mixed
        ? Optional.of(
            exact.stream()
                .map(each -> each.role().stem() + " " + each.version())
                .collect(Collectors.joining(", ", "its parts are of different versions (", ")")))
        : Optional.empty();
  }

  private static String fileName(
      LibraryRole role, Map<LibraryRole, CudaLibrary> parts, int cudaMajor) {
    String version =
        switch (role) {
          case NVRTC_BUILTINS -> {
            Version compiler = parts.get(LibraryRole.NVRTC).version();
            yield compiler.hasMinor()
                ? compiler.major() + "." + compiler.minor()
                : cudaMajor + ".*";
          }
          default ->
              String.valueOf(
                  role.component() == Component.CUDNN ? CudaLibraries.CUDNN_MAJOR : cudaMajor);
        };
    return role.stem() + ".so." + version;
  }

  private static LibraryRole principal(Component component) {
    return switch (component) {
      case DRIVER -> LibraryRole.DRIVER;
      case CUDA_RUNTIME -> LibraryRole.CUDA_RUNTIME;
      case NVRTC -> LibraryRole.NVRTC;
      case CUBLAS -> LibraryRole.CUBLAS;
      case CUDNN -> LibraryRole.CUDNN;
    };
  }
}
