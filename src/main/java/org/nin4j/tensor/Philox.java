package org.nin4j.tensor;

/**
 * The counter-based generator Philox 4×32-10: a keyed bijection of 128-bit counters, so any element
 * of any random tensor can be drawn on its own, in any order, on any device.
 *
 * <p>The key is the seed. The counter is (block index low, block index high, step, stream): a block
 * serves the four elements {@code 4·block … 4·block+3}, the step is the number of the training
 * step, and the stream keeps apart what is drawn within a step (see {@link Stream}).
 *
 * <p>Source: Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.
 */
public final class Philox {
  /** Which stream serves what; one draw is never used for two purposes. */
  public static final class Stream {
    /** Random flips and shifts of the training images, by sample of the batch. */
    public static final int AUGMENTATION = 0;

    /** Dropout layer number i uses stream {@code DROPOUT + i}. */
    public static final int DROPOUT = 1;

    /** Parameter number i is initialised from stream {@code INITIALISATION + i}. */
    public static final int INITIALISATION = 0x10000;

    /** The order of the samples; the epoch takes the place of the step. */
    public static final int SHUFFLE = 0x20000;

    /** Which images of a data set are for testing; the label takes the place of the step. */
    public static final int SPLIT = 0x30000;

    private Stream() {}
  }

  private static final long MULTIPLIER_0 = 0xD2511F53L;
  private static final long MULTIPLIER_1 = 0xCD9E8D57L;
  private static final int WEYL_0 = 0x9E3779B9;
  private static final int WEYL_1 = 0xBB67AE85;
  private static final int ROUNDS = 10;

  private Philox() {}

  /** Writes the four 32-bit outputs of one block into {@code out}. */
  public static void block(long seed, long block, int step, int stream, int[] out) {
    int c0 = (int) block;
    int c1 = (int) (block >>> 32);
    int c2 = step;
    int c3 = stream;
    int k0 = (int) seed;
    int k1 = (int) (seed >>> 32);
    for (int round = 0; round < ROUNDS; round++) {
      long product0 = MULTIPLIER_0 * (c0 & 0xffffffffL);
      long product1 = MULTIPLIER_1 * (c2 & 0xffffffffL);
      c0 = (int) (product1 >>> 32) ^ c1 ^ k0;
      c1 = (int) product1;
      c2 = (int) (product0 >>> 32) ^ c3 ^ k1;
      c3 = (int) product0;
      k0 += WEYL_0;
      k1 += WEYL_1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
  }

  /** Maps a 32-bit output to [0, 1): its upper 24 bits, each value exactly representable. */
  public static float uniform(int bits) {
    return (bits >>> 8) * 0x1p-24f;
  }

  /** An infinite sequence of 32-bit outputs: the elements of one (seed, step, stream) in order. */
  public static final class Sequence {
    private final long seed;
    private final int step;
    private final int stream;
    private final int[] outputs = new int[4];
    private long next;

    public Sequence(long seed, int step, int stream) {
      this(seed, 0, step, stream);
    }

    /** The same from an element on. */
    public Sequence(long seed, long element, int step, int stream) {
      this.seed = seed;
      this.step = step;
      this.stream = stream;
      next = element;
      if ((element & 3) != 0) {
        block(seed, element >>> 2, step, stream, outputs);
      }
    }

    public int nextBits() {
      int lane = (int) (next & 3);
      if (lane == 0) {
        block(seed, next >>> 2, step, stream, outputs);
      }
      next++;
      return outputs[lane];
    }

    /** Uniform in [0, 1). */
    public float nextUniform() {
      return uniform(nextBits());
    }

    /** Uniform in [0, bound), by multiplication and rejection (Lemire 2019): no bias. */
    public int nextBelow(int bound) {
      long product = (nextBits() & 0xffffffffL) * bound;
      long threshold = (0x100000000L - bound) % bound;
      while ((product & 0xffffffffL) < threshold) {
        product = (nextBits() & 0xffffffffL) * bound;
      }
      return (int) (product >>> 32);
    }
  }

  /**
   * The same outputs, many blocks at once, into an array: each loop does one thing to one array,
   * which is what the compiler turns into vector instructions.
   */
  public static final class Lanes {
    private static final int BLOCKS = 128;
    private static final long LOW = 0xffffffffL;

    private final long[] c0 = new long[BLOCKS];
    private final long[] c1 = new long[BLOCKS];
    private final long[] c2 = new long[BLOCKS];
    private final long[] c3 = new long[BLOCKS];
    private final long[] product0 = new long[BLOCKS];
    private final long[] product1 = new long[BLOCKS];
    private final int[] outputs = new int[4 * BLOCKS];

    /** For one thread at a time. */
    public Lanes() {}

    /** Fills {@code bits} with the sequence (seed, step, stream) from {@code element} on. */
    public void draw(long seed, long element, int step, int stream, int[] bits) {
      long block = element >>> 2;
      int from = (int) (element & 3);
      int done = 0;
      while (done < bits.length) {
        blocks(seed, block, step, stream);
        int count = Math.min(outputs.length - from, bits.length - done);
        System.arraycopy(outputs, from, bits, done, count);
        done += count;
        block += BLOCKS;
        from = 0;
      }
    }

    private void blocks(long seed, long first, int step, int stream) {
      for (int i = 0; i < BLOCKS; i++) {
        c0[i] = (first + i) & LOW;
        c1[i] = (first + i) >>> 32;
        c2[i] = step & LOW;
        c3[i] = stream & LOW;
      }
      int k0 = (int) seed;
      int k1 = (int) (seed >>> 32);
      for (int round = 0; round < ROUNDS; round++) {
        multiply(c0, MULTIPLIER_0, product0);
        multiply(c2, MULTIPLIER_1, product1);
        mix(product1, c1, k0 & LOW, c0);
        mix(product0, c3, k1 & LOW, c2);
        low(product1, c1);
        low(product0, c3);
        k0 += WEYL_0;
        k1 += WEYL_1;
      }
      for (int i = 0; i < BLOCKS; i++) {
        outputs[4 * i] = (int) c0[i];
        outputs[4 * i + 1] = (int) c1[i];
        outputs[4 * i + 2] = (int) c2[i];
        outputs[4 * i + 3] = (int) c3[i];
      }
    }

    private static void multiply(long[] words, long multiplier, long[] products) {
      for (int i = 0; i < BLOCKS; i++) {
        products[i] = words[i] * multiplier;
      }
    }

    private static void mix(long[] products, long[] words, long key, long[] mixed) {
      for (int i = 0; i < BLOCKS; i++) {
        mixed[i] = (products[i] >>> 32) ^ words[i] ^ key;
      }
    }

    private static void low(long[] products, long[] words) {
      for (int i = 0; i < BLOCKS; i++) {
        words[i] = products[i] & LOW;
      }
    }
  }
}
