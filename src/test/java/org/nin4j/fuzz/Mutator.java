package org.nin4j.fuzz;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Changes bytes here and there, the same for the same seed. */
final class Mutator {
  private static final int MOST_CHANGES = 6;
  private static final int LONGEST = 1 << 16;
  private static final int[] INTEGERS = {
    0, 1, -1, 127, 128, 255, 256, 32767, 65535, 65536, Integer.MAX_VALUE, Integer.MIN_VALUE
  };
  private static final List<String> WORDS =
      List.of(
          "-1",
          "0",
          "1e999",
          "NaN",
          "9223372036854775808",
          "2147483647",
          "0.0",
          "null",
          "[]",
          "{}",
          "\"\"",
          "\\u0000",
          "[[[[[[",
          ",",
          "\n",
          "%s",
          "../",
          "é",
          "true",
          "-0.0",
          "1e-400");

  private final Random random;

  Mutator(long seed) {
    random = new Random(seed);
  }

  byte[] mutate(List<byte[]> seeds) {
    byte[] bytes = seeds.get(random.nextInt(seeds.size())).clone();
    for (int i = random.nextInt(MOST_CHANGES); i >= 0; i--) {
      bytes = change(bytes, seeds);
    }
    return bytes;
  }

  private byte[] change(byte[] bytes, List<byte[]> seeds) {
    int at = bytes.length == 0 ? 0 : random.nextInt(bytes.length);
    int count = Math.min(bytes.length - at, 1 + random.nextInt(16));
    switch (random.nextInt(9)) {
      case 0:
        if (bytes.length > 0) {
          bytes[at] ^= (byte) (1 << random.nextInt(8));
        }
        return bytes;
      case 1:
        if (bytes.length > 0) {
          bytes[at] = (byte) random.nextInt(256);
        }
        return bytes;
      case 2:
        return join(Arrays.copyOf(bytes, at), new byte[0], tail(bytes, at + count));
      case 3:
        byte[] part = Arrays.copyOfRange(bytes, at, at + count);
        return join(Arrays.copyOf(bytes, at), part, tail(bytes, at));
      case 4:
        String word = WORDS.get(random.nextInt(WORDS.size()));
        byte[] text = word.getBytes(StandardCharsets.UTF_8);
        return join(Arrays.copyOf(bytes, at), text, tail(bytes, at + random.nextInt(count + 1)));
      case 5:
        return integer(bytes, at);
      case 6:
        return Arrays.copyOf(bytes, at);
      case 7:
        byte[] other = seeds.get(random.nextInt(seeds.size()));
        return join(
            Arrays.copyOf(bytes, at), new byte[0], tail(other, random.nextInt(other.length + 1)));
      default:
        byte[] same = new byte[random.nextInt(300)];
        Arrays.fill(same, bytes.length == 0 ? 0 : bytes[at]);
        return join(Arrays.copyOf(bytes, at), same, tail(bytes, at));
    }
  }

  private byte[] integer(byte[] bytes, int at) {
    int value = INTEGERS[random.nextInt(INTEGERS.length)];
    boolean little = random.nextBoolean();
    for (int i = 0; i < 4 && at + i < bytes.length; i++) {
      bytes[at + i] = (byte) (value >> (little ? 8 * i : 24 - 8 * i));
    }
    return bytes;
  }

  private static byte[] tail(byte[] bytes, int from) {
    return Arrays.copyOfRange(bytes, Math.min(from, bytes.length), bytes.length);
  }

  private static byte[] join(byte[] begin, byte[] middle, byte[] end) {
    int length = Math.min(LONGEST, begin.length + middle.length + end.length);
    byte[] all = Arrays.copyOf(begin, begin.length + middle.length + end.length);
    System.arraycopy(middle, 0, all, begin.length, middle.length);
    System.arraycopy(end, 0, all, begin.length + middle.length, end.length);
    return Arrays.copyOf(all, length);
  }
}
