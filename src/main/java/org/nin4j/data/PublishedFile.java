package org.nin4j.data;

/**
 * A file as its publisher put it up.
 *
 * @param name its name, at the publisher's and here
 * @param md5 the MD5 sum of its bytes, 32 lower-case hexadecimal digits
 */
public record PublishedFile(String name, String md5) {

  /** Checks the form of the MD5 sum. */
  public PublishedFile {
    if (!md5.matches("[0-9a-f]{32}")) {
      throw new IllegalArgumentException(name + ": no MD5 sum: " + md5);
    }
  }
}
