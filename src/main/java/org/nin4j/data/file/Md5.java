package org.nin4j.data.file;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/** MD5 sums: the publishers' check of their files against damage (not against malice). */
public final class Md5 {

  private Md5() {}

  public static MessageDigest digest() {
    try {
      return MessageDigest.getInstance("MD5");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has MD5", e);
    }
  }

  /**
   * The sum of a file's bytes as lower-case hexadecimal digits.
   *
   * @throws UncheckedIOException if the file cannot be read
   */
  public static String of(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      return of(in);
    } catch (IOException e) {
      throw PartialFile.unreadable(file, e);
    }
  }

  /**
   * The sum of a gzipped file's unpacked bytes; of any other file, and of damaged gzip, the sum of
   * its bytes as they are.
   *
   * @throws UncheckedIOException if the file cannot be read
   */
  public static String ofContent(Path file) {
    try (InputStream raw = Files.newInputStream(file);
        InputStream in = new GZIPInputStream(raw, 1 << 16)) {
      return of(in);
    } catch (ZipException | EOFException e) {
      return of(file);
    } catch (IOException e) {
      throw PartialFile.unreadable(file, e);
    }
  }

  private static String of(InputStream bytes) throws IOException {
    MessageDigest digest = digest();
    new DigestInputStream(bytes, digest).transferTo(OutputStream.nullOutputStream());
    return HexFormat.of().formatHex(digest.digest());
  }
}
