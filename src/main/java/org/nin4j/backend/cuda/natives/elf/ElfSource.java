package org.nin4j.backend.cuda.natives.elf;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import org.nin4j.text.Text;

/**
 * The bytes of an ELF file, read piece by piece: CUDA's libraries reach hundreds of megabytes, of
 * which a few kilobytes matter here.
 */
interface ElfSource {

  /** The most that one piece may hold; dynamic string tables are far smaller. */
  int LARGEST_PIECE = 256 << 20;

  /**
   * Reads {@code length} bytes from {@code offset}, little-endian.
   *
   * @throws ElfException if the file ends before that
   */
  ByteBuffer read(long offset, long length) throws IOException;

  /** An open file; the channel stays the caller's. */
  static ElfSource of(FileChannel channel) throws IOException {
    long size = channel.size();
    return (offset, length) -> {
      checkInside(offset, length, size);
      ByteBuffer piece = ByteBuffer.allocate((int) length).order(ByteOrder.LITTLE_ENDIAN);
      while (piece.hasRemaining()) {
        if (channel.read(piece, offset + piece.position()) < 0) {
          throw ElfException.damaged("the file became shorter while it was read");
        }
      }
      return piece.flip();
    };
  }

  /** A file held in memory. */
  static ElfSource of(byte[] file) {
    return (offset, length) -> {
      checkInside(offset, length, file.length);
      return ByteBuffer.wrap(file, (int) offset, (int) length)
          .slice()
          .order(ByteOrder.LITTLE_ENDIAN);
    };
  }

  private static void checkInside(long offset, long length, long size) throws ElfException {
    if (offset < 0 || length < 0 || length > LARGEST_PIECE || offset > size - length) {
      throw ElfException.damaged(
          Text.of(
              "the file ends at byte %d, before bytes %d to %d that it announces",
              size, offset, offset + length));
    }
  }
}
