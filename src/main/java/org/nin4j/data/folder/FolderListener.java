package org.nin4j.data.folder;

/** Is notified how pictures are decoded; called on the thread that asked for them. */
public interface FolderListener {

  /** A line for people: what was found, left out or done. */
  void remarked(String line);

  /** A pass over the given number of pictures begins; there may be several. */
  void started(String dataset, int pictures);

  /** So many of them are done, a few times a second. */
  void decoded(int pictures);

  /** The pass is over. */
  void ended();

  /** A listener that does nothing. */
  static FolderListener silent() {
    return new FolderListener() {
      @Override
      public void remarked(String line) {}

      @Override
      public void started(String dataset, int pictures) {}

      @Override
      public void decoded(int pictures) {}

      @Override
      public void ended() {}
    };
  }
}
