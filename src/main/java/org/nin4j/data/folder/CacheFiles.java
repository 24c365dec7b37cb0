package org.nin4j.data.folder;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Optional;
import org.nin4j.data.Split;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

/**
 * Where the images of a listing are kept: in one file as they are, else in one for each size that
 * they were brought to. The name says which folder, split and size; the digest in the file, which
 * pictures.
 */
final class CacheFiles {
  private final Path folder;
  private final Listing listing;
  private final String key;
  private final String digest;

  CacheFiles(Path cache, Listing listing, Optional<Split> split) {
    folder = cache.resolve("folders");
    this.listing = listing;
    key = listing.folder().toAbsolutePath().normalize() + "\0" + split;
    digest = listing.digest();
  }

  /** The file for images of that size, or as they are where it is empty. */
  Path path(Optional<StoredSize> size) {
    byte[] sum = Listing.sha256().digest((key + size).getBytes(StandardCharsets.UTF_8));
    return folder.resolve(
        Text.of("%s-%s.images", listing.name(), HexFormat.of().formatHex(sum, 0, 8)));
  }

  /** What the header of that file says of its origin. */
  String digest(Optional<StoredSize> size) {
    return digest + size;
  }

  /** A file that holds what is wanted. */
  Optional<CacheFile> find(StoredSize size) {
    return read(Optional.empty())
        .filter(file -> size.unlessCommon() || isOf(file.header().image(), size))
        .or(() -> read(Optional.of(size)));
  }

  private Optional<CacheFile> read(Optional<StoredSize> size) {
    return CacheFile.read(path(size), digest(size));
  }

  private static boolean isOf(Shape image, StoredSize size) {
    return image.dim(1) == size.height() && image.dim(2) == size.width();
  }
}
