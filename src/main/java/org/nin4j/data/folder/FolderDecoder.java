package org.nin4j.data.folder;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.nin4j.data.DataException;
import org.nin4j.data.file.PartialFile;
import org.nin4j.data.folder.CacheFile.Header;
import org.nin4j.data.folder.Listing.Entry;
import org.nin4j.data.picture.ImageFile;
import org.nin4j.data.picture.Picture;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

/**
 * Decodes the pictures of a folder into a cache file.
 *
 * <p>Which shape the images have follows from all pictures: one size or several, grey or coloured.
 * A pass takes them to be like the first one, and begins again where one is found that is not.
 */
final class FolderDecoder {
  private static final long POLL_MILLISECONDS = 100;

  /** What pixels of one set may take: the most that one buffer holds. */
  private static final long MOST_BYTES = Integer.MAX_VALUE;

  private final StoredSize size;
  private final boolean skipBad;
  private final int threads;
  private final FolderListener listener;

  FolderDecoder(StoredSize size, boolean skipBad, int threads, FolderListener listener) {
    this.size = size;
    this.skipBad = skipBad;
    this.threads = threads;
    this.listener = listener;
  }

  /**
   * Decodes all pictures.
   *
   * @throws DataException if one cannot be used, or they are too many
   * @throws UncheckedIOException if one cannot be read, or the cache file not be written
   */
  CacheFile decode(Listing listed, CacheFiles files) {
    Listing listing = listed;
    List<String> leftOut = new ArrayList<>();
    while (true) {
      Map<Entry, String> unusable = new LinkedHashMap<>();
      CacheFile file = decode(listing, files, leftOut, unusable);
      if (unusable.isEmpty()) {
        return file;
      }
      if (!skipBad) {
        throw refused(List.copyOf(unusable.values()), listed.all().size());
      }
      leftOut.addAll(unusable.values());
      listing = listing.without(List.copyOf(unusable.keySet()));
      listing.requireEachClass();
    }
  }

  /** What to throw where pictures cannot be used and are not to be left out. */
  static DataException refused(List<String> unusable, int all) {
    return new DataException(
        unusable.get(0)
            + "; --skip-bad leaves "
            + (unusable.size() == 1
                ? "it out"
                : Text.of("out such pictures (%,d of %,d)", unusable.size(), all)));
  }

  /** Decodes until all pictures fit a shape; collects what cannot be used. */
  private CacheFile decode(
      Listing listing, CacheFiles files, List<String> leftOut, Map<Entry, String> unusable) {
    List<Entry> all = listing.all();
    Picture first = first(all);
    boolean colours = !first.isGrey();
    boolean common = size.unlessCommon();
    while (true) {
      int channels = colours ? 3 : 1;
      boolean asTheyAre = common && fits(listing, channels, first.height(), first.width());
      Shape shape =
          asTheyAre
              ? Shape.of(channels, first.height(), first.width())
              : Shape.of(channels, size.height(), size.width());
      requireFits(listing, shape);
      byte[] labels = new byte[all.size()];
      for (int i = 0; i < labels.length; i++) {
        labels[i] = (byte) all.get(i).label();
      }
      Optional<StoredSize> stored = asTheyAre ? Optional.empty() : Optional.of(size);
      Path target = files.path(stored);
      Header header =
          new Header(
              files.digest(stored),
              listing.classes(),
              shape,
              listing.train().size(),
              labels,
              asTheyAre,
              leftOut);
      try (PartialFile partial = PartialFile.create(target)) {
        Pass pass = new Pass(listing.name(), all, header, partial);
        pass.run();
        if (pass.foundColours) {
          colours = true;
        } else if (pass.foundSizes) {
          common = false;
        } else {
          unusable.putAll(pass.unusable());
          if (unusable.isEmpty()) {
            CacheFile.complete(partial.channel(), header);
            partial.commit();
          }
          return new CacheFile(target, header);
        }
      } catch (IOException e) {
        throw new UncheckedIOException(
            Text.of(
                "%s cannot be written: %s; the environment variable NIN4J_CACHE names another folder",
                target, PartialFile.reason(e)),
            e);
      }
    }
  }

  /** The first picture that can be decoded, or what is wrong with the very first. */
  private static Picture first(List<Entry> all) {
    DataException wrong = new DataException("there are no pictures");
    for (int i = 0; i < all.size(); i++) {
      try {
        return ImageFile.read(all.get(i).file());
      } catch (DataException e) {
        wrong = i == 0 ? e : wrong;
      }
    }
    throw new DataException(
        Text.of("none of the %,d pictures can be decoded: %s", all.size(), wrong.getMessage()));
  }

  private static boolean fits(Listing listing, int channels, int height, int width) {
    long images = Math.max(listing.train().size(), listing.test().size());
    return images * channels * height * width <= MOST_BYTES;
  }

  private static void requireFits(Listing listing, Shape shape) {
    if (!fits(listing, shape.dim(0), shape.dim(1), shape.dim(2))) {
      long images = Math.max(listing.train().size(), listing.test().size());
      throw new DataException(
          Text.of(
              "%s: %,d images of %s have %.1f GB; a set may have %.1f GB: use a --size of at most"
                  + " %d",
              listing.folder(),
              images,
              shape,
              images * shape.elements() / (double) (1 << 30),
              MOST_BYTES / (double) (1 << 30),
              (int) Math.sqrt((double) MOST_BYTES / images / shape.dim(0))));
    }
  }

  /** What a picture is. */
  private enum Kind {
    GREY_FILE,
    COLOURLESS,
    COLOURED
  }

  /** All pictures once, into images of one shape. */
  private final class Pass {
    private final String name;
    private final List<Entry> pictures;
    private final Header header;
    private final PartialFile file;
    private final int begin;
    private final Kind[] kinds;
    private final Map<Integer, String> damaged = new ConcurrentSkipListMap<>();
    private final AtomicInteger next = new AtomicInteger();
    private final AtomicInteger done = new AtomicInteger();
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private volatile boolean foundColours;
    private volatile boolean foundSizes;
    private volatile boolean stopped;

    Pass(String name, List<Entry> pictures, Header header, PartialFile file) {
      this.name = name;
      this.pictures = pictures;
      this.header = header;
      this.file = file;
      begin = header.bytes().length;
      kinds = new Kind[pictures.size()];
    }

    /** Ends with all pictures, or with one that has colours or another size where none had. */
    void run() throws IOException {
      CountDownLatch running = new CountDownLatch(threads);
      listener.started(name, pictures.size());
      for (int t = 0; t < threads; t++) {
        Thread worker = new Thread(() -> work(running), "decoding");
        // Whatever ends the process does not wait for it.
        worker.setDaemon(true);
        worker.start();
      }
      try {
        while (!running.await(POLL_MILLISECONDS, TimeUnit.MILLISECONDS)) {
          listener.decoded(done.get());
        }
        listener.decoded(done.get());
      } catch (InterruptedException e) {
        stopped = true;
        Thread.currentThread().interrupt();
        throw new DataException("decoding the pictures of " + name + " was interrupted", e);
      } finally {
        listener.ended();
      }
      Throwable failed = failure.get();
      if (failed instanceof IOException e) {
        throw e;
      } else if (failed instanceof RuntimeException e) {
        throw e;
      } else if (failed instanceof Error e) {
        throw e;
      }
    }

    private void work(CountDownLatch running) {
      try {
        for (int i = next.getAndIncrement();
            i < pictures.size() && !stopped;
            i = next.getAndIncrement()) {
          decode(i);
          done.incrementAndGet();
        }
      } catch (Throwable e) {
        // Thrown again by the thread that waits.
        failure.compareAndSet(null, e);
        stopped = true;
      } finally {
        running.countDown();
      }
    }

    private void decode(int index) throws IOException {
      Picture picture;
      try {
        picture = ImageFile.read(pictures.get(index).file());
      } catch (DataException e) {
        damaged.put(index, e.getMessage());
        return;
      }
      Shape shape = header.image();
      kinds[index] =
          picture.channels() == 1
              ? Kind.GREY_FILE
              : picture.isGrey() ? Kind.COLOURLESS : Kind.COLOURED;
      if (shape.dim(0) == 1 && kinds[index] == Kind.COLOURED) {
        foundColours = true;
        stopped = true;
      } else if (header.asTheyAre()
          && (picture.height() != shape.dim(1) || picture.width() != shape.dim(2))) {
        foundSizes = true;
        stopped = true;
      } else {
        CacheFile.write(
            file.channel(),
            ByteBuffer.wrap(picture.pixels(shape, Picture.Fit.CROP)),
            begin + index * shape.elements());
      }
    }

    /** Pictures that are damaged; if there are none, those that are grey or coloured as few are. */
    Map<Entry, String> unusable() {
      Map<Entry, String> unusable = new LinkedHashMap<>();
      damaged.forEach((index, why) -> unusable.put(pictures.get(index), why));
      int[] grey = of(Kind.GREY_FILE);
      int[] coloured = of(Kind.COLOURED);
      if (!unusable.isEmpty() || grey.length == 0 || coloured.length == 0) {
        return unusable;
      }
      boolean fewGrey = grey.length <= kinds.length - grey.length;
      String text =
          fewGrey
              ? "%s has one channel (grey), where others have three"
              : "%s has three channels (colours), where others have one";
      for (int index : fewGrey ? grey : coloured) {
        Entry entry = pictures.get(index);
        unusable.put(entry, Text.of(text, entry.file()));
      }
      return unusable;
    }

    private int[] of(Kind kind) {
      return IntStream.range(0, kinds.length).filter(i -> kinds[i] == kind).toArray();
    }
  }
}
