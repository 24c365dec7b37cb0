package org.nin4j.data.folder;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.nin4j.data.DataException;
import org.nin4j.data.Split;
import org.nin4j.data.TrainTest;
import org.nin4j.data.folder.CacheFile.Header;
import org.nin4j.text.Text;

/**
 * Loads a folder of pictures as a data set: {@code DIR/train/CLASS/*} and {@code DIR/test/CLASS/*},
 * or {@code DIR/CLASS/*}, which is divided.
 *
 * <p>Pictures are decoded once, on all threads, into a file of the cache, which is used as long as
 * names, sizes and times of the pictures stay the same. What is more than a quarter of Java's heap
 * is mapped from there and not loaded. Pictures keep their size where all have the same; else see
 * {@link StoredSize}. They are grey where all of them are.
 */
public final class FolderLoader {
  private static final int MOST_NAMED = 5;

  private final Path cache;
  private final int threads;
  private final FolderListener listener;
  private final long mostInMemory;

  /**
   * A loader.
   *
   * @param cache folder for decoded pictures, which get a folder of their own in it
   * @param threads to decode with, at least 1
   */
  public FolderLoader(Path cache, int threads, FolderListener listener) {
    this(cache, threads, listener, Runtime.getRuntime().maxMemory() / 4);
  }

  FolderLoader(Path cache, int threads, FolderListener listener, long mostInMemory) {
    this.cache = cache;
    this.threads = threads;
    this.listener = listener;
    this.mostInMemory = mostInMemory;
  }

  /**
   * Loads a folder.
   *
   * @param split how it is divided; empty for a folder with {@code train} and {@code test}
   * @param size what pictures of several sizes are brought to
   * @param skipBad whether to leave out pictures that are damaged, and the few that are grey where
   *     the others have colours, or the other way round
   * @throws DataException if the folder or a picture cannot be used; the message names it
   * @throws java.io.UncheckedIOException if a picture cannot be read, or the cache not be written
   */
  public TrainTest load(Path folder, Optional<Split> split, StoredSize size, boolean skipBad) {
    Listing listing = Listing.of(folder, split);
    CacheFiles files = new CacheFiles(cache, listing, split);
    long begin = System.nanoTime();
    Optional<CacheFile> cached = files.find(size);
    CacheFile file =
        cached.orElseGet(
            () -> new FolderDecoder(size, skipBad, threads, listener).decode(listing, files));
    Header header = file.header();
    if (!skipBad && !header.leftOut().isEmpty()) {
      throw FolderDecoder.refused(header.leftOut(), listing.all().size());
    }
    String how =
        cached.isPresent()
            ? "from " + file.path()
            : Text.of("decoded in %.1f s", (System.nanoTime() - begin) / 1e9);
    remark(listing, header, how);
    String origin = folder + split.map(s -> ", " + s).orElse("");
    return file.images(listing.name(), origin, mostInMemory);
  }

  private void remark(Listing listing, Header header, String how) {
    listener.remarked(
        Text.of(
            "%s: %,d pictures in %d classes, %s; %s",
            listing.name(),
            header.labels().length,
            header.classes().size(),
            header.asTheyAre()
                ? header.image() + " as they are"
                : "cropped at the centre and resized to " + header.image(),
            how));
    if (listing.ignored() > 0) {
      listener.remarked(
          Text.of(
              "%s: %,d other or hidden %s ignored",
              listing.name(), listing.ignored(), listing.ignored() == 1 ? "file" : "files"));
    }
    List<String> leftOut = header.leftOut();
    leftOut.stream().limit(MOST_NAMED).forEach(why -> listener.remarked("left out: " + why));
    if (leftOut.size() > MOST_NAMED) {
      listener.remarked("left out: " + (leftOut.size() - MOST_NAMED) + " more");
    }
  }
}
