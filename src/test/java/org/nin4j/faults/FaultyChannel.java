package org.nin4j.faults;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import org.nin4j.faults.Faults.Operation;

/** An open file whose operations are counted, and fail where they are to. */
final class FaultyChannel extends FileChannel {
  private final Path path;
  private final boolean writes;
  private final FileChannel real;

  FaultyChannel(Path path, boolean writes, FileChannel real) {
    this.path = path;
    this.writes = writes;
    this.real = real;
  }

  @Override
  public int read(ByteBuffer target) throws IOException {
    Faults.before(Operation.READ, path);
    return real.read(target);
  }

  @Override
  public long read(ByteBuffer[] targets, int offset, int length) throws IOException {
    Faults.before(Operation.READ, path);
    return real.read(targets, offset, length);
  }

  @Override
  public int read(ByteBuffer target, long position) throws IOException {
    Faults.before(Operation.READ, path);
    return real.read(target, position);
  }

  @Override
  public int write(ByteBuffer source) throws IOException {
    if (Faults.tears(path)) {
      ByteBuffer half = source.duplicate();
      real.write(half.limit(half.position() + half.remaining() / 2));
    }
    Faults.before(Operation.WRITE, path);
    return real.write(source);
  }

  @Override
  public long write(ByteBuffer[] sources, int offset, int length) throws IOException {
    Faults.before(Operation.WRITE, path);
    return real.write(sources, offset, length);
  }

  @Override
  public int write(ByteBuffer source, long position) throws IOException {
    Faults.before(Operation.WRITE, path);
    return real.write(source, position);
  }

  @Override
  public long position() throws IOException {
    return real.position();
  }

  @Override
  public FileChannel position(long position) throws IOException {
    real.position(position);
    return this;
  }

  @Override
  public long size() throws IOException {
    Faults.before(Operation.STAT, path);
    return real.size();
  }

  @Override
  public FileChannel truncate(long size) throws IOException {
    Faults.before(Operation.TRUNCATE, path);
    real.truncate(size);
    return this;
  }

  @Override
  public void force(boolean metadata) throws IOException {
    Faults.before(Operation.SYNC, path);
    real.force(metadata);
  }

  @Override
  public long transferTo(long position, long count, WritableByteChannel target) throws IOException {
    Faults.before(Operation.READ, path);
    return real.transferTo(position, count, target);
  }

  @Override
  public long transferFrom(ReadableByteChannel source, long position, long count)
      throws IOException {
    Faults.before(Operation.WRITE, path);
    return real.transferFrom(source, position, count);
  }

  @Override
  public MappedByteBuffer map(MapMode mode, long position, long size) throws IOException {
    Faults.before(Operation.READ, path);
    return real.map(mode, position, size);
  }

  @Override
  public FileLock lock(long position, long size, boolean shared) throws IOException {
    Faults.before(Operation.LOCK, path);
    return real.lock(position, size, shared);
  }

  @Override
  public FileLock tryLock(long position, long size, boolean shared) throws IOException {
    Faults.before(Operation.LOCK, path);
    return real.tryLock(position, size, shared);
  }

  /** As on file systems that write at last: it is closed, and that failed. */
  @Override
  protected void implCloseChannel() throws IOException {
    real.close();
    if (writes) {
      Faults.before(Operation.CLOSE, path);
    }
  }
}
