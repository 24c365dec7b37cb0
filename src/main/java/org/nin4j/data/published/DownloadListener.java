package org.nin4j.data.published;

import java.net.URI;
import java.util.OptionalLong;

/** Is notified how a download goes; called on the thread that asked for it. */
public interface DownloadListener {

  /** An address began to send a file of the given number of bytes, if it says how many. */
  void started(String file, URI address, OptionalLong bytes);

  /** So many bytes of the file have come, a few times a second and at its end. */
  void received(String file, long bytes);

  /** No more comes from this address: the file is complete, or the address failed. */
  void ended(String file);

  /** A data set cannot be downloaded, for this reason: its package is tried now. */
  default void turnedToPackage(String dataset, String reason, String debianPackage) {}

  /** A listener that does nothing. */
  static DownloadListener silent() {
    return new DownloadListener() {
      @Override
      public void started(String file, URI address, OptionalLong bytes) {}

      @Override
      public void received(String file, long bytes) {}

      @Override
      public void ended(String file) {}
    };
  }
}
