package org.nin4j.backend.cuda.natives.doctor;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.nin4j.backend.cuda.natives.LibraryVersions;
import org.nin4j.backend.cuda.natives.search.CudaLibrary;
import org.nin4j.backend.cuda.natives.search.CudaSet;
import org.nin4j.backend.cuda.natives.search.Found;
import org.nin4j.backend.cuda.natives.search.LibraryRole;
import org.nin4j.backend.cuda.natives.search.Problem;
import org.nin4j.backend.cuda.natives.search.Version;
import org.nin4j.text.Text;

/**
 * What {@link Doctor} found.
 *
 * @param found the libraries
 * @param driver what the driver says; empty if it could not be asked
 * @param versions what the loaded libraries say; empty if they could not be loaded
 * @param cache the folder for what can be made again; empty if it cannot be used
 * @param notes what works otherwise than was asked for
 * @param problems what keeps training on the GPU from working; if empty, it would work
 */
public record Report(
    Found found,
    Optional<DriverState> driver,
    Optional<LibraryVersions> versions,
    Optional<Path> cache,
    List<String> notes,
    List<Problem> problems) {

  /** Copies the lists. */
  public Report {
    notes = List.copyOf(notes);
    problems = List.copyOf(problems);
  }

  /** Whether training on the GPU would work. */
  public boolean usable() {
    return problems.isEmpty();
  }

  /** In one line: whether the GPU can be used, or else the first thing that keeps it from it. */
  public String verdict() {
    return usable() ? "The GPU can be used." : verdict(problems.get(0));
  }

  /** The same where a problem is known before all others. */
  public static String verdict(Problem first) {
    return "The GPU cannot be used: " + first.message();
  }

  /** The whole report, a line each. */
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    lines.add(line("NVIDIA driver", driverText()));
    driver
        .map(DriverState::gpus)
        .orElse(List.of())
        .forEach(gpu -> lines.add(line("GPU " + gpu.index(), gpu.toString())));
    List<CudaLibrary> libraries =
        found
            .set()
            .map(CudaSet::inLoadOrder)
            .orElse(
                found.libraries().stream()
                    .filter(library -> library.role() != LibraryRole.DRIVER)
                    .sorted(Comparator.comparing(CudaLibrary::role))
                    .toList());
    libraries.forEach(library -> lines.add(line(library.role().stem(), text(library))));
    cache.ifPresent(folder -> lines.add(line("cache", folder.toString())));
    found.passedOver().stream()
        .map(Problem::message)
        .distinct()
        .forEach(message -> lines.add("passed over: " + message));
    lines.addAll(notes);
    for (Problem problem : problems) {
      lines.add("problem: " + problem.message());
      lines.add("   mend: " + problem.remedy());
    }
    lines.add(usable() ? verdict() : "The GPU cannot be used.");
    return List.copyOf(lines);
  }

  private String driverText() {
    if (found.driver().isEmpty()) {
      return "none";
    }
    CudaLibrary library = found.driver().get();
    return found.driverVersion().map(Version::toString).orElse("of unknown version")
        + driver.map(state -> ", runs CUDA up to " + state.cuda()).orElse("")
        + place(library);
  }

  private String text(CudaLibrary library) {
    return asked(library.role()).orElse(library.version()) + place(library);
  }

  /** The version that the library itself gives, which is exact where file names are not. */
  private Optional<Version> asked(LibraryRole role) {
    return versions.map(
        all ->
            Map.of(
                    LibraryRole.NVRTC, all.nvrtc(),
                    LibraryRole.CUBLAS, all.cublas(),
                    LibraryRole.CUDNN, all.cudnn())
                .get(role));
  }

  private static String place(CudaLibrary library) {
    return "  " + library.path() + " (" + library.origin().text() + ")";
  }

  private static String line(String title, String text) {
    return Text.of("%-32s %s", title, text);
  }
}
