package org.nin4j.spark;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.CreateFlag;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileContext;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Options;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RemoteIterator;

/** A folder on any file system that Hadoop knows; each file is there as a whole or not at all. */
final class HadoopFolder {
  private static final String PART = ".part";

  private final FileContext files;
  private final Path folder;

  /**
   * @throws UncheckedIOException if there is no such file system
   */
  HadoopFolder(String path, Configuration configuration) {
    try {
      Path given = new Path(path);
      URI uri = given.toUri();
      files =
          uri.getScheme() == null
              ? FileContext.getFileContext(configuration)
              : FileContext.getFileContext(uri, configuration);
      folder = files.makeQualified(given);
    } catch (IOException | RuntimeException e) {
      throw failed(path + " is no place for files", e);
    }
  }

  /**
   * Makes the folder and tries to write into it.
   *
   * @throws UncheckedIOException if that fails
   */
  void requireWritable() {
    String probe = "." + UUID.randomUUID();
    write(probe, new byte[] {1});
    try {
      files.delete(new Path(folder, probe), false);
    } catch (IOException e) {
      throw failed(folder + " cannot be written to", e);
    }
  }

  /** Names of the whole files in it, in order; none where it is not there. */
  List<String> names() {
    TreeMap<String, Long> names = new TreeMap<>();
    try {
      if (files.util().exists(folder)) {
        RemoteIterator<FileStatus> all = files.listStatus(folder);
        while (all.hasNext()) {
          FileStatus file = all.next();
          String name = file.getPath().getName();
          if (file.isFile() && !name.endsWith(PART) && !name.startsWith(".")) {
            names.put(name, file.getLen());
          }
        }
      }
    } catch (IOException e) {
      throw failed(folder + " cannot be read", e);
    }
    return List.copyOf(names.keySet());
  }

  /** The content of a file. */
  byte[] read(String name) {
    try (FSDataInputStream in = files.open(new Path(folder, name))) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw failed(new Path(folder, name) + " cannot be read", e);
    }
  }

  /** Writes a file under another name, then gives it its own, in the place of an earlier one. */
  void write(String name, byte[] content) {
    Path target = new Path(folder, name);
    Path part = new Path(folder, name + "." + UUID.randomUUID() + PART);
    try {
      try (FSDataOutputStream out =
          files.create(
              part,
              EnumSet.of(CreateFlag.CREATE, CreateFlag.OVERWRITE),
              Options.CreateOpts.createParent())) {
        out.write(content);
        out.hsync();
      }
      files.rename(part, target, Options.Rename.OVERWRITE);
    } catch (IOException e) {
      throw failed(target + " cannot be written", e);
    }
  }

  private static UncheckedIOException failed(String what, Exception e) {
    String reason = Optional.ofNullable(e.getMessage()).orElse(e.toString());
    return new UncheckedIOException(
        what + ": " + reason.lines().findFirst().orElse(""),
        e instanceof IOException io ? io : new IOException(e));
  }

  @Override
  public String toString() {
    return folder.toString();
  }
}
