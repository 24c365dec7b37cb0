package org.nin4j.fuzz;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.nin4j.text.Text;

/** Small archives. */
final class Tars {
  private static final int BLOCK = 512;
  private static final int RECORD = 1 + 3 * 32 * 32;

  private Tars() {}

  /** CIFAR-10 with one image in each file. */
  static byte[] cifar10() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    String folder = "cifar-10-batches-bin/";
    add(out, folder + "batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n".getBytes());
    for (int batch = 1; batch <= 5; batch++) {
      add(out, folder + "data_batch_" + batch + ".bin", new byte[RECORD]);
    }
    add(out, folder + "test_batch.bin", new byte[RECORD]);
    out.writeBytes(new byte[2 * BLOCK]);
    return out.toByteArray();
  }

  private static void add(ByteArrayOutputStream out, String name, byte[] content) {
    byte[] header = new byte[BLOCK];
    put(header, 0, name);
    put(header, 100, "0000644\0");
    put(header, 124, Text.of("%011o\0", content.length));
    put(header, 148, "        ");
    header[156] = '0';
    put(header, 257, "ustar\00000");
    int sum = 0;
    for (byte b : header) {
      sum += b & 0xff;
    }
    put(header, 148, Text.of("%06o\0 ", sum));
    out.writeBytes(header);
    out.writeBytes(Arrays.copyOf(content, (content.length + BLOCK - 1) / BLOCK * BLOCK));
  }

  private static void put(byte[] header, int at, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(bytes, 0, header, at, bytes.length);
  }
}
