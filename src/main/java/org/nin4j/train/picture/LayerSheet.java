package org.nin4j.train.picture;

import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.nin4j.data.file.PartialFile;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;
import org.nin4j.train.FeatureMaps;

/** A network's first filters, and what leaves its blocks for an image. */
public final class LayerSheet {
  private static final int COLUMNS = 16;
  private static final int TILE = 56;
  private static final int GAP = 4;

  /** Channels shown of a block. */
  private static final int MOST_CHANNELS = 32;

  private static final int MOST_FILTERS = 256;

  /** Tiles under a heading. */
  private record Section(String heading, List<BufferedImage> tiles) {
    int height() {
      int rows = (tiles.size() + COLUMNS - 1) / COLUMNS;
      return Sheet.LINE + 4 + rows * (TILE + GAP) + Sheet.MARGIN;
    }
  }

  /**
   * An image and what it became.
   *
   * @param pixels unsigned bytes, as the network was given them; not copied
   * @param image (1 or 3, height, width)
   * @param blocks from the first to the last
   */
  public record Seen(String name, byte[] pixels, Shape image, List<FeatureMaps> blocks) {
    public Seen {
      blocks = List.copyOf(blocks);
    }
  }

  private LayerSheet() {}

  /**
   * Writes a PNG file.
   *
   * @param network its name
   * @param filters of the first convolution, [filters, channels, height, width]
   * @throws java.io.UncheckedIOException if the file cannot be written
   */
  public static void write(String network, FeatureMaps filters, Optional<Seen> seen, Path file) {
    List<Section> sections = new ArrayList<>();
    sections.add(filters(network, filters));
    seen.ifPresent(
        s -> {
          sections.add(new Section(s.name(), List.of(Sheet.of(s.pixels(), s.image()))));
          s.blocks().forEach(block -> sections.add(block(block)));
        });
    int height = sections.stream().mapToInt(Section::height).sum() + Sheet.MARGIN;
    int width = 2 * Sheet.MARGIN + COLUMNS * (TILE + GAP) - GAP;
    try (Sheet sheet = new Sheet(width, height)) {
      int top = Sheet.MARGIN;
      for (Section section : sections) {
        sheet.heading(section.heading(), Sheet.MARGIN, top, width - 2 * Sheet.MARGIN);
        for (int i = 0; i < section.tiles().size(); i++) {
          draw(
              sheet,
              section.tiles().get(i),
              Sheet.MARGIN + i % COLUMNS * (TILE + GAP),
              top + Sheet.LINE + 4 + i / COLUMNS * (TILE + GAP));
        }
        top += section.height();
      }
      PartialFile.write(file, sheet.image());
    }
  }

  private static void draw(Sheet sheet, BufferedImage tile, int left, int top) {
    double larger = (double) TILE / Math.max(tile.getHeight(), tile.getWidth());
    sheet.tile(
        tile,
        left,
        top,
        (int) Math.max(1, Math.round(larger * tile.getWidth())),
        (int) Math.max(1, Math.round(larger * tile.getHeight())));
  }

  /** Middle grey is 0; black and white, or the colours' ends, the largest weight of all. */
  private static Section filters(String network, FeatureMaps filters) {
    Shape shape = filters.values().shape();
    int channels = shape.dim(1);
    int shown = Math.min(MOST_FILTERS, filters.count());
    float largest = Float.MIN_NORMAL;
    for (float weight : filters.values().values()) {
      largest = Math.max(largest, Math.abs(weight));
    }
    List<BufferedImage> tiles = new ArrayList<>();
    int plane = shape.dim(2) * shape.dim(3);
    for (int f = 0; f < shown; f++) {
      float[] weights = filters.map(f).values();
      byte[] pixels = new byte[channels == 3 ? 3 * plane : plane];
      for (int i = 0; i < pixels.length; i++) {
        // One channel or three as they are; of more, their mean.
        double value = weights[i];
        if (channels != 3) {
          value = 0;
          for (int c = 0; c < channels; c++) {
            value += weights[c * plane + i] / channels;
          }
        }
        pixels[i] = (byte) Math.round(127.5 + 127.5 * value / largest);
      }
      Shape picture = Shape.of(pixels.length / plane, shape.dim(2), shape.dim(3));
      tiles.add(Sheet.of(pixels, picture));
    }
    String mean = channels == 1 || channels == 3 ? "" : ", each the mean over its channels";
    return new Section(
        Text.of(
            "%s: filters of layer %s, %s of %d×%d%s; middle grey is 0",
            network,
            filters.layer(),
            shown < filters.count() ? shown + " of " + filters.count() : shown,
            shape.dim(2),
            shape.dim(3),
            mean),
        tiles);
  }

  /** The channels with the largest means, in one scale from the least value to the largest. */
  private static Section block(FeatureMaps block) {
    Shape shape = block.values().shape();
    int plane = shape.dim(1) * shape.dim(2);
    float least = Float.POSITIVE_INFINITY;
    float most = Float.NEGATIVE_INFINITY;
    double[] sums = new double[block.count()];
    for (int i = 0; i < block.values().values().length; i++) {
      float value = block.values().values()[i];
      least = Math.min(least, value);
      most = Math.max(most, value);
      sums[i / plane] += value;
    }
    float range = most > least ? most - least : 1;
    List<BufferedImage> tiles = new ArrayList<>();
    List<Integer> strongest =
        IntStream.range(0, block.count())
            .boxed()
            .sorted(Comparator.comparingDouble(c -> -sums[c]))
            .limit(MOST_CHANNELS)
            .toList();
    for (int channel : strongest) {
      HostTensor map = block.map(channel);
      BufferedImage tile =
          new BufferedImage(shape.dim(2), shape.dim(1), BufferedImage.TYPE_INT_RGB);
      for (int i = 0; i < plane; i++) {
        int colour = Colours.viridis((map.values()[i] - least) / range);
        tile.setRGB(i % shape.dim(2), i / shape.dim(2), colour);
      }
      tiles.add(tile);
    }
    return new Section(
        Text.of(
            "layer %s: %d channels of %d×%d%s",
            block.layer(),
            block.count(),
            shape.dim(1),
            shape.dim(2),
            block.count() > MOST_CHANNELS
                ? Text.of(", the %d with the largest means", MOST_CHANNELS)
                : ", by their means"),
        tiles);
  }
}
