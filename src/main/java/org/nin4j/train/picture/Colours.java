package org.nin4j.train.picture;

/**
 * Numbers as colours. Viridis, by Smith, van der Walt and Firing (matplotlib, CC0): equal steps
 * look equally large, also in grey and to the colour-blind; dark is little.
 */
final class Colours {
  /** At equal distances, linear between. */
  private static final int[] VIRIDIS = {
    0x440154, 0x482878, 0x3e4a89, 0x31688e, 0x26828e, 0x1f9e89, 0x35b779, 0x6ece58, 0xb5de2b,
    0xfde725
  };

  private Colours() {}

  /** The colour of a share in [0, 1]; what lies outside has that of the nearer end. */
  static int viridis(double share) {
    double at = Math.max(0, Math.min(1, share)) * (VIRIDIS.length - 1);
    int below = Math.min((int) at, VIRIDIS.length - 2);
    return mixed(VIRIDIS[below], VIRIDIS[below + 1], at - below);
  }

  /** Channel by channel, {@code share} of the second colour. */
  static int mixed(int first, int second, double share) {
    int colour = 0;
    for (int shift = 16; shift >= 0; shift -= 8) {
      int a = first >> shift & 0xff;
      int b = second >> shift & 0xff;
      colour |= (int) Math.round(a + share * (b - a)) << shift;
    }
    return colour;
  }

  /** How light a colour is, in [0, 255]: ITU-R BT.601 luma. */
  static int luma(int rgb) {
    return (299 * (rgb >> 16 & 0xff) + 587 * (rgb >> 8 & 0xff) + 114 * (rgb & 0xff)) / 1000;
  }
}
