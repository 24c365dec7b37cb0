package org.nin4j.data.picture;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.nin4j.data.file.PartialFile;

/** The pictures of a folder. */
public final class PictureFiles {
  private PictureFiles() {}

  /**
   * All files in a folder and in the folders below it that are pictures by their names, sorted by
   * path. What begins with a dot is left out, and links to folders, which might lead in a circle.
   *
   * @param unreadable told of folders that cannot be read; the others are listed
   */
  public static List<Path> below(Path folder, Consumer<UncheckedIOException> unreadable) {
    List<Path> files = new ArrayList<>();
    List<Path> open = new ArrayList<>(List.of(folder));
    while (!open.isEmpty()) {
      Path next = open.remove(open.size() - 1);
      try (DirectoryStream<Path> entries = Files.newDirectoryStream(next)) {
        for (Path entry : entries) {
          if (entry.getFileName().toString().startsWith(".")) {
            continue;
          }
          if (Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS)) {
            open.add(entry);
          } else if (ImageFile.isNamedSo(entry) && Files.isRegularFile(entry)) {
            files.add(entry);
          }
        }
      } catch (IOException e) {
        unreadable.accept(PartialFile.unreadable(next, e));
      } catch (DirectoryIteratorException e) {
        unreadable.accept(PartialFile.unreadable(next, e.getCause()));
      }
    }
    // As text, since Windows would compare paths without regard to case.
    files.sort(Comparator.comparing(file -> names(folder.relativize(file))));
    return List.copyOf(files);
  }

  private static String names(Path path) {
    return StreamSupport.stream(path.spliterator(), false)
        .map(Path::toString)
        .collect(Collectors.joining("/"));
  }
}
