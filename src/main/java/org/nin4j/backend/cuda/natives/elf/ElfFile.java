package org.nin4j.backend.cuda.natives.elf;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What an ELF shared library says of itself to the dynamic linker.
 *
 * @param soname the name by which others need it
 * @param needed the sonames that it needs, in order
 * @param versionNeeds the symbol versions that it needs, by library
 * @param versionDefinitions the symbol versions that it defines, its own name included
 */
public record ElfFile(
    Optional<String> soname,
    List<String> needed,
    List<VersionNeed> versionNeeds,
    List<String> versionDefinitions) {

  /** The symbol versions needed of the library with this soname, each with its stored hash. */
  public record VersionNeed(String soname, List<VersionName> versions) {}

  /** A version's name and the hash by which the linker looks for it. */
  public record VersionName(String name, int hash) {}

  /**
   * Reads a file's dynamic section.
   *
   * @throws ElfException if it is damaged, or no shared library for x86-64
   * @throws IOException if it cannot be read
   */
  public static ElfFile read(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      return of(new ElfImage(ElfSource.of(channel)));
    }
  }

  /** Like {@link #read}, of a file held in memory. */
  public static ElfFile of(byte[] file) throws IOException {
    return of(new ElfImage(ElfSource.of(file)));
  }

  private static ElfFile of(ElfImage image) throws IOException {
    List<String> sonames = strings(image, image.stringPlaces(Set.of(ElfImage.DT_SONAME)));
    List<VersionNeed> needs = new ArrayList<>();
    for (ElfImage.VersionNeed need : image.versionNeeds()) {
      List<VersionName> versions = new ArrayList<>();
      for (ElfImage.VersionName version : need.names()) {
        versions.add(new VersionName(image.string(version.name()), version.hash()));
      }
      needs.add(new VersionNeed(image.string(need.file()), List.copyOf(versions)));
    }
    return new ElfFile(
        sonames.stream().findFirst(),
        strings(image, image.stringPlaces(Set.of(ElfImage.DT_NEEDED))),
        List.copyOf(needs),
        strings(image, image.versionDefinitions()));
  }

  private static List<String> strings(ElfImage image, List<Long> places) throws IOException {
    List<String> strings = new ArrayList<>();
    for (long place : places) {
      strings.add(image.string(place));
    }
    return List.copyOf(strings);
  }
}
