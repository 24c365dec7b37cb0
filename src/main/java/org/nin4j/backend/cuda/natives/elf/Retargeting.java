package org.nin4j.backend.cuda.natives.elf;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Points a shared library at other sonames than it was linked against.
 *
 * <p>JCuda's natives ask for {@code libcudnn.so.8} and for symbols of the version {@code
 * libcudnn.so.8}. To make them ask for 9, the soname is overwritten where it stands in the string
 * table (which changes the needed library, the library that versions are wanted of, and the
 * version's name at once, since they share the string), and the version's hash, by which the linker
 * looks it up, is set to the new name's. Symbol names, and with them the symbol hash table, stay as
 * they are.
 */
public final class Retargeting {
  private static final Set<Long> OTHER_NAMES =
      Set.of(
          ElfImage.DT_SONAME,
          ElfImage.DT_RPATH,
          ElfImage.DT_RUNPATH,
          ElfImage.DT_AUXILIARY,
          ElfImage.DT_FILTER);

  private Retargeting() {}

  /**
   * A copy of the library that needs other sonames.
   *
   * @param library an ELF shared library
   * @param sonames for each soname to leave, the one to ask for instead; at most as long
   * @throws ElfException if the library is damaged, does not need one of the sonames, or its string
   *     table leaves no room for the change
   */
  public static byte[] retarget(byte[] library, Map<String, String> sonames) throws IOException {
    ElfImage image = new ElfImage(ElfSource.of(library));
    byte[] result = library.clone();
    ByteBuffer bytes = ByteBuffer.wrap(result).order(ByteOrder.LITTLE_ENDIAN);
    for (Map.Entry<String, String> change : sonames.entrySet()) {
      String from = change.getKey();
      String to = change.getValue();
      if (to.length() > from.length()) {
        throw ElfException.damaged("it has no room for " + to + " in place of " + from);
      }
      Set<Long> places = placesOfSoname(image, from);
      if (places.isEmpty()) {
        throw ElfException.damaged("it does not need " + from);
      }
      checkUnshared(image, from, places);
      for (long place : places) {
        int offset = (int) (image.stringsOffset() + place);
        byte[] padded = new byte[from.length()];
        byte[] name = to.getBytes(StandardCharsets.ISO_8859_1);
        System.arraycopy(name, 0, padded, 0, name.length);
        bytes.put(offset, padded);
      }
      for (ElfImage.VersionNeed need : image.versionNeeds()) {
        for (ElfImage.VersionName version : need.names()) {
          if (places.contains(version.name())) {
            bytes.putInt((int) version.entryOffset(), ElfImage.hash(to));
          }
        }
      }
    }
    return result;
  }

  /** Where the soname stands as a needed library, as a version's library, as a version's name. */
  private static Set<Long> placesOfSoname(ElfImage image, String soname) throws IOException {
    Set<Long> places = new HashSet<>();
    for (long place : linkNames(image)) {
      if (image.string(place).equals(soname)) {
        places.add(place);
      }
    }
    return places;
  }

  private static Set<Long> linkNames(ElfImage image) {
    Set<Long> names = new HashSet<>(image.stringPlaces(Set.of(ElfImage.DT_NEEDED)));
    for (ElfImage.VersionNeed need : image.versionNeeds()) {
      names.add(need.file());
      need.names().forEach(version -> names.add(version.name()));
    }
    return names;
  }

  /**
   * Linkers let a name be the tail of a longer one. Overwriting such a string would change another
   * name too, so every other reference must lie outside it.
   */
  private static void checkUnshared(ElfImage image, String soname, Set<Long> places)
      throws IOException {
    Set<Long> others = linkNames(image);
    others.removeAll(places);
    others.addAll(image.stringPlaces(OTHER_NAMES));
    others.addAll(image.versionDefinitions());
    others.addAll(image.symbolNames());
    for (long place : places) {
      boolean referredInto =
          others.stream().anyMatch(other -> other >= place && other < place + soname.length());
      if (!image.startsString(place) || referredInto) {
        throw ElfException.damaged("it shares the text " + soname + " with another name");
      }
    }
  }
}
