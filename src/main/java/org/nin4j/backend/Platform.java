package org.nin4j.backend;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Operating system and processor: what a native library is made for.
 *
 * @param system as Java says in {@code os.name}
 * @param processor as Java says in {@code os.arch}
 */
public record Platform(String system, String processor) {
  /** Those that oneDNN's Java binding comes for; the build chooses one, see pom.xml. */
  public static final List<String> WITH_ONEDNN =
      List.of("linux-x86_64", "linux-arm64", "macosx-arm64", "macosx-x86_64", "windows-x86_64");

  /** That of this process. */
  public static Platform ofThisMachine() {
    return new Platform(System.getProperty("os.name"), System.getProperty("os.arch"));
  }

  /** As JavaCPP names it, such as {@code linux-x86_64}. */
  public String name() {
    return family() + "-" + architecture();
  }

  private String family() {
    String lower = system.toLowerCase(Locale.ROOT);
    if (lower.startsWith("mac os x") || lower.startsWith("darwin")) {
      return "macosx";
    }
    return lower.startsWith("windows") ? "windows" : lower.replace(" ", "");
  }

  private String architecture() {
    String lower = processor.toLowerCase(Locale.ROOT);
    return switch (lower) {
      case "amd64", "x86-64", "x86_64", "x64" -> "x86_64";
      case "aarch64", "arm64", "armv8" -> "arm64";
      default -> lower;
    };
  }

  public boolean hasOneDnn() {
    return WITH_ONEDNN.contains(name());
  }

  /**
   * JCuda's natives are pointed at the libraries that are installed, which only ELF files can be.
   */
  public boolean hasCuda() {
    return name().equals("linux-x86_64");
  }

  public boolean isWindows() {
    return family().equals("windows");
  }

  /** What tells one kind of processor from another as far as the system says, on one line. */
  public String model() {
    try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
      return lines
          .takeWhile(line -> !line.isBlank())
          .filter(line -> line.matches("(vendor_id|cpu family|model|model name|stepping)\\s*:.*"))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .collect(Collectors.joining(" "));
    } catch (IOException | UncheckedIOException e) {
      return toString();
    }
  }

  /** For people. */
  @Override
  public String toString() {
    return system + " on " + processor;
  }
}
