package org.nin4j.data.published;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.nin4j.data.file.Md5;

/**
 * A file as its publisher put it up.
 *
 * @param name its name, at the publisher's and here; it ends in {@code .gz}
 * @param md5 the MD5 sum of its bytes, 32 lower-case hexadecimal digits
 * @param contentMd5 the MD5 sum of what is packed in it: others compress the same content to other
 *     bytes; empty where it is not known
 */
public record PublishedFile(String name, String md5, Optional<String> contentMd5) {

  private static final String GZIP = ".gz";

  /** Checks the form of the name and the MD5 sums. */
  public PublishedFile {
    if (!name.endsWith(GZIP)) {
      throw new IllegalArgumentException(name + " does not end in " + GZIP);
    }
    requireSum(name, md5);
    contentMd5.ifPresent(sum -> requireSum(name, sum));
  }

  /** A file that is known as it was put up only. */
  public PublishedFile(String name, String md5) {
    this(name, md5, Optional.empty());
  }

  /** A file whose content is known, too. */
  public PublishedFile(String name, String md5, String contentMd5) {
    this(name, md5, Optional.of(contentMd5));
  }

  private static void requireSum(String name, String sum) {
    if (!sum.matches("[0-9a-f]{32}")) {
      throw new IllegalArgumentException(name + ": no MD5 sum: " + sum);
    }
  }

  /**
   * The names under which the file is found: gzipped or unpacked, and as some tools unpack it, with
   * a dot in front of {@code idx}.
   */
  List<String> names() {
    String unpacked = name.substring(0, name.length() - GZIP.length());
    String dotted = unpacked.replace("-idx", ".idx");
    return List.of(name, unpacked, dotted + GZIP, dotted);
  }

  /**
   * Whether a file has the published content, in the published gzip, another one or none.
   *
   * @throws java.io.UncheckedIOException if it cannot be read
   */
  boolean isSameAs(Path file) {
    return Md5.of(file).equals(md5) || contentMd5.filter(Md5.ofContent(file)::equals).isPresent();
  }
}
