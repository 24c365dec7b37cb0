package org.nin4j.data.published;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.data.DataException;
import org.nin4j.data.DataMissingException;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.TrainTest;
import org.nin4j.data.file.Md5;
import org.nin4j.text.Text;

/** Small archives of CIFAR's layout, by the system's tar or by a few lines here. */
@Timeout(60)
class CifarDatasetTest {
  private static final int IMAGE = 3 * 32 * 32;

  @TempDir private Path folder;
  private final Random random = new Random();

  @BeforeEach
  void seed() {
    long seed = System.nanoTime();
    System.out.println("pixels from seed " + seed);
    random.setSeed(seed);
  }

  /** Records as published: labels, then the planes of red, green and blue. */
  private byte[] records(int labelBytes, int... labels) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (int label : labels) {
      if (labelBytes == 2) {
        out.write(label / 5);
      }
      out.write(label);
      byte[] pixels = new byte[IMAGE];
      random.nextBytes(pixels);
      out.writeBytes(pixels);
    }
    return out.toByteArray();
  }

  private Map<String, byte[]> cifar10() {
    Map<String, byte[]> files = new LinkedHashMap<>();
    files.put("batches.meta.txt", names(10));
    for (int batch = 1; batch <= 5; batch++) {
      files.put("data_batch_" + batch + ".bin", records(1, batch, 2 * batch - 1));
    }
    files.put("readme.html", "<html>".getBytes(StandardCharsets.UTF_8));
    files.put("test_batch.bin", records(1, 9, 0, 3));
    return files;
  }

  private static byte[] names(int classes) {
    // The published file, too, ends in an empty line.
    return IntStream.range(0, classes)
        .mapToObj(i -> "class" + i + "\n")
        .collect(Collectors.joining("", "", "\n"))
        .getBytes(StandardCharsets.UTF_8);
  }

  /** A header of ustar and the content, padded, for each file, and two blocks of zeros. */
  private static byte[] tar(String in, Map<String, byte[]> files) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(header(in + "/", 0, '5'));
    files.forEach(
        (name, content) -> {
          out.writeBytes(header(in + "/" + name, content.length, '0'));
          out.writeBytes(Arrays.copyOf(content, (content.length + 511) / 512 * 512));
        });
    out.writeBytes(new byte[1024]);
    return out.toByteArray();
  }

  private static byte[] header(String name, int size, char type) {
    byte[] header = new byte[512];
    put(header, 0, name);
    put(header, 100, "0000644\0");
    put(header, 124, Text.of("%011o\0", size));
    put(header, 148, "        ");
    header[156] = (byte) type;
    put(header, 257, "ustar\00000");
    int sum = 0;
    for (byte b : header) {
      sum += b & 0xff;
    }
    put(header, 148, Text.of("%06o\0 ", sum));
    return header;
  }

  private static void put(byte[] header, int at, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(bytes, 0, header, at, bytes.length);
  }

  private static byte[] gzip(byte[] bytes) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
      gzip.write(bytes);
    }
    return out.toByteArray();
  }

  private static void assertIs(byte[] records, int labelBytes, ImageDataset data, int from) {
    int record = labelBytes + IMAGE;
    for (int i = 0; i < records.length / record; i++) {
      int at = i * record + labelBytes;
      assertEquals(records[at - 1], data.label(from + i));
      byte[] image = new byte[IMAGE];
      data.copyImage(from + i, image, 0);
      assertArrayEquals(Arrays.copyOfRange(records, at, at + IMAGE), image);
    }
  }

  private static void assertIsCifar10(Map<String, byte[]> files, TrainTest data) {
    assertEquals("CIFAR-10: 10 images of 3×32×32 in 10 classes", data.train().toString());
    assertEquals("CIFAR-10: 3 images of 3×32×32 in 10 classes", data.test().toString());
    assertEquals("class9", data.train().classNames().get(9));
    for (int batch = 1; batch <= 5; batch++) {
      assertIs(files.get("data_batch_" + batch + ".bin"), 1, data.train(), 2 * (batch - 1));
    }
    assertIs(files.get("test_batch.bin"), 1, data.test(), 0);
  }

  private Path archive(byte[] bytes) throws IOException {
    return Files.write(folder.resolve("cifar-10-binary.tar.gz"), bytes);
  }

  @Test
  void readsTheArchivePackedAndUnpacked() throws IOException {
    Map<String, byte[]> files = cifar10();
    Path packed = archive(gzip(tar("cifar-10-batches-bin", files)));
    TrainTest data = CifarDataset.CIFAR_10.read(folder);
    assertIsCifar10(files, data);
    assertEquals(packed.toString(), data.origin());
    Files.delete(packed);
    Path plain = folder.resolve("cifar-10-binary.tar");
    Files.write(plain, tar("cifar-10-batches-bin", files));
    assertIsCifar10(files, CifarDataset.CIFAR_10.read(folder));
    Files.delete(plain);
    write(folder, "cifar-10-batches-bin", files);
    assertIsCifar10(files, CifarDataset.CIFAR_10.read(folder));
  }

  private static void write(Path folder, String in, Map<String, byte[]> files) throws IOException {
    Files.createDirectory(folder.resolve(in));
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      Files.write(folder.resolve(in).resolve(file.getKey()), file.getValue());
    }
  }

  /** As its publisher packed it: by tar. */
  @Test
  void readsWhatTarWrites() throws IOException, InterruptedException {
    Map<String, byte[]> files = cifar10();
    Path of = Files.createDirectory(folder.resolve("unpacked"));
    write(of, "cifar-10-batches-bin", files);
    Process tar;
    try {
      tar =
          new ProcessBuilder("tar", "czf", "cifar-10-binary.tar.gz", "-C", "unpacked", ".")
              .directory(folder.toFile())
              .start();
    } catch (IOException e) {
      System.out.println("skipped: there is no tar");
      Assumptions.abort("there is no tar");
      return;
    }
    assertEquals(0, tar.waitFor());
    assertIsCifar10(files, CifarDataset.CIFAR_10.read(folder));
  }

  @Test
  void theSecondLabelOfCifar100Counts() throws IOException {
    Map<String, byte[]> files = new LinkedHashMap<>();
    files.put("coarse_label_names.txt", names(20));
    files.put("fine_label_names.txt", names(100));
    files.put("train.bin", records(2, 99, 0, 51));
    files.put("test.bin", records(2, 7));
    Files.write(folder.resolve("cifar-100-binary.tar.gz"), gzip(tar("cifar-100-binary", files)));
    TrainTest data = CifarDataset.CIFAR_100.read(folder);
    assertEquals("CIFAR-100: 3 images of 3×32×32 in 100 classes", data.train().toString());
    assertIs(files.get("train.bin"), 2, data.train(), 0);
    assertIs(files.get("test.bin"), 2, data.test(), 0);
  }

  private String refused() {
    String message =
        assertThrows(DataException.class, () -> CifarDataset.CIFAR_10.read(folder)).getMessage();
    assertTrue(message.startsWith(folder.toString()), message);
    return message;
  }

  @Test
  void whatIsDamagedIsNamed() throws IOException {
    assertTrue(refused().endsWith("cifar-10-binary.tar.gz does not exist"));
    Map<String, byte[]> files = cifar10();
    byte[] tar = tar("cifar-10-batches-bin", files);
    byte[] gzip = gzip(tar);
    archive(Arrays.copyOf(gzip, gzip.length / 2));
    assertTrue(refused().contains("is truncated"));
    byte[] flipped = gzip.clone();
    flipped[gzip.length - 6] ^= 1;
    archive(flipped);
    assertTrue(refused().contains("is damaged gzip"));
    archive(Arrays.copyOf(tar, 5000));
    assertTrue(refused().contains("is truncated"));
    byte[] otherHeader = tar.clone();
    otherHeader[512 + 124] ^= 1;
    archive(otherHeader);
    assertTrue(refused().contains("is no tar archive, or damaged"));
    archive("This is a text that is no archive. ".repeat(100).getBytes(StandardCharsets.UTF_8));
    assertTrue(refused().contains("is no tar archive, or damaged"));
    files.put("test_batch.bin", Arrays.copyOf(files.get("test_batch.bin"), 5000));
    archive(tar("cifar-10-batches-bin", files));
    assertTrue(refused().contains("test_batch.bin has 5000 bytes, which is not a number of"));
    files.put("test_batch.bin", records(1, 10));
    archive(tar("cifar-10-batches-bin", files));
    assertTrue(refused().contains("label 10 of image 0 is out of range"));
    files.remove("test_batch.bin");
    archive(tar("cifar-10-batches-bin", files));
    assertTrue(refused().contains("holds no test_batch.bin; it is not CIFAR-10"));
    files = cifar10();
    files.put("batches.meta.txt", names(9));
    archive(tar("cifar-10-batches-bin", files));
    assertTrue(refused().contains("names 9 classes, not 10"));
  }

  /** A file that says to be larger than all memory is not believed. */
  @Test
  void sizesAreBounded() {
    byte[] header = header("x/wanted", Integer.MAX_VALUE, '0');
    String message =
        assertThrows(
                DataException.class,
                () -> Tar.read(folder, new ByteArrayInputStream(header), Set.of("wanted"), 1 << 20))
            .getMessage();
    assertTrue(message.contains("x/wanted has 2147483647 bytes in it"), message);
  }

  @Test
  void isDownloadedOnceAndKnownByItsSum() throws IOException {
    Map<String, byte[]> files = cifar10();
    Path published = archive(gzip(tar("cifar-10-batches-bin", files)));
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/kriz/",
        exchange -> {
          byte[] bytes = Files.readAllBytes(published);
          exchange.sendResponseHeaders(200, bytes.length);
          try (OutputStream out = exchange.getResponseBody()) {
            out.write(bytes);
          }
        });
    server.start();
    URI mirror = URI.create("http://localhost:" + server.getAddress().getPort() + "/kriz/");
    CifarDataset tiny = tiny(mirror, Md5.of(published));
    Path cache = folder.resolve("cache");
    DatasetLoader loader = loader(Optional.empty(), cache);
    assertIsCifar10(files, loader.load(tiny, DownloadListener.silent()));
    server.stop(0);
    assertIsCifar10(files, loader.load(tiny, DownloadListener.silent()));
    Path cached = cache.resolve("tiny-10/cifar-10-binary.tar.gz");
    Files.write(cached, gzip(tar("cifar-10-batches-bin", cifar10())));
    String message =
        assertThrows(DataException.class, () -> loader.load(tiny, DownloadListener.silent()))
            .getMessage();
    assertTrue(message.startsWith(cached + " is not the file published with CIFAR-10"), message);
    // A folder that is named may hold another one.
    assertEquals(
        10,
        loader(Optional.of(cache), cache).load(tiny, DownloadListener.silent()).train().count());
    Files.delete(cached);
    message =
        assertThrows(DataMissingException.class, () -> loader.load(tiny, DownloadListener.silent()))
            .getMessage();
    assertTrue(message.contains("Put the file cifar-10-binary.tar.gz into "), message);
    message =
        assertThrows(
                DataException.class,
                () -> loader(Optional.of(cache), cache).load(tiny, DownloadListener.silent()))
            .getMessage();
    assertTrue(
        message.startsWith(
            cache + " holds no CIFAR-10: the file cifar-10-binary.tar.gz is expected there"),
        message);
  }

  private static DatasetLoader loader(Optional<Path> option, Path cache) {
    return new DatasetLoader(
        new DataLocations(option, Optional.empty(), cache, List.of()),
        new Downloader(Duration.ofSeconds(10)));
  }

  private static CifarDataset tiny(URI mirror, String md5) {
    CifarDataset known = CifarDataset.CIFAR_10;
    return new CifarDataset(
        "tiny-10",
        known.name(),
        known.classes(),
        new PublishedFile(known.archive().name(), md5),
        known.layout(),
        List.of(mirror));
  }

  @Test
  void allHaveNamesOfTheirOwn() {
    List<String> ids = PublishedDataset.all().stream().map(PublishedDataset::id).toList();
    assertEquals(List.of("fashion-mnist", "mnist", "cifar-10", "cifar-100"), ids);
    assertEquals(
        List.of(10, 10, 10, 100),
        PublishedDataset.all().stream().map(PublishedDataset::classes).toList());
    assertFalse(CifarDataset.CIFAR_10.archive().equals(CifarDataset.CIFAR_100.archive()));
  }
}
